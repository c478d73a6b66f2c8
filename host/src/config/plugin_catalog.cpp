#include "config/plugin_catalog.hpp"

#include "config/discovery.hpp"
#include "config/plugin_manifest.hpp"
#include "config/schema.hpp"

namespace penstock::config {

std::shared_ptr<const PluginManifest> PluginCatalog::find(const std::string& name,
                                                          const Location& place) {
  const auto [entry, fresh] = plugins_.try_emplace(name);
  if (!fresh) return entry->second;
  // Also keeps a name such as ../../x from leaving the plugins' directories.
  if (!check_name(name, "a plugin", place, diagnostics_)) return nullptr;
  const std::string path = find_plugin_manifest(name, plugin_dirs_);
  if (path.empty()) {
    NotFound fault = explain_not_found(name, plugin_dirs_);
    diagnostics_.error(place, std::move(fault.message), std::move(fault.hint));
    return nullptr;
  }
  auto manifest = load_plugin_manifest(path, diagnostics_);
  if (manifest.ok()) entry->second = *manifest;
  return entry->second;
}

}  // namespace penstock::config
