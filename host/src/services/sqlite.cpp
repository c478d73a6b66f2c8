#include "services/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "services/log.hpp"
#include "services/state_dir.hpp"
#include "services/state_reserve.hpp"
#include "services/volume.hpp"

namespace penstock::services {

namespace {

// Another process (status, a second run) holds the lock for milliseconds; this long means that it
// hangs.
constexpr int kBusyTimeoutMs = 5'000;
constexpr int kPrimaryCode = 0xFF;  // extended result codes keep the primary one there

sqlite3_mem_methods plain_memory;

void* zeroed_memory(int size) {
  void* const memory = plain_memory.xMalloc(size);
  if (memory != nullptr) std::memset(memory, 0, static_cast<std::size_t>(size));
  return memory;
}

// SQLite, when it recovers a write-ahead log whose first frame is not whole, copies a buffer that
// it has not filled into the -shm file: what the process had in that memory before, personal data
// and tokens among it, would be on the disk. So it gets memory that holds nothing.
void give_zeroed_memory() {
  static const int result = [] {
    const int known = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain_memory);
    if (known != SQLITE_OK) return known;
    sqlite3_mem_methods zeroed = plain_memory;
    zeroed.xMalloc = zeroed_memory;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &zeroed);
  }();
  // Refused when the process has used SQLite in another way before; the program does not.
  if (result != SQLITE_OK)
    log(LogLevel::debug, "state", "SQLite keeps its own memory: it is in use already");
}

bool is_mounted_read_only(const std::string& path) {
  const auto volume = Volume::of(path);
  return volume && volume->read_only;
}

// Why the system wrote no more at that path, as far as room is the reason; nullptr: it is not.
const char* lack_of_room(int result, int system_error, const std::string& path) {
  const int code = result & kPrimaryCode;
  if (code == SQLITE_FULL) return "the volume is full";
  if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN) return nullptr;
  switch (system_error) {
    case ENOSPC:
      return "the volume is full";
    case EDQUOT:
      return "the quota of this user or directory is used up";
    case EFBIG:
      return "a file would be larger than this process may write (ulimit -f)";
    case EIO:
      return nullptr;
    default:
      break;
  }
  // What SQLite tried last may not be what failed: the index of a log has 32 KiB.
  constexpr std::uint64_t kNothing = 64ULL * 1024;
  const auto volume = Volume::of(path);
  const bool full = volume && !volume->read_only && volume->free_bytes < kNothing;
  return full ? "the volume is full" : nullptr;
}

bool means_damage(int result) {
  const int code = result & kPrimaryCode;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

// Whether a table or column is not there. All statements are the program's own and fit the version
// that was looked at before, so the description of the tables has changed.
bool lacks_a_name(int code, std::string_view words) {
  return code == SQLITE_ERROR &&
         (words.substr(0, 8) == "no such " || words.find("has no column named") != words.npos);
}

// Whether what a check of the file says is that it could not be read at all: "error code=266".
bool says_unreadable(std::string_view verdict) {
  constexpr std::string_view kCode = "error code";
  const std::size_t place = verdict.find(kCode);
  if (place == std::string_view::npos) return false;
  const std::string_view rest = verdict.substr(place + kCode.size());
  const std::size_t digits = rest.find_first_of("0123456789");
  if (digits == std::string_view::npos) return false;
  int code = 0;
  std::from_chars(rest.data() + digits, rest.data() + rest.size(), code);
  return (code & kPrimaryCode) == SQLITE_IOERR || (code & kPrimaryCode) == SQLITE_NOMEM;
}

// As the path of a URI.
std::string in_uri(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr char kDigits[] = "0123456789ABCDEF";
      text += {'%', kDigits[c / 16], kDigits[c % 16]};
    } else {
      text += c;
    }
  }
  return text;
}

