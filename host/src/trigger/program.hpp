// Program: triggers compiled to tests that jump, so that running one follows no tree and calls
// nothing virtual.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/event.hpp"
#include "trigger/expression.hpp"
#include "trigger/glob.hpp"

namespace penstock::trigger {

// Built by one thread, then run by many.
class Program {
 public:
  using Entry = std::uint32_t;

  // Compiles a trigger; its paths become slots of the table.
  Entry add(const Expression& expression, PathTable& paths);
  // Whether the trigger holds for the event that the slots were filled from. Total: every event
  // gives yes or no.
  [[nodiscard]] bool run(Entry entry, const Slots& slots, std::string& scratch) const;

 private:
  // One condition, and where to go on. kYes and kNo end the run.
  struct Test {
    PathSlot slot = 0;
    Expression::Kind kind = Expression::Kind::equal;
    Operand::Transform transform = Operand::Transform::none;
    std::uint32_t first = 0;         // of literals_; of globs_ for match
    std::uint32_t string_count = 0;  // in: literals that are strings come first, sorted
    std::uint32_t count = 0;         // in: of all
    Entry if_true = kYes;
    Entry if_false = kNo;
  };
  static constexpr Entry kYes = UINT32_MAX;
  static constexpr Entry kNo = UINT32_MAX - 1;

  Entry compile(const Expression& expression, Entry if_true, Entry if_false, PathTable& paths);
  std::uint32_t keep_shared(const Literal& literal);
  void keep_list(const std::vector<Literal>& literals, Test& test);
  Value stored(const Literal& literal);
  [[nodiscard]] bool holds(const Test& test, Value value, std::string& scratch) const;
  [[nodiscard]] bool is_in(const Test& test, const Value& value) const;
  [[nodiscard]] bool contains(const Test& test, const Value& value, std::string& scratch) const;

  std::vector<Test> tests_;
  std::vector<Value> literals_;
  std::deque<std::string> texts_;  // what the strings of literals_ view; a deque never moves them
  // Strings that stand alone, by place in literals_: triggers that share one share its memory,
  // which stays in the cache.
  std::unordered_map<std::string_view, std::uint32_t> shared_;
  std::vector<Glob> globs_;
};

}  // namespace penstock::trigger
