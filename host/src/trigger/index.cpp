#include "trigger/index.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <type_traits>

namespace penstock::trigger {
namespace {

using Kind = Expression::Kind;

void sort_unique(std::vector<IndexedValue>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::vector<Requirement> requirement_of_condition(const Expression& expression) {
  if (expression.operand.transform != Operand::Transform::none) return {};
  Requirement requirement;
  requirement.steps = expression.operand.steps;
  for (const Literal& literal : expression.literals) {
    if (literal.text) {
      requirement.values.emplace_back(*literal.text);
    } else if (literal.scalar.is_number()) {
      requirement.values.emplace_back(literal.scalar.as_double());
    } else if (literal.scalar.is(Value::Kind::boolean)) {
      requirement.values.emplace_back(literal.scalar.boolean());
    } else {
      return {};
    }
  }
  sort_unique(requirement.values);
  return {std::move(requirement)};
}

// Of the paths that every part requires: the values that any part allows there.
std::vector<Requirement> requirements_of_any(const Expression& expression) {
  std::map<std::vector<std::string>, std::vector<IndexedValue>> common;
  for (std::size_t i = 0; i < expression.children.size(); ++i) {
    // Where a part requires one path twice, the requirement with fewer values is the sharper one.
    std::map<std::vector<std::string>, std::vector<IndexedValue>> part;
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
        std::vector<IndexedValue>& more = part.at(steps);
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

// 2^64 over the golden ratio: spreads small numbers.
constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;

std::uint64_t hash_of(PathSlot slot, std::string_view value) {
  return std::hash<std::string_view>()(value) ^ (slot * kOdd);
}

std::uint64_t hash_of(PathSlot slot, double value) {
  // 0.0 and -0.0 are equal, so they are one value. The bits of round numbers differ only high up,
  // and cells are found by the low bits of a hash.
  std::uint64_t bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  bits = (bits ^ (bits >> 32U)) * kOdd;
  return (bits ^ (bits >> 32U)) ^ (slot * kOdd);
}

std::uint64_t hash_of(PathSlot slot, bool value) {
  return hash_of(slot, value ? std::string_view("true") : std::string_view("false"));
}

std::uint64_t hash_of(PathSlot slot, const IndexedValue& value) {
  return std::visit(
      [slot](const auto& held) {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string>) {
          return hash_of(slot, std::string_view(held));
        } else {
          return hash_of(slot, held);
        }
      },
      value);
}

// Nothing for a value that no requirement names.
std::optional<std::uint64_t> hash_of(PathSlot slot, const Value& value) {
  if (value.is(Value::Kind::string)) return hash_of(slot, value.string());
  if (value.is_number()) return hash_of(slot, value.as_double());
  if (value.is(Value::Kind::boolean)) return hash_of(slot, value.boolean());
  return std::nullopt;
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
    kept.push_back({paths.intern(requirement.steps), std::move(requirement.values)});
  }
}

void EqualityIndex::build() {
  // How many triggers could be found by a value. One that could be found by it twice counts twice:
  // this only ranks.
  std::unordered_map<std::uint64_t, std::size_t> sharers;
  for (const auto& choices : requirements_) {
    for (const SlotRequirement& each : choices) {
      for (const IndexedValue& value : each.values) ++sharers[hash_of(each.slot, value)];
    }
  }
  const auto cost = [&sharers](const SlotRequirement& requirement) {
    std::size_t most = 0;
    std::size_t total = 0;
    for (const IndexedValue& value : requirement.values) {
      const std::size_t count = sharers.at(hash_of(requirement.slot, value));
      most = std::max(most, count);
      total += count;
    }
    return std::tuple(most, total, requirement.slot);
  };
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> found_by;
  for (std::uint32_t trigger = 0; trigger < requirements_.size(); ++trigger) {
    const std::vector<SlotRequirement>& choices = requirements_[trigger];
    if (choices.empty()) {
      always_.push_back(trigger);
      continue;
    }
    const auto best = std::min_element(
        choices.begin(), choices.end(),
        [&cost](const SlotRequirement& a, const SlotRequirement& b) { return cost(a) < cost(b); });
    if (best->slot >= is_indexed_.size()) is_indexed_.resize(best->slot + 1);
    if (!is_indexed_[best->slot]) indexed_slots_.push_back(best->slot);
    is_indexed_[best->slot] = true;
    for (const IndexedValue& value : best->values) {
      std::vector<std::uint32_t>& triggers = found_by[hash_of(best->slot, value)];
      if (triggers.empty() || triggers.back() != trigger) triggers.push_back(trigger);
    }
  }
  fill_cells(found_by);
  requirements_.clear();
  requirements_.shrink_to_fit();
}

void EqualityIndex::fill_cells(
    const std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>& found_by) {
  constexpr std::size_t kCellsPerValue = 2;  // at most half full, so that a search ends soon
  cells_.resize(std::bit_ceil(found_by.size() * kCellsPerValue + 1));
  const std::size_t mask = cells_.size() - 1;
  for (const auto& [hash, triggers] : found_by) {
    std::size_t at = hash & mask;
    while (cells_[at].count != 0) at = (at + 1) & mask;
    cells_[at] = {hash, static_cast<std::uint32_t>(triggers_.size()),
                  static_cast<std::uint32_t>(triggers.size())};
    triggers_.insert(triggers_.end(), triggers.begin(), triggers.end());
  }
}

inline void EqualityIndex::look_up(const Slots& slots, PathSlot slot,
                                   std::vector<std::uint32_t>& out) const {
  const std::optional<std::uint64_t> found = hash_of(slot, slots[slot]);
  if (!found) return;
  const std::uint64_t hash = *found;
  const std::size_t mask = cells_.size() - 1;
  for (std::size_t at = hash & mask; cells_[at].count != 0; at = (at + 1) & mask) {
    const Cell& cell = cells_[at];
    if (cell.hash != hash) continue;
    const auto first = triggers_.begin() + cell.first;
    out.insert(out.end(), first, first + cell.count);
    return;
  }
}

void EqualityIndex::candidates(const Slots& slots, std::vector<PathSlot>& slots_scratch,
                               std::vector<std::uint32_t>& out) const {
  out.insert(out.end(), always_.begin(), always_.end());
  // Whichever is fewer: what the index asks about, or what the event has.
  if (indexed_slots_.size() <= slots.touched().size()) {
    for (const PathSlot slot : indexed_slots_) look_up(slots, slot, out);
    return;
  }
  slots_scratch.clear();
  for (const PathSlot slot : slots.touched()) {
    if (slot < is_indexed_.size() && is_indexed_[slot]) slots_scratch.push_back(slot);
  }
  std::sort(slots_scratch.begin(), slots_scratch.end());
  slots_scratch.erase(std::unique(slots_scratch.begin(), slots_scratch.end()), slots_scratch.end());
  for (const PathSlot slot : slots_scratch) look_up(slots, slot, out);
}

}  // namespace penstock::trigger
