// BlockSummary: what is stored next to a block, so that it need not be read to be counted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/block.hpp"
#include "model/catalog.hpp"
#include "model/status.hpp"

namespace penstock::store {

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
