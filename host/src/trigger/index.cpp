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
  Condition condition;
  condition.steps = expression.operand.steps;
  for (const Literal& literal : expression.literals) {
    if (literal.text) {
      condition.values.emplace_back(*literal.text);
    } else if (literal.scalar.is_number()) {
      condition.values.emplace_back(literal.scalar.as_double());
    } else if (literal.scalar.is(Value::Kind::boolean)) {
      condition.values.emplace_back(literal.scalar.boolean());
    } else {
      return {};
    }
  }
  sort_unique(condition.values);
  Requirement requirement;
  requirement.push_back(std::move(condition));
  return {std::move(requirement)};
}

// What holds when one of two requirements does: conditions on one path become one.
Requirement either(const Requirement& a, const Requirement& b) {
  std::map<std::vector<std::string>, std::vector<IndexedValue>> values_at;
  for (const Requirement* requirement : {&a, &b}) {
    for (const Condition& condition : *requirement) {
      std::vector<IndexedValue>& values = values_at[condition.steps];
      values.insert(values.end(), condition.values.begin(), condition.values.end());
    }
  }
  Requirement result;
  result.reserve(values_at.size());
  for (auto& [steps, values] : values_at) {
    sort_unique(values);
    result.push_back({steps, std::move(values)});
  }
  return result;
}

std::size_t value_count(const Requirement& requirement) {
  std::size_t count = 0;
  for (const Condition& condition : requirement) count += condition.values.size();
  return count;
}

// Of each part one requirement, in all combinations. Beyond kMaxCombinations each part gives its
// requirement with the fewest values.
std::vector<Requirement> requirements_of_any(const Expression& expression) {
  // Far more than triggers of people have; which combination is best is known only in build().
  constexpr std::size_t kMaxCombinations = 32;
  std::vector<Requirement> combined;
  for (std::size_t i = 0; i < expression.children.size(); ++i) {
    std::vector<Requirement> part = requirements_of(expression.children[i]);
    if (part.empty()) return {};
    if (part.size() * std::max<std::size_t>(1, combined.size()) > kMaxCombinations) {
      std::stable_sort(part.begin(), part.end(), [](const Requirement& a, const Requirement& b) {
        return value_count(a) < value_count(b);
      });
      part.resize(1);
    }
    if (i == 0) {
      combined = std::move(part);
      continue;
    }
    std::vector<Requirement> longer;
    longer.reserve(combined.size() * part.size());
    for (const Requirement& a : combined) {
      for (const Requirement& b : part) longer.push_back(either(a, b));
    }
    combined = std::move(longer);
  }
  return combined;
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
    SlotRequirement& slots = kept.emplace_back();
    slots.reserve(requirement.size());
    for (Condition& condition : requirement) {
      slots.push_back({paths.intern(condition.steps), std::move(condition.values)});
    }
  }
}

void EqualityIndex::build() {
  // How many triggers could be found by a value. One that could be found by it twice counts twice:
  // this only ranks.
  std::unordered_map<std::uint64_t, std::size_t> sharers;
  for (const auto& choices : requirements_) {
    for (const SlotRequirement& requirement : choices) {
      for (const SlotCondition& each : requirement) {
        for (const IndexedValue& value : each.values) ++sharers[hash_of(each.slot, value)];
      }
    }
  }
  const auto cost = [&sharers](const SlotRequirement& requirement) {
    std::size_t most = 0;
    std::size_t total = 0;
    for (const SlotCondition& each : requirement) {
      for (const IndexedValue& value : each.values) {
        const std::size_t count = sharers.at(hash_of(each.slot, value));
        most = std::max(most, count);
        total += count;
      }
    }
    return std::tuple(most, total, requirement.size(), requirement.front().slot);
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
    for (const SlotCondition& each : *best) {
      if (each.slot >= is_indexed_.size()) is_indexed_.resize(each.slot + 1);
      if (!is_indexed_[each.slot]) indexed_slots_.push_back(each.slot);
      is_indexed_[each.slot] = true;
      for (const IndexedValue& value : each.values) {
        std::vector<std::uint32_t>& triggers = found_by[hash_of(each.slot, value)];
        if (triggers.empty() || triggers.back() != trigger) triggers.push_back(trigger);
      }
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
  const auto first_found = static_cast<std::ptrdiff_t>(out.size());
  // Whichever is fewer: what the index asks about, or what the event has.
  if (indexed_slots_.size() <= slots.touched().size()) {
    for (const PathSlot slot : indexed_slots_) look_up(slots, slot, out);
  } else {
    slots_scratch.clear();
    for (const PathSlot slot : slots.touched()) {
      if (slot < is_indexed_.size() && is_indexed_[slot]) slots_scratch.push_back(slot);
    }
    std::sort(slots_scratch.begin(), slots_scratch.end());
    slots_scratch.erase(std::unique(slots_scratch.begin(), slots_scratch.end()),
                        slots_scratch.end());
    for (const PathSlot slot : slots_scratch) look_up(slots, slot, out);
  }
  // A trigger that may be found at several paths usually is found at all of them.
  const auto found = out.begin() + first_found;
  if (std::adjacent_find(found, out.end(), std::greater_equal<>()) == out.end()) return;
  std::sort(found, out.end());
  out.erase(std::unique(found, out.end()), out.end());
}

}  // namespace penstock::trigger
