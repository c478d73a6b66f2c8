// Guards the trigger language: grammar, meaning, messages, warnings about Segment, and the equality
// index.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <vector>

#include "model/event.hpp"
#include "trigger/trigger.hpp"

namespace penstock::trigger {
namespace {

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

Expression parsed(std::string_view text) {
  Diagnostics diagnostics;
  const std::optional<Expression> expression = parse(text, {}, diagnostics);
  INFO(text);
  INFO(diagnostics.text());
  REQUIRE(expression);
  REQUIRE_FALSE(diagnostics.has_errors());
  return *expression;
}

bool holds(std::string_view trigger, std::string_view event_text) {
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
std::string said_about(const std::string& trigger) {
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

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    INFO(each.trigger << "   on   " << each.event);
    CHECK(holds(each.trigger, each.event) == each.expected);
  }
}

// ---- grammar ----

TEST_CASE("and binds tighter than or, and parentheses override both") {
  const char* const a = R"({"type":"a"})";
  const char* const b = R"({"type":"b"})";
  check({
      {"type = \"a\" or type = \"b\" and type = \"c\"", a, true},
      {"type = \"b\" and type = \"c\" or type = \"a\"", a, true},
      {"(type = \"a\" or type = \"b\") and type = \"c\"", a, false},
      {"type = \"c\" or type = \"a\" or type = \"b\"", b, true},
      {"type != \"c\" and type != \"a\" and type = \"b\"", b, true},
      {"((((type = \"b\"))))", b, true},
      {"( ( type=\"x\" or (type=\"b\" and (event = null or name = \"n\")) ) and !(userId=\"u\") )",
       b, true},
  });
}

TEST_CASE("a negation covers the one condition or group behind it") {
  const char* const event = R"({"type":"a"})";
  check({
      {"!type = \"b\"", event, true},
      {"not type = \"a\"", event, false},
      {"not (type = \"a\" and event = null)", event, false},
      {"not(type = \"b\")", event, true},
      {"! contains(type, \"b\") and type = \"a\"", event, true},
      {"!(type != \"a\")", event, true},
      {"not type = \"b\" and type = \"c\"", event, false},
      {"not type = \"a\" or type = \"a\"", event, true},
      {"!(type = \"a\" or !(type = \"b\"))", event, false},
  });
}

TEST_CASE("spaces between the parts of a trigger do not matter") {
  const char* const event = R"({"type":"x","properties":{"n":6}})";
  check({
      {"properties.n>5", event, true},
      {"properties.n >5", event, true},
      {"properties.n> 5", event, true},
      {"type!=\"y\"and properties.n<=6", event, true},
      {"  type  =  \"x\"  ", event, true},
      {"type in[\"x\",\"y\"]", event, true},
      {"type in [ \"x\" , \"y\" ]", event, true},
      {"contains ( type , \"x\" )", event, true},
      {"length(type)=1", event, true},
      {"type =\n\t\"x\"\n", event, true},
      {"(type=\"x\")and(properties.n=6)or(type=\"y\")", event, true},
  });
}

TEST_CASE("every root of a path can be asked about") {
  for (const char* const root :
       {"type", "event", "name", "userId", "anonymousId", "messageId", "properties", "traits",
        "context", "integrations", "action", "fields", "identifiers", "recordId", "channel"}) {
    const std::string event = "{\"" + std::string(root) + "\":\"v\"}";
    CHECK(holds(std::string(root) + " = \"v\"", event));
    CHECK_FALSE(holds(std::string(root) + ".x = \"v\"", event));
  }
}

TEST_CASE("a path names any key, by escapes and quotes where it has to") {
  check({
      {"properties.a_b-9 = 1", R"({"properties":{"a_b-9":1}})", true},
      {"properties.my\\ key = 1", R"({"properties":{"my key":1}})", true},
      {"properties.a\\.b = 1", R"({"properties":{"a.b":1}})", true},
      {"properties.a\\.b = 1", R"({"properties":{"a":{"b":1}}})", false},
      {"properties.a.b = 1", R"({"properties":{"a":{"b":1}}})", true},
      {"properties.a.b = 1", R"({"properties":{"a.b":1}})", false},
      {"properties.\"a.b\".c = 1", R"({"properties":{"a.b":{"c":1}}})", true},
      {"properties.'a \"q\"' = 1", R"({"properties":{"a \"q\"":1}})", true},
      {"properties.\"\" = 1", R"({"properties":{"":1}})", true},
      {"properties.\\$x\\\\ = 1", R"({"properties":{"$x\\":1}})", true},
      {"properties.größe = 1", R"({"properties":{"größe":1}})", true},
      {"properties.\\€ = 1", R"({"properties":{"€":1}})", true},
      {"properties.and.or.not = 1", R"({"properties":{"and":{"or":{"not":1}}}})", true},
      {"properties.5 = 1", R"({"properties":{"5":1}})", true},
  });
}

