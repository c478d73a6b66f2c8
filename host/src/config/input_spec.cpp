#include "config/input_spec.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/input_value.hpp"
#include "config/schema.hpp"
#include "model/value.hpp"

namespace penstock::config {
namespace {

// Longer texts than any event holds (kMaxEventBytes) cannot be asked for.
constexpr std::uint64_t kMostCharacters = 1024 * 1024;

struct NamedType {
  const char* name;
  ValueType type;
};
constexpr NamedType kTypes[] = {{"string", ValueType::string},     {"integer", ValueType::integer},
                                {"number", ValueType::number},     {"boolean", ValueType::boolean},
                                {"duration", ValueType::duration}, {"size", ValueType::size},
                                {"url", ValueType::url},           {"json", ValueType::json}};

struct NamedFormat {
  const char* name;
  TextFormat format;
};
constexpr NamedFormat kFormats[] = {
    {"email", TextFormat::email}, {"uri", TextFormat::uri}, {"date-time", TextFormat::date_time}};

// The entry of a table with this name; an unknown name is reported.
template <typename Entry, std::size_t Count>
const Entry* choose(MapReader& map, std::string_view key, const Entry (&table)[Count]) {
  const std::optional<std::string> text = map.text(key);
  if (!text) return nullptr;
  std::vector<std::string> names;
  for (const Entry& entry : table) {
    if (*text == entry.name) return &entry;
    names.emplace_back(entry.name);
  }
  map.diagnostics().error(map.find(key)->location,
                          map.label(key) + ": " + in_quotes(*text) + " is not known",
                          suggestion(*text, names));
  return nullptr;
}

// The text of a choice or condition as values of the type are compared: 1.0 as a number is 1.
std::string comparable_text(std::string text, ValueType type) {
  if (type != ValueType::number) return text;
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return text;
  std::string out;
  append_javascript_number(out, number);
  return out;
}

class InputReader {
 public:
  InputReader(const Node::Member& member, const std::string& path, InputRole role,
              Diagnostics& diagnostics)
      : role_(role),
        diagnostics_(diagnostics),
        map_(member.value, path + "." + member.key, diagnostics) {
    input_.name = member.key;
    input_.location = member.location;
    check_name(member.key, role == InputRole::setting ? "a setting" : "a field", member.location,
               diagnostics);
  }

  InputSpec read() {
    input_.label = map_.required_text("label", "label: Account ID");
    input_.description = map_.text("description").value_or("");
    if (const NamedType* type = choose(map_, "type", kTypes)) {
      input_.type = type->type;
    } else if (map_.find("type") == nullptr) {
      (void)map_.require("type", "type: string");
    }
    input_.multiple = map_.boolean("multiple").value_or(false);
    input_.required = map_.boolean("required").value_or(false);
    input_.secret = map_.boolean("secret").value_or(false);
    input_.advanced = map_.boolean("advanced").value_or(false);
    if (role_ == InputRole::field) {
      input_.literal = map_.boolean("literal").value_or(false);
      input_.trim = map_.boolean("trim").value_or(false);
      if (input_.trim && (!input_.literal || input_.type != ValueType::string || input_.multiple)) {
        error(*map_.find("trim"), "trim", "is for literals of type string",
              "add literal: true, or remove it");
      }
      input_.allow_null = map_.boolean("allow_null").value_or(false);
      read_category();
      input_.consent = map_.boolean("consent").value_or(false);
      input_.aliases = map_.texts("aliases");
      input_.hints = map_.texts_by_name("hints");
    }
    read_choices();
    read_text_limits();
    read_required_if();
    read_default();
    if (input_.consent) check_consent();
    map_.finish();
    return std::move(input_);
  }

 private:
  void error(const Node& node, std::string_view key, const std::string& message,
             std::string hint = {}) {
    diagnostics_.error(node.location, map_.label(key) + ": " + message, std::move(hint));
  }

  void read_category() {
    const std::optional<std::string> category = map_.text("category");
    if (!category) return;
    input_.personal_data = *category == "personal_data";
    if (!input_.personal_data) {
      error(*map_.find("category"), "category", in_quotes(*category) + " is not known",
            suggestion(*category, {"personal_data"}));
    }
  }

  void read_choices() {
    const Node* list = map_.find("choices");
    if (list == nullptr) return;
    if (!list->is(Node::Kind::list) || list->items.empty()) {
      error(*list, "choices", "expected a list of values, found " + describe(*list),
            "write it as in: choices: [AUTO, ADD, REMOVE]");
      return;
    }
    std::set<std::string> seen;
    for (const Node& item : list->items) {
      Choice choice;
      const Node* value = &item;
      if (item.is(Node::Kind::map)) {
        MapReader entry(item, map_.label("choices"), diagnostics_);
        value = entry.require("value", "{value: ADD, label: Add to the audience}");
        choice.label = entry.text("label").value_or("");
        entry.finish();
        if (value == nullptr) continue;
      }
      if (!value->is_scalar() || value->is(Node::Kind::null)) {
        error(*value, "choices", "expected a text, number or boolean, found " + describe(*value));
        continue;
      }
      choice.value = comparable_text(value->text, input_.type);
      if (choice.label.empty()) choice.label = choice.value;
      if (!seen.insert(choice.value).second) {
        error(*value, "choices", in_quotes(choice.value) + " is given twice");
      }
      input_.choices.push_back(std::move(choice));
    }
    if (input_.type == ValueType::json || input_.type == ValueType::duration ||
        input_.type == ValueType::size) {
      error(*list, "choices",
            std::string("an input of type ") + name_of(input_.type) + " takes no choices");
    }
  }

