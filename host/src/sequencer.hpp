// Sequencer: puts what several workers made of chunks back into the order of the source.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ledger/ledger.hpp"
#include "mapping/event_mapper.hpp"
#include "model/block.hpp"
#include "model/tally.hpp"
#include "queue/queue.hpp"

namespace penstock {

// What became of one chunk.
struct MappedChunk {
  std::uint64_t sequence = 0;
  Position begin;
  Position end;  // how far the newest file of the source was read
  std::vector<Block> blocks;
  Tally tally;
  std::optional<SavedPosition> saved_end;     // to go on behind it, where that can be
  std::optional<mapping::PluginFault> fault;  // why it ends before what was read
};

class Sequencer {
 public:
  // What may wait for an earlier chunk, at most `window` chunks besides; beyond that push() waits,
  // which bounds memory. A chunk is usually 256 KiB; it is megabytes when its events match many
  // mappings. An eighth of the 64 MiB that a run may use (README.md).
  static constexpr std::size_t kWaitingBytes = 8 * 1024 * 1024;
  // `begin`: where the first chunk begins.
  Sequencer(queue::Queue& queue, ledger::Ledger& ledger, std::size_t window, Position begin);

  // [any thread] Appends the chunk to the queue as soon as all before it are in. May block as
  // Queue::append does. Fails as append does, for good: everything after a chunk that was refused
  // is refused, too.
  Status push(std::unique_ptr<MappedChunk> chunk);
  // How far the source has been handed over to the queue.
  [[nodiscard]] Position accepted() const;
  // Of the chunk that was appended last, if it has one: everything after it was refused
  // (StatusCode::pending), so that the source is read again from there.
  [[nodiscard]] std::optional<mapping::PluginFault> fault() const;

 private:
  [[nodiscard]] bool may_wait(const MappedChunk& chunk, std::size_t bytes) const;
  Status append(MappedChunk& chunk);

  queue::Queue& queue_;
  ledger::Ledger& ledger_;
  const std::size_t window_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::uint64_t, std::unique_ptr<MappedChunk>> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t next_ = 0;
  bool appending_ = false;
  Status failure_;
  std::optional<mapping::PluginFault> fault_;
  Position accepted_;
};

}  // namespace penstock
