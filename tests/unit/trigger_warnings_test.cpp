// Guards the warnings about triggers: differences from Segment's engine, conditions that never
// hold.
#include <utility>

#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

TEST_CASE("a trigger that would silently mean something else in Segment's engine gets a warning") {
  const std::pair<const char*, const char*> table[] = {
      {"type = \"a\" and event = \"b\" or event = \"c\"", "stand side by side"},
      {"type = \"a\" or event = \"b\" and event = \"c\"", "stand side by side"},
      {"(contains(event, \"a\") or type = \"b\")", "also ends the group"},
      {"properties.x >=5", "without a space before its number"},
      {"type = \"a\"and event = \"b\"", "right behind a closing quote"},
      {"type = 'a'", "single quotes are part of the text"},
      {"event = \"a\\\"b\"", "knows no escapes"},
      {"anonymousId = \"a\"", "ignores a condition on this field"},
      {"match(event, \"*a*\")", "a glob over the whole text"},
      {"match(event, \"a\")", "a glob over the whole text"},
      {"match(event, \"a?*\")", "a glob over the whole text"},
      {"!contains(event, \"a\")", "also holds for an event where the value is missing"},
      {"not match(event, \"a*\")", "also holds for an event where the value is missing"},
      {"properties.x != 5", "exactly the opposite of ="},
      {"properties.x != true", "exactly the opposite of ="},
      {"properties.\"a.b\" = 5", "do not protect the dots"},
  };
  for (const auto& [trigger, warning] : table) {
    Diagnostics diagnostics;
    INFO(trigger);
    CHECK(parse(trigger, {"p.yaml", 1, 1}, diagnostics));
    REQUIRE(diagnostics.entries().size() == 1);
    CHECK(diagnostics.entries()[0].severity == Diagnostic::Severity::warning);
    CHECK_THAT(diagnostics.entries()[0].message, Catch::Contains(warning));
  }
}

TEST_CASE(
    "a trigger that means the same in Segment's engine, or is refused there, gets no warning") {
  for (const char* const trigger : {
           "type = \"track\"",
           "(event = \"Audience Entered\" or event = \"Audience Exited\") and "
           "properties.audience_key = \"trial_users\"",
           "type = \"a\" and event = \"b\" and name = \"c\"",
           "type = \"a\" and (event = \"b\" or event = \"c\")",
           "((type = \"a\"))",
           "properties.x>5",
           "properties.x >= 5",
           "type!=\"x\"",
           "properties.x != \"a\"",
           "properties.x != null",
           "contains(event, \"a\")",
           "match(event, \"Audience *\")",
           "match(event, \"*Entered\")",
           "properties.my\\ key = 1",
       }) {
    CHECK(said_about(trigger).empty());
  }
}

TEST_CASE("each difference is warned about once, at its first place") {
  Diagnostics diagnostics;
  CHECK(parse("type = 'a' or type = 'b' or properties.x != 5 or properties.y != 6",
              {"p.yaml", 1, 1}, diagnostics));
  REQUIRE(diagnostics.entries().size() == 2);
  CHECK(diagnostics.entries()[0].location.column == 8);
  CHECK(diagnostics.entries()[1].location.column == 42);
}

TEST_CASE("a condition that can never hold gets a warning") {
  for (const char* const trigger :
       {"properties.x > \"5\"", "properties.x <= null", "length(event) = \"5\"",
        "contains(length(event), \"5\")", "lowercase(event) = \"Audience\""}) {
    CHECK_THAT(said_about(trigger), Catch::Contains("this never holds"));
  }
}

}  // namespace
}  // namespace penstock::trigger
