#include "services/kv.hpp"

#include <sqlite3.h>

#include <utility>

#include "services/abi_text.hpp"
#include "services/state_dir.hpp"

namespace penstock::services {

namespace {

constexpr char kFileName[] = "/state.db";
// PRAGMA user_version. A change of the tables raises it.
constexpr int kSchemaVersion = 1;
// Another process (status, a second run) holds the lock for milliseconds; this long means that it
// hangs.
constexpr int kBusyTimeoutMs = 5'000;

// A removed key keeps its row, without a value, so that its versions go on.
constexpr char kSchema[] =
    "CREATE TABLE kv ("
    " name_space BLOB NOT NULL, key BLOB NOT NULL, value BLOB, version INTEGER NOT NULL,"
    " PRIMARY KEY (name_space, key)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

enum class Step : std::uint8_t { row, done, failed };

}  // namespace

// The connection to the file and its prepared statements. One thread at a time.
class KeyValueStore::Database {
 public:
  explicit Database(std::string path) : path_(std::move(path)) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    for (sqlite3_stmt* statement : {begin_, commit_, rollback_, select_, upsert_}) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(handle_);
  }

  Status open();

  [[nodiscard]] bool begin() { return run(begin_); }
  [[nodiscard]] bool commit() { return run(commit_); }
  // After a failure that is already being reported; a transaction that cannot be rolled back ends
  // with the connection.
  void roll_back() {
    if (sqlite3_get_autocommit(handle_) == 0) static_cast<void>(run(rollback_));
  }
  // `version` as stored, `exists` false for a removed key. Step::done: there never was such a key.
  Step find(std::string_view name_space, std::string_view key, Entry& entry, bool& exists);
  [[nodiscard]] bool store(std::string_view name_space, std::string_view key,
                           const std::string_view* value, std::uint64_t version);

  // What SQLite last complained about, with the file.
  [[nodiscard]] std::string complaint() const { return path_ + ": " + sqlite3_errmsg(handle_); }

 private:
  [[nodiscard]] Status refused(const std::string& what) const;
  [[nodiscard]] bool execute(const char* sql) {
    return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  // The single value that a statement returns, as text.
  [[nodiscard]] bool ask(const char* sql, std::string& answer);
  [[nodiscard]] bool prepare(const char* sql, sqlite3_stmt*& statement) {
    return sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) ==
           SQLITE_OK;
  }
  [[nodiscard]] static bool run(sqlite3_stmt* statement) {
    const int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE;
  }
  [[nodiscard]] static bool bind(sqlite3_stmt* statement, int index, std::string_view bytes) {
    // A null pointer would bind NULL rather than an empty blob.
    return sqlite3_bind_blob64(statement, index, bytes.empty() ? "" : bytes.data(), bytes.size(),
                               SQLITE_STATIC) == SQLITE_OK;
  }

  const std::string path_;
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* rollback_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* upsert_ = nullptr;
};

Status KeyValueStore::Database::refused(const std::string& what) const {
  const int code = sqlite3_errcode(handle_) & 0xFF;
  const std::string said = sqlite3_errmsg(handle_);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    return {StatusCode::io,
            "the state database " + path_ + " is damaged or is no database (" + said +
                "). Nothing was changed. Restore it from a backup; or move it away, with the files "
                "beside it whose names end in -wal and -shm, and a new one is made, without what "
                "plugins had stored."};
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return {StatusCode::io, "the state database " + path_ +
                                " is held by another process. Is this pipeline already running?"};
  }
  return {StatusCode::io,
          "cannot " + what + " the state database " + path_ + ": " + said +
              ". Check the rights on the file and its directory and the space on its disk."};
}

bool KeyValueStore::Database::ask(const char* sql, std::string& answer) {
  sqlite3_stmt* statement = nullptr;
  if (!prepare(sql, statement)) return false;
  const bool found = sqlite3_step(statement) == SQLITE_ROW;
  if (found) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    answer = text == nullptr ? "" : text;
  }
  return sqlite3_finalize(statement) == SQLITE_OK && found;
}

