#include "store/block_summary.hpp"

#include <algorithm>

#include "store/bytes.hpp"

namespace penstock::store {

namespace {

Status cut_off(const char* what) {
  return {StatusCode::damaged, what};
}

}  // namespace

BlockSummary summarize(const Block& block, const Catalog& catalog,
                       std::span<const std::uint32_t> mapping_ids,
                       std::span<const std::uint32_t> destination_ids) {
  std::vector<std::uint32_t> elements(mapping_ids.size(), 0);
  for (const BlockElement& element : block.elements) ++elements[element.mapping];
  BlockSummary summary;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] > 0) summary.counts.push_back({mapping_ids[i], elements[i]});
  }
  std::sort(summary.counts.begin(), summary.counts.end(),
            [](const auto& a, const auto& b) { return a.mapping < b.mapping; });
  for (const Route& route : block.routes) {
    std::pair<std::uint32_t, std::string> action{
        destination_ids[route.destination],
        catalog.destinations[route.destination].actions[route.action]};
    if (std::find(summary.actions.begin(), summary.actions.end(), action) ==
        summary.actions.end()) {
      summary.actions.push_back(std::move(action));
    }
  }
  return summary;
}

std::string encode_counts(const std::vector<BlockSummary::Count>& counts) {
  std::string bytes;
  for (const BlockSummary::Count& count : counts) {
    append(bytes, count.mapping);
    append(bytes, count.elements);
  }
  return bytes;
}

Result<std::vector<BlockSummary::Count>> decode_counts(std::string_view bytes) {
  std::vector<BlockSummary::Count> counts;
  Cursor cursor(bytes);
  while (!cursor.rest().empty()) {
    BlockSummary::Count count;
    if (!cursor.take(count.mapping) || !cursor.take(count.elements)) {
      return cut_off("its counts by mapping are cut off");
    }
    counts.push_back(count);
  }
  return counts;
}

std::string encode_actions(const std::vector<std::pair<std::uint32_t, std::string>>& actions) {
  std::string bytes;
  for (const auto& [destination, action] : actions) {
    append(bytes, destination);
    append(bytes, static_cast<std::uint32_t>(action.size()));
    bytes += action;
  }
  return bytes;
}

Result<std::vector<std::pair<std::uint32_t, std::string>>> decode_actions(std::string_view bytes) {
  std::vector<std::pair<std::uint32_t, std::string>> actions;
  Cursor cursor(bytes);
  while (!cursor.rest().empty()) {
    std::uint32_t destination = 0;
    std::uint32_t size = 0;
    std::string_view action;
    if (!cursor.take(destination) || !cursor.take(size) || !cursor.take(size, action)) {
      return cut_off("its actions are cut off");
    }
    actions.emplace_back(destination, action);
  }
  return actions;
}

}  // namespace penstock::store
