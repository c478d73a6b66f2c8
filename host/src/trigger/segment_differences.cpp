#include "trigger/segment_differences.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::trigger {
namespace {

using Kind = Expression::Kind;
using Transform = Operand::Transform;

struct Wording {
  const char* message;
  const char* hint;
};

constexpr const char* kMissingValueHint =
    "add a condition such as `and properties.x != null` if such events are not wanted";

// In the order of Difference.
constexpr std::array<Wording, kDifferenceCount> kWordings = {{
    {"\"and\" and \"or\" stand side by side: \"and\" binds tighter here, while in Segment's engine "
     "the last of them governs all",
     "put parentheses round the part that belongs together"},
    {"a call that does not stand last inside parentheses: in Segment's engine its \")\" also ends "
     "the group round it",
     "write the call as the last condition of the group"},
    {"parentheses inside parentheses: Segment's engine cannot read them, so the trigger never "
     "holds there",
     "leave out the inner ones, or use two mappings, if both are to read it alike"},
    {"Segment's engine passes over this negation: the trigger holds there where it does not hold "
     "here",
     "write the opposite condition instead, such as != for ="},
    {"this also holds for an event where the value is missing or is not text; in Segment's engine "
     "it does not",
     kMissingValueHint},
    {"Segment's engine needs a space behind and, or, !=, <= and >=, and one before < and >; "
     "without it the word is lost or the trigger never holds there",
     "put one space on each side"},
    {"in Segment's engine the text right behind a closing quote belongs to the string; it does not "
     "here",
     "put a space behind the quote"},
    {"in Segment's engine single quotes are part of the text; they only enclose it here",
     "write double quotes if both are to read it alike"},
    {"Segment's engine knows no escapes in a string; here \"\\\" begins one", ""},
    {"Segment's engine ignores a condition on this field; it counts here", ""},
    {"Segment's engine ignores contains(...) and match(...) of type; they count here",
     "compare it with =, such as type = \"track\", if both are to read it alike"},
    {"type, event, name and userId are plain values: Segment's engine leaves out what follows "
     "them, and nothing is there here",
     "compare the field itself, or a field of properties, traits or context"},
    {"a whole map is compared; Segment's engine looks for a key of that name inside it instead",
     "name a key, such as properties.x"},
    {"Segment's engine cannot read this key, so the condition never holds there", ""},
    {"in Segment's engine \".\", \"[\" and \"]\" divide a key even in quotes or behind a \"\\\"; "
     "this names one key here",
     ""},
    {"an item of a list by its number: Segment's engine reads a number only behind a \"\\\", and "
     "of a text it takes the character of that number",
     ""},
    {"Segment's engine finds something under this name in every map, because JavaScript does; here "
     "only the event's own keys count",
     ""},
    {"when a key before the last one holds 0, \"\" or false, Segment's engine takes that for the "
     "value; here the value is missing",
     "nothing needs to be changed unless events hold such values there"},
    {"Segment's engine compares type, event, name and userId with text, as if the value stood in "
     "quotes; here it is a number or a boolean",
     "put the value in quotes, such as event = \"5\""},
    {"Segment's engine compares type and event with the text \"null\"; here null is a missing "
     "value",
     "ask for the values that are wanted, such as type = \"track\""},
    {"!= is exactly the opposite of = here, so it holds for a missing value; Segment's engine says "
     "no for what is not a number, and compares with the text of true and false",
     kMissingValueHint},
    {"Segment's engine does not know \"in\": the condition never holds there",
     "write (x = \"a\" or x = \"b\") if both are to read it alike"},
    {"Segment's engine does not know lowercase(...) and length(...): it drops the condition, or "
     "the trigger never holds there",
     "write properties.x.length for a length if both are to read it alike"},
    {"here a list contains its items; in Segment's engine contains(...) holds for text only",
     "nothing needs to be changed unless the value can be a list"},
    {"Segment's engine takes a pattern only as the beginning (\"x*\") or the end (\"*x\") of the "
     "text; here it is a glob over the whole text",
     ""},
    {"in Segment's engine a number ends before its exponent", "write the number out"},
    {"Segment's engine rounds integers of 2^53 and more to the next double; here they are exact",
     "send such identifiers as text, and compare them with text"},
}};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_plain_value(std::string_view root) {
  return is_one_of(root, {"type", "event", "name", "userId"});
}

bool is_map(std::string_view root) {
  return is_one_of(root, {"properties", "traits", "context"});
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit_or_hyphen(char c) {
  return (c >= '0' && c <= '9') || c == '-';
}

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// First byte of a character beyond U+FFFF, which is two for JavaScript.
bool begins_pair(char c) {
  return static_cast<unsigned char>(c) >= 0xF0;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
}

bool is_word_of_language(std::string_view key) {
  return is_one_of(key, {"and", "or", "null"});
}

// Whether Segment's engine reads a segment, written like this, as one key.
bool is_readable(std::string_view written) {
  if (written.empty() || is_word_of_language(written)) return false;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\\' && i + 1 < written.size()) {
      ++i;
      if (begins_pair(written[i])) return false;
      while (i + 1 < written.size() && is_continuation(written[i + 1])) ++i;
    } else if (!is_letter(written[i]) && (i == 0 || !is_digit_or_hyphen(written[i]))) {
      return false;
    }
  }
  return true;
}

// The key as both engines read it; "" where there is no such form.
std::string readable_form(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (begins_pair(c)) return {};
    const bool plain = is_letter(c) || is_digit_or_hyphen(c);
    const bool first = i == 0 && (is_digit_or_hyphen(c) || is_word_of_language(key));
    if ((!plain || first) && (is_ascii(c) || !is_continuation(c))) out += '\\';
    out += c;
  }
  return out;
}

