#include "config/discovery.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "config/plugin_manifest.hpp"

namespace penstock::config {
namespace {

namespace fs = std::filesystem;

bool is_directory(const std::string& path) {
  std::error_code
      ignored;  // a path that cannot be asked about is no directory that can be searched
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string absolute_path(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return (error ? path : whole).lexically_normal().string();
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".yaml" && is_file(entry->path())) {
      names.push_back(entry->path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::vector<std::string>> plugin_directories(const std::vector<std::string>& given,
                                                    const std::optional<std::string>& plugin_path,
                                                    const std::string& installed) {
  std::vector<std::string> directories;
  std::string faults;
  const auto add = [&](const std::string& directory, const std::string& origin) {
    if (is_directory(directory)) {
      directories.push_back(directory);
    } else {
      faults += (faults.empty() ? "" : "\n") + origin + " names " + directory +
                ", which is no directory; give one that holds NAME.yaml and NAME.so of plugins";
    }
  };
  for (const std::string& directory : given) add(directory, "--plugin-dir");
  const std::string list = plugin_path.value_or("");
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) add(list.substr(begin, end - begin), "PENSTOCK_PLUGIN_PATH");
    begin = end + 1;
  }
  if (!faults.empty()) return Status(StatusCode::configuration, faults);
  if (!installed.empty()) directories.push_back(installed);
  return directories;
}

std::vector<FoundPlugin> find_plugins(const std::vector<std::string>& plugin_dirs) {
  std::vector<FoundPlugin> plugins;
  for (const std::string& directory : plugin_dirs) {
    for (const std::string& name : names_in(directory)) {
      FoundPlugin plugin;
      plugin.name = name;
      plugin.manifest_path = absolute_path(fs::path(directory) / (name + ".yaml"));
      const auto same = [&](const FoundPlugin& other) { return other.name == name; };
      const auto first = std::find_if(plugins.begin(), plugins.end(), same);
      if (first != plugins.end()) {
        if (first->manifest_path == plugin.manifest_path) continue;  // the directory is given twice
        plugin.shadowed_by = first->manifest_path;
      }
      Diagnostics diagnostics;
      auto manifest = load_plugin_manifest(plugin.manifest_path, diagnostics);
      if (!manifest.ok()) {
        plugin.error = manifest.status().message();
      } else if (!is_file((*manifest)->library)) {
        plugin.error = "its library " + (*manifest)->library + " is not there";
      } else {
        plugin.manifest = *manifest;
      }
      plugins.push_back(std::move(plugin));
    }
  }
  std::stable_sort(plugins.begin(), plugins.end(),
                   [](const FoundPlugin& a, const FoundPlugin& b) { return a.name < b.name; });
  return plugins;
}

std::string find_plugin_manifest(const std::string& name,
                                 const std::vector<std::string>& plugin_dirs) {
  for (const std::string& directory : plugin_dirs) {
    const fs::path path = fs::path(directory) / (name + ".yaml");
    if (is_file(path)) return absolute_path(path);
  }
  return {};
}

NotFound explain_not_found(const std::string& name, const std::vector<std::string>& plugin_dirs) {
  NotFound out;
  out.message = "there is no plugin " + in_quotes(name) + "; looked for " + name + ".yaml in ";
  std::set<std::string> names;
  const char* separator = "";
  for (const std::string& directory : plugin_dirs) {
    out.message += separator + directory + (is_directory(directory) ? "" : " (no such directory)");
    separator = ", ";
    for (std::string& found : names_in(directory)) names.insert(std::move(found));
  }
  if (plugin_dirs.empty()) out.message += "no directory at all";
  out.hint = suggestion(name, {names.begin(), names.end()});
  if (names.empty())
    out.hint = "name the plugins' directory with --plugin-dir or PENSTOCK_PLUGIN_PATH";
  return out;
}

}  // namespace penstock::config
