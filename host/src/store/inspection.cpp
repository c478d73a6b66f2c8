#include "store/inspection.hpp"

#include <algorithm>
#include <map>

namespace penstock::store {

namespace {

constexpr std::size_t kBits = 8;

std::vector<BlockSummary::Count> as_counts(const std::map<std::uint32_t, std::uint32_t>& elements) {
  std::vector<BlockSummary::Count> counts;
  counts.reserve(elements.size());
  for (const auto& [mapping, number] : elements) counts.push_back({mapping, number});
  return counts;
}

bool same(std::vector<BlockSummary::Count> a, std::vector<BlockSummary::Count> b) {
  for (auto* counts : {&a, &b}) {
    std::erase_if(*counts, [](const BlockSummary::Count& count) { return count.elements == 0; });
    std::sort(counts->begin(), counts->end(),
              [](const auto& x, const auto& y) { return x.mapping < y.mapping; });
  }
  return a == b;
}

Status damaged(const char* what) {
  return {StatusCode::damaged, what};
}

}  // namespace

Result<std::vector<BlockSummary::Count>> settled_counts(const Block& block,
                                                        std::string_view settled) {
  std::map<std::uint32_t, std::uint32_t> elements;
  if (settled.empty()) return as_counts(elements);
  if (settled.size() != (block.elements.size() + kBits - 1) / kBits) {
    return damaged("what is settled of it has another size than it");
  }
  for (std::size_t i = 0; i < block.elements.size(); ++i) {
    const auto byte = static_cast<unsigned char>(settled[i / kBits]);
    if ((byte >> (i % kBits) & 1U) != 0) ++elements[block.elements[i].mapping];
  }
  return as_counts(elements);
}

std::vector<BlockSummary::Count> counts_of(const Block& block) {
  std::map<std::uint32_t, std::uint32_t> elements;
  for (const BlockElement& element : block.elements) ++elements[element.mapping];
  return as_counts(elements);
}

Status inspect(const BlockRow& row, std::string_view data) {
  ASSIGN_OR_RETURN(const DecodedBlock decoded, decode_block(data));
  const Block& block = *decoded.block;
  if (block.sequence != row.sequence) return damaged("it is another block than is listed");
  if (block.elements.size() != row.elements || !same(counts_of(block), row.counts)) {
    return damaged("it has other elements than are listed");
  }
  ASSIGN_OR_RETURN(const auto settled, settled_counts(block, row.settled));
  if (!same(settled, row.settled_counts)) {
    return damaged("what is settled of it is counted wrongly");
  }
  if (!row.attempts.empty() && row.attempts.size() != row.elements * sizeof(std::uint16_t)) {
    return damaged("its attempts are of another size than it");
  }
  return {};
}

}  // namespace penstock::store
