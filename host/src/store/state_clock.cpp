#include "store/state_clock.hpp"

#include <array>
#include <ctime>
#include <utility>

namespace penstock::store {

namespace {

constexpr std::int64_t kNsInMs = 1'000'000;

std::string clock_text(std::int64_t ms) {
  const std::time_t seconds = ms / 1'000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return {text.data(), size};
}

}  // namespace

StateClock::StateClock(Moment last, const services::Clock& clock)
    : clock_(clock), last_(last), monotonic_ns_(clock.monotonic_ns()) {
  const std::int64_t wall_ms = clock.wall_ns() / kNsInMs;
  compare(last_.wall_ms, wall_ms);
  last_.state_ms += counted_gap(last_.wall_ms, wall_ms);
  last_.wall_ms = wall_ms;
}

std::int64_t StateClock::counted_gap(std::int64_t last_wall_ms, std::int64_t wall_ms) {
  const std::int64_t gap_ms = wall_ms - last_wall_ms;
  return gap_ms > 0 && gap_ms <= kLongestGapMs ? gap_ms : 0;
}

Moment StateClock::now() {
  const std::int64_t monotonic_ns = clock_.monotonic_ns();
  const std::int64_t wall_ms = clock_.wall_ns() / kNsInMs;
  const std::int64_t passed_ms = (monotonic_ns - monotonic_ns_) / kNsInMs;
  monotonic_ns_ += passed_ms * kNsInMs;
  compare(last_.wall_ms + passed_ms, wall_ms);
  last_.state_ms += passed_ms;
  last_.wall_ms = wall_ms;
  return last_;
}

std::string StateClock::take_complaint() {
  return std::exchange(complaint_, {});
}

void StateClock::compare(std::int64_t expected_ms, std::int64_t wall_ms) {
  const bool before = wall_ms < expected_ms - kToleranceMs;
  if (!before && wall_ms - expected_ms <= kLongestGapMs) return;
  complaint_ = "the clock says " + clock_text(wall_ms) + ", " +
               (before ? "which is before" : "more than 30 days after") + " " +
               clock_text(expected_ms) +
               ", when this state was used last. Nothing is given up or dropped for that: the time "
               "in between does not count for give_up_after and dead_letters.max_age. If the clock "
               "is wrong, set it: times that are shown are wrong, too";
}

}  // namespace penstock::store
