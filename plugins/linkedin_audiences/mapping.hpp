// From a record to one element of LinkedIn's users batch. Pure: the element, its keys and its
// warnings depend on record and settings only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "settings.hpp"

namespace penstock::linkedin {

// The one audience that a batch belongs to; its batch key says which.
struct Audience {
  std::string key;   // LinkedIn's sourceSegmentId
  std::string name;  // for the segment, should it have to be created
};

// A JSON array [key, name]: readable in a dead letter, and unambiguous.
void append_batch_key(std::string_view key, std::string_view name, std::string& out);
// False when `batch_key` is not what append_batch_key writes.
[[nodiscard]] bool parse_batch_key(std::string_view batch_key, Audience& audience);

class Mapping {
 public:
  // Binds the fields of `action`. OK, or the error of a manifest that lacks one.
  [[nodiscard]] std::int32_t bind(const penstock_action& action, const sdk::Error& error);

  // [worker]
  [[nodiscard]] std::int32_t map(const Settings& settings, const sdk::Record& record,
                                 const sdk::Emitter& emitter, const sdk::Error& error) const;

 private:
  sdk::Field audience_key_, segment_name_, source_segment_id_, email_, advertising_id_, first_name_,
      last_name_, title_, company_, country_, event_name_, membership_, user_action_;
};

}  // namespace penstock::linkedin
