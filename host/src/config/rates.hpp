// Request rates: {users: {requests: 600, per: 60s}}.
#pragma once

#include <map>
#include <string>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"
#include "model/node.hpp"

namespace penstock::config {

// The rates of a map by name. `path` names the map in messages, such as "limits.rates".
[[nodiscard]] std::map<std::string, Rate> read_rates(const Node& node, const std::string& path,
                                                     Diagnostics& diagnostics);

}  // namespace penstock::config
