// Keeping secrets that stand in clear in a manifest out of messages.
#pragma once

#include <string>
#include <string_view>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// Whether the text of a manifest seems to hold a secret in clear: a key that ends in secret, token
// or password whose value is no ${...}. Works on text that is not YAML, so that even a syntax error
// shows no line of such a file.
[[nodiscard]] bool seems_to_hold_secret(std::string_view text);

// Warns about a secret that is written into the file itself and keeps the file's lines out of all
// messages. `label` names the value.
void check_secret_in_clear(const Node& node, const std::string& label, Diagnostics& diagnostics);

}  // namespace penstock::config
