// Guards what a condition of a trigger means for an event.
#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

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

}  // namespace
}  // namespace penstock::trigger
