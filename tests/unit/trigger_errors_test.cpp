// Guards the messages about what is not a trigger.
#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

TEST_CASE("an error shows file, line, column, a caret under the place and what was meant") {
  CHECK(said_about("type = \"track\" AND event = \"x\"") ==
        "p.yaml:3:27: error: expected \"and\", \"or\" or the end of the trigger, found \"AND\"\n"
        "      trigger: type = \"track\" AND event = \"x\"\n"
        "                              ^\n"
        "    did you mean \"and\"?\n");
  CHECK(said_about("propertes.x = 5") ==
        "p.yaml:3:12: error: unknown field \"propertes\"\n"
        "      trigger: propertes.x = 5\n"
        "               ^\n"
        "    did you mean \"properties\"?\n");
  CHECK(said_about("contain(event, \"x\")") ==
        "p.yaml:3:12: error: unknown function \"contain\"\n"
        "      trigger: contain(event, \"x\")\n"
        "               ^\n"
        "    did you mean \"contains\"?\n");
  CHECK(said_about("event = \"x") ==
        "p.yaml:3:20: error: the quote \" that opens a string here is never closed\n"
        "      trigger: event = \"x\n"
        "                       ^\n");
  CHECK(said_about("type == \"track\"") ==
        "p.yaml:3:17: error: expected an operator (=, !=, <, <=, >, >= or in), found \"==\"\n"
        "      trigger: type == \"track\"\n"
        "                    ^\n"
        "    did you mean \"=\"?\n");
  CHECK(said_about("type = track") ==
        "p.yaml:3:19: error: expected a value (a string, a number, true, false or null), found "
        "\"track\"\n"
        "      trigger: type = track\n"
        "                      ^\n"
        "    text needs quotes\n");
  CHECK(said_about("(type = \"track\"") ==
        "p.yaml:3:12: error: the \"(\" here is never closed\n"
        "      trigger: (type = \"track\"\n"
        "               ^\n");
}

