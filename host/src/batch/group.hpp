// The inner structures of the batcher; nobody else includes this.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "batch/batcher.hpp"

namespace penstock::batch {

// A block that elements still point into. Dropped with the last of them.
struct Batcher::BlockHandle {
  std::shared_ptr<const Block> block;
  std::vector<bool> held;  // by element: a node has it
  std::int64_t stored_ns = 0;
  std::size_t references = 0;
  std::size_t settlement = 0;  // index into Settled::settlements, if it is this block's
};

// One element that is waiting, delayed, in flight, held back behind one in flight, or delivered and
// waiting to be sent once more.
struct Node {
  enum class State : std::uint8_t { free, waiting, delayed, in_flight, held, unconfirmed };
  using Delayed = std::multimap<std::int64_t, Node*>;

  Node* previous = nullptr;  // in the group's waiting list; next also links free nodes
  Node* next = nullptr;
  Node* successor =
      nullptr;  // in flight: the newer element of the same key that waits for its outcome
  Group* group = nullptr;
  Batcher::BlockHandle* block = nullptr;
  std::int64_t since_ns = 0;   // when it was taken in
  std::uint64_t key_hash = 0;  // this and payload_size: as in the block, which is far away
  std::uint32_t payload_size = 0;
  std::uint32_t element = 0;
  std::uint32_t attempt = 0;  // failed ones of this element
  State state = State::free;
  bool overtaken = false;  // in flight: a newer element of the same key is pending, and forgotten
  bool delivered = false;  // once; it waits to be sent once more, or is on its way again
  std::uint8_t word = 0;   // delivered: what was done, index into Batcher::words_
  // In flight: until when something older of the key may undo it; 0: nothing may.
  std::int64_t confirm_at_ns = 0;
  Delayed::iterator place;  // unconfirmed: in the group's delayed

  [[nodiscard]] const BlockElement& content() const { return block->block->elements[element]; }
  [[nodiscard]] std::string_view key() const { return block->block->coalesce_key(content()); }
  [[nodiscard]] std::string_view payload() const { return block->block->payload(content()); }
  [[nodiscard]] std::uint64_t sequence() const { return block->block->sequence; }
};

struct KeyRef {
  std::uint64_t hash;
  std::string_view key;
};

struct KeyHash {
  using is_transparent = void;
  using is_avalanching = void;  // key_hash is a mixed 64-bit hash already
  std::size_t operator()(const KeyRef& key) const { return key.hash; }
  std::size_t operator()(const Node* node) const { return node->key_hash; }
};

struct KeyEqual {
  using is_transparent = void;
  bool operator()(const Node* a, const Node* b) const {
    return a == b || (a->key_hash == b->key_hash && a->key() == b->key());
  }
  bool operator()(const KeyRef& a, const Node* b) const {
    return a.hash == b->key_hash && a.key == b->key();
  }
  bool operator()(const Node* a, const KeyRef& b) const { return (*this)(b, a); }
};

struct Group {
  Route route;
  const BatchLimits* limits = nullptr;
  Node* first = nullptr;  // waiting, oldest first
  Node* last = nullptr;
  std::size_t waiting = 0;
  std::uint64_t waiting_bytes = 0;
  std::size_t nodes = 0;  // in any state
  Node::Delayed delayed;  // those unconfirmed, too
  boost::unordered_flat_set<Node*, KeyHash, KeyEqual>
      keys;                      // waiting, delayed, in flight and unconfirmed; not those held
  std::int64_t due_ns = kNever;  // its place in the timers
  bool ready = false;            // stands in its destination's ready queue
  std::size_t in_flight = 0;     // batches handed out
  std::size_t parts = 0;         // parts of split batches that wait to be handed out

  std::uint32_t failures = 0;         // batches in a row that were lost as a whole
  std::int64_t blocked_until_ns = 0;  // nothing is sent before: back-off after such a batch

  std::uint64_t pending = 0;    // elements taken in and not settled, those forgotten included
  bool refused = false;         // a person has to act before anything of it is accepted
  std::size_t unconfirmed = 0;  // nodes that were delivered and wait to be sent once more

  bool parked = false;            // takes nothing in but by recover()
  std::uint64_t parked_from = 0;  // pending elements of blocks before this one are all held
  bool recovers = false;          // scratch of recover(): takes part

  void push_back(Node& node) {
    node.previous = last;
    node.next = nullptr;
    (last != nullptr ? last->next : first) = &node;
    last = &node;
    count(node);
  }
  void push_front(Node& node) {
    node.previous = nullptr;
    node.next = first;
    (first != nullptr ? first->previous : last) = &node;
    first = &node;
    count(node);
  }
  Node& pop_front() {
    Node& node = *first;
    first = node.next;
    (first != nullptr ? first->previous : last) = nullptr;
    --waiting;
    waiting_bytes -= node.payload_size;
    return node;
  }

 private:
  void count(Node& node) {
    node.state = Node::State::waiting;
    ++waiting;
    waiting_bytes += node.payload_size;
  }
};

struct Batcher::Connection {
  std::uint64_t concurrency = 1;
  std::uint64_t in_flight = 0;  // batches handed out
};

struct Batcher::Destination {
  DestinationLimits limits;
  std::deque<Group*> ready;
  std::deque<std::unique_ptr<Batch>> parts;  // of split batches: in flight, waiting to be sent
  std::uint64_t in_flight = 0;               // batches handed out
  std::uint64_t pending = 0;
  std::size_t parked = 0;  // groups
  std::int64_t paused_until_ns = 0;
  bool probing = false;
};

struct RouteHash {
  std::size_t operator()(const Route& route) const {
    return std::hash<std::string_view>()(route.batch_key) ^
           (static_cast<std::size_t>(route.destination) << 32 | route.action);
  }
};

class Batcher::Groups {
 public:
  // Empty groups are kept for reuse up to this many, so that memory does not grow with audiences
  // that were seen once.
  static constexpr std::size_t kRetained = 10'000;
  boost::unordered_flat_map<Route, std::unique_ptr<Group>, RouteHash> by_route;
};

}  // namespace penstock::batch
