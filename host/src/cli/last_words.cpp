#include "cli/last_words.hpp"

#include <cxxabi.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include "model/status.hpp"
#include "services/run_record.hpp"

namespace penstock::cli {
namespace {

constexpr std::size_t kMaxLine = 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::atomic<bool> orderly{false};
// The process that says last words. A copy of it that a plugin makes ends as it likes.
std::atomic<pid_t> speaker{0};

bool is_copy() noexcept {
  return speaker.load() != ::getpid();
}

// Not ::_exit(), which is this file's own.
[[noreturn]] void end_now(int code) noexcept {
  for (;;) ::syscall(SYS_exit_group, code);
}

// Most time that a copy of the process has for its core file.
constexpr int kCoreLooks = 600;
constexpr timespec kCoreLookEvery = {0, 100'000'000};

// As if nobody had a handler for the signal.
[[noreturn]] void die_by_default(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  sigset_t alone;
  sigemptyset(&alone);
  sigaddset(&alone, signal);
  ::sigprocmask(SIG_UNBLOCK, &alone, nullptr);
  std::raise(signal);
  end_now(exit_code(StatusCode::internal));
}

// A core file of this thread where the limits allow one. The process itself ends with the exit code
// that says whose fault it was, so a copy of it dies of the signal. Async-signal-safe.
void leave_core(int signal) noexcept {
  rlimit allowed{};
  if (kSanitized || ::getrlimit(RLIMIT_CORE, &allowed) != 0 || allowed.rlim_cur == 0) return;
  const pid_t copy = ::_Fork();  // unlike fork() it runs nothing that others registered
  if (copy < 0) return;
  if (copy == 0) die_by_default(signal);
  for (int i = 0; i < kCoreLooks && ::waitpid(copy, nullptr, WNOHANG) == 0; ++i)
    ::nanosleep(&kCoreLookEvery, nullptr);
}

// A line that is put together without memory of its own.
class Line {
 public:
  void add(std::string_view text) noexcept {
    const std::size_t bytes = std::min(text.size(), buffer_.size() - size_);
    std::memcpy(buffer_.data() + size_, text.data(), bytes);
    size_ += bytes;
  }
  [[nodiscard]] std::string_view text() const noexcept { return {buffer_.data(), size_}; }

 private:
  std::array<char, kMaxLine> buffer_{};
  std::size_t size_ = 0;
};

// `signal`: of which a core file is wanted; 0 for none.
[[noreturn]] void speak_and_end(std::string_view sentence, StatusCode code = StatusCode::internal,
                                int signal = 0) noexcept {
  // Of threads that fault together one speaks.
  static std::atomic_flag spoken = ATOMIC_FLAG_INIT;
  while (spoken.test_and_set()) ::pause();
  Line line;
  line.add("penstock: ");
  line.add(sentence);
  line.add("\n");
  const std::string_view text = line.text();
  // Where it cannot be written, the exit code is left.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) errno = 0;
  services::record_fault(sentence.data(), sentence.size());
  if (signal != 0) leave_core(signal);
  end_now(exit_code(code));
}

constexpr std::string_view kKept =
    "What the queue on disk holds is kept: run the same command again";

// "WHAT in PLACE: ..." and what to do.
[[noreturn]] void report(std::string_view what, const plugin::HookPlace* place,
                         int signal = 0) noexcept {
  Line line;
  line.add(what);
  if (place != nullptr) {
    line.add(" in ");
    line.add(place->words);
    line.add(": the plugin is at fault. ");
    line.add(kKept);
    line.add(", and report this to the plugin's author.");
  } else {
    line.add(". ");
    line.add(kKept);
    line.add(". Please report this.");
  }
  speak_and_end(line.text(), StatusCode::internal, signal);
}

// std::thread says so by an exception, and what is thrown while others run ends here.
bool thread_was_refused() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return is_thread_refusal(error);
  } catch (...) {
    return false;
  }
  return false;
}

