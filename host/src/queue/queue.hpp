// Queue: blocks of elements between mapping and sending, in the order of the source, until each
// element is settled.
//
// The interface is made for a durable queue: what is appended and what is settled carry the counts
// that belong to them (Tally), so that an implementation can store both in one transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/block.hpp"
#include "model/settlement.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"

namespace penstock::queue {

struct Usage {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  bool full = false;  // append() waits, or would
};

class Queue {
 public:
  virtual ~Queue() = default;

  // [one producer thread at a time] Takes over the blocks of one piece of the source, all or none,
  // and the counts of its events. Waits while the queue is full. When it returns ok they are as
  // safe as the queue's type promises. StatusCode::pending: close() came while it waited; nothing
  // was taken.
  virtual Status append(std::vector<std::shared_ptr<const Block>> blocks, const Tally& tally) = 0;

  // [one consumer thread] The next block in order, or null when there is none at the moment.
  virtual Result<std::shared_ptr<const Block>> take() = 0;

  // [one consumer thread] Forgets elements and adds the counts that go with them. A block is gone
  // when all its elements are settled.
  virtual Status settle(const std::vector<Settlement>& settlements, const Tally& tally) = 0;

  // [any thread] Wakes a waiting append() for good; nothing is appended afterwards.
  virtual void close() = 0;

  // [any thread]
  [[nodiscard]] virtual Usage usage() const = 0;
  // [any thread] Everything before this position is settled or durable: the source need not be read
  // again up to here.
  [[nodiscard]] virtual Position committed() const = 0;
};

}  // namespace penstock::queue