  void read_text_limits() {
    input_.min_length = map_.count("min_length", 0, kMostCharacters);
    input_.max_length = map_.count("max_length", 1, kMostCharacters);
    if (input_.min_length && input_.max_length && *input_.min_length > *input_.max_length) {
      error(*map_.find("min_length"), "min_length",
            std::to_string(*input_.min_length) + " is more than max_length (" +
                std::to_string(*input_.max_length) + ")");
    }
    if (const NamedFormat* format = choose(map_, "format", kFormats))
      input_.format = format->format;
    if (role_ == InputRole::setting) {
      if (const std::optional<std::string> pattern = map_.text("pattern")) {
        const std::string fault = fault_of_pattern(*pattern);
        if (fault.empty()) {
          input_.pattern = *pattern;
        } else {
          error(*map_.find("pattern"), "pattern",
                in_quotes(*pattern) + " cannot be used as a regular expression: " + fault);
        }
      }
    }
    for (const char* key : {"min_length", "max_length", "format", "pattern"}) {
      const Node* node = role_ == InputRole::field && std::string_view(key) == "pattern"
                             ? nullptr
                             : map_.find(key);
      if (node != nullptr && input_.type != ValueType::string) {
        error(*node, key,
              std::string("only inputs of type string have it; this one is of type ") +
                  name_of(input_.type));
      }
    }
  }

  void read_required_if() {
    const Node* node = map_.find("required_if");
    if (node == nullptr) return;
    if (!node->is(Node::Kind::map) || node->members.empty()) {
      error(*node, "required_if",
            "expected a map of inputs and their values, found " + describe(*node),
            "write it as in: required_if: {operation: [create, upsert]}");
      return;
    }
    for (const Node::Member& member : node->members) {
      std::vector<std::string> values;
      const auto add = [&](const Node& value) {
        if (value.is_scalar() && !value.is(Node::Kind::null)) {
          values.push_back(value.text);
        } else {
          error(value, "required_if", "expected a value to compare with, found " + describe(value));
        }
      };
      if (member.value.is(Node::Kind::list)) {
        for (const Node& value : member.value.items) add(value);
      } else {
        add(member.value);
      }
      input_.required_if.emplace_back(member.key, std::move(values));
    }
    if (input_.required) {
      error(*node, "required_if", "the input is required anyway",
            "keep one of required, required_if");
    }
  }

  void read_default() {
    const Node* node = map_.find("default");
    if (node == nullptr) return;
    input_.default_value = *node;
    if (role_ == InputRole::setting) {
      if (input_.secret) error(*node, "default", "a secret has no default");
      (void)read_input_value(input_, *node, map_.label("default"), diagnostics_);
      return;
    }
    // An expression is checked where mappings are compiled; a plain value can be checked here.
    const bool path = node->is(Node::Kind::string) && node->text.starts_with("$.");
    if (input_.literal && (path || !node->is_scalar())) {
      error(*node, "default", "a literal input takes a plain value, found " + describe(*node));
    } else if (node->is_scalar() && !path && !node->is(Node::Kind::null)) {
      (void)read_input_value(input_, *node, map_.label("default"), diagnostics_);
    }
  }

  // The host fills it with a reason, or not at all.
  void check_consent() {
    if (input_.type == ValueType::string && !input_.multiple && !input_.required &&
        !input_.literal && input_.required_if.empty() && !input_.default_value &&
        input_.choices.empty()) {
      return;
    }
    error(*map_.find("consent"), "consent",
          "such a field is filled by the host with a text or left out, so it is of type string and "
          "has no default, choices, literal, multiple, required or required_if");
  }

  InputRole role_;
  Diagnostics& diagnostics_;
  MapReader map_;
  InputSpec input_;
};

}  // namespace

std::vector<InputSpec> read_inputs(const Node& node, const std::string& path, InputRole role,
                                   Diagnostics& diagnostics) {
  std::vector<InputSpec> inputs;
  if (node.is(Node::Kind::null)) return inputs;
  if (!node.is(Node::Kind::map)) {
    diagnostics.error(node.location, path + ": expected a map of inputs, found " + describe(node));
    return inputs;
  }
  std::vector<std::string> names;
  for (const Node::Member& member : node.members) {
    inputs.push_back(InputReader(member, path, role, diagnostics).read());
    names.push_back(member.key);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    InputSpec& input = inputs[i];
    for (auto& [other, values] : input.required_if) {
      const auto cause = std::find(names.begin(), names.end(), other);
      if (other != input.name && cause != names.end()) {
        const ValueType type = inputs[static_cast<std::size_t>(cause - names.begin())].type;
        for (std::string& value : values) value = comparable_text(std::move(value), type);
        continue;
      }
      Location place;
      for (const Node::Member& condition : node.members[i].value.find("required_if")->members) {
        if (condition.key == other) place = condition.location;
      }
      diagnostics.error(std::move(place),
                        path + "." + input.name + ".required_if: " +
                            (other == input.name ? in_quotes(other) + " is the input itself"
                                                 : "there is no input " + in_quotes(other)),
                        suggestion(other, names));
    }
  }
  return inputs;
}

}  // namespace penstock::config
