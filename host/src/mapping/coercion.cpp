#include "mapping/coercion.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "model/formats.hpp"
#include "model/units.hpp"

namespace penstock::mapping {
namespace {

// Enough of a text to recognise it by in a message.
constexpr std::size_t kMaxShownBytes = 40;

penstock_value boolean_value(bool boolean) {
  penstock_value out{};
  out.type = PENSTOCK_BOOL;
  out.as.i64 = boolean ? 1 : 0;
  return out;
}

penstock_value integer_value(std::int64_t integer) {
  penstock_value out{};
  out.type = PENSTOCK_I64;
  out.as.i64 = integer;
  return out;
}

penstock_value number_value(const Value& number) {
  penstock_value out{};
  if (number.is(Value::Kind::i64)) return integer_value(number.i64());
  if (number.is(Value::Kind::u64)) {
    out.type = PENSTOCK_U64;
    out.as.u64 = number.u64();
  } else {
    out.type = PENSTOCK_F64;
    out.as.f64 = number.f64();
  }
  return out;
}

penstock_value json_value(std::string_view json) {
  penstock_value out = text_value(json);
  out.type = PENSTOCK_JSON;
  return out;
}

// JavaScript's decimal numbers: spaces round them, a sign, 5. and .5 are all fine. Hexadecimal and
// Infinity are not.
std::optional<Value> parse_number(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const std::size_t digits = text[0] == '-' ? 1 : 0;
  if (digits == text.size() ||
      (text[digits] != '.' && (text[digits] < '0' || text[digits] > '9'))) {
    return std::nullopt;
  }
  const char* const end = text.data() + text.size();
  const auto read_as = [&](auto number) -> std::optional<Value> {
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return Value::of(number);
  };
  if (text == "-0") return Value::of(-0.0);
  if (const auto integer = read_as(std::int64_t{})) return integer;
  if (const auto integer = read_as(std::uint64_t{})) return integer;
  return read_as(double{});
}

std::optional<Value> to_number(const Value& value) {
  if (value.is_number()) return value;
  if (value.is(Value::Kind::string)) return parse_number(value.string());
  return std::nullopt;
}

std::optional<Value> to_integer(const Value& value) {
  const std::optional<Value> number = to_number(value);
  if (!number || !number->is(Value::Kind::f64)) return number;
  constexpr double kTwoTo63 = 9223372036854775808.0;
  const double f64 = number->f64();
  if (!std::isfinite(f64) || std::trunc(f64) != f64) return std::nullopt;
  if (f64 >= -kTwoTo63 && f64 < kTwoTo63) return Value::of(static_cast<std::int64_t>(f64));
  if (f64 >= 0 && f64 < 2 * kTwoTo63) return Value::of(static_cast<std::uint64_t>(f64));
  return std::nullopt;
}

std::optional<bool> to_boolean(const Value& value) {
  if (value.is(Value::Kind::boolean)) return value.boolean();
  if (value.is(Value::Kind::string)) {
    if (value.string() == "true") return true;
    if (value.string() == "false") return false;
  } else if (value.is_number()) {
    if (value.as_double() == 1) return true;
    if (value.as_double() == 0) return false;
  }
  return std::nullopt;
}

bool coerce_to_text(const Value& value, Workspace& work, penstock_value& out) {
  if (value.is(Value::Kind::string)) {
    out = text_value(value.string());
    return true;
  }
  if (!value.is_number() && !value.is(Value::Kind::boolean)) return false;
  std::string& text = Workspace::scratch();
  append_javascript_text(text, value);
  const Value made = work.text(text);
  out = made.is(Value::Kind::string) ? text_value(made.string()) : absent_value();
  return true;
}

bool coerce_to_json(const Value& value, Workspace& work, penstock_value& out) {
  switch (value.kind()) {
    case Value::Kind::absent:
      out = absent_value();
      break;
    case Value::Kind::null:
      out = null_value();
      break;
    case Value::Kind::boolean:
      out = boolean_value(value.boolean());
      break;
    case Value::Kind::string:
      out = text_value(value.string());
      break;
    case Value::Kind::list:
    case Value::Kind::map: {
      std::string& text = Workspace::scratch();
      append_json(text, value);
      const Value made = work.text(text);
      out = made.is(Value::Kind::string) ? json_value(made.string()) : absent_value();
      break;
    }
    default:
      out = number_value(value);
      break;
  }
  return true;
}

bool set_number(const std::optional<Value>& number, penstock_value& out) {
  if (number) out = number_value(*number);
  return number.has_value();
}

Value scalar_of(const penstock_value& value) {
  switch (value.type) {
    case PENSTOCK_BOOL:
      return Value::of(value.as.i64 != 0);
    case PENSTOCK_I64:
      return Value::of(value.as.i64);
    case PENSTOCK_U64:
      return Value::of(value.as.u64);
    case PENSTOCK_F64:
      return Value::of(value.as.f64);
    case PENSTOCK_STRING:
      return Value::of(std::string_view(value.as.str.data, value.as.str.size));
    default:
      return Value::null();
  }
}

}  // namespace

bool coerce(const Value& value, ValueType type, Workspace& work, penstock_value& out) {
  switch (type) {
    case ValueType::string:
    case ValueType::url:
      return coerce_to_text(value, work, out);
    case ValueType::integer:
      return set_number(to_integer(value), out);
    case ValueType::number:
      return set_number(to_number(value), out);
    case ValueType::boolean: {
      const std::optional<bool> boolean = to_boolean(value);
      if (boolean) out = boolean_value(*boolean);
      return boolean.has_value();
    }
    case ValueType::duration: {
      const auto duration =
          value.is(Value::Kind::string) ? parse_duration(value.string()) : std::nullopt;
      if (duration) out = integer_value(duration->count());
      return duration.has_value();
    }
    case ValueType::size: {
      if (value.is(Value::Kind::i64) && value.i64() >= 0) return set_number(value, out);
      const auto size = value.is(Value::Kind::string) ? parse_size(value.string()) : std::nullopt;
      if (size) out = integer_value(static_cast<std::int64_t>(*size));
      return size.has_value();
    }
    case ValueType::json:
      return coerce_to_json(value, work, out);
  }
  return false;
}

const char* expectation(ValueType type) {
  switch (type) {
    case ValueType::string:
      return "a string";
    case ValueType::integer:
      return "an integer of 64 bits";
    case ValueType::number:
      return "a number";
    case ValueType::boolean:
      return "true or false";
    case ValueType::duration:
      return "a duration such as 200ms, 10s or 5m";
    case ValueType::size:
      return "a size such as 512, 64KiB or 4MiB";
    case ValueType::url:
      return "a URL";
    case ValueType::json:
      return "any value";
  }
  return "a value";
}

std::string describe_found(const Value& value, bool hide) {
  switch (value.kind()) {
    case Value::Kind::absent:
      return "nothing";
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      if (hide) return "a boolean";
      return value.boolean() ? "the boolean true" : "the boolean false";
    case Value::Kind::list:
      return value.size() == 0 ? "an empty list"
                               : "a list of " + std::to_string(value.size()) +
                                     (value.size() == 1 ? " item" : " items");
    case Value::Kind::map:
      return "a map";
    case Value::Kind::string:
      break;
    default: {
      if (hide) return "a number";
      std::string out = "the number ";
      append_javascript_text(out, value);
      return out;
    }
  }
  const std::string_view text = value.string();
  if (text.empty()) return "an empty string";
  if (hide || text.find('@') != std::string_view::npos) {
    const std::uint64_t length = count_code_points(text);
    return "a string of " + std::to_string(length) + (length == 1 ? " character" : " characters");
  }
  std::size_t shown = text.size();
  if (shown > kMaxShownBytes) {
    shown = kMaxShownBytes;
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;
  }
  std::string out = "the string ";
  append_json(out, Value::of(text.substr(0, shown)));
  if (shown < text.size()) out += "...";
  return out;
}

void append_value_json(std::string& out, const penstock_value& value) {
  if (value.type == PENSTOCK_JSON) {
    out.append(value.as.str.data, value.as.str.size);
  } else {
    append_json(out, scalar_of(value));
  }
}

void append_value_text(std::string& out, const penstock_value& value) {
  if (value.type == PENSTOCK_JSON) {
    out.append(value.as.str.data, value.as.str.size);
  } else {
    append_javascript_text(out, scalar_of(value));
  }
}

}  // namespace penstock::mapping
