// One mapping of Segment as one of Penstock.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "import/segment_export.hpp"
#include "model/manifest.hpp"

namespace penstock::import {

struct ImportedMapping {
  std::string name;  // not yet unique
  std::string action;
  // False where it was disabled, and where it would not do what it did at Segment.
  bool enabled = true;
  std::string audience;                // what its audience is found by
  std::optional<std::string> trigger;  // nothing: the action's default
  std::vector<std::pair<std::string, Json>> fields;
  std::vector<std::string> notes;  // what somebody has to look at, a line each
};

// `slug` is the name of the action at Segment, "" where it is not known; the fields then tell.
// Nothing where it is not an action of LinkedIn Audiences. `plugin` is that plugin's manifest: what
// its fields cannot take is left out and noted.
[[nodiscard]] std::optional<ImportedMapping> import_mapping(const SegmentSubscription& subscription,
                                                            const std::string& slug,
                                                            const PluginManifest& plugin);

}  // namespace penstock::import
