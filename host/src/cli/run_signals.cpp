#include "cli/run_signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
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
// How often it is looked whether a plugin has taken the signals over.
constexpr int kGuardEveryMs = 1000;
constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

// The thread that takes signals, and its process; 0: there is none.
std::atomic<pid_t> listener{0};
std::atomic<pid_t> listening_process{0};

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

// On a thread whose signals a plugin has let through: they are not its own.
void pass_on(int signal) {
  const int before = errno;
  const pid_t process = ::getpid();
  if (process != listening_process.load()) {
    die_of(signal);  // a copy of the process that a plugin has made
  } else if (const pid_t thread = listener.load(); thread != 0) {
    ::syscall(SYS_tgkill, process, thread, signal);
  }
  errno = before;
}

// What the signals do is the host's, whatever a plugin has made of it.
void take_over_signals() {
  struct sigaction ours {};
  ours.sa_handler = pass_on;
  ours.sa_flags = SA_RESTART;
  sigfillset(&ours.sa_mask);
  for (const int signal : kSignals) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 &&
        ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != pass_on)) {
      ::sigaction(signal, &ours, nullptr);
    }
  }
}

}  // namespace

RunSignals::RunSignals() {
  sigemptyset(&signals_);
  for (const int signal : kSignals) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  taken_ = ::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
  ended_ = ::eventfd(0, EFD_CLOEXEC);
  if (taken_ < 0 || ended_ < 0) {
    services::log(services::LogLevel::warning, "run",
                  "the system gives no descriptor for signals: they end the run at once");
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    return;
  }
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    ::sigaction(kSignals[i], nullptr, &actions_before_[i]);
  listening_process.store(::getpid());
  take_over_signals();
  thread_ = std::thread([this] { listen(); });
}

RunSignals::~RunSignals() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    while (::write(ended_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
    listener.store(0);
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &actions_before_[i], nullptr);
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
  listener.store(static_cast<pid_t>(::syscall(SYS_gettid)));
  for (;;) {
    pollfd fds[2] = {{taken_, POLLIN, 0}, {ended_, POLLIN, 0}};
    const int ready = ::poll(fds, 2, hanging_from_ns_ != 0 ? kLookEveryMs : kGuardEveryMs);
    if (ready < 0 && errno != EINTR) return;
    if ((fds[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    while (::read(taken_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      take(static_cast<int>(info.ssi_signo));
    take_over_signals();
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
