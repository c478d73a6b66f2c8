// The database file of a pipeline's queue: where it is, what its tables are, and when it is taken
// for sound.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/status.hpp"
#include "services/sqlite.hpp"

namespace penstock::store {

// PRAGMA user_version. A change of the tables raises it, and adds steps to schema.cpp.
inline constexpr std::int64_t kSchemaVersion = 3;

// The files in state_dir.
struct Files {
  explicit Files(const std::string& state_dir)
      : database(state_dir + "/queue.db"),
        log(database + "-wal"),
        shared_memory(database + "-shm"),
        unfinished(database + ".new"),
        repaired(database + ".repaired"),
        salvaged(database + ".salvage") {}
  std::string database;
  std::string log;            // what is committed and not yet in the database
  std::string shared_memory;  // an index of the log; worth nothing after a restart
  std::string unfinished;     // a new database that is not complete; worth nothing
  std::string repaired;       // complete, but not yet put in the place of the damaged one
  std::string salvaged;       // a copy of a damaged one, made readable; worth nothing afterwards
};

// What to do about a damaged database; for messages.
extern const char* const kIfDamaged;

[[nodiscard]] bool has_content(const std::string& path);  // exists and is not empty
// Likewise, but what cannot be looked at is an error and not nothing.
[[nodiscard]] Result<bool> surely_has_content(const std::string& path);

// Refused when there is no state in state_dir, which holds the files, or when this user may not
// look into it: to whom it is hidden it must not seem new.
[[nodiscard]] Status require_state(const Files& files, const std::string& state_dir);

// Makes a complete, empty database under that name. An older file there is overwritten.
[[nodiscard]] Status create_database(const std::string& path, std::int64_t now_ms,
                                     const std::string& file_system);
// Renames, durably.
[[nodiscard]] Status move_file(const std::string& from, const std::string& to);

// Whether the tables that hold what is kept are described as this version makes them, in their
// places. Some other description under this version's number is damage.
[[nodiscard]] Result<bool> describes_this_version(services::Database& database);

// Opens the one that must exist. Opened for writing, one of an older version is brought up to date.
// Refused: damaged (StatusCode::damaged), of another version or not of Penstock
// (StatusCode::configuration).
// Closing it leaves the log in its place: its end is how the next one tells that it was closed.
[[nodiscard]] Result<std::unique_ptr<services::Database>> open_database(
    const Files& files, services::Database::Mode mode, const std::string& file_system);

[[nodiscard]] Status remove_file(const std::string& path);  // ok when there is none
// A database with the files that SQLite keeps beside it.
[[nodiscard]] Status remove_database(const std::string& path);

// As open_database(), but trusts nothing and refuses only what cannot be read at all.
[[nodiscard]] Result<std::unique_ptr<services::Database>> open_for_salvage(const std::string& path);

// Copies a damaged database and its log, and gives the copy the first page of a sound, empty one:
// the header, and where the tables begin, which is the same in every database of this version.
[[nodiscard]] Status copy_with_first_page(const Files& files, const std::string& sound,
                                          const std::string& copy);

}  // namespace penstock::store
