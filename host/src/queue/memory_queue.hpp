// MemoryQueue: blocks kept in memory. What is in it when the process ends has to be read from the
// source again, and so its committed position moves only past what is settled.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "queue/queue.hpp"

namespace penstock::queue {

class MemoryQueue final : public Queue {
 public:
  // A quarter of the 64 MiB that a run may use (README.md); manifests of 5,000 mappings, parsers,
  // batches and buffers take the rest.
  static constexpr std::uint64_t kDefaultMaxBytes = 16 * 1024 * 1024;

  // on_change is called, without a lock held, after a block was appended and when an append begins
  // to wait.
  explicit MemoryQueue(std::uint64_t max_bytes, std::function<void()> on_change);

  Status append(std::vector<std::shared_ptr<const Block>> blocks, const Tally& tally) override;
  Result<std::shared_ptr<const Block>> take() override;
  Status settle(const std::vector<Settlement>& settlements, const Tally& tally) override;
  void close() override;
  [[nodiscard]] Usage usage() const override;
  [[nodiscard]] Position committed() const override;
  // [any thread] How many elements of each mapping stand in blocks that nobody took; mappings
  // without any are left out.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> untaken_by_mapping() const;

 private:
  struct Entry {
    std::shared_ptr<const Block>
        block;  // null once it was taken: the consumer keeps it alive as long as it needs it
    std::uint64_t bytes = 0;
    std::size_t unsettled = 0;
    Position end;
  };
  void forget_settled_prefix();

  const std::uint64_t max_bytes_;
  const std::function<void()> on_change_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Entry> entries_;  // sequence numbers first_ .. first_ + size - 1
  std::uint64_t first_ = 0;
  std::uint64_t next_to_take_ = 0;
  std::uint64_t bytes_ = 0;  // of entries that are not settled
  std::uint64_t unsettled_blocks_ = 0;
  bool waiting_ = false;  // an append waits for room
  bool closed_ = false;
  Position committed_;
};

}  // namespace penstock::queue