TEST_CASE("a path walks maps by key and lists by index, and anything else is missing") {
  const char* const event =
      R"({"properties":{"products":[{"sku":"a"},{"sku":"b"}],"text":"abc","zero":0,"no":null}})";
  check({
      {"properties.products.1.sku = \"b\"", event, true},
      {"properties.products.2.sku = null", event, true},
      {"properties.products.length = null", event, true},
      {"properties.products.sku = null", event, true},
      {"properties.products.01.sku = null", event, true},
      {"properties.text.0 = null", event, true},
      {"properties.zero.x = null", event, true},
      {"properties.zero.x = 0", event, false},
      {"properties.no.x = null", event, true},
  });
}

TEST_CASE("strings take both quotes and the listed escapes") {
  const char* const event = R"({"event":"a\"b'c\\d\n\t\u00e9\ud83d\ude00"})";
  check({
      {R"(event = "a\"b'c\\d\n\t\u00e9\uD83D\ude00")", event, true},
      {R"(event = 'a"b\'c\\d\n\té😀')", event, true},
      {R"(event = "")", R"({"event":""})", true},
      {R"(event = '')", R"({"event":""})", true},
      {R"(event = "\u0000")", R"({"event":"\u0000"})", true},
      {"event = \"x and (y or z)\"", "{\"event\":\"x and (y or z)\"}", true},
  });
}

// ---- meaning ----

TEST_CASE("equality compares values of one type") {
  check({
      {"properties.x = 5", R"({"properties":{"x":5}})", true},
      {"properties.x = 5", R"({"properties":{"x":5.0}})", true},
      {"properties.x = 5.0", R"({"properties":{"x":5}})", true},
      {"properties.x = 5", R"({"properties":{"x":"5"}})", false},
      {"properties.x = \"5\"", R"({"properties":{"x":5}})", false},
      {"properties.x = \"5\"", R"({"properties":{"x":"5"}})", true},
      {"properties.x = true", R"({"properties":{"x":true}})", true},
      {"properties.x = true", R"({"properties":{"x":"true"}})", false},
      {"properties.x = true", R"({"properties":{"x":1}})", false},
      {"properties.x = false", R"({"properties":{"x":null}})", false},
      {"properties.x = 0", R"({"properties":{"x":false}})", false},
      {"properties.x = -0", R"({"properties":{"x":0}})", true},
      {"properties.x = 1e3", R"({"properties":{"x":1000}})", true},
      {"properties.x = \"X\"", R"({"properties":{"x":"x"}})", false},
      {"properties.x = \"x\"", R"({"properties":{"x":["x"]}})", false},
      {"properties.x = 18446744073709551615", R"({"properties":{"x":18446744073709551615}})", true},
      {"properties.x = 9007199254740993", R"({"properties":{"x":9007199254740992}})", false},
      {"properties.x = 100000000000000000000", R"({"properties":{"x":100000000000000000000}})",
       true},
  });
}

