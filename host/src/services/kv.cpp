#include "services/kv.hpp"

#include <utility>

#include "services/abi_text.hpp"
#include "services/sqlite.hpp"
#include "services/state_dir.hpp"

namespace penstock::services {

namespace {

constexpr char kFileName[] = "/state.db";
// PRAGMA user_version. A change of the tables raises it.
constexpr int kSchemaVersion = 1;

// A removed key keeps its row, without a value, so that its versions go on.
constexpr char kSchema[] =
    "CREATE TABLE kv ("
    " name_space BLOB NOT NULL, key BLOB NOT NULL, value BLOB, version INTEGER NOT NULL,"
    " PRIMARY KEY (name_space, key)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

constexpr char kIfDamaged[] =
    "Restore it from a backup; or move it away, with the files beside it whose names end in -wal "
    "and -shm, and a new one is made, without what plugins had stored.";

}  // namespace

// The connection to the file and its prepared statements. One thread at a time.
class KeyValueStore::Database {
 public:
  [[nodiscard]] Status open(const std::string& path);

  [[nodiscard]] services::Database& file() { return *file_; }
  // Whether there ever was such a key. `version` as stored, `exists` false for a removed key.
  [[nodiscard]] Result<bool> find(std::string_view name_space, std::string_view key, Entry& entry,
                                  bool& exists);
  [[nodiscard]] Status store(std::string_view name_space, std::string_view key,
                             const std::string_view* value, std::uint64_t version);
  // What SQLite last complained about, with the file.
  [[nodiscard]] std::string complaint() const { return file_->complaint(); }

 private:
  std::unique_ptr<services::Database> file_;
  Statement select_;
  Statement upsert_;
};

Status KeyValueStore::Database::open(const std::string& path) {
  services::Database::Options options;
  options.name = "the state database";
  options.if_damaged = kIfDamaged;
  ASSIGN_OR_RETURN(file_, services::Database::open(path, options));
  // With the look at the version in one transaction, as two processes may start at once.
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(*file_));
  ASSIGN_OR_RETURN(const std::int64_t version, file_->ask_integer("PRAGMA user_version"));
  if (version != 0 && version != kSchemaVersion) {
    return {StatusCode::configuration,
            "the state database " + path + " has schema version " + std::to_string(version) +
                ", this Penstock knows " + std::to_string(kSchemaVersion) +
                ". It was used by a newer Penstock: run that one, or set another state_dir."};
  }
  if (version == 0) RETURN_IF_ERROR(file_->execute(kSchema));
  RETURN_IF_ERROR(transaction.commit());

  RETURN_IF_ERROR(file_->quick_check("kv"));
  ASSIGN_OR_RETURN(
      select_, file_->prepare("SELECT value, version FROM kv WHERE name_space = ?1 AND key = ?2"));
  ASSIGN_OR_RETURN(
      upsert_,
      file_->prepare("INSERT INTO kv (name_space, key, value, version) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT DO UPDATE SET value = excluded.value, version = "
                     "excluded.version"));
  return {};
}

Result<bool> KeyValueStore::Database::find(std::string_view name_space, std::string_view key,
                                           Entry& entry, bool& exists) {
  exists = false;
  select_.bind_bytes(1, name_space).bind_bytes(2, key);
  ASSIGN_OR_RETURN(const bool row, select_.step());
  if (!row) return false;
  exists = !select_.is_null(0);
  entry.value = select_.bytes(0);
  entry.version = select_.count(1);
  select_.reset();
  return true;
}

Status KeyValueStore::Database::store(std::string_view name_space, std::string_view key,
                                      const std::string_view* value, std::uint64_t version) {
  upsert_.bind_bytes(1, name_space).bind_bytes(2, key).bind(4, version);
  if (value != nullptr) {
    upsert_.bind_bytes(3, *value);
  } else {
    upsert_.bind_null(3);
  }
  return upsert_.run();
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
  auto database = std::make_unique<Database>();
  RETURN_IF_ERROR(database->open(state_dir + kFileName));
  return std::unique_ptr<KeyValueStore>(new KeyValueStore(std::move(database)));
}

std::int32_t KeyValueStore::get(std::string_view name_space, std::string_view key, Entry& entry,
                                penstock_error* error) {
  if (const std::int32_t status = check_key(key, error); status != PENSTOCK_OK) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  bool exists = false;
  if (!database_->find(name_space, key, entry, exists).ok()) {
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
    return fail(error, PENSTOCK_ERR_INTERNAL, "state_unwritable",
                "Cannot store a value in " + database_->complaint() + ". Nothing was changed.");
  };
  auto transaction = Transaction::begin(database_->file());
  if (!transaction.ok()) return unwritable();
  Entry found;
  bool exists = false;
  if (!database_->find(name_space, key, found, exists).ok()) return unwritable();
  const std::uint64_t version = exists ? found.version : 0;
  if (expected_version != PENSTOCK_KV_ANY && expected_version != version) {
    return fail(error, PENSTOCK_ERR_CONFLICT, "version_conflict",
                "Expected version " + std::to_string(expected_version) + ", found " +
                    std::to_string(version) + ": read the key again.");
  }
  if (value == nullptr && !exists) return PENSTOCK_OK;
  if (!database_->store(name_space, key, value, found.version + 1).ok() ||
      !transaction->commit().ok()) {
    return unwritable();
  }
  return PENSTOCK_OK;
}

}  // namespace penstock::services
