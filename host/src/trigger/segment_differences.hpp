// Warnings where a trigger that was brought over from Segment means something else here.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "trigger/scanner.hpp"

namespace penstock::trigger {

// Only differences that nobody would notice otherwise: what Segment's engine refuses (nested
// parentheses, "x>5") cannot have been brought over, and a condition that it misreads on rare
// values only is documented but not warned about.
enum class Difference : std::uint8_t {
  mixed_and_or,      // the last of and/or at a level governs the level there
  call_in_group,     // the ")" of a call closes the group round it there
  tight_comparison,  // `x >=5` is always false there
  text_after_quote,  // text right behind a closing quote belongs to the string there
  single_quotes,     // are part of the string there
  escapes,           // mean nothing there
  ignored_field,     // a condition on this field disappears there
  glob,              // only prefix and suffix there
  negated_call,      // false for a missing value there
  not_equal,  // != with a number or boolean: false for a missing value, or a comparison of text,
              // there
  dotted_quotes,  // quotes do not protect the dots of a path there
};
inline constexpr std::size_t kDifferenceCount = 11;

// Gathers the first place of each difference, so that one trigger is told about each once, and only
// if it parsed.
class SegmentDifferences {
 public:
  void note(Difference difference, std::size_t offset);
  void note_glob(std::string_view pattern, std::size_t offset);
  void report(Scanner& scanner) const;

 private:
  std::array<std::optional<std::size_t>, kDifferenceCount> places_;
};

}  // namespace penstock::trigger
