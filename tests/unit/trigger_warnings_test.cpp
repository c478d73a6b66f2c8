// Guards the warnings about triggers: differences from Segment's engine, conditions that never
// hold.
#include <filesystem>
#include <fstream>

#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

TEST_CASE("a warning says what differs from Segment's engine, and what to write instead") {
  struct Case {
    const char* trigger;
    const char* message;
    const char* hint;
  };
  const Case table[] = {
      {R"(type = "a" and event = "b" or event = "c")", "stand side by side", "parentheses round"},
      {R"(type = "a" or event = "b" and event = "c")", "stand side by side", "parentheses round"},
      {R"((contains(event, "a") or type = "b") and name = "n")", "also ends the group",
       "last condition of the group"},
      {R"(((type = "a")))", "parentheses inside parentheses", "two mappings"},
      {R"(!(type = "a"))", "passes over this negation", "write the opposite condition"},
      {R"(not type = "a")", "passes over this negation", "such as != for ="},
      {R"(not contains(event, "a"))", "passes over this negation", ""},
      {R"(!contains(event, "a"))", "value is missing or is not text", "properties.x != null"},
      {R"(!match(event, "a*"))", "value is missing or is not text", "properties.x != null"},
      {R"(! contains(event, "a"))", "needs a space", "no space behind the !"},
      {R"(properties.x >=5)", "needs a space", "one space on each side"},
      {R"(properties.x>5)", "needs a space", "one space on each side"},
      {R"(type!="x")", "needs a space", "one space on each side"},
      {R"((type = "a")and(event = "b"))", "needs a space", "one space on each side"},
      {"type = \"a\"\r\nand event = \"b\"", "needs a space", "carriage return"},
      {R"(type = "a"and event = "b")", "right behind a closing quote", "a space behind the quote"},
      {R"(type = 'a')", "single quotes are part of the text", "write double quotes"},
      {R"(event = "a\"b")", "knows no escapes", ""},
      {R"(anonymousId = "a")", "ignores a condition on this field", ""},
      {R"(contains(type, "a"))", "ignores contains(...) and match(...) of type",
       "type = \"track\""},
      {R"(event.name = "a")", "leaves out what follows", "compare the field itself"},
      {R"(properties = "a")", "a whole map is compared", "name a key"},
      {R"(properties."my key" = "a")", "cannot read this key", "write it as my\\ key if"},
      {R"(properties.5 = "a")", "cannot read this key", "write it as \\5 if"},
      {R"(properties.größe = "a")", "cannot read this key", "write it as gr\\ö\\ße if"},
      {R"(properties.and = "a")", "cannot read this key", "write it as \\and if"},
      {R"(properties."a.b" = "a")", "divide a key", ""},
      {R"(properties.a\.b = "a")", "divide a key", ""},
      {R"(properties.a.0 = "x")", "an item of a list by its number", "write it as \\0 if"},
      {R"(properties.valueOf != null)", "under this name in every map", ""},
      {R"(properties.a.b != null)", "a key before the last one holds 0", "unless events hold"},
      {R"(context.a.b < 5)", "a key before the last one holds 0", "unless events hold"},
      {R"(userId = 5)", "compares type, event, name and userId with text", "event = \"5\""},
      {R"(event = true)", "compares type, event, name and userId with text", "event = \"5\""},
      {R"(type != null)", "the text \"null\"", "type = \"track\""},
      {R"(properties.x != 5)", "exactly the opposite of =", "properties.x != null"},
      {R"(properties.x != true)", "exactly the opposite of =", "properties.x != null"},
      {R"(type in ["a", "b"])", "does not know \"in\"", "(x = \"a\" or x = \"b\")"},
      {R"(lowercase(event) = "a")", "does not know lowercase(...)", ""},
      {R"(length(properties.x) = 5)", "does not know lowercase(...)", "properties.x.length"},
      {R"(contains(properties.x, "a"))", "a list contains its items", "unless the value can be"},
      {R"(match(event, "*a*"))", "a glob over the whole text", ""},
      {R"(match(event, "a"))", "a glob over the whole text", ""},
      {R"(match(event, "a?*"))", "a glob over the whole text", ""},
      {R"(properties.x = 1e3)", "ends before its exponent", "write the number out"},
      {R"(properties.x = 9007199254740993)", "rounds integers", "as text"},
  };
  for (const Case& each : table) {
    Diagnostics diagnostics;
    INFO(each.trigger);
    CHECK(parse(each.trigger, {"p.yaml", 1, 1}, diagnostics));
    INFO(diagnostics.text());
    REQUIRE(diagnostics.entries().size() == 1);
    CHECK(diagnostics.entries()[0].severity == Diagnostic::Severity::warning);
    CHECK_THAT(diagnostics.entries()[0].message, Catch::Contains(each.message));
    CHECK_THAT(diagnostics.entries()[0].hint, Catch::Contains(each.hint));
  }
}

TEST_CASE("a trigger that means the same in Segment's engine gets no warning") {
  for (const char* const trigger : {
           R"(type = "track")",
           R"(type = "track" and properties.audience_key = "x")",
           R"((event = "Audience Entered" or event = "Audience Exited") and )"
           R"(properties.audience_key = "trial_users")",
           R"(type = "identify" and context.personas.computation_key = "trial_users")",
           R"(type = "track" or type = "identify" or type = "page")",
           R"(type = "a" and event = "b" and name = "c")",
           R"(type = "a" and (event = "b" or event = "c"))",
           R"(type = "track" and (event = "b" or contains(event, "Audience")))",
           R"((contains(event, "a") or type = "b"))",
           R"(properties.x >= 5)",
           R"(properties.x <5 and properties.y =5)",
           R"(properties.x != "a")",
           R"(properties.x != null)",
           R"(properties.x = null)",
           R"(userId != null)",
           R"(properties.products.length > 0)",
           R"(context.device.adTrackingEnabled = true)",
           R"(contains(event, "a"))",
           R"(match(event, "Audience *"))",
           R"(match(event, "*Entered"))",
           R"(match(properties.x, "*"))",
           R"(properties.my\ key = 1)",
       }) {
    CHECK(said_about(trigger).empty());
  }
}

TEST_CASE("no trigger of a pipeline that we ship gets a warning") {
  std::size_t triggers = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(PENSTOCK_SOURCE_DIR "/manifests/pipelines")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      const std::size_t begin = line.find(" trigger: '");
      if (begin == std::string::npos) continue;
      const std::size_t text = line.find('\'') + 1;
      ++triggers;
      CHECK(said_about(line.substr(text, line.find('\'', text) - text)).empty());
    }
  }
  CHECK(triggers > 0);
}

TEST_CASE("a default trigger is not compared with Segment's engine, for it never came from there") {
  for (const Origin origin : {Origin::manifest, Origin::made}) {
    Diagnostics diagnostics;
    CHECK(parse("type = null or type != null", {"p.yaml", 1, 1}, diagnostics, origin));
    CHECK(diagnostics.entries().empty());
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
