#include "trigger/segment_differences.hpp"

namespace penstock::trigger {
namespace {

struct Wording {
  const char* message;
  const char* hint;
};

// In the order of Difference.
constexpr std::array<Wording, kDifferenceCount> kWordings = {{
    {"\"and\" and \"or\" stand side by side: \"and\" binds tighter here, while in Segment's engine "
     "the last "
     "of them governs all",
     "put parentheses round the part that belongs together"},
    {"a call inside parentheses: in Segment's engine its \")\" also ends the group round it", ""},
    {"a comparison without a space before its number is always false in Segment's engine; it works "
     "here",
     ""},
    {"in Segment's engine the text right behind a closing quote belongs to the string; it does not "
     "here",
     "put a space behind the quote"},
    {"in Segment's engine single quotes are part of the text; they only enclose it here",
     "write double quotes if both are to read it alike"},
    {"Segment's engine knows no escapes in a string; here \"\\\" begins one", ""},
    {"Segment's engine ignores a condition on this field; it counts here", ""},
    {"Segment's engine takes a pattern only as the beginning (\"x*\") or the end (\"*x\") of the "
     "text; here it "
     "is a glob over the whole text",
     ""},
    {"this also holds for an event where the value is missing; in Segment's engine it does not",
     "add a condition such as `and properties.x != null` if such events are not wanted"},
    {"!= is exactly the opposite of = here, so it holds for a missing value; Segment's engine says "
     "no for a "
     "missing number, and compares with the text of true and false",
     "add a condition such as `and properties.x != null` if such events are not wanted"},
    {"in Segment's engine quotes do not protect the dots of a path; this names one key here", ""},
}};

}  // namespace

void SegmentDifferences::note(Difference difference, std::size_t offset) {
  std::optional<std::size_t>& place = places_[static_cast<std::size_t>(difference)];
  if (!place) place = offset;
}

void SegmentDifferences::note_glob(std::string_view pattern, std::size_t offset) {
  const bool is_prefix_or_suffix =
      pattern.size() > 1 && pattern.front() != pattern.back() &&
      (pattern.front() == '*' || pattern.back() == '*') &&
      pattern.substr(1, pattern.size() - 2).find('*') == std::string_view::npos &&
      pattern.find_first_of("?\\") == std::string_view::npos;
  if (!is_prefix_or_suffix) note(Difference::glob, offset);
}

void SegmentDifferences::report(Scanner& scanner) const {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i]) scanner.warning(*places_[i], kWordings[i].message, kWordings[i].hint);
  }
}

}  // namespace penstock::trigger
