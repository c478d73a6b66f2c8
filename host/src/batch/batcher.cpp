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
std::int64_t Batch::stored_ns(std::size_t index) const {
  return nodes_[index]->block->stored_ns;
}

Batcher::Batcher(std::vector<DestinationLimits> destinations)
    : destinations_(destinations.size()),
      groups_(std::make_unique<Groups>()),
      uncertain_(destinations.size()) {
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const std::uint32_t connection = destinations[i].connection;
    if (connection >= connections_.size()) connections_.resize(connection + 1);
    connections_[connection].concurrency = destinations[i].concurrency;
    destinations_[i].limits = std::move(destinations[i]);
  }
}

Batcher::~Batcher() = default;

// ---- blocks and nodes ----

// The caller's own reference; it releases it when it is done.
Batcher::BlockHandle& Batcher::hold(const LoadedBlock& loaded) {
  std::unique_ptr<BlockHandle>& handle = blocks_[loaded.block->sequence];
  if (handle == nullptr) {
    handle = std::make_unique<BlockHandle>();
    handle->block = loaded.block;
    handle->held.resize(loaded.block->elements.size());
    handle->stored_ns = loaded.stored_ns;
    held_bytes_ += loaded.block->memory_bytes();
  }
  ++handle->references;
  return *handle;
}

