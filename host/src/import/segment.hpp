// From Segment's mappings for LinkedIn Audiences to a pipeline.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.hpp"
#include "model/status.hpp"

namespace penstock::import {

// The plugin whose mappings can be imported.
inline constexpr const char* kLinkedInPlugin = "linkedin_audiences";

struct Imported {
  std::string yaml;                // a pipeline that `validate` accepts
  std::vector<std::string> notes;  // what was not carried over or has to be looked at, a line each
  std::size_t mappings = 0;
  std::size_t disabled = 0;  // of these
};

// `text` is what Segment's Public API answers (segment_export.hpp), `plugin` the manifest of
// kLinkedInPlugin. Nothing that would do something else than at Segment is enabled. Bad input where
// there is no mapping of LinkedIn Audiences.
[[nodiscard]] Result<Imported> import_segment(std::string_view text, const PluginManifest& plugin);

}  // namespace penstock::import
