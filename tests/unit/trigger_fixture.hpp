// What the tests of the trigger language share: events, and what a trigger says of them.
#pragma once

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "model/event.hpp"
#include "trigger/trigger.hpp"

namespace penstock::trigger {

// An event, kept alive together with what the paths of a table say about it.
class Event {
 public:
  Event(std::string_view text, const PathTable& paths) : bytes_(text) {
    const std::size_t size = bytes_.size();
    bytes_.append(kEventPadding, ' ');
    const auto parsed = parser_.parse({bytes_.data(), size});
    INFO(text);
    REQUIRE(parsed.ok());
    view_.root = *parsed;
    view_.slots = &slots_;
    paths.extract(view_.root, slots_);
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  [[nodiscard]] const EventView& view() const { return view_; }

 private:
  EventParser parser_;
  std::string bytes_;
  Slots slots_;
  EventView view_;
};

inline Expression parsed(std::string_view text) {
  Diagnostics diagnostics;
  const std::optional<Expression> expression = parse(text, {}, diagnostics);
  INFO(text);
  INFO(diagnostics.text());
  REQUIRE(expression);
  REQUIRE_FALSE(diagnostics.has_errors());
  return *expression;
}

inline bool holds(std::string_view trigger, std::string_view event_text) {
  PathTable paths;
  TriggerSet set;
  set.add(parsed(trigger), paths);
  set.freeze();
  const Event event(event_text, paths);
  Matches matches;
  set.match(event.view(), matches);
  const bool matched = !matches.ids().empty();
  CHECK(set.holds(0, event.view(), matches) == matched);
  return matched;
}

// All that parse() says about a trigger that stands alone in a file, at line 3, column 12.
inline std::string said_about(const std::string& trigger) {
  Diagnostics diagnostics;
  diagnostics.add_source("p.yaml", "a:\n  b:\n  trigger: " + trigger);
  const std::optional<Expression> expression = parse(trigger, {"p.yaml", 3, 12}, diagnostics);
  CHECK(expression.has_value() == !diagnostics.has_errors());
  CHECK(diagnostics.error_count() <= 1);
  return diagnostics.text();
}

struct Case {
  const char* trigger;
  const char* event;
  bool expected;
};

inline void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    INFO(each.trigger << "   on   " << each.event);
    CHECK(holds(each.trigger, each.event) == each.expected);
  }
}

}  // namespace penstock::trigger
