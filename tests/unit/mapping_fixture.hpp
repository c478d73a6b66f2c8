// What the tests of the mapping stage share: events, and expressions evaluated to JSON text.
#pragma once

#include <string>

#include "json_node.hpp"
#include "mapping/compiler.hpp"
#include "model/event.hpp"

namespace penstock::mapping {

// Keeps an event alive with the slots of a path table.
class TestEvent {
 public:
  TestEvent(const std::string& json, const PathTable& paths) : text_(json) {
    text_.reserve(text_.size() + kEventPadding);
    Result<Value> parsed = parser_.parse(text_);
    if (!parsed.ok()) throw std::invalid_argument(parsed.status().message() + ": " + json);
    view_.root = *parsed;
    paths.extract(view_.root, slots_);
    view_.slots = &slots_;
  }
  TestEvent(const TestEvent&) = delete;
  TestEvent& operator=(const TestEvent&) = delete;

  [[nodiscard]] const EventView& view() const { return view_; }

 private:
  std::string text_;
  EventParser parser_;
  Slots slots_;
  EventView view_;
};

// The value of an expression as JSON text; "absent" or "too large" where there is none, and the
// errors where it does not compile.
inline std::string evaluate(const Node& expression, const std::string& event) {
  PathTable paths;
  Arena constants;
  Diagnostics diagnostics;
  const ExpressionPtr compiled = Compiler(paths, constants, diagnostics).compile(expression);
  if (diagnostics.has_errors()) return diagnostics.text();
  const TestEvent parsed(event, paths);
  Arena arena;
  Workspace work(arena);
  const Value value = compiled->evaluate(parsed.view(), work);
  if (work.exceeded()) return "too large";
  if (value.is(Value::Kind::absent)) return "absent";
  std::string out;
  append_json(out, value);
  return out;
}

inline std::string evaluate(const std::string& expression, const std::string& event) {
  return evaluate(node_from_json(expression), event);
}

// The messages of all that is wrong with an expression, or "".
inline std::string errors_of(const Node& expression) {
  PathTable paths;
  Arena constants;
  Diagnostics diagnostics;
  (void)Compiler(paths, constants, diagnostics).compile(expression);
  return diagnostics.has_errors() ? diagnostics.text() : "";
}

}  // namespace penstock::mapping
