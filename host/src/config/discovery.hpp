// Finding plugins: a directory holds NAME.yaml beside NAME.so.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/manifest.hpp"
#include "model/status.hpp"

namespace penstock::config {

// The directories to search, in order: those given with --plugin-dir, those of PENSTOCK_PLUGIN_PATH
// (separated by ":"), the installed one. One given with --plugin-dir or in the variable that is no
// directory is an error; the installed one may be missing, and stays in the list so that messages
// can name it.
[[nodiscard]] Result<std::vector<std::string>> plugin_directories(
    const std::vector<std::string>& given, const std::optional<std::string>& plugin_path,
    const std::string& installed);

struct FoundPlugin {
  std::string name;                                // of the file, without .yaml
  std::string manifest_path;                       // absolute
  std::shared_ptr<const PluginManifest> manifest;  // null when something is wrong with it
  std::string error;                               // what, "" when nothing
  std::string
      shadowed_by;  // the manifest of this name that is used instead, "" when this one is used
};

// Every plugin of the directories, ordered by name, then by directory. Directories that cannot be
// read hold none.
[[nodiscard]] std::vector<FoundPlugin> find_plugins(const std::vector<std::string>& plugin_dirs);

// The absolute path of a plugin's manifest; "" when no directory has it.
[[nodiscard]] std::string find_plugin_manifest(const std::string& name,
                                               const std::vector<std::string>& plugin_dirs);

// What to say when find_plugin_manifest() found none: every place searched, and the nearest name
// there is.
struct NotFound {
  std::string message;
  std::string hint;
};
[[nodiscard]] NotFound explain_not_found(const std::string& name,
                                         const std::vector<std::string>& plugin_dirs);

}  // namespace penstock::config
