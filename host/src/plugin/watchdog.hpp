// Watchdog: names hooks that do not return.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plugin/now_in.hpp"

namespace penstock::plugin {

// Which hooks hang, from one look to the next. One thread.
class HangDetector {
 public:
  // How often a hook that hangs is named.
  static constexpr std::chrono::seconds kNamedEvery{60};

  // A sentence for each hook that has lasted longer than its limit and was not named within
  // kNamedEvery. `now` is monotonic.
  [[nodiscard]] std::vector<std::string> look(const std::vector<RunningHook>& running,
                                              std::chrono::nanoseconds now);

 private:
  struct Seen {
    std::uint64_t entry = 0;
    std::chrono::nanoseconds since{};
    std::chrono::nanoseconds next{};  // when it is named
  };
  std::map<std::uint64_t, Seen> seen_;  // by thread
};

// A thread that looks each second, as long as this lives.
class Watchdog {
 public:
  // `say` is called on the watchdog's thread.
  explicit Watchdog(std::function<void(const std::string& sentence)> say);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();

  const std::function<void(const std::string&)> say_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace penstock::plugin
