#include "batch/batcher.hpp"

#include <algorithm>

#include "batch/group.hpp"

namespace penstock::batch {
namespace {

constexpr std::size_t kNodesPerBlock = 1024;

}  // namespace

std::string_view Batch::payload(std::size_t index) const {
  return nodes_[index]->payload();
}
std::uint32_t Batch::mapping(std::size_t index) const {
  return nodes_[index]->content().mapping;
}
std::uint32_t Batch::attempt(std::size_t index) const {
  return nodes_[index]->attempt;
}

Batcher::Batcher(std::vector<DestinationLimits> destinations)
    : destinations_(destinations.size()), groups_(std::make_unique<Groups>()) {
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    destinations_[i].limits = std::move(destinations[i]);
  }
}

Batcher::~Batcher() {
  for (const auto& nodes : node_blocks_) {
    for (std::size_t i = 0; i < kNodesPerBlock; ++i) {
      if (nodes[i].state != Node::State::free) release(*nodes[i].block);
    }
  }
}

Group& Batcher::group_of(const Route& route) {
  auto [place, is_new] = groups_->by_route.try_emplace(route, nullptr);
  if (is_new) {
    place->second = std::make_unique<Group>();
    place->second->route = route;
    place->second->limits = &destinations_[route.destination].limits.actions[route.action];
  }
  return *place->second;
}

Node* Batcher::take_node() {
  if (free_nodes_ == nullptr) {
    node_blocks_.push_back(std::make_unique<Node[]>(kNodesPerBlock));
    for (std::size_t i = 0; i < kNodesPerBlock; ++i) {
      node_blocks_.back()[i].next = free_nodes_;
      free_nodes_ = &node_blocks_.back()[i];
    }
  }
  Node* node = free_nodes_;
  free_nodes_ = node->next;
  *node = Node();
  return node;
}

void Batcher::place(Node& node, BlockHandle& block, std::uint32_t element) {
  node.block = &block;
  node.element = element;
  ++block.references;
}

void Batcher::release(BlockHandle& block) {
  if (--block.references == 0) delete &block;
}

// The node's element needs no more delivery; the node itself may go on with another.
void Batcher::settle(Node& node, Settled& settled) {
  const Block& block = *node.block->block;
  const std::uint32_t mapping = node.content().mapping;
  const std::uint64_t sequence = block.sequence;
  // The block remembers where its settlement stands; the check makes a stale memory harmless.
  std::size_t& slot = node.block->settlement;
  if (slot >= settled.elements.size() || settled.elements[slot].block != sequence) {
    slot = settled.elements.size();
    settled.elements.push_back({sequence, {}});
  }
  settled.elements[slot].elements.push_back(node.element);
  --pending_;
  --pending_by_mapping_[mapping];
  --destinations_[node.group->route.destination].pending;
}

void Batcher::free_node(Node& node) {
  release(*node.block);
  --node.group->nodes;
  node.state = Node::State::free;
  node.next = free_nodes_;
  free_nodes_ = &node;
}

// A newer element takes the place of the node's: the last one wins.
void Batcher::replace(Node& node, BlockHandle& block, std::uint32_t element, Settled& settled) {
  ++settled.tally.of(node.content().mapping).superseded;
  settle(node, settled);
  if (node.state == Node::State::waiting) node.group->waiting_bytes -= node.content().payload_size;
  BlockHandle& old = *node.block;
  place(node, block, element);
  release(old);
  if (node.state == Node::State::waiting) node.group->waiting_bytes += node.content().payload_size;
}

void Batcher::add(std::shared_ptr<const Block> block, std::int64_t now_ns, Settled& settled) {
  if (block->elements.empty()) return;
  auto* handle =
      new BlockHandle{std::move(block), 1, 0};  // this function's own reference; see the end
  const Block& content = *handle->block;
  std::vector<Group*> groups;
  groups.reserve(content.routes.size());
  for (const Route& route : content.routes) groups.push_back(&group_of(route));

  for (std::uint32_t i = 0; i < content.elements.size(); ++i) {
    const BlockElement& element = content.elements[i];
    Group& group = *groups[element.route];
    ++pending_;
    ++destinations_[group.route.destination].pending;
    if (element.mapping >= pending_by_mapping_.size())
      pending_by_mapping_.resize(element.mapping + 1);
    ++pending_by_mapping_[element.mapping];

    if (element.key_size > 0) {
      const auto known = group.keys.find(KeyRef{element.key_hash, content.coalesce_key(element)});
      if (known != group.keys.end()) {
        Node& older = **known;
        if (older.state != Node::State::in_flight) {
          replace(older, *handle, i, settled);
        } else if (older.successor != nullptr) {
          replace(*older.successor, *handle, i, settled);
        } else {
          Node* node = take_node();
          place(*node, *handle, i);
          node->group = &group;
          node->since_ns = now_ns;
          node->state = Node::State::held;
          older.successor = node;
          ++group.nodes;
        }
        continue;
      }
    }
    Node* node = take_node();
    place(*node, *handle, i);
    node->group = &group;
    node->since_ns = now_ns;
    ++group.nodes;
    group.push_back(*node);
    if (element.key_size > 0) group.keys.insert(node);
  }
  for (Group* group : groups) enqueue_if_ready(*group, now_ns);
  release(*handle);
}

