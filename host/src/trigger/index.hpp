// The equality index: which triggers an event can possibly match, found by looking up its values.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/event.hpp"
#include "trigger/expression.hpp"

namespace penstock::trigger {

// What must be so wherever a trigger holds: the value at the path is one of these strings.
struct Requirement {
  std::vector<std::string> steps;
  std::vector<std::string> values;  // ascending, unique
};

// All requirements that can be read off an expression: from `path = "x"`, `path in ["x", ...]`, the
// parts of an "and", and an "or" all of whose parts require the same path.
[[nodiscard]] std::vector<Requirement> requirements_of(const Expression& expression);

// Built by one thread, then read by many.
class EqualityIndex {
 public:
  // Triggers are numbered in the order in which they are added, from 0.
  void add(const Expression& expression, PathTable& paths);
  // Chooses for each trigger the requirement whose values the fewest other triggers share, so that
  // few triggers are candidates for an event. Call it once, after the last add().
  void build();
  // Appends the triggers that the event can match, each once, in no order. `slots_scratch` is the
  // caller's to keep.
  void candidates(const Slots& slots, std::vector<PathSlot>& slots_scratch,
                  std::vector<std::uint32_t>& out) const;

 private:
  struct SlotRequirement {
    PathSlot slot;
    std::vector<std::string_view> values;
  };
  using Postings = std::unordered_map<std::string_view, std::vector<std::uint32_t>>;
  static constexpr std::uint32_t kNotIndexed = UINT32_MAX;

  std::deque<std::string> texts_;  // what the keys of postings_ view; a deque never moves them
  std::vector<std::vector<SlotRequirement>> requirements_;  // by trigger; emptied by build()
  std::vector<std::uint32_t> always_;                       // triggers without a requirement
  std::vector<PathSlot> indexed_slots_;
  std::vector<std::uint32_t> place_of_slot_;  // in postings_, or kNotIndexed
  std::vector<Postings> postings_;
};

}  // namespace penstock::trigger
