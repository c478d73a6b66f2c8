// penstock: the command line's entry.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/descriptors.hpp"
#include "cli/last_words.hpp"
#include "services/http.hpp"
#include "services/log.hpp"

namespace {

// glibc gives every busy thread a heap of its own, up to 8 a core; what one thread allocates and
// another frees then lies idle in all of them. With 5,000 mappings that was 8 MiB (scripts/bench).
constexpr int kHeaps = 2;

int dispatch(const penstock::cli::Arguments& arguments) {
  using penstock::cli::Command;
  switch (arguments.command) {
    case Command::run:
      return penstock::cli::run_command(arguments);
    case Command::validate:
      return penstock::cli::validate_command(arguments);
    case Command::try_events:
      return penstock::cli::try_command(arguments);
    case Command::status:
      return penstock::cli::status_command(arguments);
    case Command::audiences_list:
      return penstock::cli::audiences_command(arguments);
    case Command::audiences_rename:
      return penstock::cli::audiences_rename_command(arguments);
    case Command::audiences_test:
      return penstock::cli::audiences_test_command(arguments);
    case Command::dead_letters_list:
    case Command::dead_letters_show:
    case Command::dead_letters_replay:
    case Command::dead_letters_discard:
    case Command::dead_letters_export:
      return penstock::cli::dead_letters_command(arguments);
    case Command::auth_login:
    case Command::auth_set:
    case Command::auth_status:
    case Command::auth_refresh:
    case Command::auth_logout:
      return penstock::cli::auth_command(arguments);
    case Command::queue_check:
      return penstock::cli::queue_check_command(arguments);
    case Command::queue_repair:
      return penstock::cli::queue_repair_command(arguments);
    case Command::import_segment:
      return penstock::cli::import_segment_command(arguments);
    case Command::plugin_list:
      return penstock::cli::plugin_list_command(arguments);
    case Command::plugin_describe:
      return penstock::cli::plugin_describe_command(arguments);
  }
  return penstock::exit_code(penstock::StatusCode::internal);
}

}  // namespace

namespace {

int run_program(int argc, char** argv) {
  try {
    auto parsed = penstock::cli::parse_arguments(argc, argv);
    if (const auto* answer = std::get_if<penstock::cli::Answer>(&parsed)) {
      if (answer->to_stderr) {
        penstock::cli::tell(answer->text);
      } else {
        std::fputs(answer->text.c_str(), stdout);
      }
      return answer->exit_code;
    }
    penstock::cli::keep_results_apart();
    const auto& arguments = std::get<penstock::cli::Arguments>(parsed);
    penstock::services::start_log(arguments.log_format, arguments.log_level);
    if (penstock::Status status = penstock::cli::allow_enough_files(); !status.ok())
      return penstock::cli::fail(status);
    if (penstock::Status status = penstock::services::initialise_http(); !status.ok())
      return penstock::cli::fail(status);
    return dispatch(arguments);
  } catch (const std::exception& error) {
    if (penstock::cli::is_thread_refusal(error)) std::terminate();  // which has words for it
    std::fprintf(stderr, "penstock: internal error: %s. Please report this.\n", error.what());
    return penstock::exit_code(penstock::StatusCode::internal);
  }
}

}  // namespace

int main(int argc, char** argv) {
  penstock::cli::replace_closed_streams();
  // A reader of stdout that goes away, and a file that may not become larger, are errors of
  // write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  mallopt(M_ARENA_MAX, kHeaps);
  penstock::cli::say_last_words();
  const int code = run_program(argc, argv);
  penstock::cli::end_in_order();
  return code;
}
