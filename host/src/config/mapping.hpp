// Reading one mapping of a destination: its action, its trigger and the names of its fields.
#pragma once

#include <string>

#include "model/diagnostics.hpp"
#include "model/node.hpp"
#include "model/pipeline_config.hpp"

namespace penstock::config {

// `path` names the destination in messages. The expressions of the fields are not looked into,
// except for literals that the action's default trigger needs.
[[nodiscard]] MappingConfig read_mapping(const Node::Member& member, const std::string& path,
                                         const PluginManifest& plugin, Diagnostics& diagnostics);

}  // namespace penstock::config
