// Any bytes as an export of Segment: refused with a reason, or a pipeline that loads and in which
// nothing is read from this machine.
#include <cstdlib>
#include <string>

#include "config/pipeline.hpp"
#include "config/plugin_manifest.hpp"
#include "import/segment.hpp"
#include "mapping/program.hpp"

namespace {

using namespace penstock;

const PluginManifest& linkedin() {
  static const std::shared_ptr<const PluginManifest> manifest = [] {
    Diagnostics diagnostics;
    auto loaded =
        config::load_plugin_manifest(PENSTOCK_MANIFESTS "/linkedin_audiences.yaml", diagnostics);
    if (!loaded.ok()) std::abort();
    return *loaded;
  }();
  return *manifest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto imported = import::import_segment(input, linkedin());
  if (!imported.ok()) {
    if (imported.status().code() != StatusCode::bad_input || imported.status().message().empty()) {
      std::abort();
    }
    return 0;
  }
  for (const std::string& note : imported->notes) {
    for (const char c : note) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F)
        std::abort();
    }
  }
  config::LoadOptions options;
  options.plugin_dirs = {PENSTOCK_MANIFESTS};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name != "LINKEDIN_CLIENT_ID" && name != "LINKEDIN_CLIENT_SECRET") std::abort();
    return std::nullopt;
  };
  options.read_file = [](const std::string&) -> Result<std::string> { std::abort(); };
  Diagnostics diagnostics;
  const auto pipeline =
      config::load_pipeline_text(imported->yaml, "/fuzz/pipeline.yaml", options, diagnostics);
  if (!pipeline.ok()) std::abort();
  if (mapping::compile(*pipeline, diagnostics) == nullptr) std::abort();
  return 0;
}