TEST_CASE(
    "equal to null holds when the value is missing or null, and != is exactly the opposite of =") {
  for (const char* const literal : {"null", "5", "\"a\"", "true", "false", "0", "\"\""}) {
    for (const char* const event :
         {R"({})", R"({"properties":{}})", R"({"properties":{"x":null}})",
          R"({"properties":{"x":5}})", R"({"properties":{"x":"a"}})",
          R"({"properties":{"x":true}})", R"({"properties":{"x":[]}})", R"({"properties":[]})",
          R"({"properties":{"x":{}}})", R"({"properties":{"x":""}})"}) {
      const std::string path = "properties.x ";
      CHECK(holds(path + "= " + literal, event) != holds(path + "!= " + literal, event));
    }
  }
  check({
      {"properties.x = null", R"({})", true},
      {"properties.x = null", R"({"properties":{"x":null}})", true},
      {"properties.x = null", R"({"properties":{"x":0}})", false},
      {"properties.x = null", R"({"properties":{"x":""}})", false},
      {"properties.x != 5", R"({})", true},
      {"properties.x != true", R"({})", true},
      {"properties.x != \"a\"", R"({})", true},
  });
}

TEST_CASE("order holds only between numbers") {
  check({
      {"properties.x < 5", R"({"properties":{"x":4.9}})", true},
      {"properties.x < 5", R"({"properties":{"x":5}})", false},
      {"properties.x <= 5", R"({"properties":{"x":5}})", true},
      {"properties.x > -5", R"({"properties":{"x":-4}})", true},
      {"properties.x >= 5.5", R"({"properties":{"x":5}})", false},
      {"properties.x >= 5", R"({"properties":{"x":"6"}})", false},
      {"properties.x < 5", R"({})", false},
      {"properties.x < 5", R"({"properties":{"x":null}})", false},
      {"properties.x < 5", R"({"properties":{"x":false}})", false},
      {"properties.x < \"5\"", R"({"properties":{"x":"4"}})", false},
      {"properties.x >= null", R"({"properties":{"x":0}})", false},
      {"!(properties.x < 5)", R"({})", true},
      {"properties.x > 9223372036854775807", R"({"properties":{"x":9223372036854775808}})", true},
      {"properties.x > 9223372036854775808", R"({"properties":{"x":-1}})", false},
      {"properties.x < 1e300", R"({"properties":{"x":1e400}})", false},
  });
}

TEST_CASE("in holds when the value equals one of the list") {
  check({
      {"properties.x in [\"b\", \"a\", 5, true]", R"({"properties":{"x":"a"}})", true},
      {"properties.x in [\"b\", \"a\", 5, true]", R"({"properties":{"x":5}})", true},
      {"properties.x in [\"b\", \"a\", 5, true]", R"({"properties":{"x":true}})", true},
      {"properties.x in [\"b\", \"a\", 5, true]", R"({"properties":{"x":"5"}})", false},
      {"properties.x in [\"b\", \"a\", 5, true]", R"({})", false},
      {"properties.x in [\"b\", null]", R"({})", true},
      {"!(properties.x in [\"b\"])", R"({})", true},
      {"properties.x in [\"d\",\"c\",\"b\",\"a\",\"aa\",\"\"]", R"({"properties":{"x":"aa"}})",
       true},
      {"properties.x in [\"d\",\"c\",\"b\",\"a\",\"aa\",\"\"]", R"({"properties":{"x":"ab"}})",
       false},
  });
}

