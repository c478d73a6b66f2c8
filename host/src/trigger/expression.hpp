// Expression: a trigger after parsing, as a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/value.hpp"

namespace penstock::trigger {

// Where a trigger's text stands.
enum class Origin : std::uint8_t {
  written,   // at its location, so that a caret can be put under each of its characters
  manifest,  // likewise, in a plugin's manifest: written for Penstock, not brought over from
             // Segment
  made,      // nowhere: it was made from a default; the location is that of what it was made for
};

// A value as written in a trigger.
struct Literal {
  std::optional<std::string> text;  // of a string
  Value scalar;                     // null, a boolean or a number; absent for a string
};

// What a condition looks at: the value at a path, or something made from it.
struct Operand {
  enum class Transform : std::uint8_t {
    none,
    lowercase,  // of a string: in lower case; of a list: its strings in lower case; others
                // unchanged
    length,     // of a string: UTF-16 code units, as in JavaScript; of a list: items; of others:
                // absent
  };
  Transform transform = Transform::none;
  std::vector<std::string> steps;  // the root is the first
};

struct Expression {
  enum class Kind : std::uint8_t {
    all_of,    // "and": every one of children
    any_of,    // "or": at least one of children
    negation,  // of the only child
    equal,     // operand to literals[0]; null also equals absent
    in,        // operand to one of literals
    less,      // operand to literals[0], both numbers; so the next three
    less_equal,
    greater,
    greater_equal,
    contains,  // operand, a string or a list of strings, has the string literals[0] in it
    match,     // operand, a string, as a whole fits the glob literals[0]
  };
  Kind kind = Kind::all_of;
  std::vector<Expression> children;
  Operand operand;
  std::vector<Literal> literals;
};

// The text as a string literal of the trigger language, quotes included.
[[nodiscard]] std::string quote_literal(std::string_view text);

}  // namespace penstock::trigger
