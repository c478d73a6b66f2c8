// From a record to one element of LinkedIn's users batch. Pure: the element, its keys and its
// warnings depend on record and settings only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "change_rule.hpp"
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
  ChangeRule change_{"dmp_user_action", "person"};
  sdk::Field audience_key_, email_, advertising_id_, ad_tracking_, device_type_, first_name_,
      last_name_, title_, company_, country_, consent_withheld_;
};

}  // namespace penstock::linkedin
