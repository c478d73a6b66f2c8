#include "trigger/index.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

namespace penstock::trigger {
namespace {

using Kind = Expression::Kind;

void sort_unique(std::vector<std::string>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::vector<Requirement> requirement_of_condition(const Expression& expression) {
  if (expression.operand.transform != Operand::Transform::none) return {};
  Requirement requirement;
  requirement.steps = expression.operand.steps;
  for (const Literal& literal : expression.literals) {
    if (!literal.text) return {};
    requirement.values.push_back(*literal.text);
  }
  sort_unique(requirement.values);
  return {std::move(requirement)};
}

// Of the paths that every part requires: the values that any part allows there.
std::vector<Requirement> requirements_of_any(const Expression& expression) {
  std::map<std::vector<std::string>, std::vector<std::string>> common;
  for (std::size_t i = 0; i < expression.children.size(); ++i) {
    // Where a part requires one path twice, the requirement with fewer values is the sharper one.
    std::map<std::vector<std::string>, std::vector<std::string>> part;
    for (Requirement& each : requirements_of(expression.children[i])) {
      const auto [place, is_new] = part.try_emplace(std::move(each.steps));
      if (is_new || each.values.size() < place->second.size())
        place->second = std::move(each.values);
    }
    if (i == 0) {
      common = std::move(part);
    } else {
      std::erase_if(common, [&part](const auto& entry) { return !part.contains(entry.first); });
      for (auto& [steps, values] : common) {
        std::vector<std::string>& more = part.at(steps);
        std::move(more.begin(), more.end(), std::back_inserter(values));
      }
    }
    if (common.empty()) return {};
  }
  std::vector<Requirement> requirements;
  for (auto& [steps, values] : common) {
    sort_unique(values);
    requirements.push_back({steps, std::move(values)});
  }
  return requirements;
}

}  // namespace

std::vector<Requirement> requirements_of(const Expression& expression) {
  switch (expression.kind) {
    case Kind::equal:
    case Kind::in:
      return requirement_of_condition(expression);
    case Kind::any_of:
      return requirements_of_any(expression);
    case Kind::all_of: {
      std::vector<Requirement> all;
      for (const Expression& child : expression.children) {
        std::vector<Requirement> part = requirements_of(child);
        std::move(part.begin(), part.end(), std::back_inserter(all));
      }
      return all;
    }
    default:
      return {};
  }
}

void EqualityIndex::add(const Expression& expression, PathTable& paths) {
  std::vector<SlotRequirement>& kept = requirements_.emplace_back();
  for (Requirement& requirement : requirements_of(expression)) {
    SlotRequirement& each = kept.emplace_back();
    each.slot = paths.intern(requirement.steps);
    for (std::string& value : requirement.values) {
      each.values.emplace_back(texts_.emplace_back(std::move(value)));
    }
  }
}

void EqualityIndex::build() {
  std::vector<Postings> sharers;  // by slot: which triggers could be found by a value
  for (std::uint32_t trigger = 0; trigger < requirements_.size(); ++trigger) {
    for (const SlotRequirement& each : requirements_[trigger]) {
      if (each.slot >= sharers.size()) sharers.resize(each.slot + 1);
      for (const std::string_view value : each.values) {
        std::vector<std::uint32_t>& triggers = sharers[each.slot][value];
        if (triggers.empty() || triggers.back() != trigger) triggers.push_back(trigger);
      }
    }
  }
  place_of_slot_.assign(sharers.size(), kNotIndexed);
  const auto cost = [&sharers](const SlotRequirement& requirement) {
    std::size_t most = 0;
    std::size_t total = 0;
    for (const std::string_view value : requirement.values) {
      const std::size_t count = sharers[requirement.slot].at(value).size();
      most = std::max(most, count);
      total += count;
    }
    return std::tuple(most, total, requirement.slot);
  };
  for (std::uint32_t trigger = 0; trigger < requirements_.size(); ++trigger) {
    const std::vector<SlotRequirement>& choices = requirements_[trigger];
    if (choices.empty()) {
      always_.push_back(trigger);
      continue;
    }
    const SlotRequirement* best = &choices.front();
    for (const SlotRequirement& each : choices) {
      if (cost(each) < cost(*best)) best = &each;
    }
    std::uint32_t& place = place_of_slot_[best->slot];
    if (place == kNotIndexed) {
      place = static_cast<std::uint32_t>(postings_.size());
      postings_.emplace_back();
      indexed_slots_.push_back(best->slot);
    }
    for (const std::string_view value : best->values) postings_[place][value].push_back(trigger);
  }
  requirements_.clear();
  requirements_.shrink_to_fit();
}

void EqualityIndex::candidates(const Slots& slots, std::vector<PathSlot>& slots_scratch,
                               std::vector<std::uint32_t>& out) const {
  out.insert(out.end(), always_.begin(), always_.end());
  const auto look_up = [&](PathSlot slot) {
    const Value& value = slots[slot];
    if (!value.is(Value::Kind::string)) return;
    const Postings& postings = postings_[place_of_slot_[slot]];
    const auto found = postings.find(value.string());
    if (found != postings.end()) out.insert(out.end(), found->second.begin(), found->second.end());
  };
  // Whichever is fewer: what the index asks about, or what the event has.
  if (indexed_slots_.size() <= slots.touched().size()) {
    for (const PathSlot slot : indexed_slots_) look_up(slot);
    return;
  }
  slots_scratch.clear();
  for (const PathSlot slot : slots.touched()) {
    if (slot < place_of_slot_.size() && place_of_slot_[slot] != kNotIndexed)
      slots_scratch.push_back(slot);
  }
  std::sort(slots_scratch.begin(), slots_scratch.end());
  slots_scratch.erase(std::unique(slots_scratch.begin(), slots_scratch.end()), slots_scratch.end());
  for (const PathSlot slot : slots_scratch) look_up(slot);
}

}  // namespace penstock::trigger
