// How a RecordMapper is compiled.
#include <algorithm>
#include <optional>

#include "mapping/compiler.hpp"
#include "mapping/record_mapper.hpp"

namespace penstock::mapping {
namespace {

bool holds_interpolated(const Node& node) {
  return node.interpolated ||
         std::any_of(node.items.begin(), node.items.end(), holds_interpolated) ||
         std::any_of(node.members.begin(), node.members.end(),
                     [](const Node::Member& member) { return holds_interpolated(member.value); });
}

std::string name_in_message(const InputSpec& spec) {
  std::string out = "field \"" + spec.name + "\"";
  if (!spec.label.empty() && spec.label != spec.name) out += " (" + spec.label + ")";
  return out;
}

// A plain number that a person wrote for a text is that text: 1.10 is not 1.1, and keys may have
// more digits than a double. What default triggers compare with is the same text.
Node as_text(const Node& written) {
  const Node* literal = value_of_literal(written);
  const Node& value = literal != nullptr ? *literal : written;
  if (!value.is(Node::Kind::integer) && !value.is(Node::Kind::number)) return written;
  return Node::of_string(value.text, value.location);
}

}  // namespace

class RecordMapper::Builder {
 public:
  Builder(RecordMapper& mapper, PathTable& paths, Diagnostics& diagnostics)
      : mapper_(mapper), diagnostics_(diagnostics), compiler_(paths, mapper.memory_, diagnostics) {}

