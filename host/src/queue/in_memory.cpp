// The queue in memory: blocks are kept until all that was appended with them, and all before it, is
// settled. Only then is anything of them stored.
#include "queue/move_to_end.hpp"
#include "queue/queue.hpp"

namespace penstock::queue {
namespace {

std::size_t count_bytes(const Tally& tally) {
  return tally.mappings().size() * sizeof(Tally::Entry);
}

std::size_t count_bytes(const Settlement& settlement) {
  return sizeof settlement + settlement.elements.size() * sizeof(SettledElement);
}

}  // namespace

// The last block carries what is to be stored when all up to it is settled.
void Queue::keep_in_memory(Input input) {
  if (input.blocks.empty()) input.blocks.emplace_back();
  for (Block& content : input.blocks) {
    auto block = std::make_shared<Block>(std::move(content));
    block->sequence = next_sequence_++;
    Entry& entry = entries_.emplace_back();
    entry.bytes = block->memory_bytes();
    entry.unsettled = block->elements.size();
    if (entry.unsettled == 0) continue;
    stored_bytes_ += entry.bytes;
    kept_.push_back({std::move(block), clock_.monotonic_ns()});
  }
  held_letter_bytes_ += input.tally.dead_letter_bytes();
  entries_.back().count_bytes = count_bytes(input.tally);
  held_count_bytes_ += count_bytes(input.tally);
  entries_.back().ends_input = true;
  entries_.back().part.tally = std::move(input.tally);
  entries_.back().part.position = std::move(input.position);
  forget_settled_prefix();
}

// How many entries at the front were appended together and are all settled; 0: not all are.
std::size_t Queue::settled_input() const {
  for (std::size_t i = 0; i < entries_.size() && entries_[i].unsettled == 0; ++i) {
    if (entries_[i].ends_input) return i + 1;
  }
  return 0;
}

// What was appended together is stored together: outcomes without the counts of what they are the
// outcomes of would not add up.
void Queue::forget_settled_prefix() {
  for (std::size_t settled = settled_input(); settled > 0; settled = settled_input()) {
    gather();
    for (; settled > 0; --settled) forget_first_entry();
  }
}

void Queue::forget_first_entry() {
  store::Commit& part = entries_.front().part;
  const std::size_t letter_bytes = part.tally.dead_letter_bytes();
  held_letter_bytes_ -= letter_bytes;
  gathered_.bytes += letter_bytes;
  held_count_bytes_ -= entries_.front().count_bytes;
  for (const Settlement& settlement : part.settlements)
    gathered_.settled += settlement.elements.size();
  gathered_.commit.tally.merge(std::move(part.tally));
  if (part.position) gathered_.commit.position = std::move(part.position);
  move_to_end(part.settlements, gathered_.commit.settlements);
  move_to_end(part.replayed, gathered_.commit.replayed);
  if (replaying_ == first_entry_) {
    replaying_.reset();
    looks_for_replays_ = true;
    next_replay_ = std::chrono::steady_clock::now();
  }
  entries_.pop_front();
  ++first_entry_;
}

Status Queue::settle_in_memory(Progress& progress) {
  for (Settlement& settlement : progress.settlements) {
    const std::uint64_t index = settlement.block - first_entry_;
    if (settlement.block < first_entry_ || index >= entries_.size() ||
        entries_[index].unsettled < settlement.elements.size()) {
      return {StatusCode::internal, "Elements of block " + std::to_string(settlement.block) +
                                        " were settled twice, or the block was never appended"};
    }
    Entry& entry = entries_[index];
    entry.unsettled -= settlement.elements.size();
    if (entry.unsettled == 0 && !settlement.elements.empty()) stored_bytes_ -= entry.bytes;
    entry.count_bytes += count_bytes(settlement);
    held_count_bytes_ += count_bytes(settlement);
    entry.part.settlements.push_back(std::move(settlement));
  }
  // A dead letter is stored with its block's counts: should the block be read from the source
  // again, it will be one again.
  for (DeadLetter& letter : progress.tally.dead_letters) {
    store::Commit& part = entries_[letter.block - first_entry_].part;
    part.tally.reason(ReasonCount::Kind::dead_letter, letter.mapping, letter.reason, {},
                      letter.message);
    held_letter_bytes_ += letter.bytes();
    part.tally.dead_letters.push_back(std::move(letter));
  }
  // What is read again has other numbers.
  for (UncertainKey& key : progress.uncertain) key.block = UncertainKey::kSeveral;
  gather();
  for (const ReasonCount& reason : progress.tally.reasons()) {
    if (reason.kind != ReasonCount::Kind::dead_letter) gathered_.commit.tally.reason(reason);
  }
  return {};
}

}  // namespace penstock::queue
