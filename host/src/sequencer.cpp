#include "sequencer.hpp"

namespace penstock {

Sequencer::Sequencer(queue::Queue& queue, ledger::Ledger& ledger, std::size_t window)
    : queue_(queue), ledger_(ledger), window_(window) {}

Status Sequencer::append(MappedChunk& chunk) {
  std::vector<std::shared_ptr<const Block>> blocks;
  std::uint64_t sequence = block_sequence_;
  for (Block& content : chunk.blocks) {
    const bool last = &content == &chunk.blocks.back();
    if (content.elements.empty() && !last) continue;
    auto block = std::make_shared<Block>(std::move(content));
    block->sequence = sequence++;
    block->begin = chunk.begin;
    block->end = last ? chunk.end : chunk.begin;
    blocks.push_back(std::move(block));
  }
  RETURN_IF_ERROR(queue_.append(std::move(blocks), chunk.tally));
  block_sequence_ = sequence;
  ledger_.apply(chunk.tally);
  return {};
}

Status Sequencer::push(std::unique_ptr<MappedChunk> chunk) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return !failure_.ok() || chunk->sequence < next_ + window_; });
  if (!failure_.ok()) return failure_;
  waiting_.emplace(chunk->sequence, std::move(chunk));
  if (appending_) return {};  // whoever is appending will find it
  appending_ = true;
  while (failure_.ok() && !waiting_.empty() && waiting_.begin()->first == next_) {
    const std::unique_ptr<MappedChunk> ready = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    lock.unlock();
    Status status = append(*ready);
    lock.lock();
    if (status.ok()) {
      ++next_;
      accepted_ = ready->end;
    } else {
      failure_ = std::move(status);
    }
    moved_.notify_all();
  }
  appending_ = false;
  return failure_;
}

Position Sequencer::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

}  // namespace penstock
