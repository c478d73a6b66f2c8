// The equality index: which triggers an event can possibly match, found by looking up its values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "model/event.hpp"
#include "trigger/expression.hpp"

namespace penstock::trigger {

// A value that a trigger asks for: a string, a number or a boolean. Numbers as doubles: two that
// are equal are the same double, and two that are the same double only make a candidate too many.
using IndexedValue = std::variant<std::string, double, bool>;

// The value at the path is one of these.
struct Condition {
  std::vector<std::string> steps;
  std::vector<IndexedValue> values;  // ascending, unique
};

// What must be so wherever a trigger holds: one of these conditions, which are about different
// paths. Never empty.
using Requirement = std::vector<Condition>;

// All requirements that can be read off an expression: from `path = "x"`, `path in ["x", 5, ...]`,
// the parts of an "and", and an "or" each of whose parts requires something. An equality with null
// requires nothing, because a missing value fulfils it as well.
[[nodiscard]] std::vector<Requirement> requirements_of(const Expression& expression);

// Built by one thread, then read by many.
class EqualityIndex {
 public:
  // Triggers are numbered in the order in which they are added, from 0.
  void add(const Expression& expression, PathTable& paths);
  // Chooses for each trigger the requirement whose values the fewest other triggers share, so that
  // few triggers are candidates for an event. Call it once, after the last add().
  void build();
  // Appends the triggers that the event can match, as two ascending runs: those that every event is
  // asked about, and those that were found. A collision of hashes may add one that it cannot match.
  // `slots_scratch` is the caller's to keep.
  void candidates(const Slots& slots, std::vector<PathSlot>& slots_scratch,
                  std::vector<std::uint32_t>& out) const;

 private:
  struct SlotCondition {
    PathSlot slot;
    std::vector<IndexedValue> values;
  };
  using SlotRequirement = std::vector<SlotCondition>;  // one of them holds
  // A value at a slot, known by its hash alone: a candidate found by a collision fails its own test
  // of that value later.
  struct Cell {
    std::uint64_t hash = 0;
    std::uint32_t first = 0;  // of triggers_
    std::uint32_t count = 0;  // 0: the cell is free
  };

  void fill_cells(const std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>& found_by);
  void look_up(const Slots& slots, PathSlot slot, std::vector<std::uint32_t>& out) const;

  std::vector<std::vector<SlotRequirement>> requirements_;  // by trigger; emptied by build()
  std::vector<std::uint32_t> always_;                       // triggers without a requirement
  std::vector<PathSlot> indexed_slots_;
  std::vector<bool> is_indexed_;         // by slot
  std::vector<Cell> cells_;              // open addressing; a power of two of them
  std::vector<std::uint32_t> triggers_;  // what the cells name, cell by cell
};

}  // namespace penstock::trigger
