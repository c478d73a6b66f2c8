#include "store/schema.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "services/state_dir.hpp"

namespace penstock::store {

namespace fs = std::filesystem;
using services::Database;
using services::Transaction;

const char* const kIfDamaged =
    "To see what can be saved, run: penstock queue check PIPELINE. To put the damaged files aside "
    "and go on with what can be read, run: penstock queue repair PIPELINE.";

namespace {

constexpr char kName[] = "the queue's database";

// Measured (benchmarks/store_bench.cpp): with smaller pages SQLite handles more of them for each
// block, with larger ones each small change writes more.
constexpr int kPageSize = 16 * 1024;

// Ids of destinations and mappings begin at 1; 0 stands for none, because NULLs are never equal in
// a UNIQUE. What is written with every commit is in few tables: each costs a page.
//
// This is version 2; what came afterwards is in kSteps.
constexpr char kSchema[] = R"sql(
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  created_ms INTEGER NOT NULL,
  in_use INTEGER NOT NULL DEFAULT 0,        -- 1: a writer has it, or ended without closing it
  keeps_blocks INTEGER NOT NULL DEFAULT 1,  -- 0: the last writer counted blocks only
  next_sequence INTEGER NOT NULL DEFAULT 0,
  received INTEGER NOT NULL DEFAULT 0,
  unmatched INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  matched_events INTEGER NOT NULL DEFAULT 0,
  letters_kept INTEGER NOT NULL DEFAULT 0,
  letters_bytes INTEGER NOT NULL DEFAULT 0,
  letters_dropped INTEGER NOT NULL DEFAULT 0,
  letters_discarded INTEGER NOT NULL DEFAULT 0,
  source_path TEXT,                         -- NULL: no position was saved
  source_device INTEGER, source_inode INTEGER, source_offset INTEGER,
  source_fingerprint_size INTEGER, source_fingerprint TEXT
);
CREATE TABLE destinations (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'ok', code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
  paused_until_ms INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0, throttled_requests INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE mappings (
  id INTEGER PRIMARY KEY, destination INTEGER NOT NULL, name TEXT NOT NULL,
  matched INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
  superseded INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0,
  dead_lettered INTEGER NOT NULL DEFAULT 0, replayed INTEGER NOT NULL DEFAULT 0,
  last_delivered_ms INTEGER NOT NULL DEFAULT 0,
  UNIQUE (destination, name)
);
CREATE TABLE history (
  hour_ms INTEGER NOT NULL, mapping INTEGER NOT NULL,
  matched INTEGER NOT NULL, delivered INTEGER NOT NULL, superseded INTEGER NOT NULL,
  skipped INTEGER NOT NULL, dead_lettered INTEGER NOT NULL, replayed INTEGER NOT NULL,
  PRIMARY KEY (hour_ms, mapping)
) WITHOUT ROWID;
CREATE TABLE reasons (
  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, mapping INTEGER NOT NULL,
  reason TEXT NOT NULL, field TEXT NOT NULL, message TEXT NOT NULL, count INTEGER NOT NULL,
  UNIQUE (kind, mapping, reason, field, message)
);
CREATE TABLE issues (
  id INTEGER PRIMARY KEY, destination INTEGER NOT NULL, mapping INTEGER NOT NULL,
  severity INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, count INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  UNIQUE (destination, mapping, severity, code)
);
CREATE TABLE blocks (
  sequence INTEGER PRIMARY KEY, created_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
  elements INTEGER NOT NULL,
  counts BLOB NOT NULL,  -- elements by mapping
  actions BLOB NOT NULL  -- by destination
);
CREATE TABLE block_data (sequence INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE progress (
  sequence INTEGER PRIMARY KEY,
  settled BLOB NOT NULL,         -- a bit an element; empty: none
  settled_counts BLOB NOT NULL,  -- by mapping
  attempts BLOB NOT NULL         -- 16 bits an element; empty: none
);
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
  destination INTEGER NOT NULL, mapping INTEGER NOT NULL, awaits_replay INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL, form INTEGER NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
  remote_status INTEGER NOT NULL, attempts INTEGER NOT NULL,
  source_offset INTEGER NOT NULL, source_size INTEGER NOT NULL,
  action TEXT NOT NULL, batch_key BLOB NOT NULL, coalesce_key BLOB NOT NULL, content BLOB NOT NULL,
  overtaken INTEGER NOT NULL DEFAULT 0, queued_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX dead_letters_awaiting ON dead_letters (id) WHERE awaits_replay;
CREATE INDEX dead_letters_key ON dead_letters (coalesce_key) WHERE NOT overtaken;
)sql";

// What became of the tables since version 2, in this order. A new database is made by the same
// steps, so that tables and columns have the same places in every file of a version, which
// salvaging relies on. New columns stand last, new tables after all others.
struct Step {
  std::int64_t version;  // the one that it leads to
  const char* sql;
};
constexpr Step kSteps[] = {
    // Who writes: each run that opens the database takes the next number, and the one before it
    // notices.
    {3, "ALTER TABLE meta ADD COLUMN generation INTEGER NOT NULL DEFAULT 0"},
    // The clock when something was stored last, and the time that runs have really seen (state
    // time, see state_clock.hpp). 0: of an older version.
    {3, "ALTER TABLE meta ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0"},
    {3, "ALTER TABLE meta ADD COLUMN state_ms INTEGER NOT NULL DEFAULT 0"},
    // In state time. 0: of an older version, created_ms and at_ms hold.
    {3, "ALTER TABLE blocks ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0"},
    {3, "ALTER TABLE dead_letters ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0"},
    // 1: the last writer ended with no attempt under way.
    {3, "ALTER TABLE meta ADD COLUMN attempts_known INTEGER NOT NULL DEFAULT 0"},
    {3, "ALTER TABLE mappings ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0"},
    // Keys of which an element may still be carried out. `action` '': all keys of the destination;
    // `key`: a hash of batch key and coalesce key; `element` -1: more than one. Nothing of it is
    // worth salvaging.
    {3,
     "CREATE TABLE uncertain (destination INTEGER NOT NULL, action TEXT NOT NULL,"
     " key INTEGER NOT NULL, sequence INTEGER NOT NULL, element INTEGER NOT NULL,"
     " until_ms INTEGER NOT NULL, PRIMARY KEY (destination, action, key)) WITHOUT ROWID"},
    // What tells the file of the position from others, and the files before it (former_files.hpp).
    {3, "ALTER TABLE meta ADD COLUMN source_tail_size INTEGER NOT NULL DEFAULT 0"},
    {3, "ALTER TABLE meta ADD COLUMN source_tail TEXT NOT NULL DEFAULT ''"},
    {3, "ALTER TABLE meta ADD COLUMN source_former TEXT NOT NULL DEFAULT ''"},
};

// From version 1 to 2.
constexpr char kFromVersion1[] = R"sql(
ALTER TABLE dead_letters ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN queued_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dead_letters_key ON dead_letters (coalesce_key) WHERE NOT overtaken;
)sql";
constexpr std::int64_t kOldestVersion = 1;
// No Penstock will ever have had so many.
constexpr std::int64_t kMostVersions = 10'000;
constexpr std::int64_t kFirstWithSteps = 2;

Status take_steps(Database& database, std::int64_t from_version) {
  if (from_version < kFirstWithSteps) RETURN_IF_ERROR(database.execute(kFromVersion1));
  for (const Step& step : kSteps) {
    if (step.version > from_version) RETURN_IF_ERROR(database.execute(step.sql));
  }
  return database.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
}

Status bring_up_to_date(Database& database, std::int64_t from_version) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(database));
  RETURN_IF_ERROR(take_steps(database, from_version));
  return transaction.commit();
}