TEST_CASE("contains asks for a part of a string or a member of a list of strings") {
  check({
      {"contains(event, \"ien\")", R"({"event":"Audience"})", true},
      {"contains(event, \"IEN\")", R"({"event":"Audience"})", false},
      {"contains(event, \"\")", R"({"event":""})", true},
      {"contains(event, \"a\")", R"({"event":["b","a"]})", true},
      {"contains(event, \"a\")", R"({"event":["ba",["a"],5,null]})", false},
      {"contains(event, \"5\")", R"({"event":[5]})", false},
      {"contains(event, \"5\")", R"({"event":5})", false},
      {"contains(event, \"a\")", R"({"event":{"a":"a"}})", false},
      {"contains(event, \"a\")", R"({})", false},
      {"contains(event, \"\")", R"({"event":null})", false},
      {"!contains(event, \"a\")", R"({})", true},
      {"!contains(event, \"a\")", R"({"event":"b"})", true},
      {"contains(lowercase(event), \"audi\")", R"({"event":"AUDIENCE"})", true},
      {"contains(lowercase(event), \"audi\")", R"({"event":[1,"X","AUDI"]})", true},
  });
}

TEST_CASE("match is a glob over the whole string") {
  const auto matches = [](const char* pattern, const char* text) {
    return holds("match(event, \"" + std::string(pattern) + "\")",
                 "{\"event\":\"" + std::string(text) + "\"}");
  };
  struct GlobCase {
    const char* pattern;
    const char* text;
    bool expected;
  };
  for (const GlobCase& each : std::vector<GlobCase>{
           {"Audience *", "Audience Entered", true},
           {"Audience *", "An Audience Entered", false},
           {"Audience *", "audience entered", false},
           {"* Entered", "Audience Entered", true},
           {"* Entered", "Audience Entered!", false},
           {"exact", "exact", true},
           {"exact", "exactly", false},
           {"", "", true},
           {"", "x", false},
           {"*", "", true},
           {"**", "abc", true},
           {"a*c", "ac", true},
           {"a*c", "abcbc", true},
           {"a*c", "abcb", false},
           {"*b*", "abc", true},
           {"*aab", "aaaab", true},
           {"*a*b*c*", "xxaxxbxxcxx", true},
           {"*a*b*c*", "xxaxxcxxbxx", false},
           {"a?c", "abc", true},
           {"a?c", "ac", false},
           {"?", "é", true},
           {"??", "é", false},
           {"*??", "é", false},
           {"?*?", "😀", false},
           {"?*?", "😀a", true},
           {"é*", "éa", true},
           {"100\\\\*", "100*", true},
           {"100\\\\*", "1000", false},
           {"100\\*", "100*", true},
           {"100\\*", "1000", false},
           {"a\\?b", "a?b", true},
           {"a\\?b", "axb", false},
           {"a\\\\\\\\b", "a\\\\b", true},
           {"\\\\a", "a", true},
       }) {
    INFO(each.pattern << "   on   " << each.text);
    CHECK(matches(each.pattern, each.text) == each.expected);
  }
  check({
      {"match(event, \"*\")", R"({})", false},
      {"match(event, \"*\")", R"({"event":5})", false},
      {"match(event, \"*\")", R"({"event":["a"]})", false},
      {"!match(event, \"*\")", R"({})", true},
      {"match(lowercase(event), \"aud*\")", R"({"event":"AUDIENCE"})", true},
  });
}

TEST_CASE("a hostile pattern takes no exponential time") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  const std::string text(20'000, 'a');
  CHECK_FALSE(holds("match(event, \"" + pattern + "b\")", "{\"event\":\"" + text + "\"}"));
}

TEST_CASE("lowercase lowers strings and leaves the rest, length counts as JavaScript does") {
  check({
      {"lowercase(event) = \"abc\"", R"({"event":"aBC"})", true},
      {"lowercase(event) = 5", R"({"event":5})", true},
      {"lowercase(event) = null", R"({})", true},
      {"lowercase(event) in [\"x\", \"abc\"]", R"({"event":"ABC"})", true},
      {"lowercase(event) = \"abc\" and lowercase(name) = \"x\"", R"({"event":"ABC","name":"X"})",
       true},
      {"length(event) = 3", R"({"event":"abc"})", true},
      {"length(event) = 2", R"({"event":"éa"})", true},
      {"length(event) = 2", R"({"event":"😀"})", true},
      {"length(event) >= 2", R"({"event":[1,{}]})", true},
      {"length(event) = 0", R"({"event":[]})", true},
      {"length(event) = 0", R"({"event":{}})", false},
      {"length(event) < 5", R"({})", false},
      {"length(event) = null", R"({"event":5})", true},
  });
}

