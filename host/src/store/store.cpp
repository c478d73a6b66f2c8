#include "store/store.hpp"

#include <filesystem>
#include <utility>

#include "services/log.hpp"
#include "services/sqlite.hpp"
#include "services/state_dir.hpp"
#include "services/state_reserve.hpp"
#include "store/blocks.hpp"
#include "store/commit_check.hpp"
#include "store/counts.hpp"
#include "store/letters.hpp"
#include "store/names.hpp"
#include "store/pending.hpp"
#include "store/room.hpp"
#include "store/schema.hpp"
#include "store/state_clock.hpp"
#include "store/uncertain.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;
using services::Transaction;

namespace {

// secure_delete: Debian's SQLite overwrites what is deleted, which would write each block twice;
// the files are private, and no clear text is in them. The log is taken over into the database
// every 16 MiB: less often costs memory for its index and disk, more often writes blocks that would
// be gone by then. Measured with benchmarks/store_bench.cpp, like the 4 MiB of cached pages.
constexpr char kTuning[] =
    "PRAGMA secure_delete = OFF;"
    "PRAGMA wal_autocheckpoint = 1024;"
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA cache_size = -2048;"
    "PRAGMA temp_store = MEMORY;";

constexpr std::int64_t kNsPerMs = 1'000'000;

// The counts are of no use; what to do about it.
Status with_advice(const Status& status) {
  if (status.code() != StatusCode::internal) return status;
  return {status.code(), status.message() +
                             " To make the counts agree with what is stored, run: penstock queue "
                             "repair PIPELINE."};
}

Status taken_over(const std::string& path) {
  return {
      StatusCode::damaged,
      "another penstock has taken over " + path +
          " while this run used it: the lock of the state directory was removed or does not "
          "work, as on some network file systems. This run ends and stores nothing more. Nothing "
          "is lost: what it did not store is read or sent again by the other one. The lock need "
          "never be removed: it goes with the process."};
}

// When the state was used last. One of an older version says so by what is in it.
Result<Moment> last_moment(Database& database) {
  ASSIGN_OR_RETURN(
      Statement row,
      database.prepare("SELECT last_ms, state_ms, max(created_ms,"
                       " (SELECT coalesce(max(last_delivered_ms), 0) FROM mappings),"
                       " (SELECT coalesce(max(created_ms), 0) FROM blocks),"
                       " (SELECT coalesce(max(at_ms), 0) FROM dead_letters)) FROM meta"));
  ASSIGN_OR_RETURN(const bool there, row.step());
  if (!there) return database.damaged("its table meta has no row");
  if (row.integer(1) != 0) return Moment{row.integer(0), row.integer(1)};
  return Moment{row.integer(2), row.integer(2)};
}

// Makes a queue.db where there is none.
Status make_missing(const Files& files, std::int64_t now_ms, const std::string& file_system) {
  std::error_code error;
  // One that was emptied, and the traces of one that was removed, are not taken for a new pipeline.
  if (std::filesystem::exists(files.database, error) || has_content(files.log) ||
      has_content(files.repaired)) {
    return {};
  }
  RETURN_IF_ERROR(create_database(files.unfinished, now_ms, file_system));
  return move_file(files.unfinished, files.database);
}

// What is read at the start. Its statements must go before the database.
struct Loaded {
  Names names;
  Blocks blocks;
  Counts counts;
  Letters letters;
  Totals totals;
  Moment last;
  std::int64_t generation = 0;
  Uncertain uncertain;
};

// Counts of mappings whose blocks were never stored: what was in memory is read again.
Status forget_what_was_in_memory(Database& database, const CountsById& pending) {
  ASSIGN_OR_RETURN(const std::int64_t kept, database.ask_integer("SELECT keeps_blocks FROM meta"));
  if (kept != 0) return {};
  ASSIGN_OR_RETURN(Statement forget,
                   database.prepare("UPDATE mappings SET matched = delivered + superseded + skipped"
                                    " + dead_lettered - replayed + ?2 WHERE id = ?1"
                                    " AND matched + replayed - delivered - superseded - skipped"
                                    " - dead_lettered > ?2"));
  ASSIGN_OR_RETURN(const std::int64_t last, database.ask_integer("SELECT max(id) FROM mappings"));
  for (std::uint32_t id = 1; id <= last; ++id) {
    const auto stored = pending.find(id);
    RETURN_IF_ERROR(forget.bind(1, id)
                        .bind(2, stored == pending.end() ? std::uint64_t{0} : stored->second)
                        .run());
  }
  return {};
}

Result<Loaded> load(Database& database, const Catalog& catalog, const Store::Options& options) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(database));
  // Small tables are looked through as a whole; the data of blocks has checksums.
  for (const char* table : {"meta", "destinations", "mappings", "history", "reasons", "issues",
                            "blocks", "progress", "uncertain"}) {
    RETURN_IF_ERROR(database.quick_check(table));
  }
  ASSIGN_OR_RETURN(Names names, Names::load(database, catalog));
  ASSIGN_OR_RETURN(Blocks blocks, Blocks::load(database, options.keeps_blocks));
  // Those of which all is settled, too: the blocks that others wait in have to be readable.
  for (const auto& [mapping, pending] : blocks.pending()) {
    RETURN_IF_ERROR(names.add_mapping(database, mapping));
  }
  for (const auto& [destination, action] : blocks.actions()) {
    RETURN_IF_ERROR(names.add_action(database, destination, action));
  }
  RETURN_IF_ERROR(forget_what_was_in_memory(database, blocks.pending()));
  RETURN_IF_ERROR(with_advice(compare_with_counts(database, blocks.pending())));
  ASSIGN_OR_RETURN(const Moment last, last_moment(database));
  ASSIGN_OR_RETURN(Counts counts, Counts::prepare(database));
  ASSIGN_OR_RETURN(Letters letters, Letters::prepare(database, options, names));
  ASSIGN_OR_RETURN(Totals totals, load_totals(database, names));
  ASSIGN_OR_RETURN(Uncertain uncertain, Uncertain::prepare(database));
  RETURN_IF_ERROR(
      database.execute("UPDATE meta SET in_use = 1, generation = generation + 1, attempts_known = "
                       "0, keeps_blocks = " +
                       std::string(options.keeps_blocks ? "1" : "0")));
  ASSIGN_OR_RETURN(const std::int64_t generation,
                   database.ask_integer("SELECT generation FROM meta"));
  RETURN_IF_ERROR(transaction.commit());
  return Loaded{std::move(names),   std::move(blocks),   std::move(counts),
                std::move(letters), std::move(totals),   last,
                generation,         std::move(uncertain)};
}

}  // namespace

