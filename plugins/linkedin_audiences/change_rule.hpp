// Whether a record adds its member to the audience or removes it: what the mapping wants and what
// the event says, compared. The same for people and companies.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "audience.hpp"

namespace penstock::linkedin {

class ChangeRule {
 public:
  // `action_field` holds AUTO, ADD or REMOVE; `member` is what a member is called in a sentence.
  // Both must outlive this.
  ChangeRule(const char* action_field, std::string_view member)
      : action_field_(action_field), member_(member) {}

  void bind(sdk::FieldBinder& fields);

  // Whether AUTO is allowed: only events of Engage say who is in.
  enum class Auto : std::uint8_t { allowed, refused };

  // [worker] OK and the change, or the code of a rejection. Nothing is guessed: where the event
  // does not say whether the member is in, and where it says the opposite of what the mapping
  // wants, the record is rejected. Under a sync mode the change of the row decides (sync_mode.hpp),
  // and the record may be skipped.
  [[nodiscard]] std::int32_t decide(const sdk::Record& record, std::string_view audience_key,
                                    Auto automatic, Change& change, const sdk::Error& error) const;

 private:
  [[nodiscard]] std::optional<Change> said_by(const sdk::Record& record) const;
  [[nodiscard]] std::int32_t follow_event(const sdk::Record& record, std::string_view audience_key,
                                          Change& change, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t reject_contradiction(Change wanted, const sdk::Error& error) const;

  const char* action_field_;
  std::string_view member_;
  sdk::Field action_, source_segment_id_, event_computation_key_, event_name_, membership_,
      computation_class_, sync_mode_, row_change_;
};

}  // namespace penstock::linkedin
