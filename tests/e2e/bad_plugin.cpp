#include "bad_plugin.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

namespace penstock::e2e {

void install_bad_plugin(const Workspace& workspace, const BadDestination& destination) {
  const std::string& name = destination.plugin;
  std::filesystem::copy_file(
      std::string(PENSTOCK_BAD_PLUGINS_DIR) + "/" + destination.defect + ".so",
      workspace.path(name + ".so"), std::filesystem::copy_options::overwrite_existing);
  workspace.write(name + ".yaml", "manifest: 1\nname: " + name + "\ntitle: " + name +
                                      R"(
version: 0.1.0
abi: "1.0"
library: )" + name + R"(.so
hooks: {init: plugin_init, settings: plugin_settings, mapping: plugin_mapping, send: plugin_send}
settings:
  api_key: {label: Key, type: string, secret: true}
actions:
  act:
    title: Act
    batch: {max_records: 10, max_bytes: 1MiB, max_age: 20ms}
    fields:
      rule: {label: Rule, type: string, default: $.rule}
)");
}

std::string write_bad_pipeline(const Workspace& workspace,
                               const std::vector<BadDestination>& destinations,
                               const std::string& source) {
  std::string text =
      "version: 1\nname: bad\nstate_dir: state\nsource: " + source + "\ndestinations:\n";
  for (const BadDestination& destination : destinations) {
    install_bad_plugin(workspace, destination);
    text += "  " + destination.plugin + ":\n    plugin: " + destination.plugin +
            R"(
    settings: {api_key: "${env:BAD_PLUGIN_KEY:-Kk-3141592653-key}"}
    mappings:
      m: {action: act, trigger: 'type = "track"'}
)";
  }
  return workspace.write("pipeline.yaml", text);
}

std::string rule_event(const std::string& rule) {
  return R"({"type":"track","rule":")" + rule + "\"}\n";
}

std::vector<std::string> bad_arguments(const Workspace& workspace,
                                       std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), PENSTOCK_BINARY);
  arguments.insert(arguments.end(), {"--plugin-dir", workspace.path("")});
  return arguments;
}

Finished run_bad(const Workspace& workspace, std::vector<std::string> arguments,
                 const Process::Environment& environment) {
  return Process(workspace, bad_arguments(workspace, std::move(arguments)), environment).wait();
}

}  // namespace penstock::e2e
