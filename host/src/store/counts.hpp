// Counts: everything that is counted of all time: events, outcomes by mapping and hour, reasons,
// issues, and where destinations stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/issue.hpp"
#include "model/source_position.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "services/sqlite.hpp"
#include "store/names.hpp"
#include "store/state_clock.hpp"
#include "store/store.hpp"

namespace penstock::store {

class Counts {
 public:
  [[nodiscard]] static Result<Counts> prepare(services::Database& database);

  // All inside a transaction. Counts are added to what is stored.
  [[nodiscard]] Status add_mappings(const std::vector<Tally::Entry>& counts, const Names& names,
                                    std::int64_t now_ms);
  // And when this is.
  [[nodiscard]] Status add_events(const Tally& tally, std::uint64_t next_sequence,
                                  const Moment& now);
  [[nodiscard]] Status add_reasons(const std::vector<ReasonCount>& reasons, const Names& names);
  // By the id of a mapping; 0: none.
  [[nodiscard]] Status add_reason(const ReasonCount& reason, std::uint32_t mapping_id);
  // One dead letter less with that reason; rather under that message than under another.
  [[nodiscard]] Status take_reason(std::uint32_t mapping_id, std::string_view reason,
                                   std::string_view message);
  [[nodiscard]] Status add_issues(const std::vector<Issue>& issues, const Names& names,
                                  std::int64_t now_ms);
  [[nodiscard]] Status set_destinations(const std::vector<DestinationStatus>& destinations,
                                        const Names& names);
  [[nodiscard]] Status set_position(const SavedPosition& position);

 private:
  explicit Counts(services::Database& database) : database_(&database) {}
  [[nodiscard]] Status prune_history(std::int64_t hour_ms);

  services::Database* database_;
  services::Statement update_mapping_;
  services::Statement upsert_history_;
  services::Statement prune_history_;
  services::Statement update_meta_;
  services::Statement update_reason_;
  services::Statement find_reason_;
  services::Statement insert_reason_;
  services::Statement take_reason_;
  services::Statement upsert_issue_;
  services::Statement update_destination_;
  services::Statement update_position_;
  std::int64_t pruned_hour_ms_ = -1;
};

// What load_totals() reads.
struct Totals {
  std::int64_t created_ms = 0;
  Tally counts;  // by index of the catalog; no reasons
  std::optional<SavedPosition> position;
};
[[nodiscard]] Result<Totals> load_totals(services::Database& database, const Names& names);

}  // namespace penstock::store