class Store::Implementation {
 public:
  static Result<std::unique_ptr<Implementation>> open(const std::string& state_dir,
                                                      const Catalog& catalog,
                                                      const Options& options,
                                                      const services::Clock& clock);
  Implementation(std::unique_ptr<Database> database, Loaded loaded, services::StateReserve reserve,
                 bool keeps_blocks, const services::Clock& clock)
      : database_(std::move(database)),
        loaded_(std::move(loaded)),
        backlog_(loaded_.blocks.backlog(loaded_.names)),
        keeps_blocks_(keeps_blocks),
        clock_(loaded_.last, clock),
        room_(*database_, std::move(reserve), clock) {}
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  ~Implementation();

  Status commit(const Commit& commit);
  Status verify();
  [[nodiscard]] const Room& room() const { return room_; }
  [[nodiscard]] Room& room() { return room_; }
  Result<std::optional<StoredBlock>> block(std::uint64_t from_sequence) {
    auto read = loaded_.blocks.read(from_sequence, clock_.now().state_ms, loaded_.names);
    if (!read.ok()) RETURN_IF_ERROR(still_mine());
    return read;
  }
  Result<Replay> requested_replays(std::size_t max_bytes, std::uint64_t taken_until) {
    return loaded_.letters.requested(max_bytes, taken_until, loaded_.names);
  }
  Status each_replayable(const std::function<void(ElementKey)>& each) {
    return loaded_.letters.each_replayable(loaded_.names, each);
  }
  Result<std::vector<UncertainKey>> uncertain() {
    return loaded_.uncertain.read(loaded_.names, clock_.now().wall_ms * kNsPerMs);
  }
  [[nodiscard]] bool attempts_known() const { return loaded_.uncertain.attempts_known(); }
  [[nodiscard]] bool kept_blocks() const { return loaded_.uncertain.kept_blocks(); }