Status refused(const std::string& what, int error, const char* advice) {
  return {StatusCode::io, what + ": " + std::generic_category().message(error) + ". " + advice};
}

Status sync_directory(const std::string& path) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return refused("cannot open " + path, errno, "Check the rights on it.");
  const int error = fsync(directory) == 0 ? 0 : errno;
  close(directory);
  return error == 0 ? Status() : refused("cannot write " + path, error, "Check its disk.");
}

Status damaged(const Files& files, const std::string& what) {
  return {StatusCode::damaged, std::string(kName) + " " + files.database + " is damaged: " + what +
                                   " Nothing was changed. " + kIfDamaged};
}

// Of the tables that were there from the beginning; later ones may lie anywhere. Columns by name: a
// database of an older version has got some of them later.
Result<std::vector<std::string>> descriptions(Database& database) {
  ASSIGN_OR_RETURN(
      services::Statement rows,
      database.prepare("SELECT t.name || ' ' || t.rootpage || ' ' || (SELECT group_concat(c, ', ')"
                       " FROM (SELECT name || ' ' || type || ' ' || pk AS c"
                       " FROM pragma_table_info(t.name) ORDER BY name))"
                       " FROM sqlite_schema t WHERE t.type = 'table' AND t.name <> 'uncertain'"
                       " ORDER BY t.name"));
  std::vector<std::string> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    all.emplace_back(rows.text(0));
  }
}

