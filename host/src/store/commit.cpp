// What a commit has of both sides of a queue: what was read, and what became of what is stored.
#include <algorithm>
#include <iterator>
#include <utility>

#include "store/store.hpp"

namespace penstock::store {
namespace {

bool is_empty(const Tally& tally) {
  return tally.mappings().empty() && tally.reasons().empty() && tally.dead_letters.empty() &&
         tally.matched_events == 0 && tally.events.received == 0;
}

template <typename T>
void add_all(std::vector<T> from, std::vector<T>& to) {
  if (to.empty()) {
    to = std::move(from);
  } else {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  }
}

}  // namespace

bool Commit::empty() const {
  return blocks.empty() && !position && settlements.empty() && attempts.empty() &&
         is_empty(tally) && is_empty(outcomes) && issues.empty() && destinations.empty() &&
         replayed.empty() && overtaken.empty() && uncertain.empty() && !attempts_known;
}

Commit Commit::take_outcomes() {
  Commit taken;
  std::swap(taken.settlements, settlements);
  std::swap(taken.attempts, attempts);
  std::swap(taken.outcomes, outcomes);
  std::swap(taken.issues, issues);
  std::swap(taken.destinations, destinations);
  std::swap(taken.uncertain, uncertain);
  std::swap(taken.attempts_known, attempts_known);
  return taken;
}

void Commit::add_outcomes(Commit later) {
  add_all(std::move(later.settlements), settlements);
  add_all(std::move(later.attempts), attempts);
  outcomes.merge(std::move(later.outcomes));
  add_all(std::move(later.issues), issues);
  add_all(std::move(later.uncertain), uncertain);
  attempts_known = attempts_known || later.attempts_known;
  for (DestinationStatus& status : later.destinations) {
    const auto known = std::find_if(
        destinations.begin(), destinations.end(),
        [&](const DestinationStatus& other) { return other.destination == status.destination; });
    if (known == destinations.end()) {
      destinations.push_back(std::move(status));
    } else {
      status.requests += known->requests;
      status.throttled_requests += known->throttled_requests;
      *known = std::move(status);
    }
  }
}

}  // namespace penstock::store
