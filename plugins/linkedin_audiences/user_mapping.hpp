// From a record to one element of LinkedIn's users batch. Pure: the element, its keys and its
// warnings depend on record and settings only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "settings.hpp"

namespace penstock::linkedin {

class UserMapping {
 public:
  // Binds the fields of `action`. OK, or the error of a manifest that lacks one.
  [[nodiscard]] std::int32_t bind(const penstock_action& action, const sdk::Error& error);

  // [worker]
  [[nodiscard]] std::int32_t map(const Settings& settings, const sdk::Record& record,
                                 const sdk::Emitter& emitter, const sdk::Error& error) const;

 private:
  sdk::Field audience_key_, source_segment_id_, event_computation_key_, email_, advertising_id_,
      first_name_, last_name_, title_, company_, country_, event_name_, membership_, user_action_,
      consent_withheld_, sync_mode_, row_change_;
};

}  // namespace penstock::linkedin
