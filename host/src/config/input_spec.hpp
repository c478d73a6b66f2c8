// Reading the declarations of settings and fields in a plugin manifest.
#pragma once

#include <string>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"
#include "model/node.hpp"

namespace penstock::config {

enum class InputRole { setting, field };

// The inputs of one map, in its order. `path` names the map in messages, such as "settings".
[[nodiscard]] std::vector<InputSpec> read_inputs(const Node& node, const std::string& path,
                                                 InputRole role, Diagnostics& diagnostics);

}  // namespace penstock::config
