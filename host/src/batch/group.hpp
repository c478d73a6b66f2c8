// The inner structures of the batcher; nobody else includes this.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "batch/batcher.hpp"

namespace penstock::batch {

// A block that elements still point into. Dropped with the last of them.
struct Batcher::BlockHandle {
  std::shared_ptr<const Block> block;
  std::size_t references = 0;
  std::size_t settlement = 0;  // index into Settled::elements, if it is this block's
};

// One element that is waiting, delayed, in flight, or held back behind one in flight.
struct Node {
  enum class State : std::uint8_t { free, waiting, delayed, in_flight, held };

  Node* previous = nullptr;  // in the group's waiting list; next also links free nodes
  Node* next = nullptr;
  Node* successor =
      nullptr;  // in flight: the newer element of the same key that waits for its outcome
  Group* group = nullptr;
  Batcher::BlockHandle* block = nullptr;
  std::int64_t since_ns = 0;       // when it was taken in
  std::int64_t not_before_ns = 0;  // delayed
  std::uint32_t element = 0;
  std::uint32_t attempt = 0;
  State state = State::free;

  [[nodiscard]] const BlockElement& content() const { return block->block->elements[element]; }
  [[nodiscard]] std::string_view key() const { return block->block->coalesce_key(content()); }
  [[nodiscard]] std::string_view payload() const { return block->block->payload(content()); }
};

struct KeyRef {
  std::uint64_t hash;
  std::string_view key;
};

struct KeyHash {
  using is_transparent = void;
  using is_avalanching = void;  // key_hash is a mixed 64-bit hash already
  std::size_t operator()(const KeyRef& key) const { return key.hash; }
  std::size_t operator()(const Node* node) const { return node->content().key_hash; }
};

struct KeyEqual {
  using is_transparent = void;
  bool operator()(const Node* a, const Node* b) const { return a == b || a->key() == b->key(); }
  bool operator()(const KeyRef& a, const Node* b) const { return a.key == b->key(); }
  bool operator()(const Node* a, const KeyRef& b) const { return a->key() == b.key; }
};

struct Group {
  Route route;
  const BatchLimits* limits = nullptr;
  Node* first = nullptr;  // waiting, oldest first
  Node* last = nullptr;
  std::size_t waiting = 0;
  std::uint64_t waiting_bytes = 0;
  std::size_t nodes = 0;  // in any state
  std::multimap<std::int64_t, Node*> delayed;
  boost::unordered_flat_set<Node*, KeyHash, KeyEqual>
      keys;                      // waiting, delayed and in flight; not those held
  std::int64_t due_ns = kNever;  // its place in the timers
  bool ready = false;            // stands in its destination's ready queue

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
    waiting_bytes -= node.content().payload_size;
    return node;
  }

 private:
  void count(Node& node) {
    node.state = Node::State::waiting;
    ++waiting;
    waiting_bytes += node.content().payload_size;
  }
};

struct Batcher::Destination {
  DestinationLimits limits;
  std::deque<Group*> ready;
  std::deque<std::unique_ptr<Batch>> halves;  // of split batches: in flight, waiting to be sent
  std::uint64_t in_flight = 0;                // batches handed out
  std::uint64_t pending = 0;
  std::int64_t paused_until_ns = 0;

  [[nodiscard]] bool may_send(std::int64_t now_ns) const {
    return in_flight < limits.concurrency && paused_until_ns <= now_ns;
  }
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
