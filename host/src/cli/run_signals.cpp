#include "cli/run_signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

#include "cli/last_words.hpp"
#include "plugin/now_in.hpp"
#include "services/log.hpp"

namespace penstock::cli {
namespace {

using std::chrono::steady_clock;

// A hook that heeds what the host asks it to break off is back within a second or two; a renewal of
// tokens has three (services::Credentials::kGraceNs).
constexpr std::int64_t kHangGraceNs = 10'000'000'000;
constexpr int kLookEveryMs = 200;

std::int64_t now_ns() {
  return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count();
}

// As if nobody had blocked the signal.
void die_of(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t alone;
  sigemptyset(&alone);
  sigaddset(&alone, signal);
  pthread_sigmask(SIG_UNBLOCK, &alone, nullptr);
  ::raise(signal);
}

}  // namespace

RunSignals::RunSignals() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  taken_ = ::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
  ended_ = ::eventfd(0, EFD_CLOEXEC);
  if (taken_ < 0 || ended_ < 0) {
    services::log(services::LogLevel::warning, "run",
                  "the system gives no descriptor for signals: they end the run at once");
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    return;
  }
  thread_ = std::thread([this] { listen(); });
}

RunSignals::~RunSignals() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    while (::write(ended_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  if (taken_ >= 0) ::close(taken_);
  if (ended_ >= 0) ::close(ended_);
}

void RunSignals::steer(Run* run) {
  // Hooks that ran on this thread until now may have let them through.
  if (thread_.joinable()) pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  const std::lock_guard lock(mutex_);
  run_ = run;
}

void RunSignals::listen() {
  for (;;) {
    pollfd fds[2] = {{taken_, POLLIN, 0}, {ended_, POLLIN, 0}};
    const int ready = ::poll(fds, 2, hanging_from_ns_ != 0 ? kLookEveryMs : -1);
    if (ready < 0 && errno != EINTR) return;
    if ((fds[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    while (::read(taken_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      take(static_cast<int>(info.ssi_signo));
    if (hanging_from_ns_ != 0 && now_ns() >= hanging_from_ns_) end_what_hangs();
  }
}

void RunSignals::take(int signal) {
  const std::lock_guard lock(mutex_);
  if (run_ == nullptr) {
    for (const plugin::RunningHook& hook : plugin::running_hooks()) {
      services::log(services::LogLevel::warning, "run",
                    hook.place->words + " had not returned when the signal came");
    }
    die_of(signal);
    return;
  }
  if (signal == SIGHUP) {
    run_->probe();
    return;
  }
  ++stops_;
  run_->stop();
  if (stops_ == 2) hanging_from_ns_ = now_ns() + kHangGraceNs;
  if (stops_ < 3) return;
  end_what_hangs();
  die_of(signal);
}

void RunSignals::end_what_hangs() {
  for (const plugin::RunningHook& hook : plugin::running_hooks())
    end_with_last_words("after two signals to stop, the run still waited for a hook", hook.place);
}

}  // namespace penstock::cli
