// What a plugin can do and what a user may set, from its manifest: `penstock plugin describe`.
#pragma once

#include <string>

#include "model/manifest.hpp"

namespace penstock::cli {

// Tables for a terminal of 100 columns; advanced settings and fields come last.
[[nodiscard]] std::string describe_text(const PluginManifest& manifest);
// The same as a page of Markdown, for documentation.
[[nodiscard]] std::string describe_markdown(const PluginManifest& manifest);
// One JSON object with everything that the manifest says, a line end after it. Durations are in
// milliseconds, sizes in bytes; defaults of fields are the expressions themselves.
[[nodiscard]] std::string describe_json(const PluginManifest& manifest);

// An expression for people: `$.traits.email, else $.email`; JSON where there is no shorter way to
// say it.
[[nodiscard]] std::string readable_expression(const Node& expression);

}  // namespace penstock::cli
