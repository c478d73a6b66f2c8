// A batcher with time and blocks of its own, for the tests of the batch stage.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/batcher.hpp"

namespace penstock::batch_testing {

using batch::Batch;
using batch::Batcher;
using batch::DestinationLimits;
using batch::Settled;
using batch::Verdict;
using batch::Verdicts;

inline constexpr std::int64_t kSecond = 1'000'000'000;

struct Item {
  std::string key;
  std::string payload;
  std::string batch_key = "audience";
  std::uint32_t mapping = 0;
  std::uint32_t destination = 0;
};

class World {
 public:
  explicit World(BatchLimits limits, std::uint64_t concurrency = 4, std::size_t destinations = 1,
                 std::int64_t confirm_after_ns = 0)
      : batcher(limits_of(limits, concurrency, destinations, confirm_after_ns)) {}

  std::shared_ptr<const Block> block_of(const std::vector<Item>& items) {
    auto block = std::make_shared<Block>();
    block->sequence = sequence_++;
    for (const Item& item : items) {
      const Route route{item.destination, 0, item.batch_key};
      auto place = std::find(block->routes.begin(), block->routes.end(), route);
      if (place == block->routes.end()) place = block->routes.insert(place, route);
      BlockElement element;
      element.mapping = item.mapping;
      element.route = static_cast<std::uint32_t>(place - block->routes.begin());
      element.offset = static_cast<std::uint32_t>(block->bytes.size());
      element.payload_size = static_cast<std::uint32_t>(item.payload.size());
      element.key_size = static_cast<std::uint32_t>(item.key.size());
      element.key_hash = std::hash<std::string>()(item.key);
      block->bytes += item.payload + item.key;
      block->elements.push_back(element);
    }
    return block;
  }
  std::shared_ptr<const Block> add(const std::vector<Item>& items) {
    std::shared_ptr<const Block> block = block_of(items);
    batcher.add({block, {}, {}, now}, now, settled);
    return block;
  }

  std::vector<std::string> payloads(const Batch& batch) const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < batch.size(); ++i) all.emplace_back(batch.payload(i));
    return all;
  }

  void complete(std::unique_ptr<Batch> batch, Verdict::Kind kind, std::int64_t not_before = 0) {
    const Verdicts verdicts{std::vector<Verdict>(batch->size(), Verdict{kind, true, 0, not_before}),
                            {{"no", "", 0}},
                            {"added"},
                            0};
    batcher.complete(std::move(batch), verdicts, now, settled);
  }

  // The batch failed as a whole: its group waits.
  void lose(std::unique_ptr<Batch> batch, std::int64_t until_ns) {
    Verdicts verdicts;
    verdicts.elements.assign(batch->size(), Verdict{Verdict::Kind::retry, true, 0, until_ns});
    verdicts.group_until_ns = until_ns;
    batcher.complete(std::move(batch), verdicts, now, settled);
  }

  // Nobody knows whether the batch was carried out, or will be until then.
  void leave_open(std::unique_ptr<Batch> batch, std::int64_t until_ns) {
    Verdicts verdicts;
    verdicts.elements.assign(batch->size(), Verdict{Verdict::Kind::retry, true, 0, now, until_ns});
    batcher.complete(std::move(batch), verdicts, now, settled);
  }

  std::unique_ptr<Batch> next() { return batcher.next(now, false); }
  std::size_t settled_elements() const {
    std::size_t count = 0;
    for (const auto& settlement : settled.settlements) count += settlement.elements.size();
    return count;
  }

  std::int64_t now = 100 * kSecond;
  Batcher batcher;
  Settled settled;

 private:
  static std::vector<DestinationLimits> limits_of(const BatchLimits& limits,
                                                  std::uint64_t concurrency, std::size_t count,
                                                  std::int64_t confirm_after_ns) {
    std::vector<DestinationLimits> all;
    for (std::uint32_t i = 0; i < count; ++i)
      all.push_back({concurrency, {limits}, i, confirm_after_ns});
    return all;
  }

  std::uint64_t sequence_ = 0;
};

inline BatchLimits limits(std::uint64_t records, std::uint64_t bytes = 1'000'000) {
  return {records, bytes, std::chrono::seconds(10)};
}

}  // namespace penstock::batch_testing
