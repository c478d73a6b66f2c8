// Everything that the API and the control port of one sandbox share.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "access.hpp"
#include "behaviour.hpp"
#include "clock.hpp"
#include "faults.hpp"
#include "late_work.hpp"
#include "segments.hpp"
#include "traffic.hpp"

namespace linkedin_sandbox {

// Lets a delayed request sleep, and wakes it when the sandbox stops. [any-thread]
class Pause {
 public:
  void sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, time, [this] { return stopping_; });
  }
  void stop() { set(true); }
  void restart() { set(false); }

 private:
  void set(bool stopping) {
    const std::lock_guard lock(mutex_);
    stopping_ = stopping;
    wake_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
};

struct World {
  World(std::uint64_t the_seed, Behaviour start, Application application,
        std::optional<std::int64_t> frozen_at_ms)
      : seed(the_seed),
        clock(frozen_at_ms),
        behaviour(std::move(start)),
        access(clock, std::move(application)),
        segments(clock, the_seed),
        faults(the_seed),
        traffic(clock) {}

  const std::uint64_t seed;
  Clock clock;
  BehaviourStore behaviour;
  Access access;
  Segments segments;
  FaultInjector faults;
  Traffic traffic;
  Pause pause;
  LateWork late;
};

}  // namespace linkedin_sandbox
