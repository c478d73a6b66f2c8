// What is pending, counted from the database: blocks less what is settled of them. Nothing that a
// writer has in memory is trusted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/status.hpp"
#include "services/sqlite.hpp"
#include "store/block_codec.hpp"

namespace penstock::store {

using CountsById = std::map<std::uint32_t, std::uint64_t>;  // by mapping id

// A row of `blocks` with its row of `progress`.
struct BlockRow {
  std::uint64_t sequence = 0;
  std::int64_t created_ms = 0;  // wall clock
  std::int64_t since_ms = 0;    // the same in state time
  std::uint64_t bytes = 0;
  std::uint32_t elements = 0;
  std::vector<BlockSummary::Count> counts;
  std::vector<std::pair<std::uint32_t, std::string>> actions;
  std::string settled;  // as in progress; empty: none
  std::vector<BlockSummary::Count> settled_counts;
  std::string attempts;

  [[nodiscard]] std::uint64_t settled_elements() const;
};

// Calls back with each block in order, without its data, until it returns false.
[[nodiscard]] Status each_block(services::Database& database,
                                const std::function<Result<bool>(const BlockRow&)>& each);

// Adds what the row leaves pending. damaged: it contradicts itself.
[[nodiscard]] Status add_pending(const BlockRow& row, CountsById& pending);

// Compares with the counts in `mappings`. internal with the numbers when they do not agree.
[[nodiscard]] Status compare_with_counts(services::Database& database, const CountsById& pending);

}  // namespace penstock::store
