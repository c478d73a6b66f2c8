// Clock: the only way in which the host asks what time it is, so that tests can say it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace penstock::services {

// [any-thread]
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Nanoseconds since 1970-01-01 UTC; may jump.
  [[nodiscard]] virtual std::int64_t wall_ns() const = 0;
  // Nanoseconds since some fixed moment; never goes back. The clock of every deadline.
  [[nodiscard]] virtual std::int64_t monotonic_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ns() const override {
    return since_epoch(std::chrono::system_clock::now());
  }
  [[nodiscard]] std::int64_t monotonic_ns() const override {
    return since_epoch(std::chrono::steady_clock::now());
  }

 private:
  template <typename TimePoint>
  static std::int64_t since_epoch(TimePoint now) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  }
};

// Stands still until it is told otherwise.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ns() const override { return wall_.load(); }
  [[nodiscard]] std::int64_t monotonic_ns() const override { return monotonic_.load(); }
  void advance(std::chrono::nanoseconds by) {
    wall_ += by.count();
    monotonic_ += by.count();
  }
  void set_wall_ns(std::int64_t now) { wall_ = now; }
  void set_monotonic_ns(std::int64_t now) { monotonic_ = now; }

 private:
  std::atomic<std::int64_t> wall_{1'700'000'000'000'000'000};
  std::atomic<std::int64_t> monotonic_{1'000'000'000};
};

}  // namespace penstock::services
