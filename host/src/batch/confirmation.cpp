// Confirmation: what an older request, still on its way in the destination, may undo is sent once
// more when that cannot happen any more.
//
// An element that was delivered while something else of its key was uncertain stays pending, and
// waits like one that is tried again later. So all that holds for those holds for it: it is kept on
// the disk, a newer element takes its place, it can be parked and comes back.
#include <algorithm>

#include "batch/group.hpp"

namespace penstock::batch {
namespace {

// Plugins have a handful of words for what they did.
constexpr std::size_t kMostWords = 100;  // Node::word is a byte

UncertainKey key_of(const Group& group, std::uint64_t block, std::uint32_t element,
                    std::string_view coalesce_key) {
  return {group.route.destination,
          group.route.action,
          UncertainKeys::hash_of(group.route.batch_key, coalesce_key),
          block,
          element,
          0};
}

UncertainKey key_of(const Node& node) {
  return key_of(*node.group, node.sequence(), node.element, node.key());
}

bool same_place(const UncertainKey& a, const UncertainKey& b) {
  return a.destination == b.destination && a.action == b.action && a.key == b.key &&
         a.until_ns == b.until_ns;
}

// For the store, which need not hear the same of a destination for each element.
void tell(const UncertainKey& key, Settled& settled) {
  if (settled.uncertain.empty() || !same_place(settled.uncertain.back(), key))
    settled.uncertain.push_back(key);
}

}  // namespace

bool Batcher::confirms(std::uint32_t destination) const {
  return destinations_[destination].limits.confirm_after_ns > 0;
}

void Batcher::recall(const std::vector<UncertainKey>& keys, std::int64_t now_ns) {
  now_ns_ = now_ns;
  for (const UncertainKey& key : keys) {
    if (key.destination < destinations_.size() && confirms(key.destination))
      uncertain_.recall(key, now_ns);
  }
}

void Batcher::suspect(std::uint64_t before_sequence, std::int64_t now_ns) {
  suspect_before_ = before_sequence;
  suspect_since_ns_ = now_ns;
}

void Batcher::suspect_all(std::int64_t now_ns, Settled& settled) {
  for (std::uint32_t d = 0; d < destinations_.size(); ++d) {
    if (!confirms(d)) continue;
    const UncertainKey all{d, UncertainKey::kAllActions,
                           0, UncertainKey::kSeveral,
                           0, now_ns + destinations_[d].limits.confirm_after_ns};
    settled.uncertain.push_back(uncertain_.note(all, now_ns));
  }
}

// It was pending when an earlier process was killed, which may have just sent it.
void Batcher::suspect_element(const Group& group, const Block& block, std::uint32_t element) {
  const BlockElement& content = block.elements[element];
  if (content.key_size == 0 || !confirms(group.route.destination)) return;
  UncertainKey key = key_of(group, block.sequence, element, block.coalesce_key(content));
  key.until_ns = suspect_since_ns_ + destinations_[group.route.destination].limits.confirm_after_ns;
  uncertain_.suspect(key, now_ns_);
}

// The element will not be pending any more, by which the store knew of it.
void Batcher::settle_suspect(const Node& node, Settled& settled) {
  if (node.content().key_size == 0) return;
  UncertainKey key = key_of(node);
  if (uncertain_.take_suspect(key, now_ns_)) tell(key, settled);
}

void Batcher::note_uncertain(const Node& node, std::int64_t until_ns, Settled& settled) {
  if (until_ns <= now_ns_ || node.content().key_size == 0) return;
  UncertainKey key = key_of(node);
  key.until_ns = until_ns;
  tell(uncertain_.note(key, now_ns_), settled);
}

// Of a batch that is about to be sent: which of its elements something older may undo, and until
// when.
void Batcher::note_conflicts(const Batch& batch) {
  const bool none = uncertain_.none(now_ns_);
  if (none || !confirms(batch.destination_)) return;
  for (Node* node : batch.nodes_) {
    if (node->content().key_size > 0)
      node->confirm_at_ns = uncertain_.others_until(key_of(*node), now_ns_);
  }
}

bool Batcher::must_confirm(const Node& node) {
  // What was sent once more was sent when nothing older could come any more. Where there is a
  // newer element, that one goes.
  return node.confirm_at_ns > 0 && !node.delivered && node.successor == nullptr && !node.overtaken;
}

void Batcher::await_confirmation(Node& node, const std::string& delivered_as) {
  node.delivered = true;
  node.word = word_index(delivered_as);
  ++node.group->unconfirmed;
  ++unconfirmed_;
  node.state = Node::State::unconfirmed;
  node.place = node.group->delayed.emplace(std::max(node.confirm_at_ns, now_ns_), &node);
}

// A newer element was given its place, and need not wait.
void Batcher::leave_confirmation(Node& node) const {
  node.group->delayed.erase(node.place);
  node.since_ns = now_ns_;
  node.group->push_back(node);
}

void Batcher::forget_delivery(Node& node) {
  if (!node.delivered) return;
  node.delivered = false;
  --node.group->unconfirmed;
  --unconfirmed_;
}

std::uint8_t Batcher::word_index(const std::string& word) {
  const auto known = std::find(words_.begin(), words_.end(), word);
  if (known != words_.end()) return static_cast<std::uint8_t>(known - words_.begin());
  if (words_.size() >= kMostWords) return 0;
  words_.push_back(word);
  return static_cast<std::uint8_t>(words_.size() - 1);
}

// A newer element takes the place of one that was delivered: it needs no confirmation any more.
void Batcher::settle_delivered(Node& node, Settled& settled) {
  const std::uint32_t mapping = node.content().mapping;
  if (!words_[node.word].empty())
    settled.tally.reason(ReasonCount::Kind::delivered, mapping, words_[node.word], {}, {});
  forget_delivery(node);
  settle(node, SettledElement::Kind::delivered, settled);
}

// What waits for its confirmation holds memory that others need: its group gives all up and waits
// until everything of it can be confirmed.
std::size_t Batcher::park_unconfirmed() {
  if (unconfirmed_ == 0) return 0;
  std::size_t forgotten = 0;
  for (const auto& [route, group] : groups_->by_route) {
    if (group->unconfirmed == 0) continue;
    std::int64_t until_ns = 0;
    for (const auto& [time, node] : group->delayed) {
      if (node->state == Node::State::unconfirmed) until_ns = std::max(until_ns, time);
    }
    if (until_ns <= now_ns_) continue;
    group->blocked_until_ns = std::max(group->blocked_until_ns, until_ns);
    forgotten += forget_nodes(*group);
  }
  return forgotten;
}

}  // namespace penstock::batch
