// The directives of the mapping language, each as an expression over the expressions of its
// arguments. What they do is said in the user documentation; here stands only what that leaves
// open.
#pragma once

#include <string>
#include <vector>

#include "mapping/expression.hpp"

namespace penstock::mapping {

// ---- text (text_directives.cpp, filled_text.cpp) ----

// A literal text, or the place of a path's value when `path` is set.
struct TemplatePiece {
  std::string text;
  ExpressionPtr path;
};
[[nodiscard]] ExpressionPtr make_template(std::vector<TemplatePiece> pieces);

// Longest path and template that an event may bring; of a template it bounds how often it can walk
// the event. Segment's own bound on a template is as large.
inline constexpr std::size_t kMaxPathBytes = 1000;
inline constexpr std::size_t kMaxTemplateBytes = 1000;
// The value at the path that `text` gives, from `root` on; absent where it gives no path.
[[nodiscard]] ExpressionPtr make_path(ExpressionPtr text, ExpressionPtr root);
// The template that `text` gives, filled from `root`; absent where it gives no text. Beyond the
// bound the record is invalid.
[[nodiscard]] ExpressionPtr make_filled_template(ExpressionPtr text, ExpressionPtr root);

enum class LetterCase : std::uint8_t { lower, upper };
[[nodiscard]] ExpressionPtr make_case(LetterCase letter_case, ExpressionPtr value);

struct Replacement {
  std::string pattern;  // not empty
  std::string replacement;
};
// Replacements are made one after the other. Lists, maps and null give "", as in Segment's engine.
[[nodiscard]] ExpressionPtr make_replace(std::vector<Replacement> replacements, bool ignore_case,
                                         bool global, ExpressionPtr value);

[[nodiscard]] ExpressionPtr make_json_encode(ExpressionPtr value);
// Text that holds an integer beyond 64 bits, or is nested deeper than an event may be, stays as it
// is.
[[nodiscard]] ExpressionPtr make_json_decode(ExpressionPtr value);

// ---- shape (shape_directives.cpp) ----

// `shape` is evaluated with each item as the event; without one the value stays as it is. What is
// neither list nor map stays as it is too.
[[nodiscard]] ExpressionPtr make_array_path(ExpressionPtr list, ExpressionPtr shape);
// Values that are neither a map nor (unless arrays are omitted) a list stay as they are.
[[nodiscard]] ExpressionPtr make_flatten(ExpressionPtr value, std::string separator,
                                         bool omit_arrays);
enum class Winner : std::uint8_t { first, last };
// What is no map is passed over.
[[nodiscard]] ExpressionPtr make_merge(std::vector<ExpressionPtr> objects, Winner winner);
[[nodiscard]] ExpressionPtr make_transform(ExpressionPtr apply, ExpressionPtr mapping);
// Null members go from maps in maps too, but not from maps in lists.
[[nodiscard]] ExpressionPtr make_exclude_when_null(ExpressionPtr value);

// ---- decisions (decision_directives.cpp) ----

enum class Condition : std::uint8_t { exists, not_blank };
[[nodiscard]] ExpressionPtr make_if(Condition condition, ExpressionPtr tested, ExpressionPtr then,
                                    ExpressionPtr otherwise);

// The places of an event at which @membership looks.
struct MembershipPaths {
  ExpressionPtr type;
  ExpressionPtr computation_class;
  ExpressionPtr computation_key;
  ExpressionPtr properties;
  ExpressionPtr traits;
  ExpressionPtr unclear;  // where the event has a value that is neither; null: nothing
};
[[nodiscard]] ExpressionPtr make_membership(MembershipPaths paths);

}  // namespace penstock::mapping