Database::Options options_for(Database::Mode mode, const std::string& file_system) {
  Database::Options options;
  options.mode = mode;
  options.name = kName;
  options.if_damaged = kIfDamaged;
  options.page_size = kPageSize;
  if (mode != Database::Mode::read_only) options.grows_by = kPageSize;
  options.file_system = file_system;
  return options;
}

// What a run uses has the index of its log beside it. One that is smaller was begun on a volume
// that became full; a log without content may come with it.
bool is_closed(const Files& files) {
  constexpr std::uintmax_t kLeastIndex = 32ULL * 1024;
  std::error_code error;
  const std::uintmax_t index = fs::file_size(files.shared_memory, error);
  const bool has_index =
      error != std::errc::no_such_file_or_directory && (error || index >= kLeastIndex);
  return !has_index && !has_content(files.log);
}

}  // namespace

Result<bool> describes_this_version(Database& database) {
  auto found = descriptions(database);
  if (!found.ok()) {
    if (found.status().code() == StatusCode::io) return found.status();
    return false;
  }
  ASSIGN_OR_RETURN(const auto model, Database::in_memory(kPageSize));
  RETURN_IF_ERROR(model->execute(kSchema));
  RETURN_IF_ERROR(take_steps(*model, kFirstWithSteps));
  ASSIGN_OR_RETURN(const auto wanted, descriptions(*model));
  return *found == wanted;
}

bool has_content(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return !error && size > 0;
}

Result<bool> surely_has_content(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (!error) return size > 0;
  if (error == std::errc::no_such_file_or_directory) return false;
  return refused("cannot look at " + path, error.value(), "Check its disk and the rights on it.");
}

Status require_state(const Files& files, const std::string& state_dir) {
  std::error_code error;
  const bool there = fs::exists(files.database, error);
  if (error) {
    return refused("cannot look into " + state_dir, error.value(),
                   "Run this as the user who runs the pipeline.");
  }
  if (there || has_content(files.log) || has_content(files.repaired)) return {};
  return {StatusCode::bad_input, "there is no state in " + state_dir +
                                     ": this pipeline has never run. Start it with: penstock run "
                                     "PIPELINE."};
}

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return refused("cannot remove " + path, errno, "Check the rights on its directory.");
}

Status remove_database(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm", "-journal"}) {
    RETURN_IF_ERROR(remove_file(path + ending));
  }
  return {};
}

Status move_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return refused("cannot rename " + from + " to " + to, errno,
                   "Check the rights on its directory and the space on its disk.");
  }
  return sync_directory(fs::path(to).parent_path());
}

