#include "store/reader.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "services/sqlite.hpp"
#include "store/letter_query.hpp"
#include "store/pending.hpp"
#include "store/schema.hpp"
#include "store/state_clock.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;
using services::Transaction;

namespace {

MappingCounts counts_at(const Statement& row, int first) {
  return {row.count(first),
          row.count(first + 1),
          row.count(first + 2),
          row.count(first + 3),
          row.count(first + 4),
          row.count(first + 5),
          0};
}

// Calls back with each row of a query.
template <typename Each>
Status each_row(Database& database, std::string_view sql, Each each) {
  ASSIGN_OR_RETURN(Statement rows, database.prepare(sql));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    each(rows);
  }
}

Status read_totals(Database& database, State& state) {
  return each_row(database,
                  "SELECT created_ms, received, unmatched, invalid, matched_events, letters_kept,"
                  " letters_bytes, letters_dropped, letters_discarded,"
                  " (SELECT count(*) FROM dead_letters WHERE awaits_replay) FROM meta",
                  [&](const Statement& row) {
                    state.created_ms = row.integer(0);
                    state.events = {row.count(1), row.count(2), row.count(3)};
                    state.matched_events = row.count(4);
                    state.dead_letters.kept = row.count(5);
                    state.dead_letters.kept_bytes = row.count(6);
                    state.dead_letters.dropped = row.count(7);
                    state.dead_letters.discarded = row.count(8);
                    state.dead_letters.awaiting_replay = row.count(9);
                  });
}

Status read_counts(Database& database, State& state) {
  RETURN_IF_ERROR(each_row(database,
                           "SELECT d.name, m.name, matched, delivered, superseded, skipped,"
                           " dead_lettered, replayed, last_delivered_ms, confirmed FROM mappings m"
                           " LEFT JOIN destinations d ON d.id = m.destination ORDER BY m.id",
                           [&](const Statement& row) {
                             state.mappings.push_back({std::string(row.text(0)),
                                                       std::string(row.text(1)), counts_at(row, 2),
                                                       row.integer(8)});
                             state.mappings.back().counts.confirmed = row.count(9);
                           }));
  RETURN_IF_ERROR(each_row(
      database,
      "SELECT d.name, m.name, r.kind, r.reason, r.field, r.message, r.count FROM reasons r"
      " LEFT JOIN mappings m ON m.id = r.mapping LEFT JOIN destinations d ON d.id = m.destination"
      " WHERE r.count > 0 ORDER BY r.mapping, r.kind, r.count DESC, r.id",
      [&](const Statement& row) {
        state.reasons.push_back({std::string(row.text(0)), std::string(row.text(1)),
                                 static_cast<ReasonCount::Kind>(row.integer(2)),
                                 std::string(row.text(3)), std::string(row.text(4)),
                                 std::string(row.text(5)), row.count(6)});
      }));
  return each_row(database,
                  "SELECT d.name, m.name, i.severity, i.code, i.message, i.count, i.first_ms,"
                  " i.last_ms FROM issues i LEFT JOIN destinations d ON d.id = i.destination"
                  " LEFT JOIN mappings m ON m.id = i.mapping ORDER BY i.last_ms DESC, i.id DESC",
                  [&](const Statement& row) {
                    state.issues.push_back({std::string(row.text(0)), std::string(row.text(1)),
                                            static_cast<Issue::Severity>(row.integer(2)),
                                            std::string(row.text(3)), std::string(row.text(4)),
                                            row.count(5), row.integer(6), row.integer(7)});
                  });
}

// State time now, as the run that goes on or ended last left it.
Result<std::int64_t> state_time(Database& database, const services::Clock& clock) {
  ASSIGN_OR_RETURN(Statement row, database.prepare("SELECT last_ms, state_ms FROM meta"));
  ASSIGN_OR_RETURN(const bool there, row.step());
  if (!there || row.integer(1) == 0) return clock.wall_ns() / 1'000'000;
  return row.integer(1) + StateClock::counted_gap(row.integer(0), clock.wall_ns() / 1'000'000);
}

// All but what is pending; calls back with each and the destination's id.
template <typename Each>
Status each_destination(Database& database, Each each) {
  return each_row(
      database,
      "SELECT id, name, state, code, message, paused_until_ms, requests, throttled_requests"
      " FROM destinations ORDER BY id",
      [&](const Statement& row) {
        each(static_cast<std::uint32_t>(row.integer(0)),
             DestinationState{std::string(row.text(1)), std::string(row.text(2)),
                              std::string(row.text(3)), std::string(row.text(4)), row.integer(5),
                              row.count(6), row.count(7), 0, 0});
      });
}

