// Pacer: makes requests wait until the rates of their connection let them go.
#pragma once

#include <penstock/abi.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "services/clock.hpp"
#include "services/rate_limit.hpp"

namespace penstock::services {

// [any-thread]
class Pacer {
 public:
  Pacer(const std::map<std::string, Rate>& rates, const Clock& clock);

  [[nodiscard]] bool knows(std::string_view rate) const { return limiters_.count(rate) > 0; }
  [[nodiscard]] std::vector<std::string> names() const;

  enum class Outcome : std::uint8_t { go, too_late, cancelled };
  // [may-block] Returns go when the request may be sent now. Returns too_late at once when its turn
  // comes after the deadline, and cancelled as soon as `cancelled` says so or cancel_all() was
  // called; both give the place back. Requires knows(rate).
  Outcome wait(std::string_view rate, std::int64_t deadline_ns,
               const std::function<bool()>& cancelled);
  // Ends all waits, present and future.
  void cancel_all();

 private:
  const Clock& clock_;
  std::map<std::string, std::unique_ptr<RateLimiter>, std::less<>> limiters_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool cancelled_ = false;  // guarded by mutex_
};

}  // namespace penstock::services
