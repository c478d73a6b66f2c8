// Parking: groups that cannot send for now give their elements back to the queue, and get them
// again when they can.
//
// What keeps the last one winning: of one group and key, elements that are not held are newer than
// the one that is. It holds because a parked group forgets all of a key but the one in flight,
// takes nothing in from add(), and gets its elements back in the order of the queue. parked_from is
// the place in the queue before which the group holds all that is pending.
#include <algorithm>

#include "batch/group.hpp"

namespace penstock::batch {
namespace {

// A group that has this many full batches waiting takes no part when other groups recover: else it
// would fill the memory that they need.
constexpr std::size_t kMostWaitingBatches = 4;

}  // namespace

// Whether no batch of the group can go for a reason that may last: not merely because all requests
// that may be under way at once are.
bool Batcher::stalled(const Group& group) const {
  const Destination& destination = destinations_[group.route.destination];
  if (destination.paused_until_ns > now_ns_) return true;
  if (destination.probing && destination.in_flight > 0) return true;
  return !may_send(group);
}

std::size_t Batcher::park(std::int64_t now_ns) {
  now_ns_ = now_ns;
  std::size_t forgotten = 0;
  const bool destination_stalled =
      std::any_of(destinations_.begin(), destinations_.end(), [&](const Destination& destination) {
        return destination.paused_until_ns > now_ns_ || destination.probing;
      });
  if (destination_stalled) {
    for (const auto& [route, group] : groups_->by_route) {
      if (stalled(*group)) forgotten += forget_nodes(*group);
    }
  } else {
    for (Group* group : failing_) {
      if (stalled(*group)) forgotten += forget_nodes(*group);
    }
  }
  return forgotten > 0 ? forgotten : park_unconfirmed();
}

std::size_t Batcher::forget_nodes(Group& group) {
  std::vector<Node*> nodes;
  for (Node* node = group.first; node != nullptr; node = node->next) nodes.push_back(node);
  for (const auto& [time, node] : group.delayed) nodes.push_back(node);
  for (Node* node : group.keys) {
    if (node->successor == nullptr) continue;
    nodes.push_back(node->successor);
    node->successor = nullptr;
    node->overtaken = true;
  }
  take_back_parts(group, nodes);
  if (nodes.empty()) return 0;
  group.first = nullptr;
  group.last = nullptr;
  group.waiting = 0;
  group.waiting_bytes = 0;
  group.delayed.clear();
  if (!group.parked) {
    group.parked = true;
    group.parked_from = added_to_;
    parked_.insert(&group);
    ++destinations_[group.route.destination].parked;
  }
  for (Node* node : nodes) forget_node(group, *node);
  update_timer(group);
  return nodes.size();
}

// Parts of split batches hold blocks as what waits does. Should the whole be refused again, it is
// split again.
void Batcher::take_back_parts(Group& group, std::vector<Node*>& nodes) {
  if (group.parts == 0) return;
  std::erase_if(destinations_[group.route.destination].parts, [&](const auto& part) {
    if (part->group_ != &group) return false;
    nodes.insert(nodes.end(), part->nodes_.begin(), part->nodes_.end());
    return true;
  });
  group.parts = 0;
}

void Batcher::forget_node(Group& group, Node& node) {
  group.parked_from = std::min(group.parked_from, node.sequence());
  forget_delivery(node);
  const bool listed = node.state != Node::State::held && node.content().key_size > 0;
  if (listed) group.keys.erase(&node);
  free_node(node);
}

// A parked group does not take the element in, but an older one in flight must know of it.
void Batcher::note_overtaken(const Group& group, const Block& block, const BlockElement& element) {
  if (element.key_size == 0) return;
  const auto older = group.keys.find(KeyRef{element.key_hash, block.coalesce_key(element)});
  if (older != group.keys.end()) (*older)->overtaken = true;
}

std::optional<std::uint64_t> Batcher::recover_from(std::int64_t now_ns) {
  now_ns_ = now_ns;
  std::optional<std::uint64_t> from;
  for (const Group* group : parked_) {
    if (from && *from <= group->parked_from) continue;
    if (full(*group) || stalled(*group)) continue;
    from = group->parked_from;
  }
  return from;
}

void Batcher::recover(std::uint64_t from, const LoadedBlock& loaded, std::int64_t now_ns,
                      Settled& settled) {
  now_ns_ = now_ns;
  // What add() has not had yet comes through add(), and not through here.
  const bool found = loaded.block != nullptr && loaded.block->sequence < added_to_;
  const std::uint64_t next = found ? loaded.block->sequence + 1 : added_to_;
  std::vector<Group*> groups;
  for (Group* group : parked_) {
    // Between `from` and this block there is none. A group that stands before it has others to read
    // first.
    if (group->parked_from < from || group->parked_from >= next) continue;
    const bool too_many = group->waiting >= kMostWaitingBatches * group->limits->max_records ||
                          group->waiting_bytes >= kMostWaitingBatches * group->limits->max_bytes;
    group->recovers = !found || (!too_many && !stalled(*group));
    if (group->recovers) groups.push_back(group);
  }
  if (found && !groups.empty()) {
    BlockHandle& handle = hold(loaded);
    const Block& content = *handle.block;
    std::vector<Group*> by_route(content.routes.size(), nullptr);
    for (std::size_t i = 0; i < by_route.size(); ++i) {
      const auto known = groups_->by_route.find(content.routes[i]);
      if (known != groups_->by_route.end() && known->second->recovers)
        by_route[i] = known->second.get();
    }
    for (std::uint32_t i = 0; i < content.elements.size(); ++i) {
      Group* group = by_route[content.elements[i].route];
      if (group == nullptr || handle.held[i] || (!loaded.done.empty() && loaded.done[i])) continue;
      take_in(*group, handle, i, loaded.attempts.empty() ? 0 : loaded.attempts[i], settled);
    }
    release(handle);
  }
  for (Group* group : groups) {
    group->recovers = false;
    group->parked_from = next;
    if (next == added_to_) unpark(*group);
    enqueue_if_ready(*group);
  }
}

void Batcher::unpark(Group& group) {
  group.parked = false;
  parked_.erase(&group);
  --destinations_[group.route.destination].parked;
}

}  // namespace penstock::batch
