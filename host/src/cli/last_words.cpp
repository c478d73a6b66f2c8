#include "cli/last_words.hpp"

#include <cxxabi.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>
#include <typeinfo>

#include "model/status.hpp"

namespace penstock::cli {
namespace {

constexpr std::size_t kMaxLine = 512;

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
[[noreturn]] void speak_and_end() {
  std::array<char, kMaxLine> line{};
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type != nullptr && *type == typeid(std::bad_alloc)) {
    std::snprintf(line.data(), line.size(),
                  "penstock: the system gave no more memory. What the queue on disk holds is kept: "
                  "run the same command again, with more memory.\n");
  } else if (thread_was_refused()) {
    std::snprintf(
        line.data(), line.size(),
        "penstock: the system made no further thread. Allow more of them for the user, the "
        "service or the container (ulimit -u, TasksMax=, pids.max), or more memory, or "
        "run with fewer: --workers 1, and plugins' limits.concurrency. What the queue on "
        "disk holds is kept: run the same command again.\n");
    std::fputs(line.data(), stderr);
    ::_exit(exit_code(StatusCode::io));
  } else {
    int status = 0;
    char* name =
        type == nullptr ? nullptr : abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::snprintf(
        line.data(), line.size(),
        "penstock: internal error: %s. What the queue on disk holds is kept: run the same "
        "command again. Please report this.\n",
        name != nullptr ? name : "ended without an exception");
    std::free(name);
  }
  std::fputs(line.data(), stderr);
  ::_exit(exit_code(StatusCode::internal));
}

}  // namespace

bool is_thread_refusal(const std::exception& error) {
  const auto* refusal = dynamic_cast<const std::system_error*>(&error);
  return refusal != nullptr && refusal->code() == std::errc::resource_unavailable_try_again;
}

void say_last_words() {
  std::set_terminate(speak_and_end);
}

}  // namespace penstock::cli
