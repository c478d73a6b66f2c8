#include "model/event.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

namespace penstock {
namespace {

// What a parser is made for at once. Segment's own limit for an event is 32 KB.
constexpr std::size_t kUsualLineBytes = 32 * 1024;
// A parser that grew for a longer line than this is given back before the next usual one: parsing
// takes about 15 bytes of memory for each byte of a line.
constexpr std::size_t kRetainedLineBytes = 128 * 1024;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Status refuse(const std::string& what) {
  return {StatusCode::bad_input, "the line is no event: " + what};
}

// Never simdjson's own text where that would need explaining, and never the line.
Status refuse(simdjson::error_code error) {
  switch (error) {
    case simdjson::MEMALLOC:
      return {StatusCode::internal, "no memory left to parse an event"};
    case simdjson::EMPTY:
      return refuse("it is empty; each line must hold one JSON object");
    case simdjson::UTF8_ERROR:
      return refuse("it is not valid UTF-8; write events as UTF-8");
    case simdjson::DEPTH_ERROR:
      return refuse("it is nested deeper than " + std::to_string(EventParser::kMaxDepth) +
                    " levels");
    case simdjson::UNCLOSED_STRING:
      return refuse("a string in it is not closed; is the line cut off?");
    case simdjson::UNESCAPED_CHARS:
      return refuse("a string in it holds a control character that is not escaped");
    case simdjson::STRING_ERROR:
      return refuse(
          "a string in it holds an escape that is not JSON, or half a surrogate pair, which has no "
          "UTF-8 form");
    case simdjson::NUMBER_ERROR:
      return refuse("a number in it is not written as JSON has it");
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      return refuse("a word in it is none of true, false and null");
    default:
      return refuse("it is not valid JSON; each line must hold one JSON object and nothing else");
  }
}

bool is_number_character(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

template <typename Number>
bool fits(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Whether simdjson, which follows JSON's grammar but has only 64-bit integers and finite doubles,
// refuses this number for its size. Also said of some text that is no number at all, for which
// rewrite_number() then does nothing.
bool is_out_of_range(std::string_view number) {
  if (number.find_first_of(".eE") != std::string_view::npos) return !fits<double>(number);
  return !fits<std::int64_t>(number) && !fits<std::uint64_t>(number);
}

// Of a number that no double can hold: whether it is too large, rather than too near to 0.
bool is_too_large(std::string_view number) {
  const std::size_t exponent_mark = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, exponent_mark);
  const std::size_t first_digit = mantissa.find_first_of("123456789");
  if (first_digit == std::string_view::npos) return false;
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first_digit);
  std::string_view exponent_text = number.substr(std::min(exponent_mark + 1, number.size()));
  if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto parsed =
      std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  if (parsed.ec == std::errc::result_out_of_range) return !exponent_text.starts_with('-');
  // The lines that this reads are far too short for the sum to overflow unless the exponent alone
  // decides.
  return exponent > static_cast<std::int64_t>(kMaxEventBytes) || magnitude + exponent > 0;
}

// Appends the double nearest to `number`, finite; false and nothing where `number` is not written
// as JSON has it.
bool rewrite_number(std::string_view number, std::string& out) {
  std::string_view digits = number;
  if (!digits.empty() && digits.front() == '-') digits.remove_prefix(1);
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return false;
  if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (end != number.data() + number.size()) return false;
  if (error == std::errc::result_out_of_range) {
    value = is_too_large(number) ? std::numeric_limits<double>::max() : 0;
    if (number.front() == '-') value = -value;
  } else if (error != std::errc()) {
    return false;
  }
  char text[32];
  const auto text_end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  out.append(text, text_end);
  return true;
}

// Copies the line with every number that simdjson cannot represent replaced by the double that
// JavaScript would read. False when there is none.
bool rewrite_numbers(std::string_view line, std::string& out) {
  out.clear();
  bool rewritten = false;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size();) {
    const char c = line[i];
    if (in_string) {
      const std::size_t length = c == '\\' && i + 1 < line.size() ? 2 : 1;
      out.append(line, i, length);
      i += length;
      in_string = c != '"';
    } else if (is_number_character(c) && (c == '-' || (c >= '0' && c <= '9'))) {
      const auto rest = line.substr(i);
      const auto stop = std::find_if_not(rest.begin(), rest.end(), is_number_character);
      const auto number = rest.substr(0, static_cast<std::size_t>(stop - rest.begin()));
      if (is_out_of_range(number) && rewrite_number(number, out)) {
        rewritten = true;
      } else {
        out += number;
      }
      i += number.size();
    } else {
      out += c;
      ++i;
      in_string = c == '"';
    }
  }
  return rewritten;
}

}  // namespace

EventParser::EventParser() = default;

void EventParser::fit_memory(std::size_t line_bytes) {
  if (rewritten_.capacity() > kRetainedLineBytes) std::string().swap(rewritten_);
  if (parser_ && parser_->capacity() > kRetainedLineBytes && line_bytes <= kRetainedLineBytes) {
    parser_.reset();
  }
  if (parser_ && parser_->capacity() >= line_bytes) return;
  if (!parser_) parser_ = std::make_unique<simdjson::dom::parser>();
  // Powers of two, so that slowly growing lines do not reallocate for each. Where there is no
  // memory parse() says so.
  const std::size_t capacity = std::bit_ceil(std::max(line_bytes, kUsualLineBytes));
  [[maybe_unused]] const auto ignored = parser_->allocate(capacity, kMaxDepth);
}

std::string_view event_text(std::string_view line) {
  for (;;) {
    if (line.starts_with('\0')) {
      line.remove_prefix(1);
    } else if (line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
    } else {
      return line;
    }
  }
}

Result<Value> EventParser::parse(std::string_view line) {
  line = event_text(line);
  if (line.size() > kMaxEventBytes) {
    return refuse("it has " + std::to_string(line.size()) + " bytes, more than the " +
                  std::to_string(kMaxEventBytes) + " that an event may have");
  }
  fit_memory(line.size());
  simdjson::dom::element root;
  // false: no copy, the caller has put padding behind the line.
  simdjson::error_code error = parser_->parse(line.data(), line.size(), false).get(root);
  if (error == simdjson::NUMBER_ERROR && rewrite_numbers(line, rewritten_)) {
    rewritten_.reserve(rewritten_.size() + kEventPadding);
    error = parser_->parse(rewritten_.data(), rewritten_.size(), false).get(root);
  }
  if (error != simdjson::SUCCESS) return refuse(error);
  if (!root.is_object()) return refuse("it is JSON, but no object");
  return Value::of(root);
}

}  // namespace penstock