  void build(const std::vector<Node::Member>& fields, const Location& mapping,
             const std::vector<std::string>& left_out) {
    report_unknown(fields);
    const std::vector<InputSpec>& specs = mapper_.action_.fields;
    mapper_.constants_.assign(specs.size(), absent_value());
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      mapper_.rules_.emplace_back(i, specs[i], false);
      add_requirement(i);
    }
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      if (std::find(left_out.begin(), left_out.end(), specs[i].name) != left_out.end()) continue;
      const auto mapped =
          std::find_if(fields.begin(), fields.end(),
                       [&](const Node::Member& member) { return member.key == specs[i].name; });
      if (mapped != fields.end()) {
        add_field(i, mapped->value);
      } else if (specs[i].default_value) {
        add_field(i, *specs[i].default_value);
      } else if (specs[i].required) {
        diagnostics_.error(mapping, name_in_message(specs[i]) + " is required and has no default",
                           "map it: fields: {" + specs[i].name + ": ...}");
      }
    }
    for (const Requirement& requirement : mapper_.requirements_) {
      check_requirement(requirement, mapping, left_out);
    }
  }

 private:
  void report_unknown(const std::vector<Node::Member>& fields) {
    std::vector<std::string> names;
    for (const InputSpec& spec : mapper_.action_.fields) names.push_back(spec.name);
    for (const Node::Member& member : fields) {
      if (std::find(names.begin(), names.end(), member.key) != names.end()) continue;
      diagnostics_.error(
          member.location,
          "action \"" + mapper_.action_.name + "\" has no field \"" + member.key + "\"",
          suggestion(member.key, names));
    }
  }

  void add_requirement(std::uint32_t field) {
    const InputSpec& spec = mapper_.action_.fields[field];
    if (spec.required_if.empty()) return;
    Requirement requirement{field, {}};
    for (const auto& [name, values] : spec.required_if) {
      if (const auto other = field_named(name)) {
        requirement.conditions.emplace_back(*other, values);
      } else {
        diagnostics_.error(spec.location, name_in_message(spec) +
                                              ": required_if names the field \"" + name +
                                              "\", which the action does not have");
      }
    }
    mapper_.requirements_.push_back(std::move(requirement));
  }

  // What the same values of every event require must be there, or every record would be invalid.
  void check_requirement(const Requirement& requirement, const Location& mapping,
                         const std::vector<std::string>& left_out) {
    const auto filled_from_events = [&](std::uint32_t field) {
      return std::any_of(mapper_.dynamic_.begin(), mapper_.dynamic_.end(),
                         [&](const DynamicField& dynamic) { return dynamic.field == field; });
    };
    const InputSpec& spec = mapper_.action_.fields[requirement.field];
    if (filled_from_events(requirement.field) ||
        mapper_.constants_[requirement.field].type != PENSTOCK_ABSENT ||
        std::find(left_out.begin(), left_out.end(), spec.name) != left_out.end()) {
      return;
    }
    std::string why;
    for (const auto& [field, wanted] : requirement.conditions) {
      if (filled_from_events(field)) return;
      std::string text;
      append_value_text(text, mapper_.constants_[field]);
      if (mapper_.constants_[field].type == PENSTOCK_ABSENT ||
          std::find(wanted.begin(), wanted.end(), text) == wanted.end()) {
        return;
      }
      why += (why.empty() ? "" : " and ") + mapper_.action_.fields[field].name;
      why += mapper_.rules_[field].hides_values() ? " is set as it is" : " is " + text;
    }
    diagnostics_.error(mapping, name_in_message(spec) + " is required, because " + why,
                       "map it: fields: {" + spec.name + ": ...}");
  }

  [[nodiscard]] std::optional<std::uint32_t> field_named(const std::string& name) const {
    const std::vector<InputSpec>& specs = mapper_.action_.fields;
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      if (specs[i].name == name) return i;
    }
    return std::nullopt;
  }

  void add_field(std::uint32_t field, const Node& written) {
    const InputSpec& spec = mapper_.action_.fields[field];
    if (spec.literal && !is_literal(written)) {
      diagnostics_.error(written.location,
                         name_in_message(spec) +
                             " must be a literal, the same for every event; found an expression",
                         "write the value itself");
      return;
    }
    // Also what an event adds to such a text is not shown.
    mapper_.rules_[field] = FieldRules(field, spec, holds_interpolated(written));
    const std::size_t errors = diagnostics_.error_count();
    compiler_.record_slots(spec.personal_data ? &mapper_.personal_slots_ : nullptr);
    ExpressionPtr expression =
        compiler_.compile(spec.type == ValueType::string ? as_text(written) : written);
    if (diagnostics_.error_count() != errors) return;
    if (const Value* constant = expression->constant()) {
      add_constant(field, written, *constant);
      return;
    }
    const PathSlot slot = expression->slot().value_or(kNoSlot);
    mapper_.dynamic_.push_back({field, slot, mapper_.rules_[field].takes_any_text(), !spec.required,
                                std::move(expression)});
  }

  void add_constant(std::uint32_t field, const Node& written, const Value& constant) {
    const InputSpec& spec = mapper_.action_.fields[field];
    const FieldRules& rules = mapper_.rules_[field];
    Workspace work(mapper_.memory_);
    Faults faults;
    if (!work.text_fits(constant)) {
      rules.report("at most " + std::to_string(kMaxMadeBytes) + " bytes", "more", faults);
    } else if (rules.fill(constant, work, mapper_.constants_[field], faults) ==
                   FieldRules::Outcome::empty &&
               spec.required) {
      rules.report_missing(constant, faults);
    }
    for (const Fault& fault : faults.entries()) {
      diagnostics_.error(
          written.location,
          name_in_message(spec) + ": expected " + fault.expected + ", found " + fault.found,
          hint_for(spec, written));
    }
  }

  static std::string hint_for(const InputSpec& spec, const Node& written) {
    if (spec.choices.empty() || !written.is(Node::Kind::string) || written.interpolated) return {};
    if (const auto hint = spec.hints.find(written.text); hint != spec.hints.end()) {
      return hint->second;
    }
    std::vector<std::string> values;
    for (const Choice& choice : spec.choices) values.push_back(choice.value);
    const std::string near = nearest(written.text, values);
    return near.empty() ? std::string() : "did you mean \"" + near + "\"?";
  }

  RecordMapper& mapper_;
  Diagnostics& diagnostics_;
  Compiler compiler_;
};

std::unique_ptr<RecordMapper> RecordMapper::compile(const ActionSpec& action,
                                                    const std::vector<Node::Member>& fields,
                                                    const Location& mapping, PathTable& paths,
                                                    Diagnostics& diagnostics,
                                                    const std::vector<std::string>& left_out) {
  const std::size_t errors = diagnostics.error_count();
  std::unique_ptr<RecordMapper> mapper(new RecordMapper(action));
  Builder(*mapper, paths, diagnostics).build(fields, mapping, left_out);
  return diagnostics.error_count() == errors ? std::move(mapper) : nullptr;
}

}  // namespace penstock::mapping
