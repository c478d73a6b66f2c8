// LateWork: what is carried out some time after its answer was lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace linkedin_sandbox {

// [any-thread] Runs what it is given on a thread of its own, each in its time.
class LateWork {
 public:
  LateWork() = default;
  LateWork(const LateWork&) = delete;
  LateWork& operator=(const LateWork&) = delete;
  ~LateWork() { end(); }

  // Drops what is not due; nothing runs any more when this returns.
  void end();
  void add(std::chrono::milliseconds after, std::function<void()> work);
  // Given, and not done yet.
  [[nodiscard]] std::size_t waiting() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  void run();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Time, std::function<void()>> work_;
  bool ending_ = false;
  std::thread thread_;  // from the first add() on
};

}  // namespace linkedin_sandbox
