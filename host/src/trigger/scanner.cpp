#include "trigger/scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace penstock::trigger {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Every byte of a character beyond ASCII counts as a letter.
bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_operator_character(char c) {
  return c == '=' || c == '!' || c == '<' || c == '>' || c == '&' || c == '|' || c == '~';
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0U | code_point >> 6U);
    put(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    put(0xE0U | code_point >> 12U);
    put(0x80U | (code_point >> 6U & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  } else {
    put(0xF0U | code_point >> 18U);
    put(0x80U | (code_point >> 12U & 0x3FU));
    put(0x80U | (code_point >> 6U & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  }
}

}  // namespace

Scanner::Scanner(std::string_view text, Location location, Origin origin, Diagnostics& diagnostics)
    : text_(text), location_(std::move(location)), origin_(origin), diagnostics_(diagnostics) {}

char Scanner::peek(std::size_t ahead) const {
  return byte_at(at_ + ahead);
}

void Scanner::skip_spaces() {
  while (is_space(peek())) ++at_;
}

bool Scanner::skip(char c) {
  if (at_end() || peek() != c) return false;
  ++at_;
  return true;
}

std::string_view Scanner::peek_word() const {
  const std::string_view rest = text_.substr(std::min(at_, text_.size()));
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_word_character);
  return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

bool Scanner::skip_word(std::string_view word) {
  if (peek_word() != word) return false;
  at_ += word.size();
  return true;
}

bool Scanner::read_segments(std::vector<std::string>& steps,
                            std::vector<std::string_view>& written) {
  while (skip('.')) {
    const std::size_t begin = at_;
    if (peek() == '"' || peek() == '\'') {
      std::optional<std::string> segment = read_string(Escapes::text);
      if (!segment) return false;
      steps.push_back(std::move(*segment));
      written.push_back(text_.substr(begin, at_ - begin));
      continue;
    }
    std::string segment;
    for (; !at_end(); ++at_) {
      if (peek() == '\\') {
        ++at_;
        if (at_end()) {
          error(at_ - 1, "a path ends in a \"\\\" that escapes nothing");
          return false;
        }
      } else if (!is_word_character(peek())) {
        break;
      }
      segment += peek();
    }
    if (segment.empty()) {
      error(begin, "expected a name after the \".\" of a path, found " + found(),
            "write other characters than letters, digits, _ and - as \\$ or in quotes: "
            "properties.\"my key\"");
      return false;
    }
    steps.push_back(std::move(segment));
    written.push_back(text_.substr(begin, at_ - begin));
  }
  return true;
}

std::optional<std::string> Scanner::read_string(Escapes escapes) {
  const std::size_t begin = at_;
  const char quote = peek();
  ++at_;
  std::string out;
  while (!at_end()) {
    if (skip(quote)) return out;
    if (peek() == '\\') {
      if (!read_escape(escapes, out)) return std::nullopt;
    } else {
      out += peek();
      ++at_;
    }
  }
  error(begin, std::string("the quote ") + quote + " that opens a string here is never closed");
  return std::nullopt;
}

bool Scanner::read_escape(Escapes escapes, std::string& out) {
  const std::size_t begin = at_;
  const char escape = peek(1);
  at_ += 2;
  switch (escape) {
    case '"':
    case '\'':
    case '\\':
      out += escape;
      return true;
    case 'n':
      out += '\n';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      break;
    default:
      if (escapes == Escapes::glob && (escape == '*' || escape == '?')) {
        out += '\\';
        out += escape;
        return true;
      }
      error(begin, "a \"\\\" in a string escapes only \\\" \\' \\\\ \\n \\t and \\uXXXX",
            "write \\\\ for the character \\ itself");
      return false;
  }
  std::optional<std::uint32_t> code_point = read_code_unit();
  if (code_point && *code_point >= 0xD800 && *code_point < 0xDC00 && peek() == '\\' &&
      peek(1) == 'u') {
    at_ += 2;
    const std::optional<std::uint32_t> low = read_code_unit();
    const bool is_pair = low && *low >= 0xDC00 && *low < 0xE000;
    code_point = is_pair ? std::optional(0x10000 + ((*code_point - 0xD800) << 10U) + *low - 0xDC00)
                         : std::nullopt;
  }
  if (!code_point || (*code_point >= 0xD800 && *code_point < 0xE000)) {
    error(begin, "expected \\u and four hexadecimal digits that name a character",
          "a character above U+FFFF is two of them, such as \\ud83d\\ude00");
    return false;
  }
  append_utf8(out, *code_point);
  return true;
}

std::optional<std::uint32_t> Scanner::read_code_unit() {
  constexpr std::size_t kDigits = 4;
  const std::string_view digits = text_.substr(std::min(at_, text_.size())).substr(0, kDigits);
  std::uint32_t unit = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (error != std::errc() || end != digits.data() + kDigits) return std::nullopt;
  at_ += kDigits;
  return unit;
}

std::optional<Value> Scanner::read_number() {
  const std::size_t begin = at_;
  const auto skip_digits = [this] {
    const std::size_t first = at_;
    while (is_digit(peek())) ++at_;
    return at_ - first;
  };
  const auto refuse = [&](const char* hint) -> std::optional<Value> {
    error(begin, "expected a number as JSON writes it, such as 5, -0.5 or 1e6", hint);
    return std::nullopt;
  };
  skip('-');
  const bool leading_zero = peek() == '0';
  const std::size_t whole_digits = skip_digits();
  if (whole_digits == 0) return refuse("text needs quotes");
  if (leading_zero && whole_digits > 1) {
    return refuse("a number has no leading zero; text, such as an identifier, needs quotes");
  }
  bool is_integer = true;
  if (skip('.')) {
    is_integer = false;
    if (skip_digits() == 0) return refuse("a digit must follow the point");
  }
  if (peek() == 'e' || peek() == 'E') {
    is_integer = false;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (skip_digits() == 0) return refuse("text needs quotes");
  }
  if (is_word_character(peek()) || peek() == '.') return refuse("text needs quotes");

  const char* const first = text_.data() + begin;
  const char* const last = text_.data() + at_;
  if (is_integer) {
    std::int64_t number = 0;
    if (std::from_chars(first, last, number).ec == std::errc()) return Value::of(number);
    std::uint64_t large = 0;
    if (*first != '-' && std::from_chars(first, last, large).ec == std::errc())
      return Value::of(large);
  }
  double number = 0;
  if (std::from_chars(first, last, number).ec != std::errc()) {
    error(begin, "this number is beyond the range of a double", "the largest is about 1.8e308");
    return std::nullopt;
  }
  return Value::of(number);
}

std::string_view Scanner::found_word() const {
  if (const std::string_view word = peek_word(); !word.empty()) return word;
  const std::string_view rest = text_.substr(std::min(at_, text_.size()));
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_operator_character);
  if (end != rest.begin()) return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  return rest.substr(0, 1);
}

std::string Scanner::found() const {
  constexpr std::size_t kMaxShown = 40;  // the caret shows the place; a message stays one line
  if (at_end()) return "the end";
  const std::string_view word = found_word();
  if (word == "\"" || word == "'") return "a string";
  if (word.size() > kMaxShown) return "a long word";
  return "\"" + std::string(word) + "\"";
}

// Whether an offset in the trigger is one in the file.
bool Scanner::has_places() const {
  return location_.line != 0 && origin_ != Origin::made && diagnostics_.stands_at(location_, text_);
}

Location Scanner::place(std::size_t offset) const {
  Location location = location_;
  if (!has_places()) return location;
  const std::string_view before = text_.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  // In a block of several lines each is indented as the first one is.
  const std::size_t line_begin = lines == 0 ? 0 : before.rfind('\n') + 1;
  location.line += static_cast<std::uint32_t>(lines);
  location.column += static_cast<std::uint32_t>(offset - line_begin);
  return location;
}

// Where no caret can be under the place, the message has to say where it is.
std::string Scanner::with_place(std::size_t offset, std::string message) const {
  if (has_places()) return message;
  const bool made = origin_ == Origin::made;
  return message + " (at character " + std::to_string(offset + 1) + " of the " +
         (made ? "default " : "") + "trigger)";
}

void Scanner::error(std::size_t offset, std::string message, std::string hint) {
  diagnostics_.error(place(offset), with_place(offset, std::move(message)), std::move(hint));
}

void Scanner::warning(std::size_t offset, std::string message, std::string hint) {
  diagnostics_.warning(place(offset), with_place(offset, std::move(message)), std::move(hint));
}

}  // namespace penstock::trigger
