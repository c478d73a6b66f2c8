#include "sync_mode.hpp"

#include <penstock/abi.h>

namespace penstock::linkedin {
namespace {

enum class RowChange : std::uint8_t { created, changed, gone };

std::optional<RowChange> row_change_of(std::string_view word) {
  if (word == "new" || word == "insert") return RowChange::created;
  if (word == "updated" || word == "update") return RowChange::changed;
  if (word == "deleted" || word == "delete") return RowChange::gone;
  return std::nullopt;
}

RowFate rejected(std::string_view field, std::string_view message) {
  return {std::nullopt, PENSTOCK_REJECT, "action_unknown", field, message};
}

}  // namespace

RowFate fate_of_row(std::string_view mode, std::string_view row_change,
                    std::string_view fixed_action) {
  if (!fixed_action.empty() && fixed_action != "AUTO") {
    return rejected("sync_mode",
                    "sync_mode and a fixed action exclude each other; leave one of them out");
  }
  const std::optional<RowChange> row = row_change_of(row_change);
  if (!row) {
    return rejected("row_change",
                    "the event does not say what became of the row: neither new, updated or "
                    "deleted as its name nor insert, update or delete as its action");
  }
  const bool gone = *row == RowChange::gone;
  const bool removes = mode == "mirror" || mode == "delete";
  const bool adds = mode == "add" || mode == "upsert" || mode == "mirror" ||
                    (mode == "update" && *row == RowChange::changed);
  if (gone ? removes : adds) {
    return {gone ? Change::remove : Change::add, PENSTOCK_OK, {}, {}, {}};
  }
  return {std::nullopt, PENSTOCK_SKIP, "not_in_sync_mode", "sync_mode",
          "the sync mode does not act on such a change of a row"};
}

}  // namespace penstock::linkedin
