// Paths as mappings write them: $.a.b[0]["c.d"].
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::mapping {

struct PathError {
  std::size_t offset;   // of the place at fault, in bytes from the path's beginning
  std::string message;  // what is wrong there and what to write instead
};

using PathSteps = std::vector<std::string>;

// The steps of a path, for PathTable::intern or a walk; none for the whole event ("$" and "$.").
// "$." is optional. Steps are parted by dots; [0] is a list's index (as is .0.); ['b c'] and
// ["b.c"] are keys of any characters, in which \ takes the next character as it is.
[[nodiscard]] std::variant<PathSteps, PathError> parse_path(std::string_view text);

}  // namespace penstock::mapping
