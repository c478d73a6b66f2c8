#include "services/pacer.hpp"

#include <algorithm>

namespace penstock::services {

namespace {

// Longest sleep between two questions whether the batch was cancelled: nobody wakes us for that.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(50);

}  // namespace

Pacer::Pacer(const std::map<std::string, Rate>& rates, const Clock& clock) : clock_(clock) {
  for (const auto& [name, rate] : rates) limiters_[name] = std::make_unique<RateLimiter>(rate);
}

std::vector<std::string> Pacer::names() const {
  std::vector<std::string> names;
  for (const auto& [name, limiter] : limiters_) names.push_back(name);
  return names;
}

Pacer::Outcome Pacer::wait(std::string_view rate, std::int64_t deadline_ns,
                           const std::function<bool()>& cancelled) {
  RateLimiter& limiter = *limiters_.find(rate)->second;
  const std::int64_t place = limiter.reserve(clock_.monotonic_ns());
  if (place >= deadline_ns) {
    limiter.give_back(place);
    return Outcome::too_late;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    if (cancelled_ || cancelled()) {
      limiter.give_back(place);
      return Outcome::cancelled;
    }
    const std::int64_t left = place - clock_.monotonic_ns();
    if (left <= 0) return Outcome::go;
    wake_.wait_for(lock, std::min(std::chrono::nanoseconds(left), kLongestSleep));
  }
}

void Pacer::cancel_all() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  wake_.notify_all();
}

}  // namespace penstock::services
