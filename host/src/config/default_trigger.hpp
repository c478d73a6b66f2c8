// Default triggers of actions, which may name literal fields of their mapping:
// `properties.audience_key = "{key}"`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"

namespace penstock::config {

// The fields that the trigger names, each once.
[[nodiscard]] std::vector<std::string> fields_named(std::string_view trigger);

// Reports a name in braces that is no literal field of the action. `path` names the trigger in
// messages.
void check_default_trigger(const ActionSpec& action, const std::string& path,
                           Diagnostics& diagnostics);

// The trigger with every {field} replaced by `literal_of(field)`: inside quotes its characters,
// escaped; outside quotes a quoted string.
[[nodiscard]] std::string fill_default_trigger(
    std::string_view trigger,
    const std::function<std::string(const std::string& field)>& literal_of);

// The trigger with every {field} replaced by some literal of the same length, so that what is wrong
// with the rest can be found, and at its place.
[[nodiscard]] std::string sample_of_default_trigger(std::string_view trigger);

}  // namespace penstock::config
