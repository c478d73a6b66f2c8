// Any text as a manifest of either kind: reading reports or succeeds, and what succeeded is whole.
// What follows a zero byte is a --set option.
#include <cstdlib>
#include <string>

#include "config/pipeline.hpp"
#include "config/plugin_manifest.hpp"

namespace {

using namespace penstock;

void check_plugin(std::string_view text) {
  Diagnostics diagnostics;
  const auto manifest =
      config::load_plugin_manifest_text(text, "/fuzz/jsonl_file.yaml", diagnostics);
  static_cast<void>(diagnostics.text());
  if (manifest.ok() == diagnostics.has_errors()) std::abort();
  if (manifest.ok() && ((*manifest)->actions.empty() || (*manifest)->library.empty())) std::abort();
}

void check_pipeline(std::string_view text, const config::LoadOptions& options) {
  Diagnostics diagnostics;
  const auto pipeline =
      config::load_pipeline_text(text, "/fuzz/pipeline.yaml", options, diagnostics);
  static_cast<void>(diagnostics.text());
  if (pipeline.ok() == diagnostics.has_errors()) std::abort();
  if (!pipeline.ok()) return;
  for (const DestinationConfig& destination : pipeline->destinations) {
    if (destination.plugin == nullptr) std::abort();
    if (destination.settings.size() != destination.plugin->settings.size()) std::abort();
    for (const MappingConfig& mapping : destination.mappings) {
      if (mapping.action == nullptr) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(0, zero);

  config::LoadOptions options;
  options.plugin_dirs = {PENSTOCK_MANIFESTS};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name.size() > 1) return std::nullopt;
    return "$.value \"of\" " + name;
  };
  // No file of the machine that runs this may decide what happens.
  options.read_file = [](const std::string& path) -> Result<std::string> {
    if (path.size() % 2 == 0) return Status(StatusCode::configuration, "cannot read " + path);
    return path + "\n";
  };
  if (zero < input.size()) {
    const std::string_view option = input.substr(zero + 1);
    const std::size_t equals = std::min(option.find('='), option.size());
    options.overrides = {{std::string(option.substr(0, equals)),
                          std::string(option.substr(std::min(equals + 1, option.size())))}};
  }
  check_plugin(text);
  check_pipeline(text, options);
  return 0;
}
