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

// What became of one chunk, or of a part of it.
struct MappedChunk {
  std::uint64_t sequence = 0;
  std::uint32_t part = 0;  // from 0
  bool ends_chunk = true;  // the last part
  Position end;            // how far the newest file of the source was read
  std::vector<Block> blocks;
  Tally tally;
  std::optional<SavedPosition> saved_end;     // to go on behind it, where that can be
  std::optional<mapping::PluginFault> fault;  // why it ends before what was read; of the last part
};

class Sequencer {
 public:
  // What may wait for an earlier chunk or part, at most `window` chunks besides; beyond that push()
  // waits, which bounds memory. A chunk is usually less than 256 KiB; it is hundreds of megabytes
  // when its events match many mappings, and then comes in parts of a megabyte, which are as quick
  // to make as to store: more of them in advance would win nothing.
  static constexpr std::size_t kWaitingBytes = 4 * 1024 * 1024;
  // `begin`: where the first chunk begins.
  Sequencer(queue::Queue& queue, ledger::Ledger& ledger, std::size_t window, Position begin);

  // [any thread] Appends the part to the queue as soon as all before it are in. May block as
  // Queue::append does. Fails as append does, for good: everything after a chunk that was refused
  // is refused, too.
  Status push(std::unique_ptr<MappedChunk> chunk);
  // How far the source has been handed over to the queue.
  [[nodiscard]] Position accepted() const;
  // Of the chunk that was appended last, if it has one: everything after it was refused
  // (StatusCode::pending), so that the source is read again from there.
  [[nodiscard]] std::optional<mapping::PluginFault> fault() const;

 private:
  struct Place {
    std::uint64_t sequence = 0;
    std::uint32_t part = 0;
    friend bool operator==(const Place& a, const Place& b) {
      return a.sequence == b.sequence && a.part == b.part;
    }
    friend bool operator<(const Place& a, const Place& b) {
      return a.sequence != b.sequence ? a.sequence < b.sequence : a.part < b.part;
    }
  };
  [[nodiscard]] bool may_wait(const MappedChunk& chunk, std::size_t bytes) const;
  Status append(MappedChunk& chunk);

  queue::Queue& queue_;
  ledger::Ledger& ledger_;
  const std::size_t window_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::map<Place, std::unique_ptr<MappedChunk>> waiting_;
  std::size_t waiting_bytes_ = 0;
  Place next_;  // to be appended, or being appended
  bool appending_ = false;
  Status failure_;
  std::optional<mapping::PluginFault> fault_;
  Position accepted_;
};

}  // namespace penstock
