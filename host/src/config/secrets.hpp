// Keeping secrets that stand in clear in a manifest out of messages.
#pragma once

#include <string>
#include <string_view>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// Keeps what seems to be a secret in clear out of all messages: the value of a key that names one,
// or nearly so, and the lines of the file with it. `text` is what the file at `path` holds. Works
// on text that is not YAML, so that even a syntax error shows no line of such a file.
void hide_secrets(std::string_view text, const std::string& path, Diagnostics& diagnostics);

// Warns about a secret that is written into the file itself and keeps the file's lines out of all
// messages. `label` names the value.
void check_secret_in_clear(const Node& node, const std::string& label, Diagnostics& diagnostics);

}  // namespace penstock::config