// Links above the file are the operator's; one in its place is not followed.
std::string without_links(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole(path);
  const std::filesystem::path directory =
      whole.has_parent_path() ? whole.parent_path() : std::filesystem::path(".");
  const std::filesystem::path resolved = std::filesystem::canonical(directory, error);
  return error ? path : (resolved / whole.filename()).string();
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      handle_(std::exchange(other.handle_, nullptr)),
      refused_(other.refused_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    database_ = other.database_;
    handle_ = std::exchange(other.handle_, nullptr);
    refused_ = other.refused_;
  }
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int result = sqlite3_bind_int64(handle_, index, value);
  if (result != SQLITE_OK && refused_ == SQLITE_OK) refused_ = result;
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  const int result = sqlite3_bind_text64(handle_, index, text.empty() ? "" : text.data(),
                                         text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (result != SQLITE_OK && refused_ == SQLITE_OK) refused_ = result;
  return *this;
}

Statement& Statement::bind_bytes(int index, std::string_view bytes) {
  // A null pointer would bind NULL rather than an empty blob.
  const int result = sqlite3_bind_blob64(handle_, index, bytes.empty() ? "" : bytes.data(),
                                         bytes.size(), SQLITE_STATIC);
  if (result != SQLITE_OK && refused_ == SQLITE_OK) refused_ = result;
  return *this;
}

Statement& Statement::bind_null(int index) {
  const int result = sqlite3_bind_null(handle_, index);
  if (result != SQLITE_OK && refused_ == SQLITE_OK) refused_ = result;
  return *this;
}

Result<bool> Statement::step() {
  const int result = refused_ != SQLITE_OK ? refused_ : sqlite3_step(handle_);
  if (result == SQLITE_ROW) return true;
  // Before the reset, which may change what the database says of its last failure.
  Status status = result == SQLITE_DONE ? Status() : database_->failure(result);
  reset();
  if (!status.ok()) return status;
  return false;
}

Status Statement::run() {
  ASSIGN_OR_RETURN(const bool row, step());
  if (row) reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  refused_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  return text == nullptr ? std::string_view()
                         : std::string_view(text, static_cast<std::size_t>(size));
}

std::string_view Statement::bytes(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

int Statement::columns() const {
  return sqlite3_column_count(handle_);
}

std::string Statement::name(int column) const {
  const char* const name = sqlite3_column_name(handle_, column);
  return name == nullptr ? std::string() : name;
}

Statement& Statement::bind_from(int index, const Statement& row, int column) {
  const int result = sqlite3_bind_value(handle_, index, sqlite3_column_value(row.handle_, column));
  if (result != SQLITE_OK && refused_ == SQLITE_OK) refused_ = result;
  return *this;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const Options& options) {
  if (options.mode == Mode::create) RETURN_IF_ERROR(prepare_private_file(path));
  std::unique_ptr<Database> database(new Database(path, options));
  RETURN_IF_ERROR(database->connect());
  return database;
}

Result<std::unique_ptr<Database>> Database::in_memory(int page_size) {
  Options options;
  options.mode = Mode::write;
  options.page_size = page_size;
  std::unique_ptr<Database> database(new Database(":memory:", options));
  RETURN_IF_ERROR(database->open_handle(
      ":memory:", SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY));
  return database;
}

Database::~Database() {
  // Only a statement that is still there could refuse it, and none outlives its Database.
  if (sqlite3_close(handle_) != SQLITE_OK) {
    log(LogLevel::error, "state", "cannot close " + options_.name + " " + complaint());
  }
}

Status Database::connect() {
  give_zeroed_memory();
  for (const char* ending : {"", "-wal", "-shm", "-journal"}) {
    RETURN_IF_ERROR(refuse_link(path_ + ending));
  }
  // Without SQLite's own mutex: one thread at a time is this class's rule.
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | (options_.unchanging ? SQLITE_OPEN_URI : 0) |
      (options_.mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  const std::string place = without_links(path_);
  RETURN_IF_ERROR(
      open_handle(options_.unchanging ? "file:" + in_uri(place) + "?immutable=1" : place, flags));
  // The first look at the file: what is no database is noticed here.
  RETURN_IF_ERROR(ask_integer("PRAGMA user_version").status());
  if (options_.mode == Mode::read_only) return {};
  ASSIGN_OR_RETURN(const std::string mode, ask_text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return {StatusCode::io, options_.name + " " + path_ +
                                " cannot keep a write-ahead log (its journal mode stays \"" + mode +
                                "\"). Set state_dir to a directory on a local disk."};
  }
  return {};
}

Status Database::open_handle(const std::string& name, int flags) {
  const int result =
      sqlite3_open_v2(name.c_str(), &handle_, flags,
                      options_.file_system.empty() ? nullptr : options_.file_system.c_str());
  if (result != SQLITE_OK) return failure(result);
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  set_checkpoints_at_close(options_.checkpoints_at_close);
  int step = options_.grows_by;
  if (step > 0) sqlite3_file_control(handle_, "main", SQLITE_FCNTL_CHUNK_SIZE, &step);
  return execute(
      "PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL;"
      "PRAGMA page_size = " +
      std::to_string(options_.page_size));
}

Status Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? Status() : failure(result);
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int result = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (result != SQLITE_OK) return failure(result);
  return Statement(this, handle);
}

Result<std::int64_t> Database::ask_integer(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Result<std::string> Database::ask_text(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row ? std::string(statement.text(0)) : std::string();
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_);
}
std::uint64_t Database::changes() const {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle_));
}
bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

void Database::set_checkpoints_at_close(bool checkpoints) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, checkpoints ? 0 : 1, nullptr);
}

