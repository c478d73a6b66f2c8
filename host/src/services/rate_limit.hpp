// RateLimiter: when may the next request go, if no more than so many may go in so much time?
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "model/manifest.hpp"

namespace penstock::services {

// An exact sliding window: in no stretch of `per`, wherever it starts, are more than `requests`
// granted. Keeps the times of what was granted within the last window. Knows no clock: time is told
// to it. [any-thread]
class RateLimiter {
 public:
  // A rate of fewer than one request counts as one.
  explicit RateLimiter(Rate rate);

  // Takes the next place: the moment (not before `now_ns`) from which the request may go. Places
  // are handed out in the order of the calls and never go back in time.
  [[nodiscard]] std::int64_t reserve(std::int64_t now_ns);
  // Gives a place back that reserve() handed out and that was not used. Later places that are
  // already handed out stay.
  void give_back(std::int64_t place_ns);

  // Requests do not arrive spaced as they were sent: the first of a window may be slow on its way
  // (a new connection, a TLS handshake) and the first of the next one fast. Windows are kept longer
  // by this part of them, at most so much.
  static constexpr std::int64_t kMarginDivisor = 50;
  static constexpr std::int64_t kMaxMarginNs = 1'000'000'000;

 private:
  const std::uint64_t requests_;
  const std::int64_t window_ns_;  // with the margin
  std::mutex mutex_;
  std::deque<std::int64_t> places_;  // ascending; guarded by mutex_
};

}  // namespace penstock::services
