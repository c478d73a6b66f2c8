// The command line, read. Only arguments.cpp knows CLI11.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/moments.hpp"
#include "run.hpp"
#include "services/log.hpp"

namespace penstock::cli {

enum class Command : std::uint8_t {
  run,
  validate,
  try_events,
  status,
  audiences_list,
  audiences_rename,
  audiences_test,
  dead_letters_list,
  dead_letters_show,
  dead_letters_replay,
  dead_letters_discard,
  dead_letters_export,
  auth_login,
  auth_set,
  auth_status,
  auth_refresh,
  auth_logout,
  queue_check,
  queue_repair,
  import_segment,
  plugin_list,
  plugin_describe,
};
enum class Format : std::uint8_t { text, json, markdown };

// Which dead letters are meant: those that all of it applies to.
struct DeadLetterSelection {
  std::vector<std::int64_t> ids;
  std::string destination;
  std::string mapping;  // MAPPING, or DESTINATION.MAPPING
  std::string reason;
  std::optional<Moment> since;
  std::optional<Moment> until;
  std::optional<std::uint64_t> limit;  // does not select
  bool all = false;                    // asked for in so many words

  [[nodiscard]] bool selects() const {
    return !ids.empty() || !destination.empty() || !mapping.empty() || !reason.empty() || since ||
           until;
  }
};

struct Arguments {
  Command command = Command::run;
  // Everywhere:
  std::vector<std::string> plugin_dirs;
  std::vector<std::pair<std::string, std::string>> overrides;  // --set PATH=VALUE
  Format format = Format::text;
  services::LogFormat log_format = services::LogFormat::text;
  services::LogLevel log_level = services::LogLevel::info;
  bool quiet = false;
  // all commands about pipelines:
  std::vector<std::string> pipelines;
  bool allow_shared_state = false;  // that use the state
  // run:
  std::chrono::milliseconds drain_timeout = kDefaultDrainTimeout;
  unsigned workers = 0;
  bool fail_on_dead_letters = false;
  bool from_start = false;
  bool shows_progress = true;
  // validate:
  bool connect = false;
  // try:
  std::string input;  // a path, or "-"
  // import:
  std::string export_file;
  // status:
  bool watch = false;
  unsigned history_hours = 0;  // 0: none
  std::string fail_on;         // "": nothing; else as parse_fail_on() takes it
  // audiences list:
  bool all_audiences = false;  // of the account, also those that the pipeline does not fill
  // audiences test:
  std::string email;
  bool remove_only = false;
  std::chrono::milliseconds confirm_after{60'000};
  // audiences rename, audiences test:
  std::string mapping;   // MAPPING, or DESTINATION.MAPPING
  std::string new_name;  // of the audience
  // dead-letters:
  DeadLetterSelection selection;
  // auth:
  std::string connection;  // "": the only one
  bool open_browser = false;
  bool paste = false;
  std::chrono::milliseconds login_timeout = std::chrono::minutes(5);
  std::string access_token_file;
  std::string refresh_token_file;
  bool tokens_from_env = false;
  unsigned warn_days = 30;
  // plugin describe:
  std::string plugin;
};

// What to do instead of a command: print a text (help, version, a usage error) and end.
struct Answer {
  std::string text;
  bool to_stderr = false;
  int exit_code = 0;
};

[[nodiscard]] std::variant<Arguments, Answer> parse_arguments(int argc, const char* const* argv);

}  // namespace penstock::cli
