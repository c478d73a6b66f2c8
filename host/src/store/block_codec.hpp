// How a block is written to disk: a header with a checksum over everything, the elements, the
// routes, the bytes. Mappings and destinations are named by their ids in the database, actions by
// their names, because indexes mean something else in the next run.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/block.hpp"
#include "model/catalog.hpp"
#include "model/status.hpp"

namespace penstock::store {

// Appends to nothing: `out` is replaced, and its memory used again. `mapping_ids` and
// `destination_ids` are indexed like `catalog`.
void encode_block(const Block& block, const Catalog& catalog,
                  std::span<const std::uint32_t> mapping_ids,
                  std::span<const std::uint32_t> destination_ids, std::string& out);

// BlockElement::mapping and Route::destination are ids of the database; Route::action is an index
// into `actions`.
struct DecodedBlock {
  std::shared_ptr<Block> block;
  std::vector<std::string> actions;  // each name once
};

// StatusCode::damaged for anything that encode_block() did not write; never reads or allocates
// beyond what the bytes hold.
[[nodiscard]] Result<DecodedBlock> decode_block(std::string_view bytes);

// What must be known of a stored block without reading it.
struct BlockSummary {
  struct Count {
    std::uint32_t mapping = 0;  // id of the database
    std::uint32_t elements = 0;
    friend bool operator==(const Count&, const Count&) = default;
  };
  std::vector<Count> counts;  // each mapping once, by id
  // Destination id and action name of its routes, each pair once.
  std::vector<std::pair<std::uint32_t, std::string>> actions;
};

[[nodiscard]] BlockSummary summarize(const Block& block, const Catalog& catalog,
                                     std::span<const std::uint32_t> mapping_ids,
                                     std::span<const std::uint32_t> destination_ids);
[[nodiscard]] std::string encode_counts(const std::vector<BlockSummary::Count>& counts);
[[nodiscard]] Result<std::vector<BlockSummary::Count>> decode_counts(std::string_view bytes);
[[nodiscard]] std::string encode_actions(
    const std::vector<std::pair<std::uint32_t, std::string>>& actions);
[[nodiscard]] Result<std::vector<std::pair<std::uint32_t, std::string>>> decode_actions(
    std::string_view bytes);

}  // namespace penstock::store
