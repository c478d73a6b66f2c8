// PipelineOutline: the little of a pipeline manifest that the commands about its state need.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/status.hpp"

namespace penstock::cli {

struct PipelineOutline {
  struct Mapping {
    std::string name;
    bool enabled = true;
  };
  struct Destination {
    std::string name;
    bool enabled = true;
    std::vector<Mapping> mappings;
  };
  struct Connection {
    std::string name;
    bool has_tokens = false;  // the manifest gives an access or refresh token
  };

  std::string path;  // as it was given, for messages
  std::string name;
  std::string state_dir;  // absolute
  std::vector<Destination> destinations;
  std::vector<Connection> connections;

  [[nodiscard]] const Destination* find(const std::string& destination) const;
  // Whether a run would map and deliver for it.
  [[nodiscard]] bool runs(const std::string& destination, const std::string& mapping) const;
};

// Reads it. Plugins are not looked for, no credential is read, and of ${env:} and ${file:} only
// those in `name` and `state_dir` have to be set: the state of a pipeline can be looked at by whom
// its secrets are not given, and while its manifest is being worked on. `overrides` are those of
// --set. May block.
[[nodiscard]] Result<PipelineOutline> read_outline(
    const std::string& path, const std::vector<std::pair<std::string, std::string>>& overrides,
    Diagnostics& diagnostics);

}  // namespace penstock::cli
