// Reader: looks at a pipeline's state, whether `run` is running or not, and changes nothing but
// what people ask for of their dead letters.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/dead_letter.hpp"
#include "model/issue.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "services/clock.hpp"

namespace penstock::store {

struct MappingState {
  std::string destination;
  std::string name;
  MappingCounts counts;                // of all time
  std::int64_t last_delivered_ms = 0;  // wall clock; 0: never
};

struct DestinationState {
  std::string name;
  std::string state;  // as in DestinationStatus; "ok" when nothing was ever said
  std::string code;
  std::string message;
  std::int64_t paused_until_ms = 0;
  std::uint64_t requests = 0;
  std::uint64_t throttled_requests = 0;
  std::int64_t pending_oldest_ms = 0;      // wall clock at which the oldest pending record was
                                           // stored; 0: nothing is pending
  std::int64_t pending_oldest_age_ms = 0;  // in time that runs have seen (state_clock.hpp)
};

struct StoredIssue {
  std::string destination;
  std::string mapping;  // "" for the whole destination
  Issue::Severity severity = Issue::Severity::warning;
  std::string code;
  std::string message;
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

struct StoredReason {
  std::string destination;  // "" with an empty mapping: lines that are no event
  std::string mapping;
  ReasonCount::Kind kind = ReasonCount::Kind::dead_letter;
  std::string reason;
  std::string field;
  std::string message;
  std::uint64_t count = 0;
};

struct DeadLetterTotals {
  std::uint64_t kept = 0;
  std::uint64_t kept_bytes = 0;
  std::uint64_t awaiting_replay = 0;
  std::uint64_t dropped = 0;    // too old or too many
  std::uint64_t discarded = 0;  // by people
};

struct HistoryHour {
  std::int64_t hour_ms = 0;  // wall clock at its beginning
  std::string destination;
  std::string mapping;
  MappingCounts counts;
};

struct State {
  std::int64_t created_ms = 0;
  EventCounts events;
  std::uint64_t matched_events = 0;
  std::vector<DestinationState> destinations;
  std::vector<MappingState> mappings;
  std::vector<StoredReason> reasons;
  std::vector<StoredIssue> issues;  // latest first
  DeadLetterTotals dead_letters;
  std::uint64_t queued_blocks = 0;
  std::uint64_t queued_bytes = 0;
};

struct DeadLetterFilter {
  std::vector<std::int64_t> ids;  // empty: all
  std::string destination;        // empty: all; likewise below
  std::string mapping;
  std::string reason;
  std::optional<std::int64_t> from_ms;   // wall clock, inclusive
  std::optional<std::int64_t> until_ms;  // exclusive
  std::uint64_t limit = UINT64_MAX;
};

struct StoredDeadLetter {
  std::int64_t id = 0;
  std::int64_t at_ms = 0;
  std::string destination;
  std::string mapping;
  std::string action;
  bool awaits_replay = false;
  DeadLetter letter;  // mapping and route indexes are not set
};

class Reader {
 public:
  // `clock` must outlive it. StatusCode::bad_input when there is no state yet: the pipeline has
  // never run. damaged: the database cannot be trusted.
  [[nodiscard]] static Result<std::unique_ptr<Reader>> open(const std::string& state_dir,
                                                            const services::Clock& clock);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  // All of one moment.
  [[nodiscard]] Result<State> state();
  // As in state(), without reading the blocks: pending_oldest_ms is 0.
  [[nodiscard]] Result<std::vector<DestinationState>> destinations();
  // Hours since then, oldest first.
  [[nodiscard]] Result<std::vector<HistoryHour>> history(std::int64_t since_ms);

  // Calls back with each dead letter that the filter lets through, oldest first, until it returns
  // false. Memory does not grow with their number.
  [[nodiscard]] Status dead_letters(const DeadLetterFilter& filter,
                                    const std::function<bool(const StoredDeadLetter&)>& each);
  struct Marked {
    std::uint64_t marked = 0;
    std::uint64_t overtaken = 0;       // something newer of the same person and audience came
    std::uint64_t not_replayable = 0;  // they never became an element
  };
  // Marks for replay; the run that is going on, or the next, sends them.
  [[nodiscard]] Result<Marked> request_replay(const DeadLetterFilter& filter);
  // Deletes; answers how many. Those that await a replay only with `marked_too`, for which the
  // caller holds the StateLock: a run may be sending them.
  [[nodiscard]] Result<std::uint64_t> discard(const DeadLetterFilter& filter,
                                              bool marked_too = false);

 private:
  class Implementation;
  explicit Reader(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

// What `penstock queue check` tells.
struct CheckReport {
  bool sound = true;
  std::vector<std::string> findings;  // sentences; empty when sound
  // Not ok: some of it could not be read, which may pass. The findings are no proof of damage then.
  Status unreadable;
  std::uint64_t blocks = 0;
  std::uint64_t elements_pending = 0;
};
// Reads everything: the file's structure, every block's checksum, the counts. Changes nothing.
[[nodiscard]] Result<CheckReport> check(const std::string& state_dir);

struct RepairReport {
  std::vector<std::string> actions;  // sentences: what was done
  std::uint64_t elements_saved = 0;
  // Never made up for by what is pending again. Where it cannot be read what was delivered of a
  // lost block, all of it counts.
  std::uint64_t elements_lost = 0;
  // False: it could not be read how many records there were, so more may be lost; or some wait
  // under a name that was made up, for nobody.
  bool all_known = true;
  std::string backup;  // where the damaged files were put
};
// Puts the damaged files aside and makes a database of all that can still be read. Counts are made
// to add up again; what is lost is recorded as an issue `lost_in_damage` and as dead-lettered
// with that reason. Only while no run holds the state directory (the caller has the lock).
[[nodiscard]] Result<RepairReport> repair(const std::string& state_dir,
                                          const services::Clock& clock);

}  // namespace penstock::store
