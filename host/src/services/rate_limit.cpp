#include "services/rate_limit.hpp"

#include <algorithm>

namespace penstock::services {

namespace {

std::int64_t with_margin(std::chrono::milliseconds per) {
  const std::int64_t window = std::chrono::nanoseconds(per).count();
  // One nanosecond more, so that the limit holds for windows that include both their ends.
  return window + std::min(window / RateLimiter::kMarginDivisor, RateLimiter::kMaxMarginNs) + 1;
}

}  // namespace

RateLimiter::RateLimiter(Rate rate)
    : requests_(std::max<std::uint64_t>(rate.requests, 1)), window_ns_(with_margin(rate.per)) {}

std::int64_t RateLimiter::reserve(std::int64_t now_ns) {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!places_.empty() && places_.front() <= now_ns - window_ns_) places_.pop_front();
  std::int64_t place = now_ns;
  if (places_.size() >= requests_) {
    place = std::max(place, places_[places_.size() - requests_] + window_ns_);
  }
  // Two threads may have read the clock in the other order than they came here.
  if (!places_.empty()) place = std::max(place, places_.back());
  places_.push_back(place);
  return place;
}

void RateLimiter::give_back(std::int64_t place_ns) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::lower_bound(places_.begin(), places_.end(), place_ns);
  if (found != places_.end() && *found == place_ns) places_.erase(found);
}

}  // namespace penstock::services