std::string Database::complaint() const {
  return path_ + ": " + (handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory");
}

Status Database::failure() const {
  return failure(sqlite3_extended_errcode(handle_));
}

Status Database::failure(int result) const {
  if (means_damage(result) || lacks_a_name(result, sqlite3_errmsg(handle_))) {
    return damaged(sqlite3_errmsg(handle_));
  }
  const std::string said = " (" + std::string(sqlite3_errmsg(handle_)) + ", SQLite's code " +
                           std::to_string(result) + ").";
  const char* const lacking = lack_of_room(result, sqlite3_system_errno(handle_), path_);
  no_room_ = lacking != nullptr;
  if (no_room_) return out_of_room(lacking + said);
  switch (result & kPrimaryCode) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StatusCode::io,
              options_.name + " " + path_ +
                  " is held by another process, or its file system gives no locks. "
                  "Is this pipeline already running? Is state_dir on a local disk?"};
    case SQLITE_PROTOCOL:  // after many attempts to lock the log
    case SQLITE_NOLFS:
      return {StatusCode::io, options_.name + " " + path_ + " cannot be locked" + said +
                                  " Set state_dir to a directory on a local disk, or free locks "
                                  "there (ENOLCK: none are left)."};
    case SQLITE_NOMEM:
      return {StatusCode::io, "there is no memory left for " + options_.name + " " + path_ + said};
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      if (is_mounted_read_only(path_)) {
        return {StatusCode::io,
                "cannot read or write " + options_.name + " " + path_ + said +
                    " The file system that it is on is mounted read-only, and even reading it has "
                    "to write beside it. Mount it for writing, or copy its directory elsewhere and "
                    "set state_dir to that."};
      }
      return {StatusCode::io,
              "cannot read or write " + options_.name + " " + path_ + said +
                  " Check the rights on the file and its directory, its disk and the space on it."};
    default:
      return {StatusCode::internal, "a statement on " + options_.name + " " + path_ + " failed" +
                                        said + " This is a fault of Penstock: please report it."};
  }
}

Status Database::out_of_room(const std::string& why) const {
  no_room_ = true;
  std::string what = "there is no room left for " + options_.name + " " + path_ + ": " + why;
  const auto volume = Volume::of(path_);
  if (volume && volume->has_inodes && volume->free_bytes >= StateReserve::kBytesToMake) {
    return {StatusCode::io, what + " Of its volume, " + volume->words() +
                                ", so it is a quota, or a limit of the size of files (ulimit -f): "
                                "raise it."};
  }
  if (volume) what += " Of its volume, " + volume->words() + ".";
  return {StatusCode::io,
          what + " Make room there, or move the directory to a larger volume: at least " +
              std::to_string(StateReserve::kBytesToMake / (1024 * 1024)) + " MiB should be free."};
}

Status Database::allocate(std::uint64_t pages) {
  auto size = static_cast<sqlite3_int64>(pages) * options_.page_size;
  const int result = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_SIZE_HINT, &size);
  if (result == SQLITE_OK || result == SQLITE_NOTFOUND) return {};
  return out_of_room("it could not be made larger (SQLite's code " + std::to_string(result) + ").");
}

Status Database::quick_check(const std::string& table) {
  const std::string question = "PRAGMA quick_check(" + table + ")";
  ASSIGN_OR_RETURN(std::string verdict, ask_text(question));
  // A disk that could not be read for a moment is no damage: damage stays.
  if (verdict != "ok") {
    ASSIGN_OR_RETURN(verdict, ask_text(question));
  }
  return verdict == "ok" ? Status() : verdict_of(verdict);
}

Status Database::verdict_of(const std::string& verdict) const {
  if (!says_unreadable(verdict)) return damaged(verdict);
  return {StatusCode::io, "cannot read " + options_.name + " " + path_ + " (" + verdict +
                              "). Nothing was changed. Check its disk, and try again."};
}

Status Database::damaged(const std::string& what) const {
  // Of what is salvaged, damage is no news.
  if (options_.salvages) return {StatusCode::damaged, path_ + ": " + what + "."};
  return {StatusCode::damaged, options_.name + " " + path_ + " is damaged or is no database (" +
                                   what + "). Nothing was changed. " + options_.if_damaged};
}

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  RETURN_IF_ERROR(database.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  if (database_ == nullptr || !database_->in_transaction()) return;
  // The failure that led here is being reported. A transaction that cannot even be rolled back ends
  // with the connection, and begin() refuses another one until then.
  if (const Status status = database_->execute("ROLLBACK"); !status.ok()) {
    log(LogLevel::error, "state", status.message());
  }
}

Status Transaction::commit() {
  RETURN_IF_ERROR(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace penstock::services
