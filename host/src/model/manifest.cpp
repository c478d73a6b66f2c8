#include "model/manifest.hpp"

#include <algorithm>

namespace penstock {

const char* name_of(ValueType type) {
  switch (type) {
    case ValueType::string:
      return "string";
    case ValueType::integer:
      return "integer";
    case ValueType::number:
      return "number";
    case ValueType::boolean:
      return "boolean";
    case ValueType::duration:
      return "duration";
    case ValueType::size:
      return "size";
    case ValueType::url:
      return "url";
    case ValueType::json:
      return "json";
  }
  return "unknown";
}

const InputSpec* ActionSpec::find_field(const std::string& field_name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const InputSpec& field) {
    return field.name == field_name ||
           std::find(field.aliases.begin(), field.aliases.end(), field_name) != field.aliases.end();
  });
  return found == fields.end() ? nullptr : &*found;
}

const ActionSpec* PluginManifest::find_action(const std::string& action_name) const {
  const auto found = std::find_if(actions.begin(), actions.end(), [&](const ActionSpec& action) {
    return action.name == action_name;
  });
  return found == actions.end() ? nullptr : &*found;
}

}  // namespace penstock
