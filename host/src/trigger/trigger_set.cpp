#include <algorithm>
#include <functional>

#include "trigger/trigger.hpp"

namespace penstock::trigger {

std::uint32_t TriggerSet::add(const Expression& expression, PathTable& paths) {
  entries_.push_back(program_.add(expression, paths));
  index_.add(expression, paths);
  return static_cast<std::uint32_t>(entries_.size() - 1);
}

void TriggerSet::freeze() {
  index_.build();
}

void TriggerSet::match(const EventView& event, Matches& matches) const {
  std::vector<std::uint32_t>& ids = matches.ids_;
  ids.clear();
  index_.candidates(*event.slots, matches.slots_, ids);
  std::erase_if(ids, [&](std::uint32_t id) { return !holds(id, event, matches); });
  // Candidates come as ascending runs, mostly a single one.
  if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) return;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

bool TriggerSet::holds(std::uint32_t id, const EventView& event, Matches& scratch) const {
  return program_.run(entries_[id], *event.slots, scratch.text_);
}

}  // namespace penstock::trigger