bool Batcher::full(const Group& group) const {
  return group.waiting >= group.limits->max_records ||
         group.waiting_bytes >= group.limits->max_bytes;
}

void Batcher::enqueue(Group& group) {
  if (group.ready) return;
  if (group.due_ns != kNever) {
    timers_.erase({group.due_ns, &group});
    group.due_ns = kNever;
  }
  group.ready = true;
  destinations_[group.route.destination].ready.push_back(&group);
}

void Batcher::enqueue_if_ready(Group& group, std::int64_t now_ns) {
  if (group.ready) return;
  const bool aged =
      group.first != nullptr &&
      group.first->since_ns + std::chrono::nanoseconds(group.limits->max_age).count() <= now_ns;
  if (group.waiting > 0 && (flushing_ || aged || full(group))) {
    enqueue(group);
  } else {
    update_timer(group);
  }
}

void Batcher::update_timer(Group& group) {
  if (group.ready) return;
  std::int64_t due = kNever;
  if (group.first != nullptr) {
    due = group.first->since_ns + std::chrono::nanoseconds(group.limits->max_age).count();
  }
  if (!group.delayed.empty()) due = std::min(due, group.delayed.begin()->first);
  if (due == group.due_ns) return;
  if (group.due_ns != kNever) timers_.erase({group.due_ns, &group});
  if (due != kNever) timers_.insert({due, &group});
  group.due_ns = due;
}

void Batcher::run_timers(std::int64_t now_ns) {
  while (!timers_.empty() && timers_.begin()->first <= now_ns) {
    Group& group = *timers_.begin()->second;
    // From the last to the first, each before the others: they leave in the order in which they
    // came back.
    const auto due = group.delayed.upper_bound(now_ns);
    const bool promoted = due != group.delayed.begin();
    for (auto it = due; it != group.delayed.begin();) group.push_front(*(--it)->second);
    group.delayed.erase(group.delayed.begin(), due);
    if (promoted) {
      enqueue(group);  // what was tried before does not wait for company
    } else {
      enqueue_if_ready(group, now_ns);
    }
  }
}

std::unique_ptr<Batch> Batcher::form(Group& group, std::int64_t now_ns) {
  auto batch = std::make_unique<Batch>();
  batch->destination_ = group.route.destination;
  batch->action_ = group.route.action;
  batch->batch_key_ = group.route.batch_key;
  batch->group_ = &group;
  batch->nodes_.reserve(std::min<std::size_t>(group.waiting, group.limits->max_records));
  std::uint64_t bytes = 0;
  while (group.first != nullptr && batch->nodes_.size() < group.limits->max_records) {
    const std::uint64_t size = group.first->content().payload_size;
    if (!batch->nodes_.empty() && bytes + size > group.limits->max_bytes) break;
    bytes += size;
    Node& node = group.pop_front();
    node.state = Node::State::in_flight;
    batch->attempt_ = std::max(batch->attempt_, node.attempt);
    batch->nodes_.push_back(&node);
  }
  enqueue_if_ready(group, now_ns);
  return batch;
}

std::unique_ptr<Batch> Batcher::next(std::int64_t now_ns, bool pressure) {
  run_timers(now_ns);
  for (std::size_t i = 0; i < destinations_.size(); ++i) {
    const std::size_t index = (round_robin_ + i) % destinations_.size();
    Destination& destination = destinations_[index];
    if (!destination.may_send(now_ns)) continue;
    std::unique_ptr<Batch> batch;
    if (!destination.halves.empty()) {
      batch = std::move(destination.halves.front());
      destination.halves.pop_front();
    } else if (!destination.ready.empty()) {
      Group& group = *destination.ready.front();
      destination.ready.pop_front();
      group.ready = false;
      batch = form(group, now_ns);
    } else {
      continue;
    }
    ++destination.in_flight;
    round_robin_ = index + 1;
    return batch;
  }
  if (!pressure) return nullptr;
  for (const auto& [due, group] : timers_) {
    Destination& destination = destinations_[group->route.destination];
    if (group->waiting == 0 || !destination.may_send(now_ns)) continue;
    ++destination.in_flight;
    Group& chosen = *group;
    timers_.erase({due, group});
    chosen.due_ns = kNever;
    return form(chosen, now_ns);
  }
  return nullptr;
}

