// Reverse ETL: what the change of a warehouse's row does to the audience under a sync mode.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "audience.hpp"

namespace penstock::linkedin {

struct RowFate {
  std::optional<Change> change;  // nothing: the rest says why
  std::int32_t code = 0;         // PENSTOCK_SKIP or PENSTOCK_REJECT
  std::string_view reason;
  std::string_view field;
  std::string_view message;
};

// `mode` is add, update, upsert, mirror or delete. `row_change` is Segment's word (new, updated,
// deleted) or RudderStack's (insert, update, delete). `fixed_action` is what the mapping's action
// field says, which must leave the decision to the row.
//
//            new     updated   deleted
//   add      add     add       -
//   update   -       add       -
//   upsert   add     add       -
//   mirror   add     add       remove
//   delete   -       -         remove
//
// LinkedIn's ADD of somebody who is in changes nothing, so that "add" may repeat it. A row that is
// gone never adds, and one that is there never removes.
[[nodiscard]] RowFate fate_of_row(std::string_view mode, std::string_view row_change,
                                  std::string_view fixed_action);

}  // namespace penstock::linkedin
