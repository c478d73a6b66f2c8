// RecordMapper: from an event to the values of an action's fields. The public face of the mapping
// stage.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mapping/expression.hpp"
#include "mapping/faults.hpp"
#include "mapping/field_rules.hpp"
#include "model/arena.hpp"
#include "model/diagnostics.hpp"
#include "model/event.hpp"
#include "model/manifest.hpp"
#include "model/node.hpp"
#include "penstock/abi.h"

namespace penstock::mapping {

// The fields of one mapping, compiled. Immutable, so any number of workers may share it.
class RecordMapper {
 public:
  // Compiles what the user wrote under `fields`, and the manifest's defaults for what is not there.
  // Constant values are coerced and checked here. Null after errors were reported, each with its
  // place; `mapping` is the place for what is missing. Fields in `left_out` are not looked at: what
  // is wrong with them was reported. The action must outlive the mapper; `paths` gets the paths
  // that it asks about.
  static std::unique_ptr<RecordMapper> compile(const ActionSpec& action,
                                               const std::vector<Node::Member>& fields,
                                               const Location& mapping, PathTable& paths,
                                               Diagnostics& diagnostics,
                                               const std::vector<std::string>& left_out = {});
  RecordMapper(const RecordMapper&) = delete;
  RecordMapper& operator=(const RecordMapper&) = delete;

  // [worker] Fills `out`, one value per field of the action in its order. The event's slots must
  // have been extracted with the PathTable of compile(). Texts live in the event, the arena or the
  // mapper. False: the record is invalid, and `faults` says all that is wrong with it; a faulty
  // field is then absent in `out`.
  bool resolve(const EventView& event, Arena& arena, penstock_value* out, Faults& faults) const;

  // Appends the fields whose value is the same for all events as one JSON object.
  void append_literals_json(std::string& out) const;

  [[nodiscard]] const ActionSpec& action() const { return action_; }
  [[nodiscard]] std::size_t field_count() const { return constants_.size(); }
  // Of all paths that the fields with personal data read; may name a slot twice.
  [[nodiscard]] const std::vector<PathSlot>& personal_slots() const { return personal_slots_; }

 private:
  class Builder;

  // A field whose value depends on the event.
  struct DynamicField {
    std::uint32_t field;
    PathSlot slot;        // kNoSlot unless the expression is nothing but a path
    bool takes_any_text;  // see FieldRules
    bool absent_is_fine;  // not required
    ExpressionPtr expression;
  };
  static constexpr PathSlot kNoSlot = UINT32_MAX;

  // A field that is required when other fields have certain values.
  struct Requirement {
    std::uint32_t field;
    std::vector<std::pair<std::uint32_t, std::vector<std::string>>>
        conditions;  // field, its values
  };

  explicit RecordMapper(const ActionSpec& action) : action_(action) {}
  bool fill(const DynamicField& field, const Value& value, Workspace& work, penstock_value& out,
            Faults& faults) const;
  void check_requirements(const penstock_value* values, Faults& faults) const;

  const ActionSpec& action_;
  Arena memory_;  // what constants refer to
  std::vector<penstock_value>
      constants_;                  // every field's value as far as it is the same for all events
  std::vector<FieldRules> rules_;  // by field
  std::vector<DynamicField> dynamic_;
  std::vector<Requirement> requirements_;
  std::vector<PathSlot> personal_slots_;
};

// Appends the fields of a record as one JSON object, without those that are absent. What it shows
// may be personal data: for `try` only.
void append_fields_json(std::string& out, const ActionSpec& action, const penstock_value* values);

}  // namespace penstock::mapping