  void tell_of_clock() {
    if (const std::string complaint = clock_.take_complaint(); !complaint.empty())
      services::log(services::LogLevel::warning, "state", complaint);
  }
  // Whether no other writer has opened the database since.
  Status still_mine() {
    ASSIGN_OR_RETURN(const std::int64_t generation,
                     database_->ask_integer("SELECT generation FROM meta"));
    return generation == loaded_.generation ? Status() : taken_over(database_->path());
  }

  [[nodiscard]] const Catalog& catalog() const { return loaded_.names.catalog(); }
  [[nodiscard]] const Tally& totals() const { return loaded_.totals.counts; }
  [[nodiscard]] const Backlog& backlog() const { return backlog_; }
  [[nodiscard]] const std::optional<SavedPosition>& position() const {
    return loaded_.totals.position;
  }

 private:
  std::unique_ptr<Database> database_;  // before all that holds its statements
  Loaded loaded_;
  Backlog backlog_;
  const bool keeps_blocks_;
  StateClock clock_;

  Room room_;

  Status write(const Commit& commit);
};

Result<std::unique_ptr<Store::Implementation>> Store::Implementation::open(
    const std::string& state_dir, const Catalog& catalog, const Options& options,
    const services::Clock& clock) {
  const Files files(state_dir);
  RETURN_IF_ERROR(services::prepare_state_dir(state_dir));
  // On a full volume, it is what opening needs.
  services::StateReserve reserve(state_dir);
  reserve.give_up();
  RETURN_IF_ERROR(make_missing(files, clock.wall_ns() / kNsPerMs, options.file_system));
  // Before it is open: see prepare_private_file().
  if (has_content(files.database)) {
    RETURN_IF_ERROR(services::prepare_private_file(files.database));
  }
  ASSIGN_OR_RETURN(auto database, open_database(files, Database::Mode::write, options.file_system));
  RETURN_IF_ERROR(database->execute(kTuning));
  auto found = load(*database, catalog, options);
  if (!found.ok() && database->has_no_room()) {
    // What was left in the log has its place in the file (Room), and then the log is used again.
    RETURN_IF_ERROR(database->ask_integer("PRAGMA wal_checkpoint(PASSIVE)").status());
    found = load(*database, catalog, options);
  }
  ASSIGN_OR_RETURN(Loaded loaded, std::move(found));
  // So that the file itself says that it is in use, and a log that is lost is noticed. Readers may
  // hold it up; the next one comes soon.
  RETURN_IF_ERROR(database->ask_integer("PRAGMA wal_checkpoint(PASSIVE)").status());
  auto store = std::make_unique<Implementation>(std::move(database), std::move(loaded),
                                                std::move(reserve), options.keeps_blocks, clock);
  store->tell_of_clock();
  RETURN_IF_ERROR(store->room().open());
  return store;
}

Store::Implementation::~Implementation() {
  // One that another writer has taken over is that one's to close.
  if (const Status status = database_->execute("UPDATE meta SET in_use = 0 WHERE generation = " +
                                               std::to_string(loaded_.generation));
      !status.ok()) {
    services::log(
        services::LogLevel::warning, "state",
        "the queue could not be closed; it is opened as after a crash. " + status.message());
    return;
  }
  if (database_->changes() == 0) return;
  room_.close();
  // Only now: a log must never go while the file says that it is in use.
  database_->set_checkpoints_at_close(true);
}

Status Store::Implementation::commit(const Commit& commit) {
  if (commit.empty()) return {};
  Status status = write(commit);
  room_.after_commit(status);
  return status;
}

