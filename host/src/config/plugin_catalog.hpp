// The plugins that a pipeline uses, each found and read once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/manifest.hpp"

namespace penstock::config {

class PluginCatalog {
 public:
  PluginCatalog(const std::vector<std::string>& plugin_dirs, Diagnostics& diagnostics)
      : plugin_dirs_(plugin_dirs), diagnostics_(diagnostics) {}

  // The plugin of that name, or null: then what is wrong is reported, once, however often it is
  // asked for.
  std::shared_ptr<const PluginManifest> find(const std::string& name, const Location& place);

 private:
  const std::vector<std::string>& plugin_dirs_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::shared_ptr<const PluginManifest>> plugins_;
};

}  // namespace penstock::config
