// Queue: blocks of elements between mapping and sending, in the order of the source, until each
// element is settled; and what must be remembered of both sides, stored together.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/block.hpp"
#include "model/catalog.hpp"
#include "model/issue.hpp"
#include "model/settlement.hpp"
#include "model/source_position.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "queue/replayable_keys.hpp"
#include "services/clock.hpp"
#include "store/store.hpp"

namespace penstock::queue {

// What one piece of the source led to.
struct Input {
  std::vector<Block> blocks;  // the queue gives them their sequence
  Tally tally;
  // The end of the piece, to be remembered; none where the source cannot be read again.
  std::optional<SavedPosition> position;
};

// What sending led to since the last time.
struct Progress {
  std::vector<Settlement> settlements;  // elements that need no further delivery
  std::vector<FailedAttempt> attempts;
  // Reasons, dead letters and what was confirmed; the other counts follow from the settlements.
  Tally tally;
  std::vector<Issue> issues;
  std::vector<store::DestinationStatus> destinations;
  std::vector<UncertainKey> uncertain;  // wall clock
  bool attempts_known = false;          // as store::Commit::attempts_known

  [[nodiscard]] bool empty() const;
};

struct Usage {
  std::uint64_t bytes = 0;
  bool full = false;     // append() waits for elements to be delivered
  bool no_room = false;  // the volume is full: what is appended waits, what is settled is stored
  // The disk is behind what was settled: nothing more should be taken or sent for now.
  bool behind = false;
  // take() has given out all there is, requested replays included.
  bool drained = false;
};

// Two types. On disk: what was appended survives the process, elements are given out only when they
// are stored, and what does not fit into memory waits on the disk. In memory: elements are in
// memory only, so the position in the source and the counts are stored only when everything before
// is settled; after a crash the source is read again from there.
//
// A thread of its own gathers what was appended and settled and stores it in one transaction, again
// and again: the traffic of a moment costs one sync of the disk. When the disk is full or fails it
// says so, now and then again, keeps what it has and tries again until that succeeds; append()
// waits meanwhile. On a full volume what was settled is stored without what was read, if there is
// room for that: it makes room.
class Queue {
 public:
  static constexpr std::chrono::milliseconds kFlushPatience{10'000};
  struct Options {
    bool on_disk = true;
    std::uint64_t max_bytes = kDefaultDiskBytes;
    // Called without a lock held: something can be taken, or an append begins to wait.
    std::function<void()> changed;
    // Dead letters went back into the queue; the tally has their replayed counts.
    std::function<void(const Tally&)> replayed;
    // flush() gives up on a disk that refuses for so long after it was called.
    std::chrono::milliseconds flush_patience = kFlushPatience;
    std::chrono::milliseconds reminder_interval = kReminderInterval;
  };
  static constexpr std::uint64_t kDefaultDiskBytes = 10ULL * 1024 * 1024 * 1024;
  // A fifth of the 64 MiB that a run may use (README.md); manifests of 5,000 mappings, parsers,
  // batches and buffers take the rest.
  static constexpr std::uint64_t kDefaultMemoryBytes = 12ULL * 1024 * 1024;
  // A transaction begins when so much has gathered, or after so long.
  static constexpr std::size_t kBlockBytes = 1024 * 1024;
  static constexpr std::chrono::milliseconds kGatherTime{20};
  // What may wait in memory for being stored; beyond it append() waits.
  static constexpr std::size_t kUnstoredBytes = 2 * kBlockBytes;
  // Elements: beyond it Usage::behind says that no more should be settled.
  static constexpr std::size_t kUnstoredSettlements = 500'000;
  // Stored blocks that stay in memory until take() and so need not be read back.
  static constexpr std::size_t kKeptBytes = 2 * kBlockBytes;
  static constexpr std::chrono::milliseconds kRetryTime{1'000};  // after the disk refused
  static constexpr std::chrono::minutes kReminderInterval{1};    // of a disk that still refuses
  static constexpr std::chrono::milliseconds kReplayInterval{1'000};
  // A queue that is full again sooner than this is full still, and nothing new is said.
  static constexpr std::chrono::minutes kFullQuiet{1};
  static constexpr std::chrono::minutes kVerifyInterval{1};

  // Elements of destinations, actions or mappings that `known` does not have are given out as done:
  // the pipeline has them no more, and they stay pending.
  Queue(std::unique_ptr<store::Store> store, Catalog known, Options options,
        const services::Clock& clock);
  // What is not stored by then is dropped: flush() first.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // [one producer thread at a time] Takes over what one piece of the source led to, all or nothing.
  // Waits while there is no room. StatusCode::pending: close() came while it waited; nothing was
  // taken.
  Status append(Input input);

  // [one consumer thread] The next block in order, or one without a block when there is none at the
  // moment.
  Result<LoadedBlock> take();

  // [one consumer thread] The first block with at least this sequence that take() has given out and
  // that is not settled; without a block when there is none. `done` knows of all that was settled.
  Result<LoadedBlock> take_again(std::uint64_t from_sequence);

  // [one consumer thread] Remembers what became of elements. A block is gone when all its elements
  // are settled. Does not wait, so that who calls it can still be stopped: see Usage::behind.
  Status settle(Progress progress);

  // [any thread] Wakes a waiting append() for good; nothing is appended afterwards.
  void close();

  // [one consumer thread] Closes the queue if nothing can come any more: no append, and no dead
  // letter whose replay was asked for. False: something can be taken, or it is not known yet.
  [[nodiscard]] bool close_if_drained();

  // [one consumer thread] Waits until all that was handed over is stored, and compares the stored
  // counts with the stored blocks (StatusCode::internal if they do not agree).
  Status flush();

  // [any thread]
  [[nodiscard]] Usage usage() const;
  // [any thread] How many elements of each mapping take() has not given out, or only as done
  // although they are not settled. Mappings without any are left out.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> untaken_by_mapping() const;

 private:
  struct Kept {
    std::shared_ptr<const Block> block;
    std::int64_t stored_ns = 0;
  };
  // What will be in the next transaction.
  struct Gathered {
    store::Commit commit;
    std::size_t bytes = 0;                        // of blocks and dead letters
    std::size_t settled = 0;                      // elements
    std::chrono::steady_clock::time_point since;  // when the first of it came
  };
  // In memory: a block that is not settled, or that waits for one before it.
  struct Entry {
    std::uint64_t bytes = 0;
    std::size_t unsettled = 0;
    std::size_t count_bytes = 0;  // of part's counts and settlements
    bool ends_input = false;  // the last of what was appended together, and so is stored together
    store::Commit part;       // to be stored when all before it is settled
  };

  // in_memory.cpp
  void keep_in_memory(Input input);
  void forget_settled_prefix();
  [[nodiscard]] std::size_t settled_input() const;
  void forget_first_entry();
  Status settle_in_memory(Progress& progress);

  // queue.cpp
  void merge(Block block);
  void seal();
  [[nodiscard]] std::size_t unstored_bytes() const;
  [[nodiscard]] bool fits(std::size_t bytes) const;
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  void note_taken(const LoadedBlock& loaded);
  void note_appended(const Block& block);
  void note_newer(const Block& block, const BlockElement& element, std::uint64_t route_hash);
  void overtake_unstored(const ElementKey& key);
  void note_letters(std::vector<DeadLetter>& letters);
  [[nodiscard]] std::uint64_t taken_until() const;
  [[nodiscard]] static std::vector<std::uint64_t> route_hashes(const Block& block);
  [[nodiscard]] bool drained() const;
  [[nodiscard]] static std::string route_key(const Route& route);
  [[nodiscard]] bool deliverable(const Block& block, const BlockElement& element) const;
  LoadedBlock load(store::StoredBlock stored) const;

  // storing.cpp
  void work();
  void gather();
  [[nodiscard]] bool nothing_gathered() const;
  void store_gathered(std::unique_lock<std::mutex>& lock);
  void forget_unstored_letters(const store::Commit& commit);
  Status commit(const store::Commit& commit, std::unique_lock<std::mutex>& lock);
  bool store_outcomes(std::unique_lock<std::mutex>& lock);
  void note_trouble(Status status, bool outcomes_are_stored);
  void end_trouble();
  void fail(Status status, std::unique_lock<std::mutex>& lock);
  void keep_stored(std::vector<std::shared_ptr<const Block>> blocks);
  void take_replays(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool overtakes(const store::Replay& replay) const;
  void verify(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<store::Store> store_;  // guarded by store_mutex_
  std::mutex store_mutex_;                     // never taken with mutex_ held
  const Catalog known_;
  const Options options_;
  const services::Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable work_;  // for the storing thread
  std::condition_variable room_;  // for everyone who waits for it
  Gathered gathered_;
  Gathered storing_;
  // Of both, what is stored without the rest as long as the volume has no room for that.
  store::Commit outcomes_;
  Block building_;  // on disk: the block that appended elements are added to
  std::unordered_map<std::string, std::uint32_t> routes_;  // of building_, to their index
  std::deque<Kept> kept_;  // consecutive, the next to be taken first
  std::size_t kept_bytes_ = 0;
  bool spilled_ = false;  // blocks behind kept_ have to be read back
  std::chrono::steady_clock::time_point full_until_ =
      std::chrono::steady_clock::time_point::min() + kFullQuiet;  // when it was found full last
  std::deque<Entry> entries_;  // in memory: sequences first_entry_ and following
  std::uint64_t first_entry_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t next_to_take_ = 0;
  std::uint64_t stored_end_ = 0;    // on disk: blocks before it are stored
  std::uint64_t stored_bytes_ = 0;  // on disk: of blocks stored; in memory: of those not settled
  std::uint64_t held_letter_bytes_ = 0;  // in memory: of dead letters in entries_
  // In memory: of what else is to be stored of entries_. One element that nobody takes holds back
  // what became of all behind it.
  std::uint64_t held_count_bytes_ = 0;
  std::map<std::uint32_t, std::uint64_t> untaken_;
  ReplayableKeys replayable_;
  std::unordered_multiset<std::uint64_t> unstored_letters_;  // hashes of keys, of gathered letters
  std::chrono::steady_clock::time_point next_replay_;
  std::chrono::steady_clock::time_point next_verify_;
  bool looks_for_replays_ = true;           // now, or has not done so yet
  std::uint64_t takes_ = 0;                 // blocks that were taken
  std::uint64_t takes_looked_at_ = 0;       // takes_ when it looked for replays last
  std::optional<std::uint64_t> replaying_;  // in memory: the entry of the latest replay
  bool no_room_ = false;          // the last transaction was refused because the volume is full
  bool outcomes_stored_ = false;  // although trouble_ is there
  Status trouble_;                // why storing fails at the moment
  std::chrono::steady_clock::time_point trouble_since_;
  std::chrono::steady_clock::time_point next_reminder_;  // of trouble_
  Status failure_;                                       // for good
  bool flushing_ = false;
  std::optional<std::size_t> waiting_bytes_;  // of the append that waits for room
  bool closed_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace penstock::queue
