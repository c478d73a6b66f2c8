// The value of a setting, typed and checked as the plugin's manifest declares it.
#pragma once

#include <optional>
#include <string>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"
#include "model/node.hpp"
#include "model/pipeline_config.hpp"

namespace penstock::config {

// Reads `node` as a value of `input`: type, choices, length, format, pattern. Every fault is
// reported; nothing is returned if there is one. `label` names the input in messages; a secret's
// value is never in them. A list (`multiple`) and json become JSON text of ValueType::json,
// but a scalar of json its own type; durations are milliseconds, sizes bytes.
[[nodiscard]] std::optional<SettingValue> read_input_value(const InputSpec& input, const Node& node,
                                                           const std::string& label,
                                                           Diagnostics& diagnostics);

// The value as text, as required_if and choices compare it; numbers as JavaScript prints them.
[[nodiscard]] std::string comparison_text(const SettingValue& value);

// The tree as JSON text, members in their order.
[[nodiscard]] std::string json_text(const Node& node);

// "" when a manifest may use this regular expression, else what is wrong with it.
[[nodiscard]] std::string fault_of_pattern(const std::string& pattern);

}  // namespace penstock::config
