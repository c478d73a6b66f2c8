// Blocks: the stored blocks and what is settled of them. What a commit has to know of a block is
// in memory, so that no commit reads one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/block.hpp"
#include "model/settlement.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "services/sqlite.hpp"
#include "store/block_codec.hpp"
#include "store/names.hpp"
#include "store/pending.hpp"
#include "store/state_clock.hpp"
#include "store/store.hpp"

namespace penstock::store {

class Blocks {
 public:
  // What a commit changes in memory, once it is on the disk.
  class Changes;

  [[nodiscard]] static Result<Blocks> load(services::Database& database, bool keeps_blocks);

  // Writes all of it, and adds what settlements count to `counts`. internal: it contradicts what
  // is stored. damaged, io: the database.
  [[nodiscard]] Status write(const Commit& commit, const Names& names, const Moment& now,
                             Tally& counts, Changes& changes);
  void apply(Changes&& changes);

  [[nodiscard]] const CountsById& pending() const { return pending_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  void set_next_sequence(std::uint64_t sequence) { next_sequence_ = sequence; }
  [[nodiscard]] Backlog backlog(const Names& names) const;
  // `state_ms`: state time now.
  [[nodiscard]] Result<std::optional<StoredBlock>> read(std::uint64_t from_sequence,
                                                        std::int64_t state_ms, const Names& names);
  // Destination id and action name of every stored route.
  [[nodiscard]] const std::vector<std::pair<std::uint32_t, std::string>>& actions() const {
    return actions_;
  }

 private:
  // Of a block that is partly settled or was tried.
  struct Progress {
    std::vector<std::uint8_t> settled;  // a bit an element; empty: none
    std::vector<BlockSummary::Count> settled_counts;
    std::vector<std::uint16_t> attempts;  // by element; empty: none
  };
  struct Entry {
    Moment created;
    std::uint64_t bytes = 0;  // on disk
    std::uint32_t elements = 0;
    std::uint32_t unsettled = 0;
    std::unique_ptr<Progress> progress;
  };
  using Entries = std::map<std::uint64_t, Entry>;  // by sequence

  explicit Blocks(services::Database& database) : database_(&database) {}
  [[nodiscard]] Status prepare();
  [[nodiscard]] Status insert(const Block& block, const Names& names, Entry& entry);
  [[nodiscard]] Status settle(const Settlement& settlement, const Names& names, Tally& counts,
                              Changes& changes) const;
  [[nodiscard]] Status note_attempts(const std::vector<FailedAttempt>& attempts,
                                     Changes& changes) const;
  [[nodiscard]] Entry* find(std::uint64_t sequence, Changes& changes) const;
  [[nodiscard]] Status remove(std::uint64_t sequence);
  [[nodiscard]] Status write_progress(std::uint64_t sequence, const Progress& progress);
  [[nodiscard]] Status translate(DecodedBlock& decoded, const Names& names) const;

  services::Database* database_;
  services::Statement insert_block_;
  services::Statement insert_data_;
  services::Statement delete_block_;
  services::Statement delete_data_;
  services::Statement upsert_progress_;
  services::Statement delete_progress_;
  services::Statement select_data_;
  std::string encoded_;

  bool keeps_blocks_ = true;
  Entries entries_;
  CountsById pending_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::vector<std::pair<std::uint32_t, std::string>> actions_;
};

class Blocks::Changes {
 public:
  [[nodiscard]] const CountsById& pending_then() const { return pending; }
  [[nodiscard]] std::uint64_t next_sequence_then() const { return next_sequence; }

 private:
  friend class Blocks;
  Entries entries;  // new ones and changed copies; unsettled 0: to be removed
  CountsById pending;
  std::uint64_t next_sequence = 0;
};

}  // namespace penstock::store
