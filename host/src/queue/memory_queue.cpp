#include "queue/memory_queue.hpp"

#include <string>

namespace penstock::queue {

MemoryQueue::MemoryQueue(std::uint64_t max_bytes, std::function<void()> on_change)
    : max_bytes_(max_bytes), on_change_(std::move(on_change)) {}

Status MemoryQueue::append(std::vector<std::shared_ptr<const Block>> blocks,
                           const Tally& /*tally*/) {
  std::uint64_t bytes = 0;
  for (const auto& block : blocks) bytes += block->memory_bytes();
  {
    std::unique_lock lock(mutex_);
    // What is larger than the queue still has to pass: it goes in when the queue is empty.
    const auto has_room = [&] { return closed_ || bytes_ == 0 || bytes_ + bytes <= max_bytes_; };
    if (!has_room()) {
      waiting_ = true;
      lock.unlock();
      on_change_();
      lock.lock();
      room_.wait(lock, has_room);
      waiting_ = false;
    }
    if (closed_) return {StatusCode::pending, "The queue was closed"};
    for (auto& block : blocks) {
      const std::uint64_t expected = first_ + entries_.size();
      if (block->sequence != expected) {
        return {StatusCode::internal, "The queue expected block " + std::to_string(expected) +
                                          " and was given block " +
                                          std::to_string(block->sequence)};
      }
      Entry entry;
      entry.bytes = block->memory_bytes();
      entry.unsettled = block->elements.size();
      entry.end = block->end;
      if (entry.unsettled > 0) {
        bytes_ += entry.bytes;
        ++unsettled_blocks_;
      }
      entry.block = std::move(block);
      entries_.push_back(std::move(entry));
    }
    forget_settled_prefix();
  }
  on_change_();
  return {};
}

Result<std::shared_ptr<const Block>> MemoryQueue::take() {
  const std::lock_guard lock(mutex_);
  while (next_to_take_ < first_ + entries_.size()) {
    if (next_to_take_ < first_)
      next_to_take_ = first_;  // blocks without elements are forgotten untaken
    if (next_to_take_ == first_ + entries_.size()) break;
    Entry& entry = entries_[next_to_take_ - first_];
    ++next_to_take_;
    std::shared_ptr<const Block> block = std::move(entry.block);
    if (entry.unsettled > 0) return block;
  }
  return std::shared_ptr<const Block>();
}

Status MemoryQueue::settle(const std::vector<Settlement>& settlements, const Tally& /*tally*/) {
  {
    const std::lock_guard lock(mutex_);
    for (const Settlement& settlement : settlements) {
      const bool known = settlement.block >= first_ && settlement.block < first_ + entries_.size();
      if (!known || entries_[settlement.block - first_].unsettled < settlement.elements.size()) {
        return {StatusCode::internal, "Elements of block " + std::to_string(settlement.block) +
                                          " were settled twice, or the block was never appended"};
      }
      Entry& entry = entries_[settlement.block - first_];
      entry.unsettled -= settlement.elements.size();
      if (entry.unsettled == 0 && !settlement.elements.empty()) {
        bytes_ -= entry.bytes;
        --unsettled_blocks_;
      }
    }
    forget_settled_prefix();
  }
  room_.notify_all();
  return {};
}

void MemoryQueue::forget_settled_prefix() {
  while (!entries_.empty() && entries_.front().unsettled == 0) {
    committed_ = entries_.front().end;
    entries_.pop_front();
    ++first_;
  }
}

void MemoryQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

Usage MemoryQueue::usage() const {
  const std::lock_guard lock(mutex_);
  return {unsettled_blocks_, bytes_, waiting_};
}

Position MemoryQueue::committed() const {
  const std::lock_guard lock(mutex_);
  return committed_;
}

std::map<std::uint32_t, std::uint64_t> MemoryQueue::untaken_by_mapping() const {
  const std::lock_guard lock(mutex_);
  std::map<std::uint32_t, std::uint64_t> counts;
  for (const Entry& entry : entries_) {
    if (entry.block == nullptr) continue;
    for (const BlockElement& element : entry.block->elements) ++counts[element.mapping];
  }
  return counts;
}

}  // namespace penstock::queue
