#include "store/pending.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;

std::uint64_t BlockRow::settled_elements() const {
  std::uint64_t sum = 0;
  for (const BlockSummary::Count& count : settled_counts) sum += count.elements;
  return sum;
}

Status each_block(Database& database, const std::function<Result<bool>(const BlockRow&)>& each) {
  ASSIGN_OR_RETURN(
      Statement rows,
      database.prepare("SELECT b.sequence, b.created_ms, b.bytes, b.elements, b.counts,"
                       " b.actions, p.settled, p.settled_counts, p.attempts,"
                       " CASE b.since_ms WHEN 0 THEN b.created_ms ELSE b.since_ms END"
                       " FROM blocks b LEFT JOIN progress p USING (sequence)"
                       " ORDER BY b.sequence"));
  BlockRow row;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    row.sequence = rows.count(0);
    row.created_ms = rows.integer(1);
    row.bytes = rows.count(2);
    row.elements = static_cast<std::uint32_t>(rows.integer(3));
    auto counts = decode_counts(rows.bytes(4));
    auto actions = decode_actions(rows.bytes(5));
    auto settled_counts = decode_counts(rows.bytes(7));
    for (const Status& status : {counts.status(), actions.status(), settled_counts.status()}) {
      if (!status.ok()) {
        return database.damaged("block " + std::to_string(row.sequence) + ": " + status.message());
      }
    }
    row.counts = std::move(counts).value();
    row.actions = std::move(actions).value();
    row.settled = rows.bytes(6);
    row.settled_counts = std::move(settled_counts).value();
    row.attempts = rows.bytes(8);
    row.since_ms = rows.integer(9);
    ASSIGN_OR_RETURN(const bool goes_on, each(row));
    if (!goes_on) return {};
  }
}

Status add_pending(const BlockRow& row, CountsById& pending) {
  for (const BlockSummary::Count& count : row.counts) pending[count.mapping] += count.elements;
  for (const BlockSummary::Count& count : row.settled_counts) {
    std::uint64_t& left = pending[count.mapping];
    if (left < count.elements) {
      return {StatusCode::damaged, "block " + std::to_string(row.sequence) +
                                       " has more settled elements of mapping " +
                                       std::to_string(count.mapping) + " than elements"};
    }
    left -= count.elements;
  }
  return {};
}

Status compare_with_counts(Database& database, const CountsById& pending) {
  ASSIGN_OR_RETURN(
      Statement rows,
      database.prepare("SELECT m.id, d.name, m.name, m.matched, m.replayed, m.delivered,"
                       " m.superseded, m.skipped, m.dead_lettered"
                       " FROM mappings m LEFT JOIN destinations d ON d.id = m.destination"));
  std::string differences;
  std::size_t met = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    const auto found = pending.find(static_cast<std::uint32_t>(rows.integer(0)));
    const std::int64_t stored =
        found == pending.end() ? 0 : static_cast<std::int64_t>(found->second);
    if (found != pending.end()) ++met;
    const std::int64_t counted = rows.integer(3) + rows.integer(4) - rows.integer(5) -
                                 rows.integer(6) - rows.integer(7) - rows.integer(8);
    if (counted == stored) continue;
    differences +=
        " " + std::string(rows.text(1)) + "/" + std::string(rows.text(2)) + ": " +
        std::to_string(rows.integer(3)) + " matched + " + std::to_string(rows.integer(4)) +
        " replayed - " + std::to_string(rows.integer(5)) + " delivered - " +
        std::to_string(rows.integer(6)) + " superseded - " + std::to_string(rows.integer(7)) +
        " skipped - " + std::to_string(rows.integer(8)) + " dead-lettered leaves " +
        std::to_string(counted) + " pending, but " + std::to_string(stored) + " are stored.";
  }
  ASSIGN_OR_RETURN(
      Statement events,
      database.prepare("SELECT received, matched_events, unmatched, invalid FROM meta"));
  ASSIGN_OR_RETURN(const bool counted_events, events.step());
  if (counted_events &&
      events.integer(0) != events.integer(1) + events.integer(2) + events.integer(3)) {
    differences += " Of " + std::to_string(events.integer(0)) + " events " +
                   std::to_string(events.integer(1)) + " matched, " +
                   std::to_string(events.integer(2)) + " were wanted by no mapping and " +
                   std::to_string(events.integer(3)) + " were invalid.";
  }
  if (met < pending.size()) differences += " Records are stored for a mapping that has no name.";
  if (differences.empty()) return {};
  return {StatusCode::internal, "the counts in " + database.path() +
                                    " do not agree with the stored records:" + differences +
                                    " This is a fault of Penstock, or damage: please report it."};
}

}  // namespace penstock::store
