#include "mapping/program.hpp"

#include <optional>
#include <utility>

#include "mapping/fixed_action.hpp"

namespace penstock::mapping {
namespace {

std::uint32_t consent_field_of(const ActionSpec& action) {
  for (std::uint32_t i = 0; i < action.fields.size(); ++i) {
    if (action.fields[i].consent) return i;
  }
  return Program::kNoField;
}

void report(const Contradiction& found, const MappingConfig& mapping, bool strict,
            Diagnostics& diagnostics) {
  const std::string message = "mapping " + mapping.name + ": " + found.message;
  if (found.certain || strict) {
    diagnostics.error(found.location, message, found.hint);
  } else {
    diagnostics.warning(found.location, message + "; such an event becomes a dead letter",
                        found.hint);
  }
}

}  // namespace

std::unique_ptr<Program> compile(const PipelineConfig& config, Diagnostics& diagnostics,
                                 bool strict) {
  auto program = std::make_unique<Program>();
  const std::size_t errors_before = diagnostics.error_count();
  for (std::uint32_t d = 0; d < config.destinations.size(); ++d) {
    const DestinationConfig& destination = config.destinations[d];
    if (!destination.enabled || destination.plugin == nullptr) continue;
    const Consent* consent = nullptr;
    if (destination.respect_consent) {
      program->consents.push_back(std::make_unique<Consent>(*destination.respect_consent,
                                                            *destination.plugin, program->paths));
      consent = program->consents.back().get();
    }
    for (const MappingConfig& mapping : destination.mappings) {
      if (!mapping.enabled || mapping.action == nullptr) continue;
      std::optional<trigger::Expression> trigger;
      if (mapping.trigger) {
        const auto origin =
            mapping.default_trigger ? trigger::Origin::made : trigger::Origin::written;
        trigger = trigger::parse(*mapping.trigger, mapping.trigger_location, diagnostics, origin);
      }
      auto mapper = RecordMapper::compile(*mapping.action, mapping.fields, mapping.location,
                                          program->paths, diagnostics, mapping.faulty_fields);
      if (trigger) {
        const auto contradiction = contradiction_of(*mapping.action, mapping.fields, *trigger);
        if (contradiction) report(*contradiction, mapping, strict, diagnostics);
      }
      if (!trigger || mapper == nullptr) continue;
      program->triggers.add(*trigger, program->paths);
      const auto action =
          static_cast<std::uint32_t>(mapping.action - destination.plugin->actions.data());
      program->mappings.push_back({d, action, mapping.action, &mapping, std::move(mapper), nullptr,
                                   false, consent, consent_field_of(*mapping.action)});
    }
  }
  if (diagnostics.error_count() > errors_before) return nullptr;
  program->user_id = program->paths.intern({"userId"});
  program->triggers.freeze();
  auto paths = program->paths.paths();
  // The length of a text tells of the text, and the text is what stands in the event. Behind a root
  // stands a key of that name: roots are maps.
  constexpr std::size_t kRootAndKey = 2;
  for (std::vector<std::string>& path : paths) {
    if (path.size() > kRootAndKey && path.back() == "length") path.pop_back();
  }
  std::vector<bool> added(paths.size());
  for (Program::Mapping& mapping : program->mappings) {
    for (const PathSlot slot : mapping.mapper->personal_slots()) {
      if (paths[slot].empty()) {
        mapping.whole_event_is_personal = true;
      } else if (!added[slot]) {
        program->personal.add(paths[slot]);
        added[slot] = true;
      }
    }
  }
  return program;
}

std::string told_json(const Program::Mapping& mapping) {
  const auto text = [](const std::string& value) { return Value::of(std::string_view(value)); };
  std::string json = R"({"mapping":)";
  append_json(json, text(mapping.config->name));
  json += R"(,"action":)";
  append_json(json, text(mapping.spec->name));
  json += R"(,"literals":)";
  mapping.mapper->append_literals_json(json);
  return json + '}';
}

std::string told_json(const Program& program, std::uint32_t destination) {
  std::string json = "[";
  for (const Program::Mapping& mapping : program.mappings) {
    if (mapping.destination != destination) continue;
    if (json.size() > 1) json += ',';
    json += told_json(mapping);
  }
  return json + ']';
}

}  // namespace penstock::mapping
