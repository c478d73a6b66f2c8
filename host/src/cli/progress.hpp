// ProgressReporter: a line that is renewed on a terminal, a log line now and then elsewhere.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "run.hpp"

namespace penstock::cli {

// "12,345 events (4,115/s) · 12,000 delivered · 345 pending · 7 requests · 0 answered 429"
[[nodiscard]] std::string progress_line(const Progress& progress, double events_per_second);

class ProgressReporter {
 public:
  // Watches the run, which must outlive this, from a thread of its own.
  ProgressReporter(const Run& run, bool terminal);
  // Removes the line from the terminal.
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

 private:
  void watch();
  void show(const std::string& line);

  const Run& run_;
  const bool terminal_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;
  std::mutex line_mutex_;  // the log and the watching thread both write to the terminal
  std::string line_;       // what stands there
  std::thread thread_;
};

}  // namespace penstock::cli
