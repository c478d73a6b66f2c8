// Writing values of other people's making into a YAML file of ours, so that they are read back as
// what they were and as nothing else.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "model/node.hpp"

namespace penstock::import {

using Json = nlohmann::ordered_json;

// The text in double quotes. A "${" in it stays text: it is not taken for a variable or a file.
[[nodiscard]] std::string quoted_value(std::string_view text);
// The same for the key of a map, where nothing is taken for a variable.
[[nodiscard]] std::string quoted_key(std::string_view text);
// The value on one line.
[[nodiscard]] std::string flow_value(const Json& value);

// One line of ASCII without control characters, cut when it is long: for comments and messages.
[[nodiscard]] std::string one_line(std::string_view text);

// "" when the value can be written, else what is in the way: it is too large or nested too deeply,
// or holds what YAML cannot carry.
[[nodiscard]] std::string fault_of_value(const Json& value);

// The value as if it had been read from the YAML that flow_value() writes. Requires that
// fault_of_value() found none.
[[nodiscard]] Node node_of(const Json& value);

}  // namespace penstock::import
