// The defaults of a plugin's manifest, checked where its author looks.
#pragma once

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"

namespace penstock {

// Compiles the default expressions of all actions and parses their default triggers: what is wrong
// with them would be wrong with every mapping that a user writes.
void check_defaults(const PluginManifest& plugin, Diagnostics& diagnostics);

}  // namespace penstock