TEST_CASE("whatever is no trigger is refused at its place") {
  struct ErrorCase {
    const char* trigger;
    unsigned column;  // in the trigger, from 1
    const char* part;
  };
  for (const ErrorCase& each : std::vector<ErrorCase>{
           {"", 1, "the trigger is empty"},
           {"   ", 1, "the trigger is empty"},
           {"()", 2, "expected a condition, found \")\""},
           {"and", 1, "expected a condition, found \"and\""},
           {"type = \"a\" and", 15, "expected a condition, found the end"},
           {"type = \"a\" or or type = \"b\"", 15, "expected a condition, found \"or\""},
           {"type", 5, "expected an operator"},
           {"type =", 7, "expected a value"},
           {"type = \"a\" event = \"b\"", 12, "found \"event\""},
           {"type = \"a\")", 11, "no \"(\" is open"},
           {"(type = \"a\" event)", 13, "expected \"and\", \"or\" or \")\""},
           {"(type = \"a\" && event = \"b\")", 13, "did you mean \"and\""},
           {"type = \"a\" || event = \"b\"", 12, "did you mean \"or\""},
           {"type = \"a\" OR event = \"b\"", 12, "did you mean \"or\""},
           {"NOT type = \"a\"", 1, "did you mean \"not\""},
           {"NOT(type = \"a\")", 1, "did you mean \"not\""},
           {"!!(type = \"a\")", 2, "expected a condition"},
           {"not not type = \"a\"", 5, "unknown field \"not\""},
           {"type IN [\"a\"]", 6, "did you mean \"in\""},
           {"type is \"a\"", 6, "did you mean \"=\""},
           {"type <> \"a\"", 6, "did you mean \"!=\""},
           {"type not in [\"a\"]", 6, "not (x in [...])"},
           {"type =! \"a\"", 6, "expected an operator"},
           {"user_id = \"a\"", 1, "did you mean \"userId\""},
           {"userid = \"a\"", 1, "did you mean \"userId\""},
           {"zzz.x = 1", 1, "known here: type, event, name"},
           {"Match(event, \"a\")", 1, "did you mean \"match\""},
           {"lower(event) = \"a\"", 1, "unknown function \"lower\""},
           {"properties. = 1", 12, "expected a name after the \".\""},
           {"properties..a = 1", 12, "expected a name after the \".\""},
           {"properties.$a = 1", 12, "in quotes"},
           {"properties .a = 1", 12, "expected an operator"},
           {"properties.a[0] = 1", 13, "write .0"},
           {"properties[\"a\"] = 1", 11, "behind a dot, such as properties.x"},
           {"properties['a'] = 1", 11, "behind a dot, such as properties.x"},
           {"$.type = \"a\"", 1, "leave out \"$.\""},
           {"type = \xe2\x80\x9c"
            "a\xe2\x80\x9d",
            8, "straight quotes"},
           {"properties.a\\", 13, "escapes nothing"},
           {"properties.\"a = 1", 12, "never closed"},
           {"type = 'a", 8, "never closed"},
           {"type = \"a\\x\"", 10, "escapes only"},
           {"type = \"\\u12\"", 9, "four hexadecimal digits"},
           {"type = \"\\ud800\"", 9, "four hexadecimal digits"},
           {"type = \"\\ud800\\u0041\"", 9, "four hexadecimal digits"},
           {"type = \"\\udc00\"", 9, "four hexadecimal digits"},
           {"type = \"\\", 9, "escapes only"},
           {"type = True", 8, "did you mean \"true\""},
           {"type = nul", 8, "did you mean \"null\""},
           {"type = 05", 8, "leading zero"},
           {"type = -", 8, "expected a number"},
           {"type = 5.", 8, "expected a number"},
           {"type = .5", 8, "expected a value"},
           {"type = +5", 8, "expected a value"},
           {"type = 1e", 8, "expected a number"},
           {"type = 5x", 8, "expected a number"},
           {"type = 1.2.3", 8, "expected a number"},
           {"type = 1e400", 8, "beyond the range"},
           {"type = [\"a\"]", 8, "expected a value"},
           {"type in \"a\"", 9, "expected \"[\" after \"in\""},
           {"type in []", 9, "the list is empty"},
           {"type in [\"a\",]", 14, "expected a value"},
           {"type in [\"a\" \"b\"]", 14, "expected \"]\" or \",\""},
           {"type in [\"a\"", 9, "never closed"},
           {"contains", 9, "expected \"(\" after \"contains\""},
           {"contains()", 10, "expected a condition"},
           {"contains(event)", 15, "expected \",\""},
           {"contains(event, 5)", 17, "must be a string"},
           {"contains(event, \"a\"", 20, "expected \")\""},
           {"contains(event, \"a\", \"b\")", 20, "expected \")\""},
           {"contains(event, \"a\") = true", 22, "expected \"and\", \"or\" or the end"},
           {"match(event, \"a\\\\\")", 14, "escapes nothing"},
           {"lowercase event = \"a\"", 11, "expected \"(\" after \"lowercase\""},
           {"lowercase(length(event)) = \"a\"", 11, "unknown f"},
           {"length(event = 5)", 14, "expected \")\""},
           {"5 = type", 1, "unknown field \"5\""},
           {"\"a\" = type", 1, "expected a condition, found a string"},
       }) {
    INFO(each.trigger);
    Diagnostics diagnostics;
    CHECK_FALSE(parse(each.trigger, {"p.yaml", 1, 1}, diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
    const Diagnostic& error = diagnostics.entries().front();
    CHECK(error.location.line == 1);
    CHECK(error.location.column == each.column);
    CHECK_THAT(error.message + " " + error.hint, Catch::Contains(each.part));
  }
}

TEST_CASE("an error in a default trigger stays at the mapping, and says which character it is") {
  Diagnostics diagnostics;
  CHECK_FALSE(parse("type = \"a\" and evnt = \"b\"", {"p.yaml", 10, 7}, diagnostics, Origin::made));
  const Diagnostic& error = diagnostics.entries().front();
  CHECK(error.location.text() == "p.yaml:10:7");
  CHECK_THAT(error.message, Catch::Contains("(at character 16 of the default trigger)"));
}

TEST_CASE("an error on a later line of a trigger is shown on that line") {
  Diagnostics diagnostics;
  CHECK_FALSE(parse("type = \"a\"\nand evnt = \"b\"", {"p.yaml", 10, 7}, diagnostics));
  CHECK(diagnostics.entries().front().location.line == 11);
  CHECK(diagnostics.entries().front().location.column == 11);
}

TEST_CASE("where YAML folded lines or took escapes away, an error says at which character") {
  const auto said = [](const char* file, std::uint32_t line, std::uint32_t column,
                       std::string_view trigger) {
    Diagnostics diagnostics;
    diagnostics.add_source("p.yaml", file);
    CHECK_FALSE(parse(trigger, {"p.yaml", line, column}, diagnostics));
    const Diagnostic& error = diagnostics.entries().front();
    return error.location.text() + ": " + error.message;
  };
  CHECK_THAT(said("trigger: >-\n  event = 1\n  and typ = 1\n", 2, 3, "event = 1 and typ = 1"),
             Catch::StartsWith("p.yaml:2:3: ") && Catch::Contains("(at character 15 of the"));
  CHECK_THAT(
      said("trigger: \"event = \\\"a\\\" and typ = 1\"\n", 1, 11, "event = \"a\" and typ = 1"),
      Catch::StartsWith("p.yaml:1:11: ") && Catch::Contains("(at character 17 of the"));
  CHECK_THAT(said("trigger: |\n  event = 1\n  and typ = 1\n", 2, 3, "event = 1\nand typ = 1"),
             Catch::StartsWith("p.yaml:3:7: ") && !Catch::Contains("at character"));
}

TEST_CASE("an error in a trigger that is in no file says at which character") {
  Diagnostics diagnostics;
  CHECK_FALSE(parse("evnt = \"b\"", {"--set", 0, 0}, diagnostics));
  CHECK(diagnostics.text() ==
        "--set: error: unknown field \"evnt\" (at character 1 of the trigger)\n    did you mean "
        "\"event\"?\n");
}

TEST_CASE("parentheses nest up to the limit and no deeper") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "type = \"a\"" + std::string(depth, ')');
  };
  CHECK(holds(nested(kMaxNesting), R"({"type":"a"})"));
  CHECK_THAT(said_about(nested(kMaxNesting + 1)), Catch::Contains("nested deeper than 100 levels"));
  CHECK_THAT(said_about(nested(100'000)), Catch::Contains("nested deeper than 100 levels"));
}

}  // namespace
}  // namespace penstock::trigger