void Batcher::release(BlockHandle& block) {
  if (--block.references > 0) return;
  held_bytes_ -= block.block->memory_bytes();
  blocks_.erase(block.block->sequence);
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

void Batcher::free_node(Node& node) {
  node.block->held[node.element] = false;
  release(*node.block);
  --node.group->nodes;
  node.state = Node::State::free;
  node.next = free_nodes_;
  free_nodes_ = &node;
}

void Batcher::place(Node& node, BlockHandle& block, std::uint32_t element, std::uint32_t attempt) {
  const BlockElement& content = block.block->elements[element];
  node.block = &block;
  node.element = element;
  node.key_hash = content.key_hash;
  node.payload_size = content.payload_size;
  node.attempt = attempt;
  node.overtaken = false;
  node.confirm_at_ns = 0;
  block.held[element] = true;
  ++block.references;
}

// The node's element needs no more delivery; the node itself may go on with another.
void Batcher::settle(Node& node, SettledElement::Kind kind, Settled& settled) {
  const std::uint32_t mapping = node.content().mapping;
  const std::uint64_t sequence = node.sequence();
  if (uncertain_.has_suspects()) settle_suspect(node, settled);
  // The block remembers where its settlement stands; the check makes a stale memory harmless.
  std::size_t& slot = node.block->settlement;
  if (slot >= settled.settlements.size() || settled.settlements[slot].block != sequence) {
    slot = settled.settlements.size();
    settled.settlements.push_back({sequence, {}});
  }
  settled.settlements[slot].elements.push_back({node.element, mapping, kind});
  MappingCounts& counts = settled.tally.of(mapping);
  switch (kind) {
    case SettledElement::Kind::delivered:
      ++counts.delivered;
      break;
    case SettledElement::Kind::superseded:
      ++counts.superseded;
      break;
    case SettledElement::Kind::dead_lettered:
      ++counts.dead_lettered;
      break;
  }
  --pending_;
  --node.group->pending;
  --pending_by_mapping_[mapping];
  --destinations_[node.group->route.destination].pending;
}

// A newer element takes the place of the node's: the last one wins.
void Batcher::replace(Node& node, BlockHandle& block, std::uint32_t element, std::uint32_t attempt,
                      Settled& settled) {
  if (node.delivered) {
    settle_delivered(node, settled);
  } else {
    settle(node, SettledElement::Kind::superseded, settled);
  }
  const bool counted = node.state == Node::State::waiting;
  if (counted) node.group->waiting_bytes -= node.payload_size;
  BlockHandle& old = *node.block;
  old.held[node.element] = false;
  place(node, block, element, attempt);
  release(old);
  if (counted) node.group->waiting_bytes += node.payload_size;
}

// ---- groups ----

Group& Batcher::group_of(const Route& route) {
  auto [place, is_new] = groups_->by_route.try_emplace(route, nullptr);
  if (is_new) {
    place->second = std::make_unique<Group>();
    place->second->route = route;
    place->second->limits = &destinations_[route.destination].limits.actions[route.action];
  }
  return *place->second;
}

void Batcher::add(const LoadedBlock& loaded, std::int64_t now_ns, Settled& settled) {
  now_ns_ = now_ns;
  const Block& content = *loaded.block;
  added_to_ = content.sequence + 1;
  if (content.elements.empty()) return;
  BlockHandle& handle = hold(loaded);
  // Made when first needed: routes of nothing but elements that are done may lead nowhere.
  std::vector<Group*> groups(content.routes.size(), nullptr);
  const bool suspects = content.sequence < suspect_before_;

  for (std::uint32_t i = 0; i < content.elements.size(); ++i) {
    if (!loaded.done.empty() && loaded.done[i]) continue;
    const BlockElement& element = content.elements[i];
    Group*& group = groups[element.route];
    if (group == nullptr) group = &group_of(content.routes[element.route]);
    ++pending_;
    ++group->pending;
    ++destinations_[group->route.destination].pending;
    if (element.mapping >= pending_by_mapping_.size())
      pending_by_mapping_.resize(element.mapping + 1);
    ++pending_by_mapping_[element.mapping];
    if (suspects) suspect_element(*group, content, i);
    if (group->parked) {
      note_overtaken(*group, content, element);
      continue;
    }
    take_in(*group, handle, i, loaded.attempts.empty() ? 0 : loaded.attempts[i], settled);
  }
  for (Group* group : groups) {
    if (group != nullptr) enqueue_if_ready(*group);
  }
  release(handle);
}

// An element that is newer than all of its group and key that were taken in before.
void Batcher::take_in(Group& group, BlockHandle& block, std::uint32_t element,
                      std::uint32_t attempt, Settled& settled) {
  const BlockElement& content = block.block->elements[element];
  Node* in_flight = nullptr;
  if (content.key_size > 0) {
    const auto known =
        group.keys.find(KeyRef{content.key_hash, block.block->coalesce_key(content)});
    if (known != group.keys.end()) {
      Node& older = **known;
      if (older.state != Node::State::in_flight) {
        const bool unconfirmed = older.state == Node::State::unconfirmed;
        replace(older, block, element, attempt, settled);
        if (unconfirmed) leave_confirmation(older);
        return;
      }
      if (older.successor != nullptr) {
        replace(*older.successor, block, element, attempt, settled);
        return;
      }
      in_flight = &older;
    }
  }
  Node* node = take_node();
  place(*node, block, element, attempt);
  node->group = &group;
  node->since_ns = now_ns_;
  ++group.nodes;
  if (in_flight != nullptr) {
    node->state = Node::State::held;
    in_flight->successor = node;
    return;
  }
  group.push_back(*node);
  if (content.key_size > 0) group.keys.insert(node);
}

bool Batcher::full(const Group& group) const {
  return group.waiting >= group.limits->max_records ||
         group.waiting_bytes >= group.limits->max_bytes;
}

// Whether nothing within the group speaks against handing out one more batch of it. A group that
// lost its last batch as a whole sends one at a time.
bool Batcher::may_send(const Group& group) const {
  return group.blocked_until_ns <= now_ns_ && (group.failures == 0 || group.in_flight == 0);
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

void Batcher::enqueue_if_ready(Group& group) {
  if (group.ready) return;
  if (group.waiting > 0 && may_send(group)) {
    const std::int64_t max_age_ns = std::chrono::nanoseconds(group.limits->max_age).count();
    const bool aged = group.first->since_ns + max_age_ns <= now_ns_;
    // While a parked group gets its elements back, more are still to come.
    const bool complete = flushing_ && !group.parked;
    if (complete || group.failures > 0 || aged || full(group)) {
      enqueue(group);
      return;
    }
  }
  update_timer(group);
}

void Batcher::update_timer(Group& group) {
  if (group.ready) return;
  std::int64_t due = kNever;
  if (group.blocked_until_ns > now_ns_) {
    const bool waits = group.nodes > 0 || group.parked;
    if (waits) due = group.blocked_until_ns;
  } else if (may_send(group)) {  // else complete() looks at it again
    if (group.first != nullptr) {
      due = group.first->since_ns + std::chrono::nanoseconds(group.limits->max_age).count();
    }
    if (!group.delayed.empty()) due = std::min(due, group.delayed.begin()->first);
  }
  if (due == group.due_ns) return;
  if (group.due_ns != kNever) timers_.erase({group.due_ns, &group});
  if (due != kNever) timers_.insert({due, &group});
  group.due_ns = due;
}

void Batcher::run_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_ns_) {
    Group& group = *timers_.begin()->second;
    // From the last to the first, each before the others: they leave in the order in which they
    // came back.
    const auto due = group.delayed.upper_bound(now_ns_);
    const bool promoted = due != group.delayed.begin();
    for (auto it = due; it != group.delayed.begin();) group.push_front(*(--it)->second);
    group.delayed.erase(group.delayed.begin(), due);
    if (promoted && may_send(group)) {
      enqueue(group);  // what was tried before does not wait for company
    } else {
      enqueue_if_ready(group);
    }
  }
}

void Batcher::forget_if_empty(Group& group) {
  if (group.nodes > 0 || group.ready || group.parked) return;
  if (groups_->by_route.size() <= Groups::kRetained) return;
  if (group.due_ns != kNever) timers_.erase({group.due_ns, &group});
  failing_.erase(&group);
  groups_->by_route.erase(Route(group.route));
}

// ---- handing batches out ----

bool Batcher::has_slot(const Destination& destination) const {
  const Connection& connection = connections_[destination.limits.connection];
  return connection.in_flight < connection.concurrency &&
         (!destination.probing || destination.in_flight == 0);
}

bool Batcher::may_send(const Destination& destination) const {
  return destination.paused_until_ns <= now_ns_ && has_slot(destination);
}

