// Batcher: gathers elements that may share a request, keeps at most one element per person in
// flight, and lets the last one win.
//
// A passive state machine: it has no thread, lock or clock of its own; whoever drives it says what
// time it is. For every route (destination, action, batch key) it keeps a group with
//   waiting   elements in the order in which they came, at most one per coalesce key
//   delayed   elements that failed and wait for their time to be tried again
//   in flight elements that are part of a Batch handed out by next(); a newer element of the same
//   key is held back as
//             its successor until complete() says what became of it
// so that two elements of one key are never in two requests at once, whatever is retried
// (README.md).
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/block.hpp"
#include "model/manifest.hpp"
#include "model/tally.hpp"
#include "queue/queue.hpp"

namespace penstock::batch {

struct Group;
struct Node;
class Batcher;

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

struct DestinationLimits {
  std::uint64_t concurrency = 1;     // batches in flight
  std::vector<BatchLimits> actions;  // by Route::action
};

// Elements on their way to the destination. The payloads stay valid as long as the batch.
class Batch {
 public:
  [[nodiscard]] std::uint32_t destination() const { return destination_; }
  [[nodiscard]] std::uint32_t action() const { return action_; }
  [[nodiscard]] const std::string& batch_key() const { return batch_key_; }
  [[nodiscard]] std::uint32_t attempt() const {
    return attempt_;
  }  // the highest of its elements, from 0
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::string_view payload(std::size_t index) const;
  [[nodiscard]] std::uint32_t mapping(std::size_t index) const;
  [[nodiscard]] std::uint32_t attempt(std::size_t index) const;

 private:
  friend class Batcher;
  std::uint32_t destination_ = 0;
  std::uint32_t action_ = 0;
  std::uint32_t attempt_ = 0;
  std::string batch_key_;
  Group* group_ = nullptr;
  std::vector<Node*> nodes_;
};

// What becomes of one element of a batch.
struct Verdict {
  enum class Kind : std::uint8_t {
    delivered,
    dead_letter,
    retry,  // again from not_before_ns on, unless a newer element of its key has come
    split,  // again, in half of the batch
  };
  Kind kind = Kind::retry;
  bool failed = true;  // retry: counts as an attempt
  std::int64_t not_before_ns = 0;
};

// What a call settled: for Queue::settle.
struct Settled {
  std::vector<queue::Settlement> elements;
  Tally tally;

  [[nodiscard]] bool empty() const { return elements.empty(); }
  void clear() {
    elements.clear();
    tally.clear();
  }
};

class Batcher {
 public:
  explicit Batcher(std::vector<DestinationLimits> destinations);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Takes the elements of a block in. Those that were waiting and are superseded by one of these
  // are added to settled.
  void add(std::shared_ptr<const Block> block, std::int64_t now_ns, Settled& settled);

  // A batch that may be sent now, or null. `pressure`: the queue is full, so rather a small batch
  // of the oldest elements than none.
  [[nodiscard]] std::unique_ptr<Batch> next(std::int64_t now_ns, bool pressure);

  // Takes a batch back, with one verdict per element.
  void complete(std::unique_ptr<Batch> batch, std::span<const Verdict> verdicts,
                std::int64_t now_ns, Settled& settled);

  // From now on nothing waits for its batch to fill up: no more elements will come.
  void flush();
  // Nothing goes to this destination before that time (kNever: until resume). A later call replaces
  // an earlier one.
  void pause(std::uint32_t destination, std::int64_t until_ns);
  void resume(std::uint32_t destination) { pause(destination, 0); }

  // When next() may have something although nothing else has happened; kNever if that cannot be.
  [[nodiscard]] std::int64_t next_time() const;
  // Elements taken in and not settled.
  [[nodiscard]] std::uint64_t pending() const { return pending_; }
  [[nodiscard]] std::uint64_t pending_of_destination(std::uint32_t destination) const;
  [[nodiscard]] const std::vector<std::uint64_t>& pending_by_mapping() const {
    return pending_by_mapping_;
  }

 private:
  struct Destination;
  struct BlockHandle;
  friend struct Node;
  friend class Batch;
  class Groups;

  Group& group_of(const Route& route);
  Node* take_node();
  void place(Node& node, BlockHandle& block, std::uint32_t element);
  void replace(Node& node, BlockHandle& block, std::uint32_t element, Settled& settled);
  void settle(Node& node, Settled& settled);
  void release(BlockHandle& block);
  void free_node(Node& node);
  void delay(Node& node, std::int64_t not_before_ns);
  void enqueue_if_ready(Group& group, std::int64_t now_ns);
  void enqueue(Group& group);
  void update_timer(Group& group);
  void run_timers(std::int64_t now_ns);
  void finish_in_flight(Node& node);
  void split(Batch& batch, const std::vector<Node*>& nodes);
  [[nodiscard]] bool full(const Group& group) const;
  [[nodiscard]] std::unique_ptr<Batch> form(Group& group, std::int64_t now_ns);
  void forget_if_empty(Group& group);

  std::vector<Destination> destinations_;
  std::unique_ptr<Groups> groups_;
  std::set<std::pair<std::int64_t, Group*>> timers_;
  std::vector<std::unique_ptr<Node[]>> node_blocks_;
  Node* free_nodes_ = nullptr;
  std::uint64_t pending_ = 0;
  std::vector<std::uint64_t> pending_by_mapping_;
  std::size_t round_robin_ = 0;
  bool flushing_ = false;
};

}  // namespace penstock::batch
