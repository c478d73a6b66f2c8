// Reading one destination of a pipeline against the manifest of its plugin.
#pragma once

#include <vector>

#include "config/plugin_catalog.hpp"
#include "model/diagnostics.hpp"
#include "model/node.hpp"
#include "model/pipeline_config.hpp"

namespace penstock::config {

// Faults go to `diagnostics`; what could be read is returned all the same.
[[nodiscard]] DestinationConfig read_destination(const Node::Member& member,
                                                 const std::vector<ConnectionConfig>& connections,
                                                 PluginCatalog& plugins, Diagnostics& diagnostics);

// Reports a name of a user's own (destination, mapping, connection) that is empty, holds control
// characters or is longer than anything that has to show it can.
void check_own_name(const Node::Member& member, const char* what, Diagnostics& diagnostics);

}  // namespace penstock::config