// The outcome of an in-flight node is final: its successor, if any, may go.
void Batcher::finish_in_flight(Node& node) {
  Group& group = *node.group;
  if (node.content().key_size > 0) group.keys.erase(&node);
  if (Node* successor = node.successor; successor != nullptr) {
    group.push_back(*successor);
    group.keys.insert(successor);
  }
  free_node(node);
}

void Batcher::delay(Node& node, std::int64_t not_before_ns) {
  node.state = Node::State::delayed;
  node.not_before_ns = not_before_ns;
  node.group->delayed.emplace(not_before_ns, &node);
}

void Batcher::split(Batch& batch, const std::vector<Node*>& nodes) {
  const std::size_t half = (nodes.size() + 1) / 2;
  for (std::size_t begin = 0; begin < nodes.size(); begin += half) {
    auto part = std::make_unique<Batch>();
    part->destination_ = batch.destination_;
    part->action_ = batch.action_;
    part->batch_key_ = batch.batch_key_;
    part->group_ = batch.group_;
    const std::size_t end = std::min(begin + half, nodes.size());
    part->nodes_.assign(nodes.begin() + static_cast<std::ptrdiff_t>(begin),
                        nodes.begin() + static_cast<std::ptrdiff_t>(end));
    for (const Node* node : part->nodes_) part->attempt_ = std::max(part->attempt_, node->attempt);
    destinations_[batch.destination_].halves.push_back(std::move(part));
  }
}

void Batcher::complete(std::unique_ptr<Batch> batch, std::span<const Verdict> verdicts,
                       std::int64_t now_ns, Settled& settled) {
  Group& group = *batch->group_;
  --destinations_[batch->destination_].in_flight;
  std::vector<Node*> to_split;
  for (std::size_t i = 0; i < batch->nodes_.size(); ++i) {
    Node& node = *batch->nodes_[i];
    const Verdict& verdict = verdicts[i];
    switch (verdict.kind) {
      case Verdict::Kind::delivered:
      case Verdict::Kind::dead_letter: {
        MappingCounts& counts = settled.tally.of(node.content().mapping);
        ++(verdict.kind == Verdict::Kind::delivered ? counts.delivered : counts.dead_lettered);
        settle(node, settled);
        finish_in_flight(node);
        break;
      }
      case Verdict::Kind::retry: {
        if (verdict.failed) ++node.attempt;
        if (Node* successor = node.successor; successor != nullptr) {
          node.successor = nullptr;
          BlockHandle& newer = *successor->block;
          replace(node, newer, successor->element, settled);
          free_node(*successor);
        }
        delay(node, verdict.not_before_ns);
        break;
      }
      case Verdict::Kind::split:
        to_split.push_back(&node);
        break;
    }
  }
  if (!to_split.empty()) split(*batch, to_split);
  enqueue_if_ready(group, now_ns);
  update_timer(group);
  forget_if_empty(group);
}

void Batcher::forget_if_empty(Group& group) {
  if (group.nodes > 0 || group.ready || groups_->by_route.size() <= Groups::kRetained) return;
  if (group.due_ns != kNever) timers_.erase({group.due_ns, &group});
  groups_->by_route.erase(Route(group.route));
}

void Batcher::flush() {
  flushing_ = true;
  for (const auto& [route, group] : groups_->by_route) {
    if (group->waiting > 0) enqueue(*group);
  }
}

void Batcher::pause(std::uint32_t destination, std::int64_t until_ns) {
  destinations_[destination].paused_until_ns = until_ns;
}

std::int64_t Batcher::next_time() const {
  std::int64_t time = timers_.empty() ? kNever : timers_.begin()->first;
  for (const Destination& destination : destinations_) {
    const bool has_work = !destination.ready.empty() || !destination.halves.empty();
    if (has_work && destination.in_flight < destination.limits.concurrency) {
      time = std::min(time, destination.paused_until_ns);
    }
  }
  return time;
}

std::uint64_t Batcher::pending_of_destination(std::uint32_t destination) const {
  return destinations_[destination].pending;
}

}  // namespace penstock::batch
