#include "send/retry_policy.hpp"

#include <algorithm>

namespace penstock::send {
namespace {

constexpr std::uint32_t kMaxDoublings = 30;  // beyond any ceiling; keeps the shift defined
constexpr std::int64_t kMinute = 60'000 * kNanosPerMilli;

}  // namespace

std::int64_t backoff_ns(const RetryPolicy& policy, std::uint32_t attempt, double random,
                        std::int64_t retry_after_ms) {
  if (retry_after_ms >= 0) {
    const std::int64_t asked = std::min(retry_after_ms, kMaxRetryAfterMs) * kNanosPerMilli;
    const std::int64_t spread = std::min(asked / 10, kMinute / 2);
    return asked + static_cast<std::int64_t>(static_cast<double>(spread) * random);
  }
  const std::int64_t doubled = policy.base_ms << std::min(attempt, kMaxDoublings);
  const std::int64_t bound = std::min(doubled, policy.ceiling_ms) * kNanosPerMilli;
  return static_cast<std::int64_t>(static_cast<double>(bound) * random);
}

std::int64_t probe_delay_ns(std::uint32_t failures) {
  return std::min<std::int64_t>(kMinute << std::min<std::uint32_t>(failures, 5), 30 * kMinute);
}

}  // namespace penstock::send