TEST_CASE("of a repeated key the last one counts") {
  check({{"type = \"b\" and properties.x = null",
          R"({"type":"a","properties":{"x":1},"type":"b","properties":{}})", true}});
}

TEST_CASE("a quoted literal reads back as the text it was made from") {
  for (const std::string& text :
       {std::string("trial_users"), std::string("it's \"x\" \\ \n\t\r\x01\x7F é 😀 {a}"),
        std::string("a\0b", 3), std::string()}) {
    const Expression expression = parsed("event = " + quote_literal(text));
    REQUIRE(expression.literals.size() == 1);
    CHECK(expression.literals[0].text == text);
  }
  CHECK(quote_literal("a\"b\\c\n") == R"("a\"b\\c\n")");
}

// ---- errors ----

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

// ---- warnings ----

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

// ---- the index ----

TEST_CASE("requirements are read off equalities, lists, and, and or") {
  const auto text_of = [](std::string_view trigger) {
    std::string out;
    for (const Requirement& requirement : requirements_of(parsed(trigger))) {
      for (const Condition& each : requirement) {
        if (&each != requirement.data()) out += " | ";
        for (const std::string& step : each.steps) out += step + ".";
        for (const IndexedValue& value : each.values) {
          if (const auto* text = std::get_if<std::string>(&value)) out += " " + *text;
          if (const auto* number = std::get_if<double>(&value))
            out += " #" + std::to_string(static_cast<int>(*number));
          if (const auto* boolean = std::get_if<bool>(&value)) out += *boolean ? " yes" : " no";
        }
      }
      out += ";";
    }
    return out;
  };
  CHECK(text_of("type = \"a\"") == "type. a;");
  CHECK(text_of("type in [\"b\", \"a\", \"b\"]") == "type. a b;");
  CHECK(text_of("type = \"a\" and properties.k = \"x\" and properties.n > 5") ==
        "type. a;properties.k. x;");
  CHECK(text_of("type = \"b\" or type = \"a\"") == "type. a b;");
  CHECK(text_of("type = \"a\" or event = \"b\"") == "event. b | type. a;");
  CHECK(text_of("type = \"a\" or properties.n > 5").empty());
  CHECK(text_of("(type = \"a\" and event = \"x\") or (event = \"y\" and type in [\"b\", \"c\"])") ==
        "event. y | type. a;type. a b c;event. x y;event. x | type. b c;");
  CHECK(
      text_of(
          "type = \"t\" and (properties.k = \"x\" or (properties.k = null and userId = \"x\"))") ==
      "type. t;properties.k. x | userId. x;");
  CHECK(text_of("type != \"a\"").empty());
  CHECK(text_of("!(type = \"a\")").empty());
  CHECK(text_of("type = 5") == "type. #5;");
  CHECK(text_of("type in [true, \"a\", 5, 5.0]") == "type. a #5 yes;");
  CHECK(text_of("type = null").empty());
  CHECK(text_of("type in [\"a\", null]").empty());
  CHECK(text_of("lowercase(type) = \"a\"").empty());
  CHECK(text_of("contains(type, \"a\")").empty());
}

TEST_CASE("an event's candidates do not grow with triggers that cannot match") {
  PathTable paths;
  EqualityIndex index;
  for (int i = 0; i < 2000; ++i) {
    index.add(parsed("(event = \"Audience Entered\" or event = \"Audience Exited\") and "
                     "properties.audience_key = \"key" +
                     std::to_string(i) + "\""),
              paths);
  }
  index.add(parsed("properties.n > 5"), paths);
  index.build();
  const Event event(R"({"event":"Audience Entered","properties":{"audience_key":"key77"}})", paths);
  std::vector<PathSlot> scratch;
  std::vector<std::uint32_t> candidates;
  index.candidates(*event.view().slots, scratch, candidates);
  std::sort(candidates.begin(), candidates.end());
  CHECK(candidates == std::vector<std::uint32_t>{77, 2000});
}

