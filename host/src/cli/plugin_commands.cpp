#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/describe.hpp"
#include "cli/table.hpp"
#include "config/discovery.hpp"
#include "config/plugin_manifest.hpp"
#include "plugin/instance.hpp"
#include "plugin_defaults.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string list_text(const std::vector<config::FoundPlugin>& found,
                      const std::vector<std::string>& dirs) {
  if (found.empty()) {
    std::string text = "No plugin found. Searched for NAME.yaml beside NAME.so in:\n";
    for (const std::string& dir : dirs) text += "  " + dir + "\n";
    return text + "Give another directory with --plugin-dir DIR.\n";
  }
  Table table({"NAME", "VERSION", "ABI", "MANIFEST", "NOTE"},
              std::vector<Table::Align>(5, Table::Align::left));
  for (const config::FoundPlugin& plugin : found) {
    std::string note = plugin.manifest != nullptr
                           ? plugin.manifest->title
                           : "broken: " + plugin.error.substr(0, plugin.error.find('\n'));
    if (!plugin.shadowed_by.empty()) note = "not used: " + plugin.shadowed_by + " comes first";
    const bool good = plugin.manifest != nullptr;
    table.row({plugin.name, good ? plugin.manifest->version : "-",
               good ? std::to_string(plugin.manifest->abi_major) + "." +
                          std::to_string(plugin.manifest->abi_minor)
                    : "-",
               plugin.manifest_path, note});
  }
  return table.text("");
}

std::string list_json(const std::vector<config::FoundPlugin>& found,
                      const std::vector<std::string>& dirs) {
  Json json = {{"searched", dirs}, {"plugins", Json::array()}};
  for (const config::FoundPlugin& plugin : found) {
    Json entry = {{"name", plugin.name},
                  {"manifest", plugin.manifest_path},
                  {"ok", plugin.manifest != nullptr}};
    if (plugin.manifest != nullptr) {
      entry["title"] = plugin.manifest->title;
      entry["version"] = plugin.manifest->version;
      entry["abi"] = std::to_string(plugin.manifest->abi_major) + "." +
                     std::to_string(plugin.manifest->abi_minor);
      entry["library"] = plugin.manifest->library;
    } else {
      entry["error"] = plugin.error;
    }
    if (!plugin.shadowed_by.empty()) entry["shadowed_by"] = plugin.shadowed_by;
    json["plugins"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

int plugin_list_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  std::vector<config::FoundPlugin> found = config::find_plugins(options->plugin_dirs);
  for (config::FoundPlugin& plugin : found) {
    if (plugin.manifest == nullptr) continue;
    const Status claim = plugin::check_abi_claim(*plugin.manifest);
    if (claim.ok()) continue;
    plugin.error = claim.message();
    plugin.manifest = nullptr;
  }
  const Status printed =
      print(arguments.format == Format::json ? list_json(found, options->plugin_dirs)
                                             : list_text(found, options->plugin_dirs));
  if (!printed.ok()) return fail(printed);
  // Details of what is wrong with a plugin do not fit into a table.
  int code = 0;
  for (const config::FoundPlugin& plugin : found) {
    if (plugin.manifest == nullptr)
      code = fail({StatusCode::configuration, "plugin " + plugin.name + ":\n" + plugin.error});
  }
  return code;
}

int plugin_describe_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  std::string path;
  const bool is_path =
      arguments.plugin.find('/') != std::string::npos || arguments.plugin.ends_with(".yaml");
  if (is_path) {
    std::error_code error;
    path = std::filesystem::absolute(arguments.plugin, error).string();
    if (error) path = arguments.plugin;
  } else {
    path = config::find_plugin_manifest(arguments.plugin, options->plugin_dirs);
    if (path.empty()) {
      const config::NotFound problem =
          config::explain_not_found(arguments.plugin, options->plugin_dirs);
      return fail({StatusCode::configuration,
                   problem.message + (problem.hint.empty() ? "" : "\n" + problem.hint)});
    }
  }
  Diagnostics diagnostics;
  auto manifest = config::load_plugin_manifest(path, diagnostics);
  if (manifest.ok()) check_defaults(**manifest, diagnostics);
  if (diagnostics.has_errors()) return fail(diagnostics.status(), diagnostics);
  if (!manifest.ok()) return fail(manifest.status());
  show(diagnostics);
  std::string text;
  switch (arguments.format) {
    case Format::text:
      text = describe_text(**manifest);
      break;
    case Format::markdown:
      text = describe_markdown(**manifest);
      break;
    case Format::json:
      text = describe_json(**manifest);
      break;
  }
  const Status printed = print(text);
  return printed.ok() ? 0 : fail(printed);
}

}  // namespace penstock::cli
