#include "ledger/ledger.hpp"

#include <algorithm>

namespace penstock::ledger {
namespace {

// Distinct messages kept per code and mapping are few; beyond this many issues something floods,
// and counts suffice.
constexpr std::size_t kMaxIssues = 10'000;

}  // namespace

Ledger::Ledger(std::vector<MappingName> mappings, std::vector<std::uint64_t> pending_before)
    : names_(std::move(mappings)), before_(std::move(pending_before)) {
  state_.mappings.resize(names_.size());
  before_.resize(names_.size());
}

void Ledger::apply(const Tally& tally) {
  const std::lock_guard lock(mutex_);
  state_.events.add(tally.events);
  state_.matched_events += tally.matched_events;
  for (const Tally::Entry& entry : tally.mappings())
    state_.mappings[entry.mapping].add(entry.counts);
  for (const ReasonCount& reason : tally.reasons()) add_reason(state_.reasons, reason);
}

void Ledger::apply(const std::vector<Issue>& issues) {
  const std::lock_guard lock(mutex_);
  for (const Issue& issue : issues) {
    const auto known =
        std::find_if(state_.issues.begin(), state_.issues.end(), [&](const Issue& other) {
          return other.destination == issue.destination && other.mapping == issue.mapping &&
                 other.code == issue.code;
        });
    if (known != state_.issues.end()) {
      known->count += issue.count;
      known->message = issue.message;  // the latest is the one to act on
      known->severity = std::max(known->severity, issue.severity);
    } else if (state_.issues.size() < kMaxIssues) {
      state_.issues.push_back(issue);
    }
  }
}

Snapshot Ledger::snapshot() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Status Ledger::verify(const std::vector<std::uint64_t>& pending_by_mapping) const {
  const std::lock_guard lock(mutex_);
  std::string broken;
  const EventCounts& events = state_.events;
  if (events.received != state_.matched_events + events.unmatched + events.invalid) {
    broken += "\n  events: received " + std::to_string(events.received) + ", but matched " +
              std::to_string(state_.matched_events) + " + unmatched " +
              std::to_string(events.unmatched) + " + invalid " + std::to_string(events.invalid);
  }
  for (std::size_t i = 0; i < state_.mappings.size(); ++i) {
    const MappingCounts& counts = state_.mappings[i];
    const std::uint64_t pending = i < pending_by_mapping.size() ? pending_by_mapping[i] : 0;
    if (counts.pending() + static_cast<std::int64_t>(before_[i]) ==
        static_cast<std::int64_t>(pending)) {
      continue;
    }
    const auto unless_zero = [](const char* name, std::uint64_t count) {
      return count == 0 ? std::string() : " + " + std::string(name) + " " + std::to_string(count);
    };
    broken += "\n  " + names_[i].destination_name + "." + names_[i].name + ": matched " +
              std::to_string(counts.matched) + unless_zero("replayed", counts.replayed) +
              unless_zero("pending before", before_[i]) + ", but delivered " +
              std::to_string(counts.delivered) + " + superseded " +
              std::to_string(counts.superseded) + " + skipped " + std::to_string(counts.skipped) +
              " + dead-lettered " + std::to_string(counts.dead_lettered) + " + pending " +
              std::to_string(pending);
  }
  if (broken.empty()) return {};
  return {StatusCode::internal,
          "The accounting does not add up. This is a fault of Penstock: please report it with "
          "these numbers:" +
              broken};
}

}  // namespace penstock::ledger
