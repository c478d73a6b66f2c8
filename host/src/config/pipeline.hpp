// Reading the manifest of a pipeline (README.md), and with it the manifests of the
// plugins that it uses.
#pragma once

#include <string>
#include <string_view>

#include "config/load_options.hpp"
#include "model/diagnostics.hpp"
#include "model/pipeline_config.hpp"
#include "model/status.hpp"

namespace penstock::config {

// Reads and checks a pipeline: all faults of all its files go to `diagnostics` with their places,
// and the Status returned then holds their text. Warnings go to `diagnostics` as well. Paths in it
// are relative to its directory. May block.
[[nodiscard]] Result<PipelineConfig> load_pipeline(const std::string& path,
                                                   const LoadOptions& options,
                                                   Diagnostics& diagnostics);

// The same, but what could be read is in `pipeline` also after faults, so that later stages can add
// theirs: destinations may be without plugin then, mappings without action or trigger.
[[nodiscard]] Status read_pipeline(const std::string& path, const LoadOptions& options,
                                   PipelineConfig& pipeline, Diagnostics& diagnostics);

// The same from memory; `path` is what the text is called, and its directory what paths are
// relative to.
[[nodiscard]] Result<PipelineConfig> load_pipeline_text(std::string_view text,
                                                        const std::string& path,
                                                        const LoadOptions& options,
                                                        Diagnostics& diagnostics);

}  // namespace penstock::config
