// How values look as text: JSON, and what JavaScript prints.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "model/value.hpp"

namespace penstock {
namespace {

template <typename Integer>
void append_integer(std::string& out, Integer number) {
  char digits[24];  // 20 digits and a sign at most
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_escaped(std::string& out, unsigned char character) {
  switch (character) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[character >> 4U];
  out += kHex[character & 15U];
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto character = static_cast<unsigned char>(text[i]);
    if (character >= 0x20 && character != '"' && character != '\\') continue;
    out.append(text, begin, i - begin);
    append_escaped(out, character);
    begin = i + 1;
  }
  out.append(text, begin);
  out += '"';
}

// The layout of ECMAScript's Number::toString for the digits "dddd" of 0.dddd × 10^point.
void append_digits(std::string& out, std::string_view digits, int point) {
  constexpr int kMaxWholeDigits = 21;
  constexpr int kMaxLeadingZeros = 6;
  const int count = static_cast<int>(digits.size());
  if (point > 0 && point <= kMaxWholeDigits) {
    if (count <= point) {
      out += digits;
      out.append(static_cast<std::size_t>(point - count), '0');
    } else {
      out += digits.substr(0, static_cast<std::size_t>(point));
      out += '.';
      out += digits.substr(static_cast<std::size_t>(point));
    }
  } else if (point <= 0 && point > -kMaxLeadingZeros) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += point > 0 ? "e+" : "e-";
    append_integer(out, std::abs(point - 1));
  }
}

}  // namespace

void append_javascript_number(std::string& out, double value) {
  constexpr double kExactIntegers =
      9007199254740992.0;  // 2^53: below it every integer prints as it is
  if (std::fabs(value) < kExactIntegers && value == std::trunc(value)) {
    append_integer(out, static_cast<std::int64_t>(value));  // -0 prints as 0 in JavaScript too
    return;
  }
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (value < 0) out += '-';
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  // "d.ddde±xx", the shortest digits that read back as this value.
  char text[32];
  const char* const end =
      std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  char digits[24];
  std::size_t count = 0;
  const char* at = text;
  for (; *at != 'e'; ++at) {
    if (*at != '.') digits[count++] = *at;
  }
  ++at;
  if (*at == '+') ++at;  // from_chars takes no plus sign
  int exponent = 0;
  std::from_chars(at, end, exponent);
  append_digits(out, {digits, count}, exponent + 1);
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::absent:
    case Value::Kind::null:
      out += "null";
      break;
    case Value::Kind::boolean:
      out += value.boolean() ? "true" : "false";
      break;
    case Value::Kind::i64:
      append_integer(out, value.i64());
      break;
    case Value::Kind::u64:
      append_integer(out, value.u64());
      break;
    case Value::Kind::f64:
      if (std::isfinite(value.f64())) {
        append_javascript_number(out, value.f64());
      } else {
        out += "null";  // as JSON.stringify does: JSON has no such number
      }
      break;
    case Value::Kind::string:
      append_json_string(out, value.string());
      break;
    case Value::Kind::list: {
      char separator = '[';
      value.for_each_item([&](const Value& item) {
        out += separator;
        separator = ',';
        append_json(out, item);
      });
      out += separator == '[' ? "[]" : "]";
      break;
    }
    case Value::Kind::map: {
      char separator = '{';
      value.for_each_member([&](std::string_view key, const Value& member) {
        out += separator;
        separator = ',';
        append_json_string(out, key);
        out += ':';
        append_json(out, member);
      });
      out += separator == '{' ? "{}" : "}";
      break;
    }
  }
}

void append_javascript_text(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::absent:
    case Value::Kind::null:
      break;
    case Value::Kind::string:
      out += value.string();
      break;
    case Value::Kind::boolean:
    case Value::Kind::map:
      append_json(out, value);
      break;
    case Value::Kind::i64:
    case Value::Kind::u64:
    case Value::Kind::f64:
      append_javascript_number(out, value.as_double());
      break;
    case Value::Kind::list: {
      bool first = true;
      value.for_each_item([&](const Value& item) {
        if (!first) out += ',';
        first = false;
        append_javascript_text(out, item);
      });
      break;
    }
  }
}

}  // namespace penstock
