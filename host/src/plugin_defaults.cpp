#include "plugin_defaults.hpp"

#include "config/default_trigger.hpp"
#include "mapping/record_mapper.hpp"
#include "trigger/trigger.hpp"

namespace penstock {

void check_defaults(const PluginManifest& plugin, Diagnostics& diagnostics) {
  for (const ActionSpec& action : plugin.actions) {
    std::vector<std::string> left_to_users;
    for (const InputSpec& field : action.fields) {
      if (!field.default_value) left_to_users.push_back(field.name);
    }
    PathTable paths;
    (void)mapping::RecordMapper::compile(action, {}, action.location, paths, diagnostics,
                                         left_to_users);
    if (action.default_trigger.empty()) continue;
    (void)trigger::parse(config::sample_of_default_trigger(action.default_trigger),
                         action.default_trigger_location, diagnostics, trigger::Origin::manifest);
  }
}

}  // namespace penstock
