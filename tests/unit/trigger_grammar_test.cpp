// Guards how a trigger is read: precedence, spaces, paths and strings.
#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

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
      {"properties.products.length = 2", event, true},
      {"properties.products.0.sku.length = 1", event, true},
      {"properties.zero.length = null", event, true},
      {"properties.length = null", event, true},
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

}  // namespace
}  // namespace penstock::trigger