// Allocates nothing but for the name of a type, as memory may be what is missing.
[[noreturn]] void on_terminate() {
  if (is_copy()) die_by_default(SIGABRT);
  const plugin::HookPlace* place = plugin::now_in();
  const std::type_info* type = abi::__cxa_current_exception_type();
  Line line;
  if (type != nullptr && *type == typeid(std::bad_alloc)) {
    line.add("the system gave no more memory");
    if (place != nullptr) {
      line.add(" (in ");
      line.add(place->words);
      line.add(")");
    }
    line.add(". ");
    line.add(kKept);
    line.add(", with more memory.");
    speak_and_end(line.text());
  }
  if (thread_was_refused()) {
    line.add(
        "the system made no further thread. Allow more of them for the user, the service or the "
        "container (ulimit -u, TasksMax=, pids.max), or more memory, or run with fewer: --workers "
        "1, and plugins' limits.concurrency. ");
    line.add(kKept);
    line.add(".");
    speak_and_end(line.text(), StatusCode::io);
  }
  int status = 0;
  char* name =
      type == nullptr ? nullptr : abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
  line.add("internal error: ");
  line.add(name != nullptr ? name : "ended without an exception");
  if (place != nullptr && name != nullptr) line.add(", which was thrown out of a hook,");
  report(line.text(), place, SIGABRT);
}

const char* name_of_signal(int signal) noexcept {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV (memory that is not its own, or a stack that was too small)";
    case SIGBUS:
      return "SIGBUS (memory that is not there)";
    case SIGFPE:
      return "SIGFPE (arithmetic without a result)";
    case SIGILL:
      return "SIGILL (an instruction that the processor does not have)";
    case SIGABRT:
      return "SIGABRT (abort)";
    case SIGTRAP:
      return "SIGTRAP (a trap for a debugger)";
    case SIGSYS:
      return "SIGSYS (a call that the system forbids)";
    default:
      return "a fatal signal";
  }
}

void on_fatal_signal(int signal) {
  if (is_copy()) die_by_default(signal);
  report(name_of_signal(signal), plugin::now_in(), signal);
}

// Whoever calls exit() before main returns takes the queue, the report and the exit code away.
void on_exit() {
  if (is_copy()) return;
  const plugin::HookPlace* place = plugin::now_in();
  if (place == nullptr && orderly.load()) return;
  end_with_last_words(
      place != nullptr ? "exit() was called" : "exit() was called outside of a hook", place);
}

}  // namespace

bool is_thread_refusal(const std::exception& error) {
  const auto* refusal = dynamic_cast<const std::system_error*>(&error);
  return refusal != nullptr && refusal->code() == std::errc::resource_unavailable_try_again;
}

void end_with_last_words(const char* what, const plugin::HookPlace* place) noexcept {
  report(what, place);
}

void say_last_words() {
  speaker.store(::getpid());
  std::set_terminate(on_terminate);
  std::atexit(on_exit);
  std::at_quick_exit(on_exit);
  // What is registered last runs first: before a plugin's own destructors.
  plugin::watch_exit(on_exit);
  if (kSanitized) return;
  struct sigaction action {};
  action.sa_handler = on_fatal_signal;
  sigfillset(&action.sa_mask);
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    ::sigaction(signal, &action, nullptr);
}

void end_in_order() {
  orderly.store(true);
}

// What _exit() of this process does, whoever calls it.
[[noreturn]] void end_at_once(const char* what, int code) noexcept {
  const plugin::HookPlace* place = plugin::now_in();
  if (place != nullptr && !is_copy()) report(what, place);
  end_now(code);
}

}  // namespace penstock::cli

// _exit() runs nothing that was registered for an exit, so that a plugin which calls it would end a
// run with any code and without a word. The dynamic linker takes the program's functions before the
// C library's. A sanitizer has its own in these places.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// NOLINTBEGIN(bugprone-reserved-identifier): the names are the C library's.
extern "C" {
__attribute__((noreturn, visibility("default"))) void _exit(int code) {
  penstock::cli::end_at_once("_exit() was called", code);
}
__attribute__((noreturn, visibility("default"))) void _Exit(int code) noexcept {
  penstock::cli::end_at_once("_Exit() was called", code);
}
}
// NOLINTEND(bugprone-reserved-identifier)
#endif
