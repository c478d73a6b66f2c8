#include "cli/commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "config/discovery.hpp"
#include "gate/escape.hpp"
#include "gate/foreign_text.hpp"

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

namespace {

int results = STDOUT_FILENO;

Status write_out(std::string_view text) {
  std::fflush(stdout);
  while (!text.empty()) {
    const ssize_t count = ::write(results, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return {StatusCode::io, "Could not write the result to standard output: " +
                                  std::string(std::strerror(errno))};
    }
  }
  return {};
}

}  // namespace

void keep_results_apart() {
  // Not one of the first three, which other programs take for granted.
  const int apart = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (apart < 0) return;  // stdout is closed; print() will say so
  std::fflush(stdout);
  if (::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    ::close(apart);
    return;
  }
  results = apart;
}

bool results_on_terminal() {
  return ::isatty(results) == 1;
}

Status print(const std::string& document) {
  return write_out(gate::escaped(document, gate::Medium::document));
}

Status clear_screen() {
  return write_out("\x1b[H\x1b[2J\x1b[3J");
}

void tell(std::string_view line) {
  const std::string shown = gate::own_text(line);
  const bool ended = !shown.empty() && shown.back() == '\n';
  std::fprintf(stderr, "%s%s", shown.c_str(), ended ? "" : "\n");
}

void show(const Diagnostics& diagnostics) {
  const std::string found = diagnostics.text();  // through the gate
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
  tell("penstock: " + status.message());
  return exit_code(status.code());
}

std::string with_separators(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

}  // namespace penstock::cli
