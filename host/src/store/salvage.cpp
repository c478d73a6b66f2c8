#include "store/salvage.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "store/inspection.hpp"
#include "store/revived_letters.hpp"

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
      // By name: a database of an older version has fewer columns.
      std::string values = "?1";
      std::string names = row.name(1);
      for (int i = 2; i < row.columns(); ++i) {
        values += ", ?" + std::to_string(i);
        names += ", " + row.name(i);
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

// Keys of a table from both of its ends. False: some could not be read.
bool add_keys(Database& from, const std::string& table, std::set<std::uint64_t>& keys) {
  for (const char* direction : {"ASC", "DESC"}) {
    auto rows = from.prepare("SELECT sequence FROM " + table + " ORDER BY sequence " + direction);
    if (!rows.ok()) return false;
    for (;;) {
      const auto more = rows->step();
      if (!more.ok()) break;
      if (!*more) return true;
      keys.insert(rows->count(0));
    }
  }
  return false;
}

// Less what is settled. Never below nothing: the row may be damaged.
void add_rest(const std::vector<BlockSummary::Count>& counts, const CountsById& taken_off,
              CountsById& sum) {
  for (const BlockSummary::Count& count : counts) {
    const auto taken = taken_off.find(count.mapping);
    const std::uint64_t less = taken == taken_off.end() ? 0 : taken->second;
    if (count.elements > less) sum[count.mapping] += count.elements - less;
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
      : from_(from), to_(to), now_ms_(now_ms), actions_(actions), letters_(to) {}

  Result<CopiedBlocks> run() {
    std::set<std::uint64_t> sequences;
    blocks_listed_ = add_keys(from_, "blocks", sequences);
    const bool data_listed = add_keys(from_, "block_data", sequences);
    add_keys(from_, "progress", sequences);
    copied_.all_known = blocks_listed_ || data_listed;
    for (const std::uint64_t sequence : sequences) RETURN_IF_ERROR(copy(sequence));
    RETURN_IF_ERROR(letters_.finish());
    copied_.letters_revived = letters_.taken_back();
    return std::move(copied_);
  }

 private:
  // What is left of a block.
  struct Left {
    DecodedBlock decoded;
    std::string bytes;                // as they are stored
    std::vector<std::uint32_t> kept;  // places that the elements had; empty: all are there
    std::uint32_t elements = 0;       // that there were
    [[nodiscard]] std::uint32_t place(std::size_t index) const {
      return kept.empty() ? static_cast<std::uint32_t>(index) : kept[index];
    }
  };

  Status copy(std::uint64_t sequence) {
    const std::string which = "Block " + std::to_string(sequence);
    Result<Left> left = read(sequence, which);
    if (!left.ok()) {
      actions_.push_back(left.status().message());
      note_lost(sequence, {}, {});
      return {};
    }
    const Block& block = *left->decoded.block;
    BlockRow row;
    row.sequence = sequence;
    row.elements = static_cast<std::uint32_t>(block.elements.size());
    row.counts = counts_of(block);
    const auto listed = row_of(from_, "SELECT created_ms FROM blocks", sequence);
    row.created_ms = listed.ok() && *listed ? (*listed)->integer(0) : now_ms_;
    // A database of an older version has no such column.
    const auto since = row_of(from_, "SELECT since_ms FROM blocks", sequence);
    row.since_ms = since.ok() && *since ? (*since)->integer(0) : 0;
    const bool known = read_progress(*left, row);
    if (!known) {
      actions_.push_back(which + ": what was delivered of it is not known; all is sent again.");
      for (const BlockSummary::Count& count : row.counts)
        copied_.outcome_unknown[count.mapping] += count.elements;
      RETURN_IF_ERROR(letters_.take_back(block, left->decoded.actions));
    }
    if (row.elements < left->elements) {
      CountsById there;
      CountsById settled;
      for (const BlockSummary::Count& count : row.counts) there[count.mapping] = count.elements;
      for (const BlockSummary::Count& count : row.settled_counts)
        settled[count.mapping] = count.elements;
      note_lost(sequence, there, settled);
    }
    if (row.settled_elements() == row.elements) return {};
    RETURN_IF_ERROR(insert(row, left->decoded.actions, block, left->bytes));
    return add_pending(row, copied_.pending);
  }

  // The message of a failure says what is lost.
  Result<Left> read(std::uint64_t sequence, const std::string& which) {
    const auto data = row_of(from_, "SELECT data FROM block_data", sequence);
    if (!data.ok() || !*data) {
      return Status{StatusCode::damaged, which + " could not be read and is lost."};
    }
    Left left;
    left.bytes = (*data)->bytes(0);
    auto decoded = decode_block(left.bytes);
    if (decoded.ok() && decoded->block->sequence == sequence) {
      left.decoded = std::move(decoded).value();
      left.elements = static_cast<std::uint32_t>(left.decoded.block->elements.size());
      return left;
    }
    const Status lost{StatusCode::damaged,
                      which + " is damaged and is lost" +
                          (decoded.ok() ? "." : ": " + decoded.status().message() + ".")};
    if (decoded.ok()) return lost;
    auto salvaged = salvage_block(left.bytes);
    if (!salvaged.ok() || salvaged->kept.empty() || salvaged->decoded.block->sequence != sequence) {
      return lost;
    }
    actions_.push_back(which + " is damaged: " + std::to_string(salvaged->kept.size()) +
                       " of its " + std::to_string(salvaged->elements) +
                       " elements could be read.");
    left.decoded = std::move(salvaged->decoded);
    left.bytes = encode_decoded(left.decoded);
    left.kept = std::move(salvaged->kept);
    left.elements = salvaged->elements;
    return left;
  }

  // False: it is not known what is settled.
  bool read_progress(const Left& left, BlockRow& row) {
    const auto progress = row_of(from_, "SELECT settled, attempts FROM progress", row.sequence);
    if (!progress.ok()) return false;
    if (!*progress) return true;
    constexpr std::size_t kBits = 8;
    const std::string_view settled = (*progress)->bytes(0);
    if (!settled.empty() && settled.size() != (left.elements + kBits - 1) / kBits) return false;
    if (!settled.empty()) {
      row.settled.assign((row.elements + kBits - 1) / kBits, '\0');
      for (std::uint32_t i = 0; i < row.elements; ++i) {
        const std::uint32_t place = left.place(i);
        const auto byte = static_cast<unsigned char>(settled[place / kBits]);
        if ((byte >> (place % kBits) & 1U) != 0) {
          row.settled[i / kBits] = static_cast<char>(
              static_cast<unsigned char>(row.settled[i / kBits]) | 1U << (i % kBits));
        }
      }
    }
    auto counts = settled_counts(*left.decoded.block, row.settled);
    if (!counts.ok()) return false;
    row.settled_counts = std::move(counts).value();
    constexpr std::size_t kSize = sizeof(std::uint16_t);
    const std::string_view attempts = (*progress)->bytes(1);
    if (attempts.size() != left.elements * kSize) return true;
    for (std::uint32_t i = 0; i < row.elements; ++i)
      row.attempts += attempts.substr(left.place(i) * kSize, kSize);
    return true;
  }

  // Of a block of which those elements are still there, `settled` of them settled.
  void note_lost(std::uint64_t sequence, const CountsById& there, const CountsById& settled) {
    const auto listed = row_of(from_, "SELECT counts FROM blocks", sequence);
    if (listed.ok() && !*listed && blocks_listed_) return;  // nothing of it was pending
    auto counts = listed.ok() && *listed ? decode_counts((*listed)->bytes(0))
                                         : Result<std::vector<BlockSummary::Count>>(
                                               Status(StatusCode::damaged, "it is not listed"));
    if (!counts.ok()) {
      copied_.all_known = false;
      return;
    }
    const auto progress = row_of(from_, "SELECT settled_counts FROM progress", sequence);
    auto all_settled = progress.ok() && *progress ? decode_counts((*progress)->bytes(0))
                                                  : std::vector<BlockSummary::Count>();
    if (!progress.ok() || !all_settled.ok()) return add_rest(*counts, there, copied_.possibly_lost);
    CountsById gone = there;  // pending = all - settled; less what is still pending of it
    for (const BlockSummary::Count& count : *all_settled) gone[count.mapping] += count.elements;
    for (const auto& [mapping, elements] : settled) {
      std::uint64_t& sum = gone[mapping];
      sum -= std::min(sum, elements);
    }
    add_rest(*counts, gone, copied_.lost);
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
                                 " counts, actions, since_ms)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    RETURN_IF_ERROR(insert_block.bind(1, row.sequence)
                        .bind(2, row.created_ms)
                        .bind(3, static_cast<std::uint64_t>(bytes.size()))
                        .bind(4, row.elements)
                        .bind_bytes(5, counts)
                        .bind_bytes(6, encoded_actions)
                        .bind(7, row.since_ms)
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
    const std::string name = "unknown_" + std::to_string(id);
    RETURN_IF_ERROR(to_.execute("INSERT OR IGNORE INTO destinations (id, name) VALUES (" +
                                std::to_string(id) + ", '" + name + "')"));
    if (to_.changes() > 0) say_made_up("destination", name);
    return {};
  }
  Status name_mapping(std::uint32_t id, std::uint32_t destination) {
    if (!mappings_.insert(id).second) return {};
    const std::string name = "unknown_" + std::to_string(id);
    RETURN_IF_ERROR(to_.execute("INSERT OR IGNORE INTO mappings (id, destination, name) VALUES (" +
                                std::to_string(id) + ", " + std::to_string(destination) + ", '" +
                                name + "')"));
    if (to_.changes() > 0) say_made_up("mapping", name);
    return {};
  }
  void say_made_up(const char* of_what, const std::string& name) {
    copied_.all_named = false;
    actions_.push_back(std::string("The name of a ") + of_what +
                       " is lost: what is pending of it stays pending as " + name +
                       " and is not delivered. Its events have to be read again.");
  }

  Database& from_;
  Database& to_;
  const std::int64_t now_ms_;
  Actions& actions_;
  RevivedLetters letters_;
  CopiedBlocks copied_;
  bool blocks_listed_ = true;
  std::set<std::uint32_t> destinations_;
  std::set<std::uint32_t> mappings_;
};

}  // namespace

Result<bool> copy_table(Database& from, Database& to, const std::string& table,
                        const std::string& key, Actions& actions) {
  RowCopy copy(from, to, table, key);
  RETURN_IF_ERROR(copy.run());
  if (!copy.sound()) {
    actions.push_back("Of table " + table + " " + std::to_string(copy.copied()) +
                      " rows could be read; the others are lost. " + copy.complaint());
  }
  return copy.sound();
}

Result<CopiedBlocks> copy_blocks(Database& from, Database& to, std::int64_t now_ms,
                                 Actions& actions) {
  return BlockCopy(from, to, now_ms, actions).run();
}

}  // namespace penstock::store