Status create_database(const std::string& path, std::int64_t now_ms,
                       const std::string& file_system) {
  RETURN_IF_ERROR(remove_database(path));
  ASSIGN_OR_RETURN(const auto database,
                   Database::open(path, options_for(Database::Mode::create, file_system)));
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(*database));
  RETURN_IF_ERROR(database->execute(kSchema));
  RETURN_IF_ERROR(take_steps(*database, kFirstWithSteps));
  RETURN_IF_ERROR(database->execute("INSERT INTO meta (id, created_ms) VALUES (1, " +
                                    std::to_string(now_ms) + ")"));
  RETURN_IF_ERROR(transaction.commit());
  // Closing would move it from the log as well, but without saying whether that worked.
  ASSIGN_OR_RETURN(const std::int64_t busy,
                   database->ask_integer("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy != 0) return {StatusCode::io, path + " is held by another process."};
  return {};
}

Result<std::unique_ptr<Database>> open_database(const Files& files, Database::Mode mode,
                                                const std::string& file_system) {
  if (has_content(files.repaired)) {
    return damaged(files, "a repair of it was interrupted; run it again.");
  }
  std::error_code error;
  if (!fs::exists(files.database, error) && !error) {
    return Status{StatusCode::damaged,
                  std::string(kName) + " " + files.database +
                      " is missing, but other files of it are there. Nothing was changed. Put the "
                      "file back from where it went. To begin anew, without what it held, move " +
                      files.database + "-* away."};
  }
  ASSIGN_OR_RETURN(const bool filled, surely_has_content(files.database));
  if (!filled) return damaged(files, "it is empty.");
  Database::Options options = options_for(mode, file_system);
  options.checkpoints_at_close = false;
  const bool closed = is_closed(files);
  auto opened = Database::open(files.database, options);
  // Even reading writes files beside it, unless it is known that nobody else writes: not on a full
  // volume, and not where this user may only read. Closed, it has no files beside it.
  if (!opened.ok() && mode == Database::Mode::read_only && closed) {
    options.unchanging = true;
    if (auto unchanging = Database::open(files.database, options); unchanging.ok())
      opened = std::move(unchanging);
  }
  ASSIGN_OR_RETURN(auto database, std::move(opened));
  ASSIGN_OR_RETURN(const std::int64_t version, database->ask_integer("PRAGMA user_version"));
  const bool older =
      version >= kOldestVersion && version < kSchemaVersion && mode == Database::Mode::write;
  // A newer one may have the same tables, and more; 0 is what strangers have.
  if ((version != 0 && version < kSchemaVersion) || version > kMostVersions) {
    ASSIGN_OR_RETURN(const bool of_this_version, describes_this_version(*database));
    if (of_this_version) {
      return damaged(files, "it claims to be of version " + std::to_string(version) +
                                ", but its tables are those of version " +
                                std::to_string(kSchemaVersion) + ".");
    }
  }
  if (version != kSchemaVersion && !older) {
    const std::string found = std::string(kName) + " " + files.database + " has schema version " +
                              std::to_string(version) + ", this Penstock knows " +
                              std::to_string(kSchemaVersion) + ". ";
    return Status{StatusCode::configuration,
                  version == 0 ? found +
                                     "It was not made by Penstock: move it away, or set another "
                                     "state_dir."
                  : version < kSchemaVersion
                      ? found +
                            "It was used by an older Penstock: `penstock run` brings it up to "
                            "date."
                      : found +
                            "It was used by a newer Penstock: run that one, or set "
                            "another state_dir."};
  }
  ASSIGN_OR_RETURN(const std::string in_use, database->ask_text("SELECT in_use FROM meta"));
  if (in_use.empty()) return damaged(files, "its table meta has no row.");
  // A writer leaves its log behind unless it closed the database. (Whatever else opens and closes
  // the file takes the log over into it; then nothing is lost, but nothing tells so.)
  ASSIGN_OR_RETURN(const bool has_log, surely_has_content(files.log));
  if (in_use != "0" && !has_log) {
    return damaged(files, "the last run did not close it, but its write-ahead log " + files.log +
                              " is missing: what that run did last may be lost. If the file can be "
                              "found, put it back.");
  }
  // Only what is not refused is changed.
  if (older) RETURN_IF_ERROR(bring_up_to_date(*database, version));
  return database;
}

Result<std::unique_ptr<Database>> open_for_salvage(const std::string& path) {
  Database::Options options = options_for(Database::Mode::read_only, "");
  options.salvages = true;
  return Database::open(path, options);
}

Status copy_with_first_page(const Files& files, const std::string& sound, const std::string& copy) {
  RETURN_IF_ERROR(remove_database(copy));
  RETURN_IF_ERROR(services::prepare_private_file(copy));
  std::error_code error;
  // SQLite wants the pages of all tables. Those behind the end of a file that was cut off are left
  // without content, which is damage and not an empty table.
  const std::uintmax_t least = fs::file_size(sound, error);
  if (error) return refused("cannot look at " + sound, error.value(), "Check its disk.");
  fs::copy_file(files.database, copy, fs::copy_options::overwrite_existing, error);
  if (error) return refused("cannot copy " + files.database, error.value(), "Make room for it.");
  const std::uintmax_t size = std::max(fs::file_size(copy, error), least);
  if (!error) fs::resize_file(copy, size, error);
  if (error) return refused("cannot extend " + copy, error.value(), "Make room for it.");
  if (has_content(files.log)) {
    fs::copy_file(files.log, copy + "-wal", error);
    if (error) return refused("cannot copy " + files.log, error.value(), "Make room for it.");
  }
  // Offsets of the file format: the number of pages, and where the list of free pages begins.
  constexpr std::size_t kPages = 28;
  constexpr std::size_t kFreeList = 32;
  constexpr std::size_t kFreeListEnd = 40;
  std::array<char, kPageSize> page{};
  std::ifstream in(sound, std::ios::binary);
  in.read(page.data(), page.size());
  if (!in) return {StatusCode::io, "cannot read " + sound + ". Check its disk."};
  const std::uintmax_t pages = size / kPageSize;
  for (std::size_t i = 0; i < 4; ++i) {
    page[kPages + i] = static_cast<char>(pages >> (8 * (3 - i)));
  }
  std::fill(page.begin() + kFreeList, page.begin() + kFreeListEnd, '\0');
  std::fstream out(copy, std::ios::binary | std::ios::in | std::ios::out);
  out.write(page.data(), page.size());
  out.close();
  if (!out) return {StatusCode::io, "cannot write " + copy + ". Check the space on its disk."};
  return {};
}

}  // namespace penstock::store