TEST_CASE("an event's candidates do not grow with triggers that look for their key at two paths") {
  PathTable paths;
  EqualityIndex index;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "\"key" + std::to_string(i) + "\"";
    index.add(parsed("(event = \"Audience Entered\" or event = \"Audience Exited\") and "
                     "(properties.audience_key = " +
                     key +
                     " or (properties.audience_key = null and "
                     "context.personas.computation_key = " +
                     key + "))"),
              paths);
  }
  index.build();
  const auto candidates_of = [&](const char* json) {
    const Event event(json, paths);
    std::vector<PathSlot> scratch;
    std::vector<std::uint32_t> candidates;
    index.candidates(*event.view().slots, scratch, candidates);
    return candidates;
  };
  using Ids = std::vector<std::uint32_t>;
  CHECK(candidates_of(R"({"event":"Audience Entered","properties":{"audience_key":"key77"},)"
                      R"("context":{"personas":{"computation_key":"key77"}}})") == Ids{77});
  CHECK(candidates_of(R"({"event":"Audience Entered","properties":{},)"
                      R"("context":{"personas":{"computation_key":"key5"}}})") == Ids{5});
  CHECK(candidates_of(R"({"event":"Audience Entered","properties":{"audience_key":"key9"}})") ==
        Ids{9});
  CHECK(candidates_of(R"({"event":"Audience Entered"})").empty());
}

TEST_CASE("an or of many parts, each with several equalities, is indexed in bounded time") {
  std::string trigger = "(type = \"a\" and event = \"b0\")";
  for (int i = 1; i < 40; ++i) {
    trigger += " or (type = \"a\" and event = \"b" + std::to_string(i) + "\")";
  }
  const std::vector<Requirement> requirements = requirements_of(parsed(trigger));
  CHECK_FALSE(requirements.empty());
  CHECK(requirements.size() <= 32);
}

TEST_CASE("candidates do not grow with equalities to other numbers or booleans") {
  PathTable paths;
  EqualityIndex index;
  for (int i = 0; i < 2000; ++i) {
    index.add(parsed("properties.audience_id = " + std::to_string(i)), paths);
  }
  index.add(parsed("properties.is_new = true"), paths);
  index.add(parsed("properties.audience_id in [\"a\", 77.0]"), paths);
  index.build();
  const auto candidates_of = [&](const char* json) {
    const Event event(json, paths);
    std::vector<PathSlot> scratch;
    std::vector<std::uint32_t> candidates;
    index.candidates(*event.view().slots, scratch, candidates);
    std::sort(candidates.begin(), candidates.end());
    return candidates;
  };
  using Ids = std::vector<std::uint32_t>;
  CHECK(candidates_of(R"({"properties":{"audience_id":77,"is_new":false}})") == Ids{77, 2001});
  CHECK(candidates_of(R"({"properties":{"audience_id":77.0,"is_new":true}})") ==
        Ids{77, 2000, 2001});
  CHECK(candidates_of(R"({"properties":{"audience_id":-0.0}})") == Ids{0});
  CHECK(candidates_of(R"({"properties":{"audience_id":"77","is_new":null}})").empty());
}

TEST_CASE("ids are ascending and unique however the index finds them, even with repeated keys") {
  PathTable paths;
  TriggerSet set;
  for (const char* const trigger :
       {"properties.b = \"1\"", "properties.a = \"1\"",
        "properties.a in [\"1\", \"2\"] and type = \"t\"", "type != \"x\"", "properties.c = \"1\"",
        "properties.d = \"1\"", "properties.e = \"1\"", "properties.f = \"1\""}) {
    set.add(parsed(trigger), paths);
  }
  set.freeze();
  Matches matches;
  const Event event(R"({"type":"t","properties":{"a":"1"},"properties":{"b":"1","a":"2"},)"
                    R"("properties":{"b":"1","a":"1"}})",
                    paths);
  set.match(event.view(), matches);
  CHECK(matches.ids() == std::vector<std::uint32_t>{0, 1, 2, 3});
}

