// RunSignals: SIGINT, SIGTERM and SIGHUP of `run`, taken by a thread of the host's.
#pragma once

#include <array>
#include <csignal>
#include <mutex>
#include <thread>

#include "run.hpp"

namespace penstock::cli {

// While this lives, the signals are blocked in all threads that begin meanwhile and are read from a
// descriptor, so that no plugin can keep them away by a handler of its own or by ignoring them. One
// that lets them through on its thread gets a handler that passes them on; within a second, should
// it have put another in its place. To be made before plugins are loaded.
//
// The first SIGINT or SIGTERM ends the run in order, the second at once; a hook that has not
// returned ten seconds after that, or at the third, is named, and the process ends with exit code
// 70. SIGHUP has paused destinations tried. As long as there is no run, they do what they do to a
// program that does not know them.
class RunSignals {
 public:
  RunSignals();
  ~RunSignals();
  RunSignals(const RunSignals&) = delete;
  RunSignals& operator=(const RunSignals&) = delete;

  // What the signals are for from now on; null for nothing. The run must live until then.
  void steer(Run* run);

 private:
  void listen();
  void take(int signal);
  void end_what_hangs();

  sigset_t signals_{};
  sigset_t before_{};
  std::array<struct sigaction, 3> actions_before_{};
  int taken_ = -1;  // signalfd
  int ended_ = -1;  // eventfd
  std::mutex mutex_;
  Run* run_ = nullptr;  // guarded by mutex_
  // Only the listening thread:
  int stops_ = 0;
  std::int64_t hanging_from_ns_ = 0;  // 0: nobody waits for hooks
  std::thread thread_;
};

}  // namespace penstock::cli