Status Store::Implementation::write(const Commit& commit) {
  auto& [names, blocks, counts, letters, totals, last, generation, uncertain] = loaded_;
  RETURN_IF_ERROR(check_indexes(commit, names.catalog()));
  const Moment now = clock_.now();
  tell_of_clock();
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(*database_));
  RETURN_IF_ERROR(still_mine());
  Tally added;
  for (const Tally* part : {&commit.tally, &commit.outcomes}) {
    for (const Tally::Entry& entry : part->mappings()) added.of(entry.mapping).add(entry.counts);
  }
  RETURN_IF_ERROR(letters.take_out(commit.replayed, names, counts, added));
  Blocks::Changes changes;
  RETURN_IF_ERROR(blocks.write(commit, names, now, added, changes));
  if (keeps_blocks_) {
    RETURN_IF_ERROR(check_counts(totals.counts, added, changes.pending_then(), names));
  }
  RETURN_IF_ERROR(counts.add_mappings(added.mappings(), names, now.wall_ms));
  RETURN_IF_ERROR(counts.add_events(commit.tally, changes.next_sequence_then(), now));
  RETURN_IF_ERROR(counts.add_reasons(commit.tally.reasons(), names));
  RETURN_IF_ERROR(counts.add_reasons(commit.outcomes.reasons(), names));
  RETURN_IF_ERROR(counts.add_issues(commit.issues, names, now.wall_ms));
  RETURN_IF_ERROR(counts.set_destinations(commit.destinations, names));
  if (commit.position) RETURN_IF_ERROR(counts.set_position(*commit.position));
  RETURN_IF_ERROR(letters.overtake(commit.overtaken, names));
  RETURN_IF_ERROR(letters.add(commit.tally.dead_letters, names, now));
  RETURN_IF_ERROR(letters.add(commit.outcomes.dead_letters, names, now));
  RETURN_IF_ERROR(letters.enforce_limits(now.state_ms));
  RETURN_IF_ERROR(uncertain.add(commit, names, now.wall_ms));
  RETURN_IF_ERROR(room_.before_commit(!commit.blocks.empty()));
  RETURN_IF_ERROR(transaction.commit());

  blocks.apply(std::move(changes));
  for (const Tally::Entry& entry : added.mappings()) {
    totals.counts.of(entry.mapping).add(entry.counts);
  }
  totals.counts.events.add(commit.tally.events);
  totals.counts.matched_events += commit.tally.matched_events;
  if (commit.position) totals.position = commit.position;
  backlog_ = blocks.backlog(names);
  return {};
}

Status Store::Implementation::verify() {
  if (!keeps_blocks_) return {};
  ASSIGN_OR_RETURN(const Transaction transaction,
                   Transaction::begin(*database_, Transaction::Kind::read));
  RETURN_IF_ERROR(still_mine());
  CountsById pending;
  const auto add = [&](const BlockRow& row) -> Result<bool> {
    if (const Status status = add_pending(row, pending); !status.ok())
      return database_->damaged(status.message());
    return true;
  };
  RETURN_IF_ERROR(each_block(*database_, add));
  return with_advice(compare_with_counts(*database_, pending));
}

Store::Store(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& state_dir, const Catalog& catalog,
                                           const Options& options, const services::Clock& clock) {
  ASSIGN_OR_RETURN(auto implementation, Implementation::open(state_dir, catalog, options, clock));
  return std::unique_ptr<Store>(new Store(std::move(implementation)));
}

const Catalog& Store::catalog() const {
  return implementation_->catalog();
}
const Tally& Store::totals() const {
  return implementation_->totals();
}
const Backlog& Store::backlog() const {
  return implementation_->backlog();
}
const std::optional<SavedPosition>& Store::position() const {
  return implementation_->position();
}
Status Store::commit(const Commit& commit) {
  return implementation_->commit(commit);
}
bool Store::has_no_room() const {
  return implementation_->room().lacking();
}
Result<std::optional<StoredBlock>> Store::block(std::uint64_t from_sequence) {
  return implementation_->block(from_sequence);
}
Result<Replay> Store::requested_replays(std::size_t max_bytes, std::uint64_t taken_until) {
  return implementation_->requested_replays(max_bytes, taken_until);
}
Status Store::each_replayable(const std::function<void(ElementKey)>& each) {
  return implementation_->each_replayable(each);
}
Result<std::vector<UncertainKey>> Store::uncertain() {
  return implementation_->uncertain();
}
bool Store::attempts_known() const {
  return implementation_->attempts_known();
}
bool Store::kept_blocks() const {
  return implementation_->kept_blocks();
}
Status Store::verify() {
  return implementation_->verify();
}

}  // namespace penstock::store
