// Inspection: one stored block against everything that is said about it elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/status.hpp"
#include "store/block_codec.hpp"
#include "store/pending.hpp"

namespace penstock::store {

// What is settled of a block, by its bits. damaged: there are not as many as elements.
[[nodiscard]] Result<std::vector<BlockSummary::Count>> settled_counts(const Block& block,
                                                                      std::string_view settled);
// By mapping id, in its order.
[[nodiscard]] std::vector<BlockSummary::Count> counts_of(const Block& block);

// damaged, with what does not fit: data that is none of this block, or a row that counts otherwise.
[[nodiscard]] Status inspect(const BlockRow& row, std::string_view data);

}  // namespace penstock::store
