// ${env:NAME}, ${env:NAME:-default}, ${file:PATH} in the scalars of a pipeline manifest.
#pragma once

#include <string>

#include "config/load_options.hpp"
#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// Replaces them in every string of the tree (never in keys), also inside a longer text; $${ stands
// for ${ itself.
// - What a variable or file gave is text, and not searched again. The scalar is then a string with
// `interpolated` set:
//   whoever reads it types it by what is expected there, and messages do not show it.
// - A file's path is relative to `directory`; one line end at its end is left out.
// - An unset variable without a default, an unreadable file, bytes that are not UTF-8: errors at
// the scalar's place.
// - In a mapping's fields a text is a path when it is *written* with "$." in front. A value that
// came from a variable or
//   file and happens to begin so stays a literal: it becomes {'@literal': value}.
void interpolate(Node& root, const std::string& directory, const LoadOptions& options,
                 Diagnostics& diagnostics);

}  // namespace penstock::config
