#include "store/salvage.hpp"

#include <functional>
#include <limits>
#include <optional>

#include "store/inspection.hpp"

namespace penstock::store {

using services::Database;
using services::Statement;

namespace {

// Between the two ends that can be read, keys are tried one by one up to this many: a minute's
// work.
constexpr std::int64_t kMostTriedKeys = 1'000'000;

// Copies rows of one table, each once.
class RowCopy {
 public:
  RowCopy(Database& from, Database& to, std::string table, std::string key)
      : from_(from), to_(to), table_(std::move(table)), key_(std::move(key)) {}

  Status run() {
    RETURN_IF_ERROR(scan("ASC", first_bad_));
    if (sound_) return {};
    RETURN_IF_ERROR(scan("DESC", last_bad_));
    if (last_bad_ - first_bad_ > kMostTriedKeys) return {};
    for (std::int64_t key = first_bad_ + 1; key < last_bad_; ++key) {
      RETURN_IF_ERROR(copy_one(key));
    }
    return {};
  }

  [[nodiscard]] bool sound() const { return sound_; }
  [[nodiscard]] std::uint64_t copied() const { return copied_; }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  // Until the end or damage. `reached`: the key of the last row that was read.
  Status scan(const std::string& direction, std::int64_t& reached) {
    auto rows = from_.prepare("SELECT " + key_ + ", * FROM " + table_ + " NOT INDEXED ORDER BY " +
                              key_ + " " + direction);
    if (!rows.ok()) return spoilt(rows.status());
    for (;;) {
      const auto more = rows->step();
      if (!more.ok()) return spoilt(more.status());
      if (!*more) return {};
      reached = rows->integer(0);
      RETURN_IF_ERROR(copy(*rows));
    }
  }

  Status copy_one(std::int64_t key) {
    auto rows = from_.prepare("SELECT " + key_ + ", * FROM " + table_ + " NOT INDEXED WHERE " +
                              key_ + " = " + std::to_string(key));
    if (!rows.ok()) return {};
    const auto more = rows->step();
    return more.ok() && *more ? copy(*rows) : Status();
  }

  Status copy(const Statement& row) {
    if (!insert_) {
      // By name: one of an older version lacks columns, which then have their defaults.
      std::string names(row.column_name(1));
      std::string values = "?1";
      for (int i = 2; i < row.columns(); ++i) {
        names.append(", ").append(row.column_name(i));
        values += ", ?" + std::to_string(i);
      }
      ASSIGN_OR_RETURN(insert_, to_.prepare("INSERT OR IGNORE INTO " + table_ + " (" + names +
                                            ") VALUES (" + values + ")"));
    }
    for (int i = 1; i < row.columns(); ++i) insert_->bind_from(i, row, i);
    RETURN_IF_ERROR(insert_->run());
    copied_ += to_.changes();
    return {};
  }

  Status spoilt(const Status& status) {
    sound_ = false;
    if (complaint_.empty()) complaint_ = status.message();
    return {};
  }

  Database& from_;
  Database& to_;
  const std::string table_;
  const std::string key_;
  std::optional<Statement> insert_;
  std::int64_t first_bad_ = 0;
  std::int64_t last_bad_ = std::numeric_limits<std::int64_t>::max();
  bool sound_ = true;
  std::uint64_t copied_ = 0;
  std::string complaint_;
};

// Keys of a table from both of its ends. Failures to read show in what is missing.
void add_keys(Database& from, const std::string& table, std::set<std::uint64_t>& keys) {
  for (const char* direction : {"ASC", "DESC"}) {
    auto rows = from.prepare("SELECT sequence FROM " + table + " ORDER BY sequence " + direction);
    if (!rows.ok()) return;
    for (;;) {
      const auto more = rows->step();
      if (!more.ok()) break;
      if (!*more) return;
      keys.insert(rows->count(0));
    }
  }
}

// A row by its sequence, if there is one. A failure: it cannot be read.
Result<std::optional<Statement>> row_of(Database& from, const std::string& sql,
                                        std::uint64_t sequence) {
  ASSIGN_OR_RETURN(Statement row,
                   from.prepare(sql + " WHERE sequence = " + std::to_string(sequence)));
  ASSIGN_OR_RETURN(const bool there, row.step());
  if (!there) return std::optional<Statement>();
  return std::optional<Statement>(std::move(row));
}

class BlockCopy {
 public:
  BlockCopy(Database& from, Database& to, std::int64_t now_ms, Actions& actions)
      : from_(from), to_(to), now_ms_(now_ms), actions_(actions) {}

  Result<CopiedBlocks> run() {
    std::set<std::uint64_t> sequences;
    for (const char* table : {"blocks", "block_data", "progress"}) {
      add_keys(from_, table, sequences);
    }
    for (const std::uint64_t sequence : sequences) RETURN_IF_ERROR(copy(sequence));
    return std::move(copied_);
  }

