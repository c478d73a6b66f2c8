#include "mapping/fixed_action.hpp"

#include <algorithm>
#include <variant>

#include "mapping/compiler.hpp"
#include "model/value.hpp"
#include "trigger/index.hpp"
#include "trigger/possibility.hpp"

namespace penstock::mapping {
namespace {

using Steps = std::vector<std::string>;

const Node* value_in(const std::vector<Node::Member>& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Node::Member& field) { return field.key == name; });
  return found != fields.end() ? &found->value : nullptr;
}

// "" where it is not a text that is the same for every event.
std::string literal_text(const Node& value) {
  const Node* literal = value_of_literal(value);
  const Node& text = literal != nullptr ? *literal : value;
  return text.kind == Node::Kind::string ? text.text : std::string();
}

bool is_key_of_audience(const Steps& steps) {
  return steps == Steps{"context", "personas", "computation_key"} ||
         steps == Steps{"properties", "audience_key"};
}

// The keys under which an event may say who is in: those that the trigger asks for, and what stands
// in the mapping's literals.
class Keys {
 public:
  Keys(const ActionSpec& action, const std::vector<Node::Member>& fields,
       const trigger::Expression& expression) {
    for (const InputSpec& spec : action.fields) {
      const Node* value = spec.literal ? value_in(fields, spec.name) : nullptr;
      if (value != nullptr) add(literal_text(*value));
    }
    collect(expression);
  }
  [[nodiscard]] const std::vector<std::string>& all() const { return keys_; }

  // Whether the trigger asks about an audience or about who is in it.
  [[nodiscard]] bool asked_about(const trigger::Expression& expression) const {
    const Steps& steps = expression.operand.steps;
    const bool personas = steps.size() >= 2 && steps[0] == "context" && steps[1] == "personas";
    const bool member = steps.size() == 2 && (steps[0] == "traits" || steps[0] == "properties") &&
                        std::find(keys_.begin(), keys_.end(), steps[1]) != keys_.end();
    return personas || member || is_key_of_audience(steps) ||
           std::any_of(expression.children.begin(), expression.children.end(),
                       [this](const trigger::Expression& child) { return asked_about(child); });
  }

 private:
  void add(std::string key) {
    if (!key.empty() && std::find(keys_.begin(), keys_.end(), key) == keys_.end())
      keys_.push_back(std::move(key));
  }
  void collect(const trigger::Expression& expression) {
    if (is_key_of_audience(expression.operand.steps)) {
      for (const trigger::Literal& literal : expression.literals) add(literal.text.value_or(""));
    }
    for (const trigger::Expression& child : expression.children) collect(child);
  }

  std::vector<std::string> keys_;
};

std::string as_json(std::string_view text) {
  std::string out;
  append_json(out, Value::of(text));
  return out;
}

// An event that says by `membership`, JSON, who is in.
trigger::Sketch event_with(const std::string& begin, const char* place, const Keys& keys,
                           const std::string& membership) {
  trigger::Sketch sketch;
  sketch.known = {{"type"}, {"event"}};
  sketch.json = begin + ",\"" + place + "\":{";
  for (const std::string& key : keys.all()) {
    if (sketch.json.back() != '{') sketch.json += ',';
    sketch.json += as_json(key) + ":" + membership;
    sketch.known.push_back({place, key});
  }
  sketch.json += "}}";
  return sketch;
}

// Segment writes booleans, and for the steps of older journeys their names.
template <typename MakeSketch>
bool can_hold_for(const trigger::Expression& expression, bool membership,
                  MakeSketch&& sketch_with) {
  const std::string word = membership ? "true" : "false";
  return trigger::can_hold(expression, sketch_with(word)) ||
         trigger::can_hold(expression, sketch_with(as_json(word)));
}

// Whether the trigger asks for some names of events, and this is one of them.
bool names_event(const trigger::Expression& expression, const std::string& name) {
  for (const trigger::Requirement& requirement : trigger::requirements_of(expression)) {
    const trigger::Condition& condition = requirement.front();
    if (requirement.size() > 1 || condition.steps != Steps{"event"}) continue;
    return std::any_of(condition.values.begin(), condition.values.end(),
                       [&](const trigger::IndexedValue& value) {
                         const auto* text = std::get_if<std::string>(&value);
                         return text != nullptr && *text == name;
                       });
  }
  return false;
}

}  // namespace

std::optional<Contradiction> contradiction_of(const ActionSpec& action,
                                              const std::vector<Node::Member>& fields,
                                              const trigger::Expression& expression) {
  if (!action.fixed_action) return std::nullopt;
  const FixedAction& rule = *action.fixed_action;
  const Node* said = value_in(fields, rule.unless);
  if (said != nullptr && is_literal(*said)) return std::nullopt;
  // There something else decides than the event's name or its membership.
  const auto& others = action.own_trigger_with;
  if (std::any_of(others.begin(), others.end(),
                  [&](const std::string& name) { return value_in(fields, name) != nullptr; })) {
    return std::nullopt;
  }
  const Node* value = value_in(fields, rule.field);
  if (value == nullptr) return std::nullopt;
  const std::string wanted = literal_text(*value);
  const auto opposite = rule.opposites.find(wanted);
  if (opposite == rule.opposites.end()) return std::nullopt;
  const std::string& event = opposite->second.event;
  const bool membership = opposite->second.membership;

  const Keys keys(action, fields, expression);
  const std::string start = rule.field + " is " + wanted + ", but the trigger ";
  const std::string follow = "leave " + rule.field + " out, so that the event decides, or ";
  const bool track = can_hold_for(expression, membership, [&](const std::string& word) {
    return event_with(R"({"type":"track","event":)" + as_json(event), "properties", keys, word);
  });
  if (track && names_event(expression, event)) {
    return Contradiction{
        value->location,
        start + "also lets " + as_json(event) + " through, which says the opposite",
        follow + "write a trigger without that name", true};
  }
  if (track) {
    return Contradiction{
        value->location,
        start + "does not keep out " + as_json(event) + ", which says the opposite",
        follow + "write the trigger as: (...) and event != " + trigger::quote_literal(event),
        false};
  }
  const char* const word = membership ? "true" : "false";
  const bool identify = keys.asked_about(expression) &&
                        can_hold_for(expression, membership, [&](const std::string& told) {
                          return event_with(R"({"type":"identify")", "traits", keys, told);
                        });
  if (!identify) return std::nullopt;
  return Contradiction{value->location,
                       start + "does not keep out an identify whose membership is " + word +
                           ", which says the opposite",
                       follow + "write the trigger as: (...) and traits." +
                           (keys.all().empty() ? std::string("KEY") : keys.all().front()) + " = " +
                           (membership ? "false" : "true"),
                       false};
}

}  // namespace penstock::mapping
