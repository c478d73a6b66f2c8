// Warnings where a trigger that was brought over from Segment means something else here.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trigger/scanner.hpp"

namespace penstock::trigger {

// The rule: a trigger gets a warning whenever Segment's engine and this one can answer differently
// for some event. An event is any in which type, event, name and userId are no lists, and
// properties, traits and context are maps where they are there at all. What Segment's engine cannot
// read never holds there, so that counts as a difference, too.
enum class Difference : std::uint8_t {
  mixed_and_or,      // the last of and/or at a level governs the level there
  call_in_group,     // the ")" of a call closes the group round it there
  nested_group,      // cannot be read there
  negation,          // ! and not count for nothing there, unless ! stands before a call
  negated_call,      // false for a missing value there
  spacing,           // operators need spaces there
  text_after_quote,  // text right behind a closing quote belongs to the string there
  single_quotes,     // are part of the string there
  escapes,           // mean nothing there
  ignored_field,     // a condition on this field disappears there
  call_on_type,      // disappears there
  below_text,        // what follows type, event, name or userId is left out there
  whole_map,         // properties alone is properties.properties there
  unread_key,        // a key in a form that cannot be read there
  divided_key,       // . [ ] divide a key there, however it is written
  list_item,         // an index needs a \ there, and takes a character of a text
  inherited_key,     // every map has such a key there
  falsy_step,        // 0, "" or false half-way is the value of the whole path there
  text_field,        // type, event, name and userId are compared as text there
  null_of_text,      // type and event are compared with the text "null" there
  not_equal,         // != with a number or boolean: false for a missing value, or text, there
  in_list,           // never holds there
  function,          // lowercase() and length() are not known there
  contains_in_list,  // no list contains anything there
  glob,              // only prefix and suffix there
  exponent,          // ends the number there
  large_number,      // is rounded there
};
inline constexpr std::size_t kDifferenceCount = 27;

// A condition as the rule looks at it.
struct Comparison {
  Expression::Kind kind = Expression::Kind::equal;
  bool negated = false;
  const Operand& operand;
  const Literal& literal;
};

// Gathers the first place of each difference, so that one trigger is warned about each once, and
// only if it parsed.
class SegmentDifferences {
 public:
  // `hint` takes the place of the usual one.
  void note(Difference difference, std::size_t offset, std::string hint = {});
  // `written` are the segments behind the root as they stand in the trigger.
  void note_path(const std::vector<std::string>& steps,
                 const std::vector<std::string_view>& written, std::size_t offset);
  void note_comparison(const Comparison& comparison, std::size_t offset);
  // Of contains(...) and match(...).
  void note_call(const Expression& call, std::size_t offset);
  void report(Scanner& scanner) const;

 private:
  struct Noted {
    std::size_t offset = 0;
    std::string hint;
  };
  void note_key(const std::string& key, std::string_view written, bool in_root, std::size_t offset);
  std::array<std::optional<Noted>, kDifferenceCount> places_;
};

}  // namespace penstock::trigger
