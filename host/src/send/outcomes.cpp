#include "send/outcomes.hpp"

#include <algorithm>
#include <string_view>

#include "gate/escape.hpp"
#include "gate/foreign_text.hpp"

namespace penstock::send {
namespace {

// A plugin's words are cut: they are kept per distinct outcome and shown to people. Escapes and
// masks may make them longer, so what is compared is cut first and shown through the gate.
constexpr std::size_t kMaxReasonBytes = 64;
constexpr std::size_t kMaxMessageBytes = 512;

constexpr std::size_t kMaxLookedAtBytes = 4 * kMaxMessageBytes;

std::string looked_at(const penstock_str& text) {
  if (text.data == nullptr) return {};
  return std::string(gate::cut({text.data, text.size}, kMaxLookedAtBytes));
}

// What a plugin that names no reason is taken to mean.
const char* default_reason(std::uint32_t status) {
  switch (status) {
    case PENSTOCK_REJECTED:
      return "rejected";
    case PENSTOCK_SPLIT:
      return "refused_alone";  // split until nothing was left to split
    case PENSTOCK_RETRY:
      return "retry";
    case PENSTOCK_THROTTLED:
      return "throttled";
    case PENSTOCK_AUTH:
      return "authorization_needed";
    case PENSTOCK_BLOCKED:
      return "blocked";
    default:
      return "unknown";
  }
}

}  // namespace

int badness(std::uint32_t status) {
  switch (status) {
    case PENSTOCK_DELIVERED:
      return 0;
    case PENSTOCK_REJECTED:
      return 1;
    case PENSTOCK_SPLIT:
      return 2;
    case PENSTOCK_RETRY:
      return 3;
    case PENSTOCK_THROTTLED:
      return 4;
    case PENSTOCK_UNKNOWN:
      return 5;
    case PENSTOCK_BLOCKED:
      return 6;
    case PENSTOCK_AUTH:
      return 7;
    default:
      return 5;
  }
}

Outcomes::Outcomes(std::size_t size)
    : size_(size), statuses_(std::make_unique<std::atomic<std::uint8_t>[]>(size)) {
  for (std::size_t i = 0; i < size; ++i) statuses_[i].store(kUnreported, std::memory_order_relaxed);
}

std::uint32_t Outcomes::share(OutcomeDetail detail) {
  // Batches have few distinct outcomes; the newest is the likeliest to recur.
  for (std::size_t i = details_.size(); i > 0; --i) {
    const OutcomeDetail& known = reported_[i - 1];
    if (known.status == detail.status && known.remote_status == detail.remote_status &&
        known.retry_after_ms == detail.retry_after_ms && known.reason == detail.reason &&
        known.message == detail.message && known.flags == detail.flags) {
      return static_cast<std::uint32_t>(i - 1);
    }
  }
  OutcomeDetail shown = detail;
  shown.reason = gate::foreign_text(detail.reason, kMaxReasonBytes);
  if (shown.reason.empty()) shown.reason = default_reason(detail.status);
  shown.message = gate::foreign_text(detail.message, kMaxMessageBytes);
  reported_.push_back(std::move(detail));
  details_.push_back(std::move(shown));
  return static_cast<std::uint32_t>(details_.size() - 1);
}

// Nearly all elements are delivered, and a plugin reports them with a word or two: nothing may be
// allocated for that.
std::uint32_t Outcomes::share_delivered(const penstock_str& reason) {
  const std::string_view wanted =
      reason.data == nullptr
          ? std::string_view()
          : gate::cut({reason.data, static_cast<std::size_t>(reason.size)}, kMaxLookedAtBytes);
  for (std::size_t i = details_.size(); i > 0; --i) {
    const OutcomeDetail& known = reported_[i - 1];
    if (known.status == PENSTOCK_DELIVERED && known.reason == wanted)
      return static_cast<std::uint32_t>(i - 1);
  }
  reported_.push_back({PENSTOCK_DELIVERED, 0, -1, std::string(wanted), {}});
  details_.push_back({PENSTOCK_DELIVERED, 0, -1, gate::foreign_text(wanted, kMaxReasonBytes), {}});
  return static_cast<std::uint32_t>(details_.size() - 1);
}

void Outcomes::report(std::uint64_t index, const penstock_outcome& outcome) {
  std::uint32_t status = outcome.status;
  const bool known_status = status <= PENSTOCK_SPLIT;
  if (!known_status) status = PENSTOCK_UNKNOWN;
  if (index >= size_) {
    const std::lock_guard lock(mutex_);
    ++faults_;
    return;
  }
  std::atomic<std::uint8_t>& place = statuses_[index];
  if (status == PENSTOCK_DELIVERED && outcome.reason.size == 0) {
    std::uint8_t expected = kUnreported;
    if (place.compare_exchange_strong(expected, PENSTOCK_DELIVERED, std::memory_order_relaxed))
      return;
  }
  const std::lock_guard lock(mutex_);
  if (!known_status) ++faults_;
  const std::uint8_t before = place.load(std::memory_order_relaxed);
  if (before != kUnreported) {
    ++faults_;
    if (badness(before) >= badness(status)) return;
  }
  if (detail_of_.empty()) detail_of_.resize(size_, kPlain);
  if (status == PENSTOCK_DELIVERED) {
    detail_of_[index] = share_delivered(outcome.reason);
    place.store(static_cast<std::uint8_t>(status), std::memory_order_relaxed);
    return;
  }
  detail_of_[index] =
      share({status, outcome.remote_status, outcome.retry_after_ms, looked_at(outcome.reason),
             looked_at(outcome.message), outcome.flags & PENSTOCK_OUTCOME_BATCH_KEY_ONLY});
  place.store(static_cast<std::uint8_t>(status), std::memory_order_relaxed);
}

void Outcomes::fill_unreported(const OutcomeDetail& detail) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < size_; ++i) {
    if (statuses_[i].load(std::memory_order_relaxed) != kUnreported) continue;
    if (detail_of_.empty()) detail_of_.resize(size_, kPlain);
    detail_of_[i] = share(detail);
    statuses_[i].store(static_cast<std::uint8_t>(detail.status), std::memory_order_relaxed);
  }
}

const OutcomeDetail& Outcomes::detail(std::size_t index) const {
  static const OutcomeDetail kDelivered{PENSTOCK_DELIVERED, 0, -1, {}, {}};
  if (detail_of_.empty() || detail_of_[index] == kPlain) return kDelivered;
  return details_[detail_of_[index]];
}

}  // namespace penstock::send
