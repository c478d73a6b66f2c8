#include "mapping/arguments.hpp"

#include <algorithm>

namespace penstock::mapping {

Arguments::Arguments(const Node::Member& directive, std::initializer_list<const char*> known,
                     Diagnostics& diagnostics)
    : directive_(directive), diagnostics_(diagnostics) {
  const Node& node = directive.value;
  const std::vector<std::string> names(known.begin(), known.end());
  if (!node.is(Node::Kind::map)) {
    diagnostics.error(
        node.location, directive_.key + " takes a map of arguments, found " + describe(node),
        names.empty() ? "write {'" + directive_.key + "': {}}" : suggestion("", names));
    return;
  }
  for (const Node::Member& member : node.members) {
    if (std::find(names.begin(), names.end(), member.key) != names.end()) continue;
    diagnostics.error(member.location, directive_.key + " has no argument \"" + member.key + "\"",
                      suggestion(member.key, names));
  }
}

const Node* Arguments::find(std::string_view name) const {
  return directive_.value.is(Node::Kind::map) ? directive_.value.find(name) : nullptr;
}

const Node* Arguments::require(std::string_view name) const {
  const Node* found = find(name);
  if (found == nullptr && directive_.value.is(Node::Kind::map)) {
    diagnostics_.error(directive_.location,
                       directive_.key + " lacks its argument \"" + std::string(name) + "\"");
  }
  return found;
}

std::string Arguments::text(std::string_view name, std::string_view otherwise) const {
  const Node* found = find(name);
  if (found == nullptr) return std::string(otherwise);
  if (found->is(Node::Kind::string)) return found->text;
  diagnostics_.error(
      found->location,
      directive_.key + ": \"" + std::string(name) + "\" must be text, found " + describe(*found),
      found->is_scalar() ? "put it in quotes" : "");
  return std::string(otherwise);
}

bool Arguments::boolean(std::string_view name, bool otherwise) const {
  const Node* found = find(name);
  if (found == nullptr) return otherwise;
  if (found->is(Node::Kind::boolean)) return found->boolean;
  diagnostics_.error(found->location, directive_.key + ": \"" + std::string(name) +
                                          "\" must be true or false, found " + describe(*found));
  return otherwise;
}

std::optional<std::string> Arguments::word(std::string_view name,
                                           const std::vector<std::string>& words) const {
  const Node* found = require(name);
  if (found == nullptr) return std::nullopt;
  if (found->is(Node::Kind::string) &&
      std::find(words.begin(), words.end(), found->text) != words.end()) {
    return found->text;
  }
  std::string expected;
  for (const std::string& word : words) expected += (expected.empty() ? "" : " or ") + word;
  diagnostics_.error(found->location, directive_.key + ": \"" + std::string(name) + "\" must be " +
                                          expected + ", found " + describe(*found));
  return std::nullopt;
}

}  // namespace penstock::mapping