Status KeyValueStore::Database::open() {
  RETURN_IF_ERROR(prepare_private_file(path_));
  // FULLMUTEX is not needed: KeyValueStore has a mutex of its own.
  if (sqlite3_open_v2(path_.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return refused("open");
  }
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  std::string version;
  std::string mode;
  if (!ask("PRAGMA user_version", version)) return refused("read");
  if (version != "0" && version != std::to_string(kSchemaVersion)) {
    return {StatusCode::configuration,
            "the state database " + path_ + " has schema version " + version +
                ", this Penstock knows " + std::to_string(kSchemaVersion) +
                ". It was used by a newer Penstock: run that one, or set another state_dir."};
  }
  if (!ask("PRAGMA journal_mode = WAL", mode)) return refused("open");
  if (mode != "wal") {
    return {StatusCode::io, "the state database " + path_ +
                                " cannot keep a write-ahead log (its journal mode stays \"" + mode +
                                "\"). Set state_dir to a directory on a local disk."};
  }
  if (!execute("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")) return refused("open");
  // In one transaction with a second look, as two processes may start at once.
  if (!execute("BEGIN IMMEDIATE") || !ask("PRAGMA user_version", version))
    return refused("write to");
  if (version == "0" && !execute(kSchema)) return refused("make the tables of");
  if (!execute("COMMIT")) return refused("write to");

  std::string verdict;
  if (!ask("PRAGMA quick_check(kv)", verdict)) return refused("read");
  if (verdict != "ok") {
    return {
        StatusCode::io,
        "the state database " + path_ + " is damaged (" + verdict +
            "). Restore it from a backup; or move it away, with the files beside it whose names "
            "end in -wal and -shm, and a new one is made, without what plugins had stored."};
  }
  if (!prepare("BEGIN IMMEDIATE", begin_) || !prepare("COMMIT", commit_) ||
      !prepare("ROLLBACK", rollback_) ||
      !prepare("SELECT value, version FROM kv WHERE name_space = ?1 AND key = ?2", select_) ||
      !prepare("INSERT INTO kv (name_space, key, value, version) VALUES (?1, ?2, ?3, ?4)"
               " ON CONFLICT DO UPDATE SET value = excluded.value, version = excluded.version",
               upsert_)) {
    return refused("read");
  }
  return {};
}

Step KeyValueStore::Database::find(std::string_view name_space, std::string_view key, Entry& entry,
                                   bool& exists) {
  exists = false;
  Step step = Step::failed;
  if (bind(select_, 1, name_space) && bind(select_, 2, key)) {
    const int result = sqlite3_step(select_);
    if (result == SQLITE_ROW) {
      exists = sqlite3_column_type(select_, 0) != SQLITE_NULL;
      const int size = sqlite3_column_bytes(select_, 0);
      const void* bytes = sqlite3_column_blob(select_, 0);
      entry.value =
          size > 0 ? std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))
                   : "";
      entry.version = static_cast<std::uint64_t>(sqlite3_column_int64(select_, 1));
      step = Step::row;
    } else if (result == SQLITE_DONE) {
      step = Step::done;
    }
  }
  sqlite3_reset(select_);
  sqlite3_clear_bindings(select_);
  return step;
}

bool KeyValueStore::Database::store(std::string_view name_space, std::string_view key,
                                    const std::string_view* value, std::uint64_t version) {
  const bool bound =
      bind(upsert_, 1, name_space) && bind(upsert_, 2, key) &&
      (value != nullptr ? bind(upsert_, 3, *value) : sqlite3_bind_null(upsert_, 3) == SQLITE_OK) &&
      sqlite3_bind_int64(upsert_, 4, static_cast<sqlite3_int64>(version)) == SQLITE_OK;
  const bool stored = bound && run(upsert_);
  sqlite3_clear_bindings(upsert_);
  return stored;
}