 private:
  Status copy(std::uint64_t sequence) {
    const std::string which = "Block " + std::to_string(sequence);
    const auto data = row_of(from_, "SELECT data FROM block_data", sequence);
    if (!data.ok() || !*data) {
      actions_.push_back(which + " could not be read and is lost.");
      return {};
    }
    const std::string bytes((*data)->bytes(0));
    const auto decoded = decode_block(bytes);
    if (!decoded.ok() || decoded->block->sequence != sequence) {
      actions_.push_back(which + " is damaged and is lost" +
                         (decoded.ok() ? "." : ": " + decoded.status().message() + "."));
      return {};
    }
    const Block& block = *decoded->block;
    BlockRow row;
    row.sequence = sequence;
    row.elements = static_cast<std::uint32_t>(block.elements.size());
    row.counts = counts_of(block);
    const auto listed = row_of(from_, "SELECT created_ms FROM blocks", sequence);
    row.created_ms = listed.ok() && *listed ? (*listed)->integer(0) : now_ms_;
    read_progress(block, which, row);
    if (row.settled_elements() == row.elements) return {};
    RETURN_IF_ERROR(insert(row, decoded->actions, block, bytes));
    return add_pending(row, copied_.pending);
  }

  void read_progress(const Block& block, const std::string& which, BlockRow& row) {
    const auto progress = row_of(from_, "SELECT settled, attempts FROM progress", row.sequence);
    if (!progress.ok()) return take_as_unsettled(which, row);
    if (!*progress) return;
    auto settled = settled_counts(block, (*progress)->bytes(0));
    if (!settled.ok()) return take_as_unsettled(which, row);
    row.settled = (*progress)->bytes(0);
    row.settled_counts = std::move(settled).value();
    if ((*progress)->bytes(1).size() == block.elements.size() * sizeof(std::uint16_t)) {
      row.attempts = (*progress)->bytes(1);
    }
  }

  void take_as_unsettled(const std::string& which, const BlockRow& row) {
    actions_.push_back(which + ": what was delivered of it is not known; all is sent again.");
    for (const BlockSummary::Count& count : row.counts)
      copied_.outcome_unknown[count.mapping] += count.elements;
  }

  Status insert(const BlockRow& row, const std::vector<std::string>& names, const Block& block,
                const std::string& bytes) {
    std::set<std::pair<std::uint32_t, std::string>> actions;
    for (const Route& route : block.routes) {
      actions.emplace(route.destination, names[route.action]);
      RETURN_IF_ERROR(name_destination(route.destination));
    }
    for (const BlockElement& element : block.elements) {
      RETURN_IF_ERROR(name_mapping(element.mapping, block.routes[element.route].destination));
    }
    const std::string counts = encode_counts(row.counts);
    const std::string encoded_actions = encode_actions({actions.begin(), actions.end()});
    ASSIGN_OR_RETURN(Statement insert_block,
                     to_.prepare("INSERT INTO blocks (sequence, created_ms, bytes, elements,"
                                 " counts, actions) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    RETURN_IF_ERROR(insert_block.bind(1, row.sequence)
                        .bind(2, row.created_ms)
                        .bind(3, static_cast<std::uint64_t>(bytes.size()))
                        .bind(4, row.elements)
                        .bind_bytes(5, counts)
                        .bind_bytes(6, encoded_actions)
                        .run());
    ASSIGN_OR_RETURN(Statement insert_data,
                     to_.prepare("INSERT INTO block_data (sequence, data) VALUES (?1, ?2)"));
    RETURN_IF_ERROR(insert_data.bind(1, row.sequence).bind_bytes(2, bytes).run());
    if (row.settled.empty() && row.attempts.empty()) return {};
    const std::string settled = encode_counts(row.settled_counts);
    ASSIGN_OR_RETURN(Statement insert_progress,
                     to_.prepare("INSERT INTO progress (sequence, settled, settled_counts,"
                                 " attempts) VALUES (?1, ?2, ?3, ?4)"));
    return insert_progress.bind(1, row.sequence)
        .bind_bytes(2, row.settled)
        .bind_bytes(3, settled)
        .bind_bytes(4, row.attempts)
        .run();
  }

  // Names that could not be read are made up, so that what is stored under them is kept.
  Status name_destination(std::uint32_t id) {
    if (!destinations_.insert(id).second) return {};
    return to_.execute("INSERT OR IGNORE INTO destinations (id, name) VALUES (" +
                       std::to_string(id) + ", 'unknown_" + std::to_string(id) + "')");
  }
  Status name_mapping(std::uint32_t id, std::uint32_t destination) {
    if (!mappings_.insert(id).second) return {};
    return to_.execute("INSERT OR IGNORE INTO mappings (id, destination, name) VALUES (" +
                       std::to_string(id) + ", " + std::to_string(destination) + ", 'unknown_" +
                       std::to_string(id) + "')");
  }

  Database& from_;
  Database& to_;
  const std::int64_t now_ms_;
  Actions& actions_;
  CopiedBlocks copied_;
  std::set<std::uint32_t> destinations_;
  std::set<std::uint32_t> mappings_;
};

}  // namespace

Status copy_table(Database& from, Database& to, const std::string& table, const std::string& key,
                  Actions& actions) {
  RowCopy copy(from, to, table, key);
  RETURN_IF_ERROR(copy.run());
  if (!copy.sound()) {
    actions.push_back("Of table " + table + " " + std::to_string(copy.copied()) +
                      " rows could be read; the others are lost. " + copy.complaint());
  }
  return {};
}

Result<CopiedBlocks> copy_blocks(Database& from, Database& to, std::int64_t now_ms,
                                 Actions& actions) {
  return BlockCopy(from, to, now_ms, actions).run();
}

}  // namespace penstock::store