std::unique_ptr<Batch> Batcher::form(Group& group) {
  auto batch = std::make_unique<Batch>();
  batch->destination_ = group.route.destination;
  batch->action_ = group.route.action;
  batch->batch_key_ = group.route.batch_key;
  batch->group_ = &group;
  batch->nodes_.reserve(std::min<std::size_t>(group.waiting, group.limits->max_records));
  std::uint64_t bytes = 0;
  while (group.first != nullptr && batch->nodes_.size() < group.limits->max_records) {
    const std::uint64_t size = group.first->payload_size;
    if (!batch->nodes_.empty() && bytes + size > group.limits->max_bytes) break;
    bytes += size;
    Node& node = group.pop_front();
    node.state = Node::State::in_flight;
    node.confirm_at_ns = 0;
    batch->attempt_ = std::max(batch->attempt_, node.attempt);
    batch->nodes_.push_back(&node);
  }
  return batch;
}

std::unique_ptr<Batch> Batcher::next_part(Destination& destination) {
  for (auto it = destination.parts.begin(); it != destination.parts.end(); ++it) {
    Group& group = *(*it)->group_;
    if (!may_send(group)) continue;
    std::unique_ptr<Batch> half = std::move(*it);
    destination.parts.erase(it);
    --group.parts;
    return half;
  }
  return nullptr;
}

void Batcher::hand_out(Batch& batch) {
  Group& group = *batch.group_;
  Destination& destination = destinations_[batch.destination_];
  batch.group_failures_ = group.failures;
  note_conflicts(batch);
  ++group.in_flight;
  ++destination.in_flight;
  ++connections_[destination.limits.connection].in_flight;
  enqueue_if_ready(group);
}

std::unique_ptr<Batch> Batcher::next(std::int64_t now_ns, bool pressure) {
  now_ns_ = now_ns;
  run_timers();
  for (std::size_t i = 0; i < destinations_.size(); ++i) {
    const std::size_t index = (round_robin_ + i) % destinations_.size();
    Destination& destination = destinations_[index];
    if (!may_send(destination)) continue;
    std::unique_ptr<Batch> batch = next_part(destination);
    while (batch == nullptr && !destination.ready.empty()) {
      Group& group = *destination.ready.front();
      destination.ready.pop_front();
      group.ready = false;
      // It may have been parked, or have failed, since it became ready.
      if (group.waiting > 0 && may_send(group)) {
        batch = form(group);
      } else {
        update_timer(group);
      }
    }
    if (batch == nullptr) continue;
    hand_out(*batch);
    round_robin_ = index + 1;
    return batch;
  }
  if (!pressure) return nullptr;
  for (const auto& [due, group] : timers_) {
    if (group->waiting == 0 || !may_send(*group)) continue;
    if (!may_send(destinations_[group->route.destination])) continue;
    std::unique_ptr<Batch> batch = form(*group);
    hand_out(*batch);  // moves the group's timer, so the loop cannot go on
    return batch;
  }
  return nullptr;
}

void Batcher::flush() {
  flushing_ = true;
  for (const auto& [route, group] : groups_->by_route) {
    if (group->waiting > 0 && !group->parked) enqueue(*group);
  }
}

void Batcher::pause(std::uint32_t destination, std::int64_t until_ns) {
  destinations_[destination].paused_until_ns = until_ns;
}

void Batcher::set_probing(std::uint32_t destination, bool probing) {
  destinations_[destination].probing = probing;
}

void Batcher::set_concurrency(std::uint32_t connection, std::uint64_t batches) {
  connections_[connection].concurrency = batches;
}

std::int64_t Batcher::next_time() const {
  std::int64_t time = timers_.empty() ? kNever : timers_.begin()->first;
  for (const Destination& destination : destinations_) {
    const bool parked = destination.parked > 0 && destination.paused_until_ns > now_ns_;
    bool has_work = false;
    if (has_slot(destination)) {
      has_work = !destination.ready.empty() ||
                 std::any_of(destination.parts.begin(), destination.parts.end(),
                             [&](const auto& half) { return may_send(*half->group_); });
    }
    if (parked || has_work) time = std::min(time, destination.paused_until_ns);
  }
  return time;
}

std::uint64_t Batcher::pending_of_destination(std::uint32_t destination) const {
  return destinations_[destination].pending;
}

std::uint64_t Batcher::refused_of_destination(std::uint32_t destination) const {
  std::uint64_t refused = 0;
  for (const Group* group : failing_) {
    if (group->refused && group->route.destination == destination) refused += group->pending;
  }
  return refused;
}

void Batcher::retry_refused(std::int64_t now_ns) {
  now_ns_ = now_ns;
  for (Group* group : failing_) {
    if (!group->refused) continue;
    group->blocked_until_ns = 0;
    enqueue_if_ready(*group);
  }
}

std::uint64_t Batcher::in_flight(std::uint32_t connection) const {
  return connections_[connection].in_flight;
}

}  // namespace penstock::batch