namespace {

std::int32_t check_key(std::string_view key, penstock_error* error) {
  if (!key.empty() && key.size() <= KeyValueStore::kMaxKeyBytes) return PENSTOCK_OK;
  return fail(error, PENSTOCK_ERR_INVALID, "invalid_key",
              "A key has 1 to " + std::to_string(KeyValueStore::kMaxKeyBytes) +
                  " bytes; this one has " + std::to_string(key.size()) + ".");
}

}  // namespace

KeyValueStore::KeyValueStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}
KeyValueStore::~KeyValueStore() = default;

Result<std::unique_ptr<KeyValueStore>> KeyValueStore::open(const std::string& state_dir) {
  RETURN_IF_ERROR(prepare_state_dir(state_dir));
  auto database = std::make_unique<Database>(state_dir + kFileName);
  RETURN_IF_ERROR(database->open());
  return std::unique_ptr<KeyValueStore>(new KeyValueStore(std::move(database)));
}

std::int32_t KeyValueStore::get(std::string_view name_space, std::string_view key, Entry& entry,
                                penstock_error* error) {
  if (const std::int32_t status = check_key(key, error); status != PENSTOCK_OK) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  bool exists = false;
  if (database_->find(name_space, key, entry, exists) == Step::failed) {
    return fail(error, PENSTOCK_ERR_INTERNAL, "state_unreadable",
                "Cannot read a stored value from " + database_->complaint() + ".");
  }
  if (exists) return PENSTOCK_OK;
  entry = {};
  return fail(error, PENSTOCK_ERR_NOT_FOUND, "not_found", "There is no such key.");
}

std::int32_t KeyValueStore::put(std::string_view name_space, std::string_view key,
                                std::string_view value, std::uint64_t expected_version,
                                penstock_error* error) {
  if (value.size() > kMaxValueBytes) {
    return fail(error, PENSTOCK_ERR_INVALID, "value_too_large",
                "A value has at most " + std::to_string(kMaxValueBytes) + " bytes; this one has " +
                    std::to_string(value.size()) + ".");
  }
  return write(name_space, key, &value, expected_version, error);
}

std::int32_t KeyValueStore::remove(std::string_view name_space, std::string_view key,
                                   std::uint64_t expected_version, penstock_error* error) {
  return write(name_space, key, nullptr, expected_version, error);
}

std::int32_t KeyValueStore::write(std::string_view name_space, std::string_view key,
                                  const std::string_view* value, std::uint64_t expected_version,
                                  penstock_error* error) {
  if (const std::int32_t status = check_key(key, error); status != PENSTOCK_OK) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto unwritable = [&] {
    const std::string complaint = database_->complaint();  // before the roll-back overwrites it
    database_->roll_back();
    return fail(error, PENSTOCK_ERR_INTERNAL, "state_unwritable",
                "Cannot store a value in " + complaint + ". Nothing was changed.");
  };
  if (!database_->begin()) return unwritable();
  Entry found;
  bool exists = false;
  if (database_->find(name_space, key, found, exists) == Step::failed) return unwritable();
  const std::uint64_t version = exists ? found.version : 0;
  if (expected_version != PENSTOCK_KV_ANY && expected_version != version) {
    database_->roll_back();
    return fail(error, PENSTOCK_ERR_CONFLICT, "version_conflict",
                "Expected version " + std::to_string(expected_version) + ", found " +
                    std::to_string(version) + ": read the key again.");
  }
  if (value == nullptr && !exists) {
    database_->roll_back();
    return PENSTOCK_OK;
  }
  if (!database_->store(name_space, key, value, found.version + 1) || !database_->commit()) {
    return unwritable();
  }
  return PENSTOCK_OK;
}

}  // namespace penstock::services
