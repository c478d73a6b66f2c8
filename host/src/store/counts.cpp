#include "store/counts.hpp"

#include "store/former_files.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
// 90 days, as long as dead letters are kept by default: what happened is explained by both. So many
// hours and not those of that time: a clock that is wrong makes no hour old.
constexpr int kHistoryHours = 90 * 24;

std::uint32_t id_of(std::uint32_t mapping, const Names& names) {
  return mapping == ReasonCount::kNoMapping ? 0 : names.mapping_ids()[mapping];
}

Statement& bind_counts(Statement& statement, int first, const MappingCounts& counts) {
  return statement.bind(first, counts.matched)
      .bind(first + 1, counts.delivered)
      .bind(first + 2, counts.superseded)
      .bind(first + 3, counts.skipped)
      .bind(first + 4, counts.dead_lettered)
      .bind(first + 5, counts.replayed);
}

}  // namespace

Result<Counts> Counts::prepare(Database& database) {
  Counts counts(database);
  struct {
    Statement& statement;
    const char* sql;
  } const statements[] = {
      {counts.update_mapping_,
       "UPDATE mappings SET matched = matched + ?2, delivered = delivered + ?3,"
       " superseded = superseded + ?4, skipped = skipped + ?5, dead_lettered = dead_lettered + ?6,"
       " replayed = replayed + ?7, confirmed = confirmed + ?9,"
       " last_delivered_ms = CASE WHEN ?3 > 0 THEN ?8 ELSE last_delivered_ms END WHERE id = ?1"},
      {counts.upsert_history_,
       "INSERT INTO history (hour_ms, mapping, matched, delivered, superseded, skipped,"
       " dead_lettered, replayed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
       " ON CONFLICT (hour_ms, mapping) DO UPDATE SET matched = matched + excluded.matched,"
       " delivered = delivered + excluded.delivered, superseded = superseded + excluded.superseded,"
       " skipped = skipped + excluded.skipped,"
       " dead_lettered = dead_lettered + excluded.dead_lettered,"
       " replayed = replayed + excluded.replayed"},
      {counts.prune_history_,
       "DELETE FROM history WHERE hour_ms < (SELECT hour_ms FROM history GROUP BY hour_ms"
       " ORDER BY hour_ms DESC LIMIT 1 OFFSET ?1)"},
      {counts.update_meta_,
       "UPDATE meta SET received = received + ?1, unmatched = unmatched + ?2,"
       " invalid = invalid + ?3, matched_events = matched_events + ?4, next_sequence = ?5,"
       " last_ms = ?6, state_ms = ?7"},
      {counts.update_reason_,
       "UPDATE reasons SET count = count + ?1 WHERE kind = ?2 AND mapping = ?3 AND reason = ?4"
       " AND field = ?5 AND message = ?6"},
      {counts.find_reason_,
       "SELECT count(*) FROM reasons WHERE kind = ?1 AND mapping = ?2 AND reason = ?3"
       " AND field = ?4"},
      {counts.insert_reason_,
       "INSERT INTO reasons (count, kind, mapping, reason, field, message)"
       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
      {counts.take_reason_,
       "UPDATE reasons SET count = count - 1 WHERE id = (SELECT id FROM reasons"
       " WHERE kind = ?1 AND mapping = ?2 AND reason = ?3 AND count > 0"
       " ORDER BY message = ?4 DESC, message = ?5 DESC, count DESC LIMIT 1)"},
      {counts.upsert_issue_,
       "INSERT INTO issues (destination, mapping, severity, code, message, count, first_ms,"
       " last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)"
       " ON CONFLICT (destination, mapping, severity, code) DO UPDATE SET"
       " message = excluded.message, count = count + excluded.count, last_ms = excluded.last_ms"},
      {counts.update_destination_,
       "UPDATE destinations SET state = ?2, code = ?3, message = ?4, paused_until_ms = ?5,"
       " requests = requests + ?6, throttled_requests = throttled_requests + ?7 WHERE id = ?1"},
      {counts.update_position_,
       "UPDATE meta SET source_path = ?1, source_device = ?2, source_inode = ?3,"
       " source_offset = ?4, source_fingerprint_size = ?5, source_fingerprint = ?6,"
       " source_tail_size = ?7, source_tail = ?8, source_former = ?9"},
  };
  for (const auto& [statement, sql] : statements) {
    ASSIGN_OR_RETURN(statement, database.prepare(sql));
  }
  return counts;
}

Status Counts::add_mappings(const std::vector<Tally::Entry>& counts, const Names& names,
                            std::int64_t now_ms) {
  const std::int64_t hour_ms = now_ms / kHourMs * kHourMs;
  for (const Tally::Entry& entry : counts) {
    const std::uint32_t id = names.mapping_ids()[entry.mapping];
    RETURN_IF_ERROR(bind_counts(update_mapping_.bind(1, id), 2, entry.counts)
                        .bind(8, now_ms)
                        .bind(9, entry.counts.confirmed)
                        .run());
    RETURN_IF_ERROR(
        bind_counts(upsert_history_.bind(1, hour_ms).bind(2, id), 3, entry.counts).run());
  }
  return prune_history(hour_ms);
}

Status Counts::prune_history(std::int64_t hour_ms) {
  if (hour_ms == pruned_hour_ms_) return {};
  RETURN_IF_ERROR(prune_history_.bind(1, kHistoryHours - 1).run());
  // If the transaction fails now, it is made good an hour later.
  pruned_hour_ms_ = hour_ms;
  return {};
}

Status Counts::add_events(const Tally& tally, std::uint64_t next_sequence, const Moment& now) {
  return update_meta_.bind(1, tally.events.received)
      .bind(2, tally.events.unmatched)
      .bind(3, tally.events.invalid)
      .bind(4, tally.matched_events)
      .bind(5, next_sequence)
      .bind(6, now.wall_ms)
      .bind(7, now.state_ms)
      .run();
}

Status Counts::add_reasons(const std::vector<ReasonCount>& reasons, const Names& names) {
  for (const ReasonCount& reason : reasons) {
    RETURN_IF_ERROR(add_reason(reason, id_of(reason.mapping, names)));
  }
  return {};
}

Status Counts::add_reason(const ReasonCount& reason, std::uint32_t mapping_id) {
  const auto kind = static_cast<std::int64_t>(reason.kind);
  std::string message = reason.message;
  const auto bind_all = [&](Statement& statement) -> Statement& {
    return statement.bind(1, reason.count)
        .bind(2, kind)
        .bind(3, mapping_id)
        .bind_text(4, reason.reason)
        .bind_text(5, reason.field)
        .bind_text(6, message);
  };
  RETURN_IF_ERROR(bind_all(update_reason_).run());
  if (database_->changes() > 0) return {};
  find_reason_.bind(1, kind)
      .bind(2, mapping_id)
      .bind_text(3, reason.reason)
      .bind_text(4, reason.field);
  ASSIGN_OR_RETURN(const bool row, find_reason_.step());
  const std::uint64_t messages = row ? find_reason_.count(0) : 0;
  find_reason_.reset();
  if (messages < kMaxMessages) return bind_all(insert_reason_).run();
  message = kFurtherMessages;
  RETURN_IF_ERROR(bind_all(update_reason_).run());
  return database_->changes() > 0 ? Status() : bind_all(insert_reason_).run();
}

Status Counts::take_reason(std::uint32_t mapping_id, std::string_view reason,
                           std::string_view message) {
  RETURN_IF_ERROR(take_reason_.bind(1, static_cast<std::int64_t>(ReasonCount::Kind::dead_letter))
                      .bind(2, mapping_id)
                      .bind_text(3, reason)
                      .bind_text(4, message)
                      .bind_text(5, kFurtherMessages)
                      .run());
  if (database_->changes() > 0) return {};
  return {StatusCode::internal,
          "a dead letter with reason " + std::string(reason) +
              " is replayed, but none is counted. Nothing was stored. This is a fault of Penstock: "
              "please report it."};
}

Status Counts::add_issues(const std::vector<Issue>& issues, const Names& names,
                          std::int64_t now_ms) {
  for (const Issue& issue : issues) {
    RETURN_IF_ERROR(upsert_issue_.bind(1, names.destination_ids()[issue.destination])
                        .bind(2, id_of(issue.mapping, names))
                        .bind(3, static_cast<std::int64_t>(issue.severity))
                        .bind_text(4, issue.code)
                        .bind_text(5, issue.message)
                        .bind(6, issue.count)
                        .bind(7, now_ms)
                        .run());
  }
  return {};
}

Status Counts::set_destinations(const std::vector<DestinationStatus>& destinations,
                                const Names& names) {
  for (const DestinationStatus& status : destinations) {
    RETURN_IF_ERROR(update_destination_.bind(1, names.destination_ids()[status.destination])
                        .bind_text(2, status.state)
                        .bind_text(3, status.code)
                        .bind_text(4, status.message)
                        .bind(5, status.paused_until_ms)
                        .bind(6, status.requests)
                        .bind(7, status.throttled_requests)
                        .run());
  }
  return {};
}

Status Counts::set_position(const SavedPosition& position) {
  const std::string former = text_of(position.former);
  return update_position_.bind_text(1, position.path)
      .bind(2, position.device)
      .bind(3, position.inode)
      .bind(4, position.offset)
      .bind(5, position.fingerprint_size)
      .bind_text(6, position.fingerprint)
      .bind(7, position.tail_size)
      .bind_text(8, position.tail)
      .bind_text(9, former)
      .run();
}

Result<Totals> load_totals(Database& database, const Names& names) {
  Totals totals;
  ASSIGN_OR_RETURN(
      Statement meta,
      database.prepare("SELECT created_ms, received, unmatched, invalid, matched_events,"
                       " source_path, source_device, source_inode, source_offset,"
                       " source_fingerprint_size, source_fingerprint, source_tail_size,"
                       " source_tail, source_former FROM meta"));
  ASSIGN_OR_RETURN(const bool there, meta.step());
  if (!there) return database.damaged("its table meta has no row");
  totals.created_ms = meta.integer(0);
  totals.counts.events = {meta.count(1), meta.count(2), meta.count(3)};
  totals.counts.matched_events = meta.count(4);
  if (!meta.is_null(5)) {
    auto former = files_of(meta.text(13));
    if (!former) return database.damaged("its list of former event files cannot be read");
    totals.position = SavedPosition{
        {std::string(meta.text(5)), meta.count(6), meta.count(7), meta.count(8), meta.count(9),
         std::string(meta.text(10)), meta.count(11), std::string(meta.text(12))},
        std::move(*former)};
  }
  ASSIGN_OR_RETURN(
      Statement rows,
      database.prepare(
          "SELECT id, matched, delivered, superseded, skipped, dead_lettered, replayed,"
          " confirmed FROM mappings"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return totals;
    const std::uint32_t mapping = names.mapping_of(static_cast<std::uint32_t>(rows.integer(0)));
    if (mapping == Names::kUnknown) continue;
    totals.counts.of(mapping) = {rows.count(1), rows.count(2), rows.count(3), rows.count(4),
                                 rows.count(5), rows.count(6), rows.count(7)};
  }
}

}  // namespace penstock::store