TEST_CASE("an empty set matches nothing") {
  PathTable paths;
  TriggerSet set;
  set.freeze();
  const Event event(R"({"type":"t"})", paths);
  Matches matches;
  set.match(event.view(), matches);
  CHECK(matches.ids().empty());
}

// Random triggers and events over few paths and values, so that they often meet.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string trigger(int depth) {
    const int kind = below(depth > 0 ? 8 : 5);
    switch (kind) {
      case 0:
      case 1:
        return path() + (below(5) == 0 ? " != " : " = ") + literal();
      case 2:
        return path() + " in [" + literal() + ", " + literal() + "]";
      case 3:
        return path() + " > " + std::to_string(below(3));
      case 4:
        return below(2) == 0 ? "contains(" + path() + ", \"a\")"
                             : "match(lowercase(" + path() + "), \"a*\")";
      case 5:
        return "not (" + trigger(depth - 1) + ")";
      default: {
        std::string text = "(" + trigger(depth - 1) + ")";
        for (int i = below(3); i >= 0; --i)
          text += (kind == 6 ? " and (" : " or (") + trigger(depth - 1) + ")";
        return text;
      }
    }
  }

  std::string event() {
    std::string text = "{\"version\":1";
    for (const char* const root : {"type", "event"}) {
      if (below(3) != 0) text += ",\"" + std::string(root) + "\":" + value();
    }
    for (int i = below(3); i > 0; --i) {
      text += ",\"properties\":{\"other\":0";
      for (const char* const key : {"k", "l", "k"}) {
        if (below(2) == 0) text += ",\"" + std::string(key) + "\":" + value();
      }
      text += "}";
    }
    return text + "}";
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  std::string pick(const std::vector<std::string>& of) {
    return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))];
  }
  std::string path() {
    return pick({"type", "event", "properties.k", "properties.l", "properties.k.0"});
  }
  std::string literal() {
    return pick({"\"a\"", "\"b\"", "\"ab\"", "\"\"", "1", "0", "9007199254740993", "null", "\"c\"",
                 "true", "false"});
  }
  std::string value() {
    return pick({"\"a\"", "\"b\"", "\"ab\"", "\"\"", "1", "1.0", "0", "-0.0", "9007199254740993",
                 "9007199254740992.0", "null", "\"c\"", "true", "false", "[\"a\"]", "{}"});
  }

  std::mt19937 random_;
};

TEST_CASE("the index finds exactly the triggers that hold one by one") {
  Generator generator(20240501);
  std::size_t matched = 0;
  std::size_t asked = 0;
  for (int round = 0; round < 40; ++round) {
    PathTable paths;
    TriggerSet set;
    for (int i = 0; i < 40; ++i) set.add(parsed(generator.trigger(3)), paths);
    set.freeze();
    Matches matches;
    Matches scratch;
    for (int i = 0; i < 40; ++i) {
      const std::string text = generator.event();
      const Event event(text, paths);
      std::vector<std::uint32_t> expected;
      for (std::uint32_t id = 0; id < set.size(); ++id) {
        if (set.holds(id, event.view(), scratch)) expected.push_back(id);
      }
      set.match(event.view(), matches);
      INFO(text);
      REQUIRE(matches.ids() == expected);
      matched += expected.size();
      asked += set.size();
    }
  }
  // The comparison says something only if both answers are common.
  CHECK(matched > asked / 10);
  CHECK(matched < asked * 9 / 10);
}

}  // namespace
}  // namespace penstock::trigger
