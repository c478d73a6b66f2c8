// When something that failed is tried again. Pure functions of their arguments.
#pragma once

#include <cstdint>
#include <limits>

namespace penstock::send {

inline constexpr std::int64_t kNanosPerMilli = 1'000'000;
// The longest that a destination may ask for; longer is a mistake of the destination's.
inline constexpr std::int64_t kMaxRetryAfterMs = 48LL * 3600 * 1000;

// Exponential back-off with full jitter: attempt n waits a random time up to base * 2^n, at most
// the ceiling. Full jitter because many batches tend to fail at the same moment, and should not
// come back at the same moment.
struct RetryPolicy {
  std::int64_t base_ms = 250;
  std::int64_t ceiling_ms = 60'000;  // a destination that comes back is noticed within a minute
  // An element that fails and was stored longer ago than this is given up. For ever by default.
  std::int64_t give_up_after_ns = std::numeric_limits<std::int64_t>::max();
  // An attempt without a certain answer is not carried out any more so long after it; 0: nobody
  // asks.
  std::int64_t confirm_after_ns = 0;
};

// How long to wait before the next try. attempt counts from 0; random is uniform in [0, 1);
// retry_after_ms is what the destination asked for (-1 when it did not), which is kept to the
// letter, plus up to a tenth, and at most half a minute, against a stampede.
[[nodiscard]] std::int64_t backoff_ns(const RetryPolicy& policy, std::uint32_t attempt,
                                      double random, std::int64_t retry_after_ms);

// A destination on which a person has to act (AUTH, BLOCKED) is asked again rarely: after one
// minute, then twice as long each time, up to half an hour. failures counts from 0.
[[nodiscard]] std::int64_t probe_delay_ns(std::uint32_t failures);

}  // namespace penstock::send
