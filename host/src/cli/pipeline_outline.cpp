#include "cli/pipeline_outline.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "config/interpolation.hpp"
#include "config/load_options.hpp"
#include "config/overrides.hpp"
#include "config/schema.hpp"
#include "config/secrets.hpp"
#include "config/text_file.hpp"
#include "config/yaml_reader.hpp"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

// The members of a named map; none where it is missing or something else (validate tells that).
const std::vector<Node::Member>& members_of(const Node& map, const char* key) {
  static const std::vector<Node::Member> kNone;
  const Node* node = map.find(key);
  return node != nullptr && node->is(Node::Kind::map) ? node->members : kNone;
}

bool is_enabled(const Node& node) {
  const Node* enabled = node.find("enabled");
  if (enabled == nullptr) return true;
  Diagnostics told_by_validate;
  return config::read_boolean(*enabled, "enabled", told_by_validate).value_or(true);
}

PipelineOutline::Destination read_destination(const Node::Member& member) {
  PipelineOutline::Destination destination{member.key, is_enabled(member.value), {}};
  for (const Node::Member& mapping : members_of(member.value, "mappings")) {
    destination.mappings.push_back({mapping.key, is_enabled(mapping.value)});
  }
  return destination;
}

std::string read_member(const Node& root, const std::string& key, const std::string& otherwise,
                        const std::string& directory, Diagnostics& diagnostics) {
  const Node* found = root.find(key);
  if (found == nullptr) return otherwise;
  Node node = *found;
  config::interpolate(node, directory, {}, diagnostics);
  return config::read_text(node, key, diagnostics).value_or(otherwise);
}

}  // namespace

const PipelineOutline::Destination* PipelineOutline::find(const std::string& destination) const {
  const auto found = std::find_if(destinations.begin(), destinations.end(),
                                  [&](const auto& entry) { return entry.name == destination; });
  return found == destinations.end() ? nullptr : &*found;
}

bool PipelineOutline::runs(const std::string& destination, const std::string& mapping) const {
  const Destination* found = find(destination);
  return found != nullptr && found->enabled &&
         std::any_of(found->mappings.begin(), found->mappings.end(),
                     [&](const Mapping& entry) { return entry.name == mapping && entry.enabled; });
}

Result<PipelineOutline> read_outline(
    const std::string& path, const std::vector<std::pair<std::string, std::string>>& overrides,
    Diagnostics& diagnostics) {
  ASSIGN_OR_RETURN(const std::string text, config::read_text_file(path, config::kMaxManifestBytes));
  config::hide_secrets(text, path, diagnostics);
  std::optional<Node> root = config::read_yaml(text, path, diagnostics);
  if (!root) return diagnostics.status();
  config::apply_overrides(*root, overrides, diagnostics);
  if (!root->is(Node::Kind::map)) {
    diagnostics.error(root->location,
                      "expected the manifest of a pipeline, found " + describe(*root));
    return diagnostics.status();
  }

  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  const fs::path directory = (error ? fs::path(path) : whole).lexically_normal().parent_path();
  PipelineOutline outline;
  outline.path = path;
  outline.name =
      read_member(*root, "name", fs::path(path).stem().string(), directory.string(), diagnostics);
  outline.state_dir =
      (directory / read_member(*root, "state_dir", "state", directory.string(), diagnostics))
          .lexically_normal()
          .string();
  for (const Node::Member& member : members_of(*root, "destinations")) {
    outline.destinations.push_back(read_destination(member));
  }
  for (const Node::Member& member : members_of(*root, "connections")) {
    outline.connections.push_back({member.key, member.value.find("access_token") != nullptr ||
                                                   member.value.find("refresh_token") != nullptr});
  }
  if (diagnostics.has_errors()) return diagnostics.status();
  return outline;
}

}  // namespace penstock::cli
