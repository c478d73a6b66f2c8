#include "config/overrides.hpp"

#include <charconv>
#include <optional>

#include "config/yaml_reader.hpp"

namespace penstock::config {
namespace {

std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && i + 1 < path.size() && path[i + 1] == '.') {
      steps.back() += path[++i];
    } else if (path[i] == '.') {
      steps.emplace_back();
    } else {
      steps.back() += path[i];
    }
  }
  return steps;
}

void place_all(Node& node, const Location& location) {
  node.location = location;
  for (Node& item : node.items) place_all(item, location);
  for (Node::Member& member : node.members) {
    member.location = location;
    place_all(member.value, location);
  }
}

std::optional<Node> value_of(const std::string& text, const Location& location,
                             Diagnostics& diagnostics) {
  if (text.empty() || std::string("[{\"'").find(text[0]) == std::string::npos) {
    Node node = plain_scalar(text, location);
    // An empty value is an empty text: nobody types "--set a=" to say null.
    if (text.empty()) node.kind = Node::Kind::string;
    return node;
  }
  Diagnostics faults;
  std::optional<Node> node = read_yaml(text, location.file, faults);
  for (const Diagnostic& fault : faults.entries()) {
    diagnostics.error(location, fault.message, fault.hint);
  }
  if (!node) return std::nullopt;
  place_all(*node, location);
  return node;
}

// The place in the tree that the steps lead to, made where it is missing.
Node* place_for(Node& root, const std::vector<std::string>& steps, const Location& location,
                Diagnostics& diagnostics) {
  Node* node = &root;
  for (const std::string& step : steps) {
    if (node->is(Node::Kind::list)) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (error != std::errc() || end != step.data() + step.size() || index >= node->items.size()) {
        diagnostics.error(location, "\"" + step + "\" is no index of a list of " +
                                        std::to_string(node->items.size()) + " items");
        return nullptr;
      }
      node = &node->items[index];
      continue;
    }
    if (node->is(Node::Kind::null)) {
      *node = Node();
      node->kind = Node::Kind::map;
      node->location = location;
    }
    if (!node->is(Node::Kind::map)) {
      diagnostics.error(location, "\"" + step + "\" cannot be set inside " + describe(*node));
      return nullptr;
    }
    Node* next = nullptr;
    for (Node::Member& member : node->members) {
      if (member.key == step) next = &member.value;
    }
    if (next == nullptr) {
      node->members.push_back({step, location, Node()});
      next = &node->members.back().value;
      next->location = location;
    }
    node = next;
  }
  return node;
}

}  // namespace

void apply_overrides(Node& root, const std::vector<std::pair<std::string, std::string>>& overrides,
                     Diagnostics& diagnostics) {
  for (const auto& [path, text] : overrides) {
    const Location location{"--set " + path, 0, 0};
    const std::vector<std::string> steps = steps_of(path);
    bool readable = steps.size() <= kMaxNesting / 2;
    for (const std::string& step : steps) readable = readable && !step.empty();
    std::size_t valid = 0;
    if (!readable || !is_utf8(path, valid) || !is_utf8(text, valid)) {
      diagnostics.error(location, "this is no path of keys separated by dots",
                        "write it as in --set destinations.linkedin_eu.enabled=false");
      continue;
    }
    std::optional<Node> value = value_of(text, location, diagnostics);
    if (!value) continue;
    Node* place = place_for(root, steps, location, diagnostics);
    if (place != nullptr) *place = std::move(*value);
  }
}

}  // namespace penstock::config
