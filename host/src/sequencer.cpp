#include "sequencer.hpp"

namespace penstock {
namespace {

std::size_t chunk_bytes(const MappedChunk& chunk) {
  std::size_t bytes = chunk.tally.dead_letter_bytes();
  for (const Block& block : chunk.blocks) bytes += block.memory_bytes();
  return bytes;
}

}  // namespace

Sequencer::Sequencer(queue::Queue& queue, ledger::Ledger& ledger, std::size_t window,
                     Position begin)
    : queue_(queue), ledger_(ledger), window_(window), accepted_(begin) {}

Status Sequencer::append(MappedChunk& chunk) {
  // The ledger needs the counts, and only once the queue has the rest.
  std::vector<DeadLetter> letters = std::move(chunk.tally.dead_letters);
  const Tally counts = chunk.tally;
  chunk.tally.dead_letters = std::move(letters);
  RETURN_IF_ERROR(
      queue_.append({std::move(chunk.blocks), std::move(chunk.tally), std::move(chunk.saved_end)}));
  ledger_.apply(counts);
  return {};
}

// The one that all others wait for always may.
bool Sequencer::may_wait(const MappedChunk& chunk, std::size_t bytes) const {
  if (Place{chunk.sequence, chunk.part} == next_) return true;
  return chunk.sequence < next_.sequence + window_ && waiting_bytes_ + bytes <= kWaitingBytes;
}

Status Sequencer::push(std::unique_ptr<MappedChunk> chunk) {
  const std::size_t bytes = chunk_bytes(*chunk);
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return !failure_.ok() || may_wait(*chunk, bytes); });
  if (!failure_.ok()) return failure_;
  waiting_bytes_ += bytes;
  const Place place{chunk->sequence, chunk->part};
  waiting_.emplace(place, std::move(chunk));
  if (appending_) return {};  // whoever is appending will find it
  appending_ = true;
  while (failure_.ok() && !waiting_.empty() && waiting_.begin()->first == next_) {
    const std::unique_ptr<MappedChunk> ready = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    waiting_bytes_ -= chunk_bytes(*ready);
    lock.unlock();
    Status status = append(*ready);
    lock.lock();
    if (status.ok()) {
      next_ =
          ready->ends_chunk ? Place{next_.sequence + 1, 0} : Place{next_.sequence, next_.part + 1};
      accepted_ = ready->end;
      if (ready->fault) {
        fault_ = std::move(ready->fault);
        failure_ = Status(StatusCode::pending, "a plugin's fault has ended reading");
      }
    } else {
      failure_ = std::move(status);
    }
    moved_.notify_all();
  }
  appending_ = false;
  return failure_;
}

std::optional<mapping::PluginFault> Sequencer::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

Position Sequencer::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

}  // namespace penstock
