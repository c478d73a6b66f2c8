#include "traffic.hpp"

#include <algorithm>

namespace linkedin_sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDayMs = 86'400'000;
// Enough to look back on a test of an hour at the rate limit, and a few megabytes at most.
constexpr std::size_t kLogLength = 40'000;
constexpr std::array<const char*, kEndpointClasses> kClassNames = {"users", "companies", "other"};

}  // namespace

void Traffic::forget_before(Window& window, std::int64_t moment) {
  while (!window.empty() && window.front() <= moment) window.pop_front();
}

std::uint64_t Traffic::arrive(EndpointClass endpoint) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(endpoint);
  const std::int64_t now = clock_.now_ms();
  Window& window = arrivals_[index];
  forget_before(window, now - kMinuteMs);
  window.push_back(now);
  busiest_[index] = std::max(busiest_[index], window.size());
  ++under_way_;
  return ++last_number_;
}

Quota Traffic::admit(EndpointClass endpoint, const std::string& application,
                     const std::string& member, const Limits& limits) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.now_ms();
  if (now / kDayMs != day_) {
    day_ = now / kDayMs;
    day_use_.clear();
  }
  const std::string both = application + " " + member;
  std::int64_t& application_use = day_use_[application];
  std::int64_t& member_use = day_use_[both];
  if (limits.application_day > 0 && application_use >= limits.application_day) {
    return Quota::application_day;
  }
  if (limits.member_day > 0 && member_use >= limits.member_day) return Quota::member_day;
  if (limits.per_minute > 0) {
    Window& window = admitted_[{both, endpoint}];
    forget_before(window, now - kMinuteMs);
    if (window.size() >= static_cast<std::size_t>(limits.per_minute)) return Quota::minute;
    window.push_back(now);
  }
  ++application_use;
  ++member_use;
  return Quota::admitted;
}

void Traffic::note_batch(std::size_t elements, std::size_t bytes, bool person_twice) {
  const std::lock_guard lock(mutex_);
  elements_received_ += elements;
  largest_elements_ = std::max(largest_elements_, elements);
  largest_bytes_ = std::max(largest_bytes_, bytes);
  person_twice_ += person_twice ? 1 : 0;
}

void Traffic::note_result(const BatchTally& tally) {
  const std::lock_guard lock(mutex_);
  total_.added += tally.added;
  total_.removed += tally.removed;
  total_.refused += tally.refused;
  total_.throttled += tally.throttled;
  total_.failed += tally.failed;
  total_.dropped += tally.dropped;
}

void Traffic::note_connection() {
  const std::lock_guard lock(mutex_);
  ++connections_;
}

void Traffic::record(RequestRecord request) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  ++by_endpoint_[request.endpoint][request.outcome];
  log_.push_back(std::move(request));
  if (log_.size() > kLogLength) log_.pop_front();
}

json Traffic::requests(std::size_t last) const {
  const std::lock_guard lock(mutex_);
  json list = json::array();
  for (std::size_t i = log_.size() - std::min(last, log_.size()); i < log_.size(); ++i) {
    const RequestRecord& request = log_[i];
    list.push_back({{"number", request.number},
                    {"method", request.method},
                    {"path", request.target},
                    {"endpoint", request.endpoint},
                    {"outcome", request.outcome},
                    {"status", request.status},
                    {"elements", request.elements},
                    {"connection", request.connection},
                    {"time_ms", request.time_ms},
                    {"duration_us", request.duration_us}});
  }
  return {{"requests", std::move(list)}};
}

json Traffic::counters() const {
  const std::lock_guard lock(mutex_);
  json busiest = json::object();
  for (std::size_t i = 0; i < kEndpointClasses; ++i) busiest[kClassNames[i]] = busiest_[i];
  return {{"requests", last_number_},
          {"requests_under_way", under_way_},
          {"connections", connections_},
          {"by_endpoint", by_endpoint_},
          {"busiest_minute", std::move(busiest)},
          {"largest_request_elements", largest_elements_},
          {"largest_request_bytes", largest_bytes_},
          {"requests_with_a_person_twice", person_twice_},
          {"elements",
           {{"received", elements_received_},
            {"applied", total_.added + total_.removed},
            {"added", total_.added},
            {"removed", total_.removed},
            {"refused", total_.refused},
            {"throttled", total_.throttled},
            {"failed", total_.failed},
            {"dropped", total_.dropped}}}};
}

void Traffic::reset() {
  const std::lock_guard lock(mutex_);
  last_number_ = 0;
  connections_ = 0;
  log_.clear();
  by_endpoint_.clear();
  for (Window& window : arrivals_) window.clear();
  busiest_ = {};
  admitted_.clear();
  day_use_.clear();
  elements_received_ = 0;
  largest_elements_ = 0;
  largest_bytes_ = 0;
  person_twice_ = 0;
  total_ = {};
}

}  // namespace linkedin_sandbox
