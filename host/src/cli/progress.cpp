#include "cli/progress.hpp"

#include <chrono>
#include <cstdio>

#include "cli/commands.hpp"
#include "services/log.hpp"

namespace penstock::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{250};
constexpr std::chrono::seconds kLogInterval{10};

}  // namespace

std::string progress_line(const Progress& progress, double events_per_second) {
  return with_separators(progress.events) + " events (" +
         with_separators(static_cast<std::uint64_t>(events_per_second)) + "/s), " +
         with_separators(progress.delivered) + " delivered, " + with_separators(progress.pending) +
         " pending, " + with_separators(progress.requests) + " requests, " +
         with_separators(progress.throttled_requests) + " answered 429";
}

ProgressReporter::ProgressReporter(const Run& run, bool terminal) : run_(run), terminal_(terminal) {
  if (terminal_) {
    // A log line pushes the progress line down.
    services::set_log_sink([this](std::string_view text) {
      const std::lock_guard lock(line_mutex_);
      std::fprintf(stderr, "\r\033[K%.*s\n%s", static_cast<int>(text.size()), text.data(),
                   line_.c_str());
    });
  }
  thread_ = std::thread([this] { watch(); });
}

ProgressReporter::~ProgressReporter() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_all();
  thread_.join();
  if (terminal_) {
    services::set_log_sink({});
    std::fprintf(stderr, "\r\033[K");
  }
}

void ProgressReporter::show(const std::string& line) {
  if (!terminal_) {
    services::log(services::LogLevel::info, "progress", line);
    return;
  }
  const std::lock_guard lock(line_mutex_);
  line_ = line;
  std::fprintf(stderr, "\r\033[K%s", line_.c_str());
}

void ProgressReporter::watch() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_time = Clock::now();
  std::uint64_t last_events = 0;
  std::unique_lock lock(mutex_);
  while (!ended_changed_.wait_for(lock, terminal_ ? kTerminalInterval : kLogInterval,
                                  [this] { return ended_; })) {
    const Progress progress = run_.progress();
    const Clock::time_point now = Clock::now();
    const std::chrono::duration<double> elapsed = now - last_time;
    const double rate = static_cast<double>(progress.events - last_events) / elapsed.count();
    last_time = now;
    last_events = progress.events;
    show(progress_line(progress, rate));
  }
}

}  // namespace penstock::cli
