#include "cli/commands.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "config/discovery.hpp"

namespace penstock::cli {

Result<config::LoadOptions> load_options(const Arguments& arguments) {
  config::LoadOptions options;
  options.overrides = arguments.overrides;
  options.allow_shared_state = arguments.allow_shared_state;
  std::string installed;
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error)
    installed = (program.parent_path().parent_path() / "lib" / "penstock" / "plugins").string();
  ASSIGN_OR_RETURN(
      options.plugin_dirs,
      config::plugin_directories(arguments.plugin_dirs, options.environment("PENSTOCK_PLUGIN_PATH"),
                                 installed));
  return options;
}

Status print(const std::string& text) {
  std::size_t written = 0;
  std::fflush(stdout);
  while (written < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return {StatusCode::io, "Could not write the result to standard output: " +
                                  std::string(std::strerror(errno))};
    }
  }
  return {};
}

void show(const Diagnostics& diagnostics) {
  const std::string found = diagnostics.text();
  if (!found.empty()) std::fprintf(stderr, "%s%s", found.c_str(), found.back() == '\n' ? "" : "\n");
}

int fail(const Status& status, const Diagnostics& diagnostics) {
  show(diagnostics);
  if (!diagnostics.has_errors()) return fail(status);
  const std::size_t errors = diagnostics.error_count();
  std::fprintf(stderr, "%zu error%s\n", errors, errors == 1 ? "" : "s");
  return exit_code(status.ok() ? StatusCode::configuration : status.code());
}

int fail(const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "penstock: %s\n", status.message().c_str());
  return exit_code(status.code());
}

std::string with_separators(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, ",");
  return digits;
}

}  // namespace penstock::cli
