// Database: SQLite files, the way Penstock uses them. The only header through which the rest of
// the host reaches SQLite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/status.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock::services {

// A prepared statement. Must not outlive its Database. One thread at a time.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Parameters, counted from 1. Text and bytes are not copied: they must stay until the statement
  // is reset. A value that SQLite refuses makes the next step() fail.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::uint64_t value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Statement& bind(int index, std::uint32_t value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Statement& bind(int index, std::int32_t value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_bytes(int index, std::string_view bytes);
  Statement& bind_null(int index);

  // True: there is a row; false: there are no more, and the statement is reset.
  [[nodiscard]] Result<bool> step();
  // For statements without rows.
  [[nodiscard]] Status run();
  // Forgets the rows that were not read, and the parameters.
  void reset();

  // Columns of the present row, counted from 0. Views are valid until the next step or reset.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t count(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string name(int column) const;
  // Binds the value of a column of another statement's present row, whatever its type.
  Statement& bind_from(int index, const Statement& row, int column);

 private:
  friend class Database;
  Statement(const class Database* database, sqlite3_stmt* handle)
      : database_(database), handle_(handle) {}

  const Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
  int refused_ = 0;  // the result of the first bind that failed
};

// An open file. One thread at a time.
class Database {
 public:
  enum class Mode : std::uint8_t {
    create,    // reads and writes; made (0600) where it is missing
    write,     // reads and writes; must exist
    read_only  // must exist
  };
  struct Options {
    Mode mode = Mode::create;
    // For messages: "the state database".
    std::string name = "the database";
    // What to do about a damaged file; sentences.
    std::string if_damaged;
    int page_size = 4096;  // of a new file; a power of two up to 65536
    // False: closing leaves the write-ahead log as it is, also for the last one who closes.
    bool checkpoints_at_close = true;
    // More than 0: the file takes its room in steps of so many bytes, see allocate().
    int grows_by = 0;
    // Nobody writes to the file, and nothing is written beside it, not even to read it.
    bool unchanging = false;
    bool salvages = false;  // reads on where sizes or schema do not fit what the header says
    // Registered name of another virtual file system; "": SQLite's own. For tests.
    std::string file_system;
  };

  // Sets up what is common to all: a busy timeout, a write-ahead log, synchronous=FULL, schemas
  // that are not trusted. A file that is no database or is damaged is refused (StatusCode::damaged)
  // and left as it is; so is a link in the place of one of its files (StatusCode::io).
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                              const Options& options);
  // An empty one that is no file, to be written to.
  [[nodiscard]] static Result<std::unique_ptr<Database>> in_memory(int page_size);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Several statements, without parameters; their rows are ignored.
  [[nodiscard]] Status execute(const std::string& sql);
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  // The first column of the first row of a query; 0 or "" when there is no row or it is NULL.
  [[nodiscard]] Result<std::int64_t> ask_integer(std::string_view sql);
  [[nodiscard]] Result<std::string> ask_text(std::string_view sql);

  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] std::uint64_t changes() const;  // rows that the latest statement changed
  [[nodiscard]] bool in_transaction() const;

  // Whether the last one who closes the file takes the write-ahead log over into it and removes it.
  void set_checkpoints_at_close(bool checkpoints);

  // [may-block] Takes room for a file of so many pages now, where grows_by says so. What a
  // transaction added can then be taken over from the log later, however full the volume is by
  // then. io, and has_no_room(), when there is none.
  [[nodiscard]] Status allocate(std::uint64_t pages);
  // Whether what failed last failed because no room was left. Each failure that is no lack of room
  // and comes from SQLite takes it back.
  [[nodiscard]] bool has_no_room() const { return no_room_; }
  // As a Status: has_no_room() from now on.
  [[nodiscard]] Status out_of_room(const std::string& why) const;

  // Looks through a table. damaged; io when it cannot be read.
  [[nodiscard]] Status quick_check(const std::string& table);
  // The same for what a check of SQLite's says other than "ok".
  [[nodiscard]] Status verdict_of(const std::string& verdict) const;

  // What SQLite last complained about, with the file.
  [[nodiscard]] std::string complaint() const;
  // That as a Status. io: full, unreadable, held by another process; damaged.
  [[nodiscard]] Status failure() const;
  [[nodiscard]] Status damaged(const std::string& what) const;

 private:
  Database(std::string path, const Options& options) : path_(std::move(path)), options_(options) {}
  [[nodiscard]] Status connect();
  [[nodiscard]] Status open_handle(const std::string& name, int flags);
  [[nodiscard]] Status failure(int result) const;

  friend class Statement;
  const std::string path_;
  const Options options_;
  sqlite3* handle_ = nullptr;
  mutable bool no_room_ = false;
};

// All or nothing: what is not committed is undone when it goes out of scope.
class Transaction {
 public:
  enum class Kind : std::uint8_t { read, write };  // write: nobody else writes meanwhile
  [[nodiscard]] static Result<Transaction> begin(Database& database, Kind kind = Kind::write);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // [may-block] Durable when ok; nothing has changed otherwise, unless the process ends before the
  // next write: then it may be there as a whole.
  [[nodiscard]] Status commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;
};

}  // namespace penstock::services
