// Program: all triggers and mappings of a pipeline, compiled once at load and shared by all
// workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mapping/consent.hpp"
#include "mapping/masked_event.hpp"
#include "mapping/record_mapper.hpp"
#include "model/diagnostics.hpp"
#include "model/event.hpp"
#include "model/pipeline_config.hpp"
#include "plugin/instance.hpp"
#include "trigger/trigger.hpp"

namespace penstock::mapping {

// Immutable while workers run. Points into the PipelineConfig, which must outlive it.
struct Program {
  static constexpr std::uint32_t kNoField = UINT32_MAX;
  struct Mapping {
    std::uint32_t destination = 0;  // index into PipelineConfig::destinations
    std::uint32_t action = 0;       // index into the plugin manifest's actions
    const ActionSpec* spec = nullptr;
    const MappingConfig* config = nullptr;
    std::unique_ptr<RecordMapper> mapper;
    plugin::Instance* instance = nullptr;  // set before the first event
    bool whole_event_is_personal = false;  // a field with personal data reads it
    const Consent* consent = nullptr;      // of the destination, where it respects consent
    // The action's field that gets the refusal; kNoField where the plugin declares none.
    std::uint32_t consent_field = kNoField;
  };

  PathTable paths;
  trigger::TriggerSet triggers;  // ids are indexes into mappings
  std::vector<Mapping>
      mappings;          // the enabled ones of enabled destinations, in the order of the manifest
  PathSlot user_id = 0;  // of the event's userId
  PersonalPlaces personal;  // what any field with personal data reads, short of the whole event
  std::vector<std::unique_ptr<Consent>> consents;  // of the destinations that respect it
};

// All that is wrong is in diagnostics; null if there is an error. Of a pipeline that was read with
// faults (config::read_pipeline), what could be read is looked at. `strict`: what may go wrong,
// depending on the events, is an error and no warning.
[[nodiscard]] std::unique_ptr<Program> compile(const PipelineConfig& config,
                                               Diagnostics& diagnostics, bool strict = false);

// What plugins are told of a mapping, as one JSON object: its name, its action and the fields that
// are the same for every event (docs/plugin-authors.md, "Questions").
[[nodiscard]] std::string told_json(const Program::Mapping& mapping);
// The same of all mappings of a destination, as a JSON array: abi.h, penstock_config.
[[nodiscard]] std::string told_json(const Program& program, std::uint32_t destination);

}  // namespace penstock::mapping
