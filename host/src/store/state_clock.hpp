// StateClock: how old things are, whatever the clock says.
#pragma once

#include <cstdint>
#include <string>

#include "services/clock.hpp"

namespace penstock::store {

// One moment: what people are shown, and what ages are counted in.
struct Moment {
  std::int64_t wall_ms = 0;   // since 1970; may be wrong
  std::int64_t state_ms = 0;  // never goes back, and passes over no time that runs have not seen
};

// State time goes on with the monotonic clock while a run goes on, and over the time between two
// runs as long as the wall clock says that this was at most kLongestGapMs. So a clock that is wrong
// by years makes nothing old. Where clocks are right, state time is the wall clock's, less longer
// gaps. One thread at a time.
class StateClock {
 public:
  // Longer than any pipeline rests that is run now and then; shorter than what clocks are wrong by.
  static constexpr std::int64_t kLongestGapMs = 30LL * 24 * 3'600'000;
  // Clocks are set back by that much when they are corrected over the network.
  static constexpr std::int64_t kToleranceMs = 60'000;

  // `last`: when the state was used last.
  StateClock(Moment last, const services::Clock& clock);

  [[nodiscard]] Moment now();
  // What is to be said of the wall clock, once each time that it jumps; empty: nothing.
  [[nodiscard]] std::string take_complaint();

  // What of the gap counts.
  [[nodiscard]] static std::int64_t counted_gap(std::int64_t last_wall_ms, std::int64_t wall_ms);

 private:
  void compare(std::int64_t expected_ms, std::int64_t wall_ms);

  const services::Clock& clock_;
  Moment last_;
  std::int64_t monotonic_ns_;
  std::string complaint_;
};

}  // namespace penstock::store
