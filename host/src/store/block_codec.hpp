// How a block is written to disk: a header and the routes, with a checksum and once more at the
// end; the elements and their bytes, with a checksum a group, so that damage costs a group and not
// the block. Mappings and destinations are named by their ids in the database, actions by their
// names, because indexes mean something else in the next run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/block.hpp"
#include "model/catalog.hpp"
#include "model/status.hpp"
#include "store/block_summary.hpp"

namespace penstock::store {

// Elements that share a checksum: few enough to lose, and so many that it costs no time.
inline constexpr std::size_t kGroupElements = 64;

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

// A block of which only some elements are left, as encode_block() would have written it.
[[nodiscard]] std::string encode_decoded(const DecodedBlock& decoded);

struct SalvagedBlock {
  DecodedBlock decoded;             // of what is sound
  std::vector<std::uint32_t> kept;  // the places that its elements had
  std::uint32_t elements = 0;       // how many there were
};
// What is sound of a block that decode_block() does not take, possibly nothing. damaged: not even
// what its elements belong to can be read.
[[nodiscard]] Result<SalvagedBlock> salvage_block(std::string_view bytes);

}  // namespace penstock::store
