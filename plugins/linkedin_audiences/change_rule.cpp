#include "change_rule.hpp"

#include <string>

#include "sync_mode.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::string_view kJourneyStep = "journey_step";

}  // namespace

void ChangeRule::bind(sdk::FieldBinder& fields) {
  source_segment_id_ = fields.bind("source_segment_id");
  event_computation_key_ = fields.bind("event_computation_key");
  event_name_ = fields.bind("event_name");
  membership_ = fields.bind("membership");
  computation_class_ = fields.bind("computation_class");
  sync_mode_ = fields.bind("sync_mode");
  row_change_ = fields.bind("row_change");
  action_ = fields.bind(action_field_);
}

std::int32_t ChangeRule::decide(const sdk::Record& record, std::string_view audience_key,
                                Auto automatic, Change& change, const sdk::Error& error) const {
  const std::string_view wanted = record[action_].text();
  if (const std::string_view mode = record[sync_mode_].text(); !mode.empty()) {
    const RowFate fate = fate_of_row(mode, record[row_change_].text(), wanted);
    if (!fate.change) return error.fail(fate.code, fate.reason, fate.field, fate.message);
    change = *fate.change;
    return PENSTOCK_OK;
  }
  if (wanted == "ADD" || wanted == "REMOVE") {
    change = wanted == "ADD" ? Change::add : Change::remove;
    const std::optional<Change> said = said_by(record);
    return said && *said != change ? reject_contradiction(change, error) : PENSTOCK_OK;
  }
  if (automatic == Auto::allowed && (wanted.empty() || wanted == "AUTO")) {
    return follow_event(record, audience_key, change, error);
  }
  return error.reject("action_unknown", action_field_,
                      automatic == Auto::allowed
                          ? std::string(action_field_) + " is none of AUTO, ADD and REMOVE"
                          : std::string(action_field_) +
                                " is neither ADD nor REMOVE, which it has to be where "
                                "audience_source is CONNECTIONS");
}

// A value of membership decides before the event's name.
std::optional<Change> ChangeRule::said_by(const sdk::Record& record) const {
  if (const std::optional<bool> member = record[membership_].as_bool()) {
    return *member ? Change::add : Change::remove;
  }
  return change_named_by(record[event_name_].text());
}

std::int32_t ChangeRule::follow_event(const sdk::Record& record, std::string_view audience_key,
                                      Change& change, const sdk::Error& error) const {
  const std::string_view source = record[source_segment_id_].text();
  if (!is_about(audience_key, source, record[event_computation_key_].text())) {
    return error.reject("audience_key_mismatch", "source_segment_id", why_not_about(source));
  }
  if (const std::optional<Change> said = said_by(record)) {
    change = *said;
    return PENSTOCK_OK;
  }
  // Who reaches a step of a journey is in it, and Segment need not say so. Null is a membership
  // that is there and means neither: then nothing is guessed.
  if (record[computation_class_].text() == kJourneyStep &&
      record[membership_].type() == PENSTOCK_ABSENT) {
    change = Change::add;
    return PENSTOCK_OK;
  }
  return error.reject("action_unknown", action_field_,
                      "the event does not say whether the " + std::string(member_) +
                          " entered or left the audience; set " + action_field_ +
                          " to ADD or REMOVE if the trigger alone decides");
}

std::int32_t ChangeRule::reject_contradiction(Change wanted, const sdk::Error& error) const {
  const bool adds = wanted == Change::add;
  return error.reject("contradicts_event", action_field_,
                      std::string(action_field_) + " is " + (adds ? "ADD" : "REMOVE") +
                          ", but the event says that the " + std::string(member_) +
                          (adds ? " left" : " entered") + "; set " + action_field_ +
                          " to AUTO, or narrow the trigger. If the event is about another "
                          "audience, set membership: " +
                          (adds ? "true" : "false"));
}

}  // namespace penstock::linkedin