Status read_destinations(Database& database, const services::Clock& clock, State& state) {
  ASSIGN_OR_RETURN(const std::int64_t state_ms, state_time(database, clock));
  std::map<std::uint32_t, std::size_t> places;            // by id of a destination
  std::map<std::uint32_t, std::uint32_t> destination_of;  // by id of a mapping
  RETURN_IF_ERROR(each_destination(database, [&](std::uint32_t id, DestinationState destination) {
    places[id] = state.destinations.size();
    state.destinations.push_back(std::move(destination));
  }));
  RETURN_IF_ERROR(
      each_row(database, "SELECT id, destination FROM mappings", [&](const Statement& row) {
        destination_of[static_cast<std::uint32_t>(row.integer(0))] =
            static_cast<std::uint32_t>(row.integer(1));
      }));
  // Each destination's oldest block of which something is pending.
  const auto look = [&](const BlockRow& row) -> Result<bool> {
    ++state.queued_blocks;
    state.queued_bytes += row.bytes;
    CountsById pending;
    if (const Status status = add_pending(row, pending); !status.ok())
      return database.damaged(status.message());
    for (const auto& [mapping, elements] : pending) {
      const auto destination = destination_of.find(mapping);
      if (elements == 0 || destination == destination_of.end()) continue;
      const auto place = places.find(destination->second);
      if (place == places.end()) continue;
      std::int64_t& oldest = state.destinations[place->second].pending_oldest_ms;
      if (oldest == 0 || row.created_ms < oldest) oldest = row.created_ms;
      std::int64_t& age = state.destinations[place->second].pending_oldest_age_ms;
      age = std::max(age, state_ms - row.since_ms);
    }
    return true;
  };
  return each_block(database, look);
}

}  // namespace

class Reader::Implementation {
 public:
  Implementation(Files files, std::unique_ptr<Database> database, const services::Clock& clock)
      : files_(std::move(files)), database_(std::move(database)), clock_(clock) {}

  Result<State> state() {
    ASSIGN_OR_RETURN(const Transaction transaction,
                     Transaction::begin(*database_, Transaction::Kind::read));
    State state;
    RETURN_IF_ERROR(read_totals(*database_, state));
    RETURN_IF_ERROR(read_counts(*database_, state));
    RETURN_IF_ERROR(read_destinations(*database_, clock_, state));
    return state;
  }

  Result<std::vector<HistoryHour>> history(std::int64_t since_ms) {
    std::vector<HistoryHour> hours;
    RETURN_IF_ERROR(each_row(
        *database_,
        "SELECT h.hour_ms, d.name, m.name, h.matched, h.delivered, h.superseded, h.skipped,"
        " h.dead_lettered, h.replayed FROM history h LEFT JOIN mappings m ON m.id = h.mapping"
        " LEFT JOIN destinations d ON d.id = m.destination WHERE h.hour_ms >= " +
            std::to_string(since_ms) + " ORDER BY h.hour_ms, h.mapping",
        [&](const Statement& row) {
          hours.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2)),
                           counts_at(row, 3)});
        }));
    return hours;
  }

  [[nodiscard]] Database& database() { return *database_; }
  // Opened when something is to be written, and kept.
  Result<Database*> writer() {
    if (writer_ == nullptr) {
      ASSIGN_OR_RETURN(writer_, open_database(files_, Database::Mode::write, ""));
    }
    return writer_.get();
  }

 private:
  Files files_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> writer_;
  const services::Clock& clock_;
};

Reader::Reader(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::string& state_dir,
                                             const services::Clock& clock) {
  Files files(state_dir);
  RETURN_IF_ERROR(require_state(files, state_dir));
  ASSIGN_OR_RETURN(auto database, open_database(files, Database::Mode::read_only, ""));
  return std::unique_ptr<Reader>(
      new Reader(std::make_unique<Implementation>(std::move(files), std::move(database), clock)));
}

Result<State> Reader::state() {
  return implementation_->state();
}

Result<std::vector<DestinationState>> Reader::destinations() {
  std::vector<DestinationState> all;
  RETURN_IF_ERROR(each_destination(
      implementation_->database(),
      [&](std::uint32_t, DestinationState state) { all.push_back(std::move(state)); }));
  return all;
}

Result<std::vector<HistoryHour>> Reader::history(std::int64_t since_ms) {
  return implementation_->history(since_ms);
}

Status Reader::dead_letters(const DeadLetterFilter& filter,
                            const std::function<bool(const StoredDeadLetter&)>& each) {
  return each_dead_letter(implementation_->database(), filter, each);
}

Result<Reader::Marked> Reader::request_replay(const DeadLetterFilter& filter) {
  ASSIGN_OR_RETURN(Database* const writer, implementation_->writer());
  ASSIGN_OR_RETURN(const MarkedLetters marked, mark_for_replay(*writer, filter));
  return Marked{marked.marked, marked.overtaken, marked.not_replayable};
}

Result<std::uint64_t> Reader::discard(const DeadLetterFilter& filter, bool marked_too) {
  ASSIGN_OR_RETURN(Database* const writer, implementation_->writer());
  return discard_letters(*writer, filter, marked_too);
}

}  // namespace penstock::store
