// Store: all that a pipeline must not forget, in state_dir/queue.db: blocks of elements, what is
// settled of them, the position in the source, the counts, the dead letters, the issues. One
// transaction carries all that belongs together, so that after a crash at any instant the numbers
// add up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/block.hpp"
#include "model/catalog.hpp"
#include "model/issue.hpp"
#include "model/settlement.hpp"
#include "model/source_position.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "services/clock.hpp"

namespace penstock::store {

// Where a destination stands, for people who ask while it runs and afterwards.
struct DestinationStatus {
  std::uint32_t destination = 0;
  std::string state;  // ok, throttled, ... (send::name_of)
  std::string code;
  std::string message;
  std::int64_t paused_until_ms = 0;  // wall clock, since 1970; 0: not paused
  std::uint64_t requests = 0;        // since the last DestinationStatus of this destination
  std::uint64_t throttled_requests = 0;
};

// What one transaction stores: everything or nothing.
struct Commit {
  std::vector<std::shared_ptr<const Block>> blocks;  // in order, each with its sequence
  std::optional<SavedPosition> position;
  std::vector<Settlement> settlements;
  std::vector<FailedAttempt> attempts;
  // Counts that come from mapping (events, matched, skipped, dead-lettered records that never
  // became an element), reasons of all kinds and dead letters.
  Tally tally;
  // The same of what was settled: reasons, dead letters, confirmed. What settlements themselves
  // count is added by the store.
  Tally outcomes;
  std::vector<Issue> issues;  // counts are added up; first and last time are the store's
  std::vector<DestinationStatus> destinations;
  // Dead letters whose elements are in `blocks`: they are taken out, their mapping's replayed count
  // goes up by one each and the count of their reason goes down.
  std::vector<std::int64_t> replayed;
  // Newer elements of these were seen: dead letters of theirs that were stored before this commit
  // are not replayed any more. Its own say themselves whether they were overtaken.
  std::vector<ElementKey> overtaken;
  // Keys whose elements may still be carried out, until a time of the wall clock; the latest word
  // on each counts. What is over is forgotten.
  std::vector<UncertainKey> uncertain;
  // No attempt is under way, and none that ended without a certain answer is missing in
  // `uncertain`: the last thing that a run says.
  bool attempts_known = false;

  [[nodiscard]] bool empty() const;
  // Takes out what can be stored without the rest, because it is about blocks that are stored:
  // settlements, attempts, outcomes, issues, destinations, uncertain keys, attempts_known.
  [[nodiscard]] Commit take_outcomes();
  // Adds what the other, which came later, has of these.
  void add_outcomes(Commit later);
};

// A block as it was stored. Elements of mappings or actions that the pipeline no longer has keep
// their place; their indexes are beyond those of the catalog that was given to Store::open().
struct StoredBlock {
  std::shared_ptr<const Block> block;
  std::int64_t age_ms = 0;              // of its elements, in time that runs have seen
  std::vector<bool> settled;            // by element; empty: none
  std::vector<std::uint32_t> attempts;  // failed ones by element; empty: none
};

struct Backlog {
  std::uint64_t next_sequence = 0;   // of the next block to be appended
  std::uint64_t first_sequence = 0;  // the oldest stored block; next_sequence if there is none
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;                        // on disk
  std::vector<std::uint64_t> pending_by_mapping;  // counted from blocks, not from the counts
};

// Dead letters that people asked to have sent again.
struct Replay {
  std::shared_ptr<Block> block;  // its sequence is still to be given; null: none is asked for
  std::vector<std::int64_t> ids;
};

// The one writer of the database. One thread at a time, except where said.
class Store {
 public:
  struct Options {
    std::uint64_t dead_letter_max_bytes = 256ULL * 1024 * 1024;
    std::chrono::milliseconds dead_letter_max_age = std::chrono::hours(24 * 90);
    // False (queue type memory): blocks are counted but not stored. What they left pending when the
    // process ended is taken out of the matched records by the next open(), as the source is read
    // again from there.
    bool keeps_blocks = true;
    // Registered name of another SQLite virtual file system, for tests; "": SQLite's own.
    std::string file_system;
  };

  // Opens state_dir/queue.db, made where it is missing. A file that is damaged
  // (StatusCode::damaged), of a newer version or no database at all is refused and left as it is,
  // with what to run. What is pending is counted from the blocks and compared with the counts
  // (StatusCode::internal if they do not agree).
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& state_dir,
                                                           const Catalog& catalog,
                                                           const Options& options,
                                                           const services::Clock& clock);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // The given catalog, with the destinations, actions and mappings appended that it does not name
  // and that records are still pending for. Does not change.
  [[nodiscard]] const Catalog& catalog() const;
  // Counts of all time, by mapping of catalog(); events and matched_events, too.
  [[nodiscard]] const Tally& totals() const;
  [[nodiscard]] const Backlog& backlog() const;  // as of open() and every commit since
  [[nodiscard]] const std::optional<SavedPosition>& position() const;

  // As of open(): whether the last run ended with Commit::attempts_known. Else any element that
  // was pending then may have been in flight.
  [[nodiscard]] bool attempts_known() const;
  // As of open(): whether the last run kept its blocks. Else it is not known what was pending.
  [[nodiscard]] bool kept_blocks() const;
  // The keys that were uncertain then and are so still, with a time of the wall clock, of
  // destinations and actions that the given catalog has. Where the clock cannot be right, they are
  // uncertain for as long as it is not known better: until_ns is INT64_MAX.
  [[nodiscard]] Result<std::vector<UncertainKey>> uncertain();

  // [may-block] All of it is on the disk when this returns ok, and nothing of it otherwise.
  // StatusCode::io: the disk is full or fails, try again later; damaged: it is no use, or another
  // writer has opened the database since;
  // internal: the commit contradicts what is stored (an element settled twice) or its counts do not
  // fit its blocks. When the process ends after io, the commit may be there as a whole.
  [[nodiscard]] Status commit(const Commit& commit);

  // Whether the last commit() was refused because the volume of the state directory is full. What
  // it holds without blocks may be accepted still: the reserve (services::StateReserve) was given
  // up for that. What is settled makes room within the file, which further blocks may take.
  [[nodiscard]] bool has_no_room() const;

  // The first stored block with at least this sequence; nothing when there is none.
  [[nodiscard]] Result<std::optional<StoredBlock>> block(std::uint64_t from_sequence);

  // Dead letters marked for replay whose mapping and action the given catalog has and whose
  // queued_until is at most `taken_until`, up to about max_bytes of them, oldest first. The same
  // again until a commit takes them out.
  [[nodiscard]] Result<Replay> requested_replays(std::size_t max_bytes, std::uint64_t taken_until);
  // The keys of all dead letters that could be replayed, by this run or a later one, of
  // destinations and actions that the given catalog has.
  [[nodiscard]] Status each_replayable(const std::function<void(ElementKey)>& each);

  // pending by mapping counted anew from the blocks, compared with the counts. internal with the
  // numbers when they do not agree.
  [[nodiscard]] Status verify();

 private:
  class Implementation;
  explicit Store(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace penstock::store
