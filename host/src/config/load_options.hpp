// What a load depends on besides the files themselves.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/status.hpp"

namespace penstock::config {

struct LoadOptions {
  std::vector<std::string> plugin_dirs;  // searched in this order; see discovery.hpp
  // --set a.b.c=value: path and value, applied in this order.
  std::vector<std::pair<std::string, std::string>> overrides;
  // The value of an environment variable, or nothing when it is not set.
  std::function<std::optional<std::string>(const std::string& name)> environment =
      system_environment;
  // The bytes of a file that ${file:PATH} names; `path` is absolute.
  std::function<Result<std::string>(const std::string& path)> read_file = read_small_file;

  // A state_dir that others can write to is used nevertheless.
  bool allow_shared_state = false;

  // What may go wrong, depending on the events, is an error and no warning.
  bool strict = false;

  static std::optional<std::string> system_environment(const std::string& name);
  static Result<std::string> read_small_file(const std::string& path);
};

// A secret or an identifier, not data: the longest tokens known are a few kilobytes.
inline constexpr std::size_t kMaxInterpolatedBytes = 64 * 1024;

}  // namespace penstock::config
