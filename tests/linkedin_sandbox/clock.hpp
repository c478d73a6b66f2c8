// The sandbox's time: real time plus what a test advanced it by, or a time that stands still until
// advanced.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace linkedin_sandbox {

// Milliseconds since 1970-01-01T00:00:00Z. [any-thread]
class Clock {
 public:
  // frozen_at_ms: the time stands still there and moves by advance() alone.
  explicit Clock(std::optional<std::int64_t> frozen_at_ms = std::nullopt)
      : frozen_at_ms_(frozen_at_ms) {}

  [[nodiscard]] std::int64_t now_ms() const {
    const std::int64_t base = frozen_at_ms_ ? *frozen_at_ms_ : real_ms();
    return base + advanced_ms_.load(std::memory_order_relaxed);
  }
  void advance(std::int64_t milliseconds) {
    advanced_ms_.fetch_add(milliseconds, std::memory_order_relaxed);
  }

 private:
  static std::int64_t real_ms() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }

  std::optional<std::int64_t> frozen_at_ms_;
  std::atomic<std::int64_t> advanced_ms_{0};
};

}  // namespace linkedin_sandbox
