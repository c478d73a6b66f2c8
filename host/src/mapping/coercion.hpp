// Coercion: from a value of an event to the type that a field declares, and on to the plugin's form
// of it.
#pragma once

#include <string>
#include <string_view>

#include "mapping/workspace.hpp"
#include "model/manifest.hpp"
#include "model/value.hpp"
#include "penstock/abi.h"

namespace penstock::mapping {

// Whether the value becomes one of this type: string from number and boolean (JavaScript's text);
// integer and number from numeric text; boolean from "true", "false", 0 and 1. Durations become
// milliseconds and sizes bytes; json takes every value. `out` is set only then; its text lives in
// the value or the workspace.
[[nodiscard]] bool coerce(const Value& value, ValueType type, Workspace& work, penstock_value& out);

// What a field of this type takes, for messages: "a string", "an integer".
[[nodiscard]] const char* expectation(ValueType type);
// What a value is, for messages. `hide` leaves out all that it holds; text with an @ in it is never
// shown, since it may be an e-mail address whatever field it came to.
[[nodiscard]] std::string describe_found(const Value& value, bool hide);

[[nodiscard]] inline penstock_value absent_value() {
  return penstock_value{};
}

[[nodiscard]] inline penstock_value text_value(std::string_view text) {
  penstock_value out{};
  out.type = PENSTOCK_STRING;
  out.as.str = {text.data(), text.size()};
  return out;
}

[[nodiscard]] inline penstock_value null_value() {
  penstock_value out{};
  out.type = PENSTOCK_NULL;
  return out;
}

// Appends the value as JSON; absent as null.
void append_value_json(std::string& out, const penstock_value& value);
// Appends the value as text, for comparing it with choices: JavaScript's text of scalars, JSON text
// of the rest.
void append_value_text(std::string& out, const penstock_value& value);

}  // namespace penstock::mapping
