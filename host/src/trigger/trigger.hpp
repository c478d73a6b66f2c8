// Triggers: a line of text that says yes or no to an event, and the set of them that a pipeline
// asks at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.hpp"
#include "model/event.hpp"
#include "trigger/expression.hpp"
#include "trigger/index.hpp"
#include "trigger/program.hpp"

namespace penstock::trigger {

// Deepest nesting of parentheses: more than anybody can read, and a bound for the recursion over an
// expression.
inline constexpr std::size_t kMaxNesting = 100;

// The trigger, or nothing after reporting its first error with file, line and column. `location` is
// the place of the first character of the text (line 0: it is in no file), or what `origin` says.
// Warns where the trigger can never hold, and, of one that was written for a mapping, where it
// would mean something else in Segment's engine (segment_differences.hpp).
[[nodiscard]] std::optional<Expression> parse(std::string_view text, const Location& location,
                                              Diagnostics& diagnostics,
                                              Origin origin = Origin::written);

// Which triggers an event matched, and the memory that finding out took. One per worker thread.
class Matches {
 public:
  // Ascending, unique; valid until the next match().
  [[nodiscard]] const std::vector<std::uint32_t>& ids() const { return ids_; }

 private:
  friend class TriggerSet;
  std::vector<std::uint32_t> ids_;
  std::vector<PathSlot> slots_;
  std::string text_;
};

// All triggers of a pipeline. Built by one thread at load, then asked by many. What an event costs
// depends on the triggers that share its values, not on how many there are.
class TriggerSet {
 public:
  // Adds a trigger and gives its id: 0 for the first, then counting up. Its paths become slots of
  // the table.
  std::uint32_t add(const Expression& expression, PathTable& paths);
  // Builds the index; call it once, after the last add() and before the first match().
  void freeze();
  // The triggers that hold for the event, whose slots the table of add() has filled. [worker]
  void match(const EventView& event, Matches& matches) const;
  // Whether this one trigger holds, without the index. [worker]
  [[nodiscard]] bool holds(std::uint32_t id, const EventView& event, Matches& scratch) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  Program program_;
  EqualityIndex index_;
  std::vector<Program::Entry> entries_;  // by id
};

}  // namespace penstock::trigger