// What every map of JavaScript has.
bool is_inherited(std::string_view key) {
  return is_one_of(key, {"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable",
                         "toLocaleString", "toString", "valueOf", "__proto__", "__defineGetter__",
                         "__defineSetter__", "__lookupGetter__", "__lookupSetter__"});
}

// Whether 0, "" or false answers otherwise than a missing value does.
bool tells_falsy_from_missing(Kind kind, const Literal& literal) {
  if (literal.text) {
    return literal.text->empty() ||  // =, contains
           (kind == Kind::match && *literal.text == "*");
  }
  if (kind == Kind::equal && literal.scalar.is(Value::Kind::null)) return true;
  if (kind == Kind::equal && literal.scalar.is(Value::Kind::boolean)) {
    return !literal.scalar.boolean();
  }
  if (!literal.scalar.is_number()) return false;
  const double number = literal.scalar.as_double();
  switch (kind) {
    case Kind::equal:
      return number == 0;
    case Kind::less:
      return number > 0;
    case Kind::less_equal:
      return number >= 0;
    case Kind::greater:
      return number < 0;
    case Kind::greater_equal:
      return number <= 0;
    default:
      return false;
  }
}

bool is_prefix_or_suffix(std::string_view pattern) {
  if (pattern.empty()) return false;
  const std::string_view text = pattern.back() == '*'    ? pattern.substr(0, pattern.size() - 1)
                                : pattern.front() == '*' ? pattern.substr(1)
                                                         : pattern;
  return text.size() < pattern.size() && text.find_first_of("*?\\") == std::string_view::npos;
}

}  // namespace

void SegmentDifferences::note(Difference difference, std::size_t offset, std::string hint) {
  std::optional<Noted>& place = places_[static_cast<std::size_t>(difference)];
  if (!place) place = Noted{offset, std::move(hint)};
}

void SegmentDifferences::note_path(const std::vector<std::string>& steps,
                                   const std::vector<std::string_view>& written,
                                   std::size_t offset) {
  const std::string& root = steps.front();
  if (!is_map(root)) {
    if (!is_plain_value(root)) {
      note(Difference::ignored_field, offset);
    } else if (!written.empty()) {
      note(Difference::below_text, offset);
    }
    return;
  }
  if (written.empty()) note(Difference::whole_map, offset);
  std::size_t at = offset + root.size();
  for (std::size_t i = 0; i < written.size(); ++i) {
    ++at;  // the dot
    note_key(steps[i + 1], written[i], i == 0, at);
    at += written[i].size();
  }
}

void SegmentDifferences::note_key(const std::string& key, std::string_view written, bool in_root,
                                  std::size_t offset) {
  if (key.find_first_of(".[]") != std::string::npos) {
    note(Difference::divided_key, offset);
    return;
  }
  const std::string form = readable_form(key);
  const std::string hint =
      form.empty() ? "" : "write it as " + form + " if both are to read it alike";
  if (!in_root && list_index(key) != kNoIndex) {
    note(Difference::list_item, offset, is_readable(written) ? "" : hint);
  } else if (!is_readable(written)) {
    note(Difference::unread_key, offset, hint);
  }
  if (is_inherited(key)) note(Difference::inherited_key, offset);
}

void SegmentDifferences::note_comparison(const Comparison& comparison, std::size_t offset) {
  // From here on no double is exact, and JavaScript has no other numbers.
  constexpr double kFirstInexact = 9007199254740992;            // 2^53
  if (comparison.operand.transform != Transform::none) return;  // warned about by itself
  const Literal& literal = comparison.literal;
  const std::string& root = comparison.operand.steps.front();
  const bool is_number = !literal.text && literal.scalar.is_number();
  const bool is_boolean = !literal.text && literal.scalar.is(Value::Kind::boolean);
  if (is_number && std::abs(literal.scalar.as_double()) >= kFirstInexact) {
    note(Difference::large_number, offset);
  }
  if (comparison.kind == Kind::equal && !literal.text) {
    const bool is_null = literal.scalar.is(Value::Kind::null);
    if (is_null && is_one_of(root, {"type", "event"})) note(Difference::null_of_text, offset);
    const bool as_text =
        is_boolean ? is_one_of(root, {"type", "event", "name"}) : is_number && is_plain_value(root);
    if (as_text) {
      note(Difference::text_field, offset);
    } else if (comparison.negated && !is_null) {
      note(Difference::not_equal, offset);
    }
  }
  // Root, a key that may hold such a value, and one that it cannot have.
  constexpr std::size_t kSteps = 3;
  if (is_map(root) && comparison.operand.steps.size() >= kSteps &&
      tells_falsy_from_missing(comparison.kind, literal)) {
    note(Difference::falsy_step, offset);
  }
}

void SegmentDifferences::note_call(const Expression& call, std::size_t offset) {
  if (call.operand.transform != Transform::none) return;  // warned about by itself
  const std::string& root = call.operand.steps.front();
  const Literal& literal = call.literals.front();
  if (root == "type") note(Difference::call_on_type, offset);
  if (call.kind == Kind::contains && is_map(root)) note(Difference::contains_in_list, offset);
  if (call.kind == Kind::match && !is_prefix_or_suffix(*literal.text)) {
    note(Difference::glob, offset);
  }
  note_comparison({call.kind, false, call.operand, literal}, offset);
}

void SegmentDifferences::report(Scanner& scanner) const {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i]) continue;
    const Noted& noted = *places_[i];
    scanner.warning(noted.offset, kWordings[i].message,
                    noted.hint.empty() ? kWordings[i].hint : noted.hint);
  }
}

}  // namespace penstock::trigger
