#include "mapping/field_rules.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "model/formats.hpp"

namespace penstock::mapping {
namespace {

bool is_empty(const Value& value) {
  return value.missing() || (value.is(Value::Kind::string) && value.string().empty());
}

std::string length_text(std::uint64_t length) {
  return std::to_string(length) + (length == 1 ? " character" : " characters");
}

std::string choices_text(const std::vector<Choice>& choices) {
  std::string out;
  for (const Choice& choice : choices) out += (out.empty() ? "" : ", ") + choice.value;
  return choices.size() == 1 ? out : "one of " + out;
}

}  // namespace

FieldRules::FieldRules(std::uint32_t field, const InputSpec& spec, bool hide)
    : field_(field), spec_(&spec), hide_(hide || spec.personal_data || spec.secret) {}

bool FieldRules::takes_any_text() const {
  const bool text = spec_->type == ValueType::string || spec_->type == ValueType::json;
  return text && !spec_->multiple && spec_->choices.empty() && !spec_->min_length &&
         !spec_->max_length && spec_->format == TextFormat::any;
}

FieldRules::Outcome FieldRules::fill(const Value& value, Workspace& work, penstock_value& out,
                                     Faults& faults) const {
  out = absent_value();
  if (value.is(Value::Kind::null) && spec_->allow_null) {
    out = null_value();
    return Outcome::filled;
  }
  if (is_empty(value)) return Outcome::empty;
  if (spec_->multiple) return fill_list(value, work, out, faults);
  // json takes a list as it is; elsewhere a list of one stands for its item.
  if (value.is(Value::Kind::list) && value.size() == 1 && spec_->type != ValueType::json) {
    const Value item = value.item(0);
    if (is_empty(item)) return fill(item, work, out, faults);
    return fill_one(item, work, out, faults) ? Outcome::filled : Outcome::invalid;
  }
  return fill_one(value, work, out, faults) ? Outcome::filled : Outcome::invalid;
}

FieldRules::Outcome FieldRules::fill_list(const Value& value, Workspace& work, penstock_value& out,
                                          Faults& faults) const {
  std::string json = "[";
  bool valid = true;
  const auto add = [&](const Value& item) {
    penstock_value coerced{};
    if (is_empty(item) && !(spec_->allow_null && item.is(Value::Kind::null))) return;
    if (item.is(Value::Kind::null)) {
      coerced = null_value();
    } else if (!fill_one(item, work, coerced, faults)) {
      valid = false;
      return;
    }
    if (json.size() > 1) json += ',';
    append_value_json(json, coerced);
  };
  if (value.is(Value::Kind::list)) {
    value.for_each_item(add);
  } else {
    add(value);
  }
  if (!valid) return Outcome::invalid;
  if (json.size() == 1) return Outcome::empty;
  json += ']';
  const Value made = work.text(json);
  if (!made.is(Value::Kind::string)) return Outcome::empty;  // too large; the workspace says so
  out = text_value(made.string());
  out.type = PENSTOCK_JSON;
  return Outcome::filled;
}

bool FieldRules::fill_one(const Value& value, Workspace& work, penstock_value& out,
                          Faults& faults) const {
  penstock_value coerced{};
  if (!coerce(value, spec_->type, work, coerced)) {
    report(expectation(spec_->type), describe_found(value, hide_), faults);
    return false;
  }
  if (!check(value, coerced, faults)) return false;
  out = coerced;
  return true;
}

bool FieldRules::check(const Value& value, const penstock_value& coerced, Faults& faults) const {
  const bool choice_fits = check_choice(value, coerced, faults);
  if (coerced.type != PENSTOCK_STRING) return choice_fits;
  const std::string_view text(coerced.as.str.data, coerced.as.str.size);
  const bool length_fits = check_length(text, faults);
  const bool format_fits = check_format(value, text, faults);
  return choice_fits && length_fits && format_fits;
}

bool FieldRules::check_choice(const Value& value, const penstock_value& coerced,
                              Faults& faults) const {
  if (spec_->choices.empty()) return true;
  std::string text;
  append_value_text(text, coerced);
  const bool known = std::any_of(spec_->choices.begin(), spec_->choices.end(),
                                 [&](const Choice& choice) { return choice.value == text; });
  if (!known) report(choices_text(spec_->choices), describe_found(value, hide_), faults);
  return known;
}

bool FieldRules::check_length(std::string_view text, Faults& faults) const {
  if (!spec_->min_length && !spec_->max_length) return true;
  const std::uint64_t length = count_code_points(text);
  if (spec_->min_length && length < *spec_->min_length) {
    report("at least " + length_text(*spec_->min_length), length_text(length), faults);
    return false;
  }
  if (spec_->max_length && length > *spec_->max_length) {
    report("at most " + length_text(*spec_->max_length), length_text(length), faults);
    return false;
  }
  return true;
}

bool FieldRules::check_format(const Value& value, std::string_view text, Faults& faults) const {
  const char* expected = nullptr;
  if (spec_->type == ValueType::url || spec_->format == TextFormat::uri) {
    if (!is_uri(text)) expected = "a URL such as https://example.com/page";
  } else if (spec_->format == TextFormat::email) {
    if (!is_email(text)) expected = "an e-mail address";
  } else if (spec_->format == TextFormat::date_time) {
    if (!is_date_time(text)) expected = "a date and time such as 2026-02-28T12:30:00Z";
  }
  if (expected != nullptr) report(expected, describe_found(value, hide_), faults);
  return expected == nullptr;
}

void FieldRules::report_missing(const Value& value, Faults& faults) const {
  report("a value", describe_found(value, hide_), faults);
}

void FieldRules::report(std::string expected, std::string found, Faults& faults) const {
  faults.add({field_, spec_->label.empty() ? spec_->name : spec_->label, std::move(expected),
              std::move(found)});
}

}  // namespace penstock::mapping
