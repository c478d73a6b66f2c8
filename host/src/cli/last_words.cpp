#include "cli/last_words.hpp"

#include <cxxabi.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <typeinfo>

#include "model/status.hpp"

namespace penstock::cli {
namespace {

constexpr std::size_t kMaxLine = 512;

// Allocates nothing but for the name of a type, as memory may be what is missing.
[[noreturn]] void speak_and_end() {
  std::array<char, kMaxLine> line{};
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type != nullptr && *type == typeid(std::bad_alloc)) {
    std::snprintf(line.data(), line.size(),
                  "penstock: the system gave no more memory. What the queue on disk holds is kept: "
                  "run the same command again, with more memory.\n");
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

void say_last_words() {
  std::set_terminate(speak_and_end);
}

}  // namespace penstock::cli
