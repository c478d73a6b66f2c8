// Pipelines whose destinations are the plugins of tests/bad_plugins.
#pragma once

#include <string>
#include <vector>

#include "process.hpp"

namespace penstock::e2e {

// A destination of such a pipeline: its name is the plugin's.
struct BadDestination {
  std::string plugin;  // the name that its manifest in the workspace gets
  std::string defect;  // a file of tests/bad_plugins, without .c
};

// Copies the library into the workspace and writes a manifest beside it. May be called again with
// another defect, as when somebody repairs a plugin.
void install_bad_plugin(const Workspace& workspace, const BadDestination& destination);

// Installs the plugins and writes pipeline.yaml, which reads events.ndjson; returns its path. Each
// destination has a mapping m for track events, with the field rule from the member `rule`.
std::string write_bad_pipeline(const Workspace& workspace,
                               const std::vector<BadDestination>& destinations,
                               const std::string& source = "{type: file, path: events.ndjson}");

// An event with this `rule`, as a line.
[[nodiscard]] std::string rule_event(const std::string& rule);

// A command with the workspace's plugins, and its run to the end.
[[nodiscard]] std::vector<std::string> bad_arguments(const Workspace& workspace,
                                                     std::vector<std::string> arguments);
[[nodiscard]] Finished run_bad(const Workspace& workspace, std::vector<std::string> arguments,
                               const Process::Environment& environment = {});

}  // namespace penstock::e2e
