// Node: a piece of a YAML file with its place. What manifests are read from, and what mappings are
// written in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/diagnostics.hpp"

namespace penstock {

// A plain tree, owned by value. Scalars follow the YAML 1.2 core schema, strictly: true and false
// are booleans; decimal digits without a leading zero are integers; quoted scalars are always
// strings.
struct Node {
  enum class Kind : std::uint8_t { null, boolean, integer, number, string, list, map };
  struct Member;

  Kind kind = Kind::null;
  Location location;
  bool boolean = false;
  std::int64_t integer = 0;  // kind integer
  double number = 0;         // kind number (an integer beyond 64 bits is a number)
  std::string text;          // kind string: the value; other scalars: as written
  bool quoted = false;       // a scalar that stood in quotes
  bool interpolated =
      false;  // kind string: holds what ${env:} or ${file:} gave, so it is never shown
  std::vector<Node> items;      // kind list
  std::vector<Member> members;  // kind map, in the order of the file, keys unique

  [[nodiscard]] bool is(Kind k) const { return kind == k; }
  [[nodiscard]] bool is_scalar() const { return kind != Kind::list && kind != Kind::map; }
  // The member of a map, or null.
  [[nodiscard]] const Node* find(std::string_view key) const;

  static Node of_string(std::string value, Location location = {});
};

struct Node::Member {
  std::string key;
  Location location;  // of the key
  Node value;
};

// The key of the notes that Segment's exports carry for its own editor beside a directive.
inline constexpr std::string_view kEditorNotes = "_metadata";
// The value of {'@literal': value}, perhaps with such notes beside it; null for anything else.
[[nodiscard]] const Node* value_of_literal(const Node& node);

// "a map", "a list", "the string \"x\"", "the number 5": for messages. Long strings are cut.
[[nodiscard]] std::string describe(const Node& node);
// A text in double quotes for messages: escaped, without what looks like a secret or an address,
// cut when it is long.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace penstock
