// Reading the manifest of a plugin (docs/plugin-authors.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"
#include "model/status.hpp"

namespace penstock::config {

// Reads and checks a plugin's manifest: all its faults go to `diagnostics` with their places, and
// the Status returned then holds their text. `path` should be absolute; the library's path is taken
// relative to its directory. May block.
[[nodiscard]] Result<std::shared_ptr<const PluginManifest>> load_plugin_manifest(
    const std::string& path, Diagnostics& diagnostics);

// The same from memory; `path` is what the text is called.
[[nodiscard]] Result<std::shared_ptr<const PluginManifest>> load_plugin_manifest_text(
    std::string_view text, const std::string& path, Diagnostics& diagnostics);

}  // namespace penstock::config
