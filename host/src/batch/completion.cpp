// Batches on their way back: what their outcome makes of elements and groups.
#include <algorithm>

#include "batch/group.hpp"

namespace penstock::batch {

void Batcher::complete(std::unique_ptr<Batch> batch, const Verdicts& verdicts, std::int64_t now_ns,
                       Settled& settled) {
  now_ns_ = now_ns;
  Group& group = *batch->group_;
  Destination& destination = destinations_[batch->destination_];
  --group.in_flight;
  --destination.in_flight;
  --connections_[destination.limits.connection].in_flight;

  const bool lost = verdicts.group_until_ns > 0;
  std::vector<Node*> to_split;
  std::vector<Node*> to_head;
  for (std::size_t i = 0; i < batch->nodes_.size(); ++i) {
    Node& node = *batch->nodes_[i];
    const Verdict& verdict = verdicts.elements[i];
    if (verdict.uncertain_until_ns > 0) note_uncertain(node, verdict.uncertain_until_ns, settled);
    switch (verdict.kind) {
      case Verdict::Kind::delivered:
        if (must_confirm(node)) {
          const bool named = verdict.refusal < verdicts.delivered_as.size();
          await_confirmation(node, named ? verdicts.delivered_as[verdict.refusal] : std::string());
          break;
        }
        if (node.delivered) ++settled.tally.of(node.content().mapping).confirmed;
        forget_delivery(node);
        count_delivered(node.content().mapping, verdict.refusal);
        settle(node, SettledElement::Kind::delivered, settled);
        finish_in_flight(node);
        break;
      case Verdict::Kind::dead_letter:
        if (node.successor != nullptr && verdicts.refusals[verdict.refusal].reason == kGaveUp) {
          // Nobody wants it any more: the newer one goes in its place.
          retry(node, verdict, settled);
          delay(node, now_ns);
          break;
        }
        forget_delivery(node);
        bury(node, verdicts.refusals[verdict.refusal], settled);
        settle(node, SettledElement::Kind::dead_lettered, settled);
        finish_in_flight(node);
        break;
      case Verdict::Kind::retry:
        retry(node, verdict, settled);
        if (lost) {
          to_head.push_back(&node);
        } else {
          delay(node, verdict.not_before_ns);
        }
        break;
      case Verdict::Kind::split:
        to_split.push_back(&node);
        break;
    }
  }
  tell_delivered(verdicts, settled);
  // From the last to the first, each before the others: they keep their order.
  for (std::size_t i = to_head.size(); i > 0; --i) group.push_front(*to_head[i - 1]);
  if (!to_split.empty()) split(*batch, to_split);
  note_outcome(group, verdicts, batch->group_failures_);
  enqueue_if_ready(group);
  forget_if_empty(group);
}

// The elements of a batch are of one mapping or a few, and were delivered in one way or two.
void Batcher::count_delivered(std::uint32_t mapping, std::uint32_t as) {
  for (DeliveredCount& known : delivered_counts_) {
    if (known.mapping == mapping && known.as == as) {
      ++known.count;
      return;
    }
  }
  delivered_counts_.push_back({mapping, as, 1});
}

void Batcher::tell_delivered(const Verdicts& verdicts, Settled& settled) {
  for (const DeliveredCount& counted : delivered_counts_) {
    if (counted.as >= verdicts.delivered_as.size()) continue;
    settled.tally.reason(ReasonCount::Kind::delivered, counted.mapping,
                         verdicts.delivered_as[counted.as], {}, {}, counted.count);
  }
  delivered_counts_.clear();
}

// What the batch says about its group as a whole.
void Batcher::note_outcome(Group& group, const Verdicts& verdicts, std::uint32_t failures_before) {
  if (verdicts.group_until_ns > 0) {
    // Batches that were under way together and are lost together are one failure.
    if (failures_before == group.failures) ++group.failures;
    group.blocked_until_ns = std::max(group.blocked_until_ns, verdicts.group_until_ns);
    group.refused = verdicts.group_refused;
    failing_.insert(&group);
    return;
  }
  const bool answered =
      std::any_of(verdicts.elements.begin(), verdicts.elements.end(),
                  [](const Verdict& verdict) { return verdict.kind != Verdict::Kind::retry; });
  if (!answered || group.failures == 0) return;
  group.failures = 0;
  group.refused = false;
  group.blocked_until_ns = 0;
  failing_.erase(&group);
}

void Batcher::bury(const Node& node, const Refusal& refusal, Settled& settled) const {
  DeadLetter letter;
  letter.mapping = node.content().mapping;
  letter.reason = refusal.reason;
  letter.message = refusal.message;
  letter.remote_status = refusal.remote_status;
  letter.attempts = node.attempt + 1;
  letter.form = DeadLetter::Form::element;
  letter.content = node.payload();
  letter.block = node.block->block->sequence;
  letter.route = node.group->route;
  letter.coalesce_key = node.key();
  letter.overtaken = node.successor != nullptr || node.overtaken;
  settled.tally.reason(ReasonCount::Kind::dead_letter, letter.mapping, refusal.reason, {},
                       refusal.message);
  settled.tally.dead_letters.push_back(std::move(letter));
}

// The element leaves its batch to be sent again; a newer one of its key goes in its place.
void Batcher::retry(Node& node, const Verdict& verdict, Settled& settled) {
  if (Node* successor = node.successor; successor != nullptr) {
    node.successor = nullptr;
    replace(node, *successor->block, successor->element, successor->attempt, settled);
    free_node(*successor);
    node.block->held[node.element] = true;  // by this node still
    return;
  }
  if (!verdict.failed) return;
  ++node.attempt;
  settled.attempts.push_back({node.sequence(), node.element, node.attempt});
}

void Batcher::delay(Node& node, std::int64_t not_before_ns) {
  node.state = Node::State::delayed;
  node.group->delayed.emplace(not_before_ns, &node);
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

// In thirds: of 5,000 elements one at fault is alone after at most 24 requests, with halves
// after 26.
void Batcher::split(Batch& batch, const std::vector<Node*>& nodes) {
  const std::size_t third = (nodes.size() + 2) / 3;
  for (std::size_t begin = 0; begin < nodes.size(); begin += third) {
    auto part = std::make_unique<Batch>();
    part->destination_ = batch.destination_;
    part->action_ = batch.action_;
    part->batch_key_ = batch.batch_key_;
    part->group_ = batch.group_;
    const std::size_t end = std::min(begin + third, nodes.size());
    part->nodes_.assign(nodes.begin() + static_cast<std::ptrdiff_t>(begin),
                        nodes.begin() + static_cast<std::ptrdiff_t>(end));
    for (const Node* node : part->nodes_) part->attempt_ = std::max(part->attempt_, node->attempt);
    ++batch.group_->parts;
    destinations_[batch.destination_].parts.push_back(std::move(part));
  }
}

}  // namespace penstock::batch
