#include "model/tally.hpp"

#include <algorithm>
#include <iterator>

namespace penstock {

MappingCounts& Tally::of(std::uint32_t mapping) {
  if (mapping >= index_.size()) index_.resize(mapping + 1, 0);
  if (index_[mapping] == 0) {
    mappings_.push_back({mapping, {}});
    index_[mapping] = static_cast<std::uint32_t>(mappings_.size());
  }
  return mappings_[index_[mapping] - 1].counts;
}

void add_reason(std::vector<ReasonCount>& counts, ReasonCount count) {
  ReasonCount* further = nullptr;
  std::size_t messages = 0;
  std::size_t others = 0;
  for (ReasonCount& known : counts) {
    if (known.kind != count.kind || known.mapping != count.mapping) continue;
    if (known.reason != count.reason || known.field != count.field) {
      ++others;
      continue;
    }
    if (known.message == count.message) {
      known.count += count.count;
      return;
    }
    if (known.message == kFurtherMessages) further = &known;
    ++messages;
  }
  if (further != nullptr) {
    further->count += count.count;
    return;
  }
  if (messages >= kMaxMessages) count.message = kFurtherMessages;
  if (messages == 0 && others >= kMaxReasons && count.reason != kFurtherReasons) {
    add_reason(counts, {count.kind, count.mapping, kFurtherReasons, {}, {}, count.count});
    return;
  }
  counts.push_back(std::move(count));
}

void Tally::reason(ReasonCount::Kind kind, std::uint32_t mapping, std::string_view reason,
                   std::string_view field, std::string_view message, std::uint64_t count) {
  add_reason(reasons_,
             {kind, mapping, std::string(reason), std::string(field), std::string(message), count});
}

std::size_t Tally::dead_letter_bytes() const {
  std::size_t bytes = 0;
  for (const DeadLetter& letter : dead_letters) bytes += letter.bytes();
  return bytes;
}

void Tally::merge(Tally other) {
  events.add(other.events);
  matched_events += other.matched_events;
  for (const Entry& entry : other.mappings_) of(entry.mapping).add(entry.counts);
  merge_reasons(std::move(other));
}

void Tally::merge_reasons(Tally other) {
  for (ReasonCount& count : other.reasons_) add_reason(reasons_, std::move(count));
  if (dead_letters.empty()) {
    dead_letters = std::move(other.dead_letters);
  } else {
    std::move(other.dead_letters.begin(), other.dead_letters.end(),
              std::back_inserter(dead_letters));
  }
}

void Tally::clear() {
  events = {};
  matched_events = 0;
  for (const Entry& entry : mappings_) index_[entry.mapping] = 0;
  mappings_.clear();
  reasons_.clear();
  dead_letters.clear();
}

}  // namespace penstock
