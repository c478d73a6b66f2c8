#include "mapping/record_mapper.hpp"

#include <algorithm>

namespace penstock::mapping {

bool RecordMapper::resolve(const EventView& event, Arena& arena, penstock_value* out,
                           Faults& faults) const {
  faults.clear();
  std::copy(constants_.begin(), constants_.end(), out);
  Workspace work(arena);
  for (const DynamicField& field : dynamic_) {
    penstock_value& target = out[field.field];
    if (field.slot != kNoSlot) {
      // By far most fields end here: a path, and text that is taken as it is.
      const Value& value = (*event.slots)[field.slot];
      if (field.takes_any_text && value.is(Value::Kind::string) && !value.string().empty()) {
        target = text_value(value.string());
        continue;
      }
      if (field.absent_is_fine && value.is(Value::Kind::absent)) continue;
      if (!fill(field, value, work, target, faults)) return false;
    } else if (!fill(field, field.expression->evaluate(event, work), work, target, faults)) {
      return false;
    }
  }
  if (!requirements_.empty()) check_requirements(out, faults);
  return faults.empty();
}

// False when the record needs no further look.
bool RecordMapper::fill(const DynamicField& field, const Value& value, Workspace& work,
                        penstock_value& out, Faults& faults) const {
  if (field.takes_any_text && value.is(Value::Kind::string) && !value.string().empty()) {
    out = text_value(value.string());
    return true;
  }
  const FieldRules& rules = rules_[field.field];
  // A value that directives made may share parts, so that its text is far larger than itself.
  const bool fits = field.slot != kNoSlot || work.text_fits(value);
  if (fits && rules.fill(value, work, out, faults) == FieldRules::Outcome::empty &&
      rules.spec().required) {
    rules.report_missing(value, faults);
  }
  if (!work.exceeded()) return true;
  out = absent_value();
  rules.report("at most " + std::to_string(kMaxMadeBytes) + " bytes made from one event", "more",
               faults);
  return false;
}

void RecordMapper::check_requirements(const penstock_value* values, Faults& faults) const {
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (values[requirement.field].type != PENSTOCK_ABSENT) continue;
    const bool applies = std::all_of(
        requirement.conditions.begin(), requirement.conditions.end(), [&](const auto& condition) {
          const auto& [field, wanted] = condition;
          if (values[field].type == PENSTOCK_ABSENT) return false;
          text.clear();
          append_value_text(text, values[field]);
          return std::find(wanted.begin(), wanted.end(), text) != wanted.end();
        });
    if (!applies) continue;
    const bool already_faulty =
        std::any_of(faults.entries().begin(), faults.entries().end(),
                    [&](const Fault& fault) { return fault.field == requirement.field; });
    if (already_faulty) continue;
    std::string why;
    for (const auto& [field, wanted] : requirement.conditions) {
      const FieldRules& cause = rules_[field];
      why += (why.empty() ? "" : " and ") + cause.spec().name;
      if (cause.hides_values()) {
        why += " is set as it is";
        continue;
      }
      text.clear();
      append_value_text(text, values[field]);
      why += " is " + text;
    }
    rules_[requirement.field].report("a value, because " + why, "nothing", faults);
  }
}

void RecordMapper::append_literals_json(std::string& out) const {
  append_fields_json(out, action_, constants_.data());
}

void append_fields_json(std::string& out, const ActionSpec& action, const penstock_value* values) {
  out += '{';
  bool first = true;
  for (std::size_t i = 0; i < action.fields.size(); ++i) {
    if (values[i].type == PENSTOCK_ABSENT) continue;
    if (!first) out += ',';
    first = false;
    append_json(out, Value::of(std::string_view(action.fields[i].name)));
    out += ':';
    append_value_json(out, values[i]);
  }
  out += '}';
}

}  // namespace penstock::mapping
