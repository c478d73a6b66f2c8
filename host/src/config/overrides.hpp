// --set a.b.c=value: one value of a pipeline manifest replaced from the command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::config {

// Puts each value at its path, in order. Steps are keys of maps or indexes of lists, separated by
// "."; "\." is a dot inside a key. Members that are missing are made (whether they may be there is
// checked with the rest of the manifest, and faults are placed at "--set a.b.c"); an index must
// exist. A value that begins with [ { " or ' is read as YAML, any other is a plain scalar, whatever
// characters are in it.
void apply_overrides(Node& root, const std::vector<std::pair<std::string, std::string>>& overrides,
                     Diagnostics& diagnostics);

}  // namespace penstock::config
