// The command line, read. Only arguments.cpp knows CLI11.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "run.hpp"
#include "services/log.hpp"

namespace penstock::cli {

enum class Command : std::uint8_t { run, validate, try_events, plugin_list, plugin_describe };
enum class Format : std::uint8_t { text, json, markdown };

struct Arguments {
  Command command = Command::run;
  // Everywhere:
  std::vector<std::string> plugin_dirs;
  std::vector<std::pair<std::string, std::string>> overrides;  // --set PATH=VALUE
  Format format = Format::text;
  services::LogFormat log_format = services::LogFormat::text;
  services::LogLevel log_level = services::LogLevel::info;
  bool quiet = false;
  // run, validate, try:
  std::vector<std::string> pipelines;
  // run:
  std::chrono::milliseconds drain_timeout = kDefaultDrainTimeout;
  unsigned workers = 0;
  bool fail_on_dead_letters = false;
  bool from_start = false;
  // validate:
  bool connect = false;
  // try:
  std::string input;  // a path, or "-"
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
