// Guards what each directive of the mapping language gives, and every difference from Segment's
// engine.
#include <catch2/catch.hpp>

#include "mapping_fixture.hpp"

using namespace penstock;
using namespace penstock::mapping;

namespace {

struct Case {
  const char* expression;
  const char* event;
  const char* expected;
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.expression << " over " << c.event);
    CHECK(evaluate(std::string(c.expression), c.event) == c.expected);
  }
}

std::string membership_event(const std::string& type, const std::string& computation_class,
                             const std::string& place, const std::string& value) {
  return R"({"type":")" + type + R"(","context":{"personas":{"computation_class":")" +
         computation_class + R"(","computation_key":"trial.users"}},")" + place +
         R"(":{"trial.users":)" + value + "}}";
}

}  // namespace

TEST_CASE("@if exists asks whether there is a value at all") {
  const char* expression = R"({"@if":{"exists":"$.a","then":"yes","else":"no"}})";
  check_all({
      {expression, R"({"a":1})", R"("yes")"},
      {expression, R"({"a":""})", R"("yes")"},
      {expression, R"({"a":false})", R"("yes")"},
      {expression, R"({"a":null})", R"("no")"},
      {expression, "{}", R"("no")"},
      {R"({"@if":{"exists":"$.a","then":"$.a"}})", "{}", "absent"},
      {R"({"@if":{"exists":"$.a","then":"$.b","else":"no"}})", R"({"a":1})", "absent"},
  });
}

TEST_CASE("A chain of @if takes the first path that is there, in the order in which they stand") {
  const char* blank =
      R"({"@if":{"blank":"$.a","then":"$.a","else":{"@if":{"blank":"$.b","then":"$.b","else":"$.c"}}}})";
  check_all({
      {blank, R"({"a":1,"b":2,"c":3})", "1"},
      {blank, R"({"a":"","b":2,"c":3})", "2"},
      {blank, R"({"a":[],"b":null,"c":3})", "3"},
      {blank, R"({"b":""})", "absent"},
      {blank, R"({"c":""})", R"("")"},
      // The conditions differ, so an empty text is taken where one asks whether there is a value.
      {R"({"@if":{"blank":"$.a","then":"$.a","else":{"@if":{"exists":"$.b","then":"$.b","else":"$.c"}}}})",
       R"({"a":"","b":"","c":3})", R"("")"},
      {R"({"@if":{"exists":"$.a","then":"$.b","else":{"@if":{"exists":"$.b","then":"$.b","else":"$.c"}}}})",
       R"({"a":1,"c":3})", "absent"},
  });
}

TEST_CASE("@if uses an else that JavaScript takes for false") {
  check_all({
      {R"({"@if":{"exists":"$.a","then":1,"else":0}})", "{}", "0"},
      {R"({"@if":{"exists":"$.a","then":1,"else":""}})", "{}", R"("")"},
      {R"({"@if":{"exists":"$.a","then":1,"else":false}})", "{}", "false"},
      {R"({"@if":{"exists":"$.a","then":1,"else":null}})", "{}", "null"},
  });
}

TEST_CASE("@if without a then gives nothing where the condition holds") {
  check_all({
      {R"({"@if":{"exists":"$.a","else":"no"}})", R"({"a":1})", "absent"},
      {R"({"@if":{"exists":"$.a","else":"no"}})", "{}", R"("no")"},
      {R"({"@if":{"blank":"$.a","else":"no"}})", R"({"a":"x"})", "absent"},
      {R"({"@if":{"blank":"$.a","else":"no"}})", R"({"a":""})", R"("no")"},
  });
}

TEST_CASE("@path takes a directive that gives the path") {
  const char* const by_key = R"({"@path":{"@template":"$.traits.{{ properties.key }}"}})";
  check_all({
      {by_key, R"({"properties":{"key":"x"},"traits":{"x":5}})", "5"},
      {by_key, R"({"properties":{"key":"x.0.y"},"traits":{"x":[{"y":6}]}})", "6"},
      {by_key, R"({"properties":{"key":"none"},"traits":{"x":5}})", "absent"},
      {by_key, R"({"properties":{"key":"a..b["},"traits":{"x":5}})", "absent"},
      {R"({"@path":{"@path":"$.where"}})", R"({"where":"$.a.b","a":{"b":1}})", "1"},
      {R"({"@path":{"@path":"$.where"}})", R"({"where":7,"7":1})", "absent"},
      {R"({"@path":{"@path":"$.where"}})", "{}", "absent"},
      {R"({"@path":{"@literal":"$.a"}})", R"({"a":1})", "1"},
      {R"({"@arrayPath":["$.l",{"v":{"@path":{"@path":"$.k"}}}]})",
       R"({"l":[{"k":"x","x":1},{"k":"y","y":2}],"x":9})", R"([{"v":1},{"v":2}])"},
  });
  const std::string long_path = std::string(kMaxPathBytes, 'a');
  CHECK(evaluate(R"({"@path":{"@path":"$.where"}})",
                 R"({"where":")" + long_path + R"(","a)" + long_path.substr(1) + R"(":1})") == "1");
  CHECK(evaluate(R"({"@path":{"@path":"$.where"}})",
                 R"({"where":")" + long_path + R"(a","a)" + long_path + R"(":1})") == "absent");
}

TEST_CASE("@template takes a directive that gives the template") {
  const char* const chosen =
      R"({"@template":{"@if":{"exists":"$.a","then":"A {{ a }}","else":"B {{{b}}}"}}})";
  check_all({
      {chosen, R"({"a":1.50})", R"("A 1.5")"},
      {chosen, R"({"b":[1,2]})", R"("B 1,2")"},
      {chosen, "{}", R"("B ")"},
      {R"({"@template":{"@path":"$.t"}})", R"({"t":"{{ x }}{{ t }}","x":"{{ y }}","y":1})",
       R"("{{ y }}{{ x }}{{ t }}")"},
      {R"({"@template":{"@path":"$.t"}})", R"({"t":5})", "absent"},
      {R"({"@template":{"@literal":"{{ a }}"}})", R"({"a":1})", R"("1")"},
  });
  const std::string filler(kMaxTemplateBytes, 'x');
  CHECK(evaluate(R"({"@template":{"@path":"$.t"}})", R"({"t":")" + filler + R"("})") ==
        "\"" + filler + "\"");
  CHECK(evaluate(R"({"@template":{"@path":"$.t"}})", R"({"t":"x)" + filler + R"("})") ==
        "too large");
}

TEST_CASE("a dollar sign in a replacement that Segment's engine reads otherwise gets a warning") {
  const auto warnings = [](const char* replacement) {
    PathTable paths;
    Arena constants;
    Diagnostics diagnostics;
    (void)Compiler(paths, constants, diagnostics)
        .compile(node_from_json(R"({"@replace":{"pattern":"a","replacement":")" +
                                std::string(replacement) + R"(","value":"$.a"}})"));
    return diagnostics.text();
  };
  CHECK_THAT(warnings("$$"),
             Catch::Contains("it stands for one \"$\"") && Catch::Contains("write one \"$\""));
  CHECK_THAT(warnings("x$&"), Catch::Contains("a part of the text that was searched"));
  CHECK(warnings("$").empty());
  CHECK(warnings("$1 $").empty());
}

TEST_CASE("@if blank takes its then for a value that is present and not blank") {
  const char* expression = R"({"@if":{"blank":"$.a","then":"yes","else":"no"}})";
  check_all({
      {expression, R"({"a":"x"})", R"("yes")"},
      {expression, R"({"a":" "})", R"("yes")"},
      {expression, R"({"a":0})", R"("yes")"},
      {expression, R"({"a":["x"]})", R"("yes")"},
      {expression, R"({"a":["",""]})", R"("yes")"},
      {expression, R"({"a":{}})", R"("yes")"},
      {expression, R"({"a":""})", R"("no")"},
      {expression, R"({"a":[]})", R"("no")"},
      {expression, R"({"a":[""]})", R"("no")"},
      {expression, R"({"a":null})", R"("no")"},
      {expression, "{}", R"("no")"},
  });
}

TEST_CASE("@case changes the case of strings and nothing else") {
  check_all({
      {R"({"@case":{"operator":"upper","value":"$.a"}})", R"({"a":"Straße"})", R"("STRASSE")"},
      {R"({"@case":{"operator":"lower","value":"$.a"}})", R"({"a":"ÉLAN Z"})", R"("élan z")"},
      {R"({"@case":{"operator":"lower","value":"$.a"}})", R"({"a":"plain"})", R"("plain")"},
      {R"({"@case":{"operator":"lower","value":"$.a"}})", R"({"a":5})", "5"},
      {R"({"@case":{"operator":"lower","value":"$.a"}})", R"({"a":["A"]})", R"(["A"])"},
      {R"({"@case":{"operator":"lower","value":"$.a"}})", "{}", "absent"},
      {R"({"@case":{"operator":"upper","value":"abc"}})", "{}", R"("ABC")"},
  });
}

TEST_CASE("@replace puts one literal text in place of another") {
  check_all({
      {R"({"@replace":{"pattern":"-","replacement":"_","value":"$.a"}})", R"({"a":"a-b-c"})",
       R"("a_b_c")"},
      {R"({"@replace":{"pattern":"-","value":"$.a"}})", R"({"a":"a-b-c"})", R"("abc")"},
      {R"({"@replace":{"pattern":"-","replacement":"_","global":false,"value":"$.a"}})",
       R"({"a":"a-b-c"})", R"("a_b-c")"},
      {R"({"@replace":{"pattern":".*","replacement":"x","value":"$.a"}})", R"({"a":"a.*b"})",
       R"("axb")"},
      {R"({"@replace":{"pattern":"b","replacement":"$&","value":"$.a"}})", R"({"a":"abc"})",
       R"("a$&c")"},
      {R"({"@replace":{"pattern":"STRASSE","replacement":"x","ignorecase":true,"value":"$.a"}})",
       R"({"a":"Strasse-strASSE"})", R"("x-x")"},
      {R"({"@replace":{"pattern":"É","replacement":"e","ignorecase":true,"value":"$.a"}})",
       R"({"a":"éÉ"})", R"("ee")"},
      {R"({"@replace":{"pattern":"B","replacement":"x","value":"$.a"}})", R"({"a":"abc"})",
       R"("abc")"},
      {R"({"@replace":{"pattern":"a","replacement":"b","pattern2":"b","replacement2":"c","value":"$.a"}})",
       R"({"a":"aa b"})", R"("cc c")"},
      {R"({"@replace":{"pattern":"1","replacement":"x","value":"$.a"}})", R"({"a":10.5})",
       R"("x0.5")"},
      {R"({"@replace":{"pattern":"true","replacement":"yes","value":"$.a"}})", R"({"a":true})",
       R"("yes")"},
      {R"({"@replace":{"pattern":"aa","replacement":"a","value":"$.a"}})", R"({"a":"aaaa"})",
       R"("aa")"},
      {R"({"@replace":{"pattern":"a","replacement":"b","value":"$.a"}})", R"({"a":["a"]})",
       R"("")"},
      {R"({"@replace":{"pattern":"a","replacement":"b","value":"$.a"}})", "{}", "absent"},
  });
}

TEST_CASE("@arrayPath reshapes each item with itself as the event") {
  const char* expression = R"({"@arrayPath":["$.products",{"sku":"$.id","n":{"@path":"$.q"}}]})";
  check_all({
      {expression, R"({"products":[{"id":1,"q":2},{"id":3}]})", R"([{"sku":1,"n":2},{"sku":3}])"},
      {expression, R"({"products":{"id":1}})", R"([{"sku":1}])"},
      {expression, R"({"products":[]})", "[]"},
      {expression, R"({"id":9})", "absent"},
      {expression, R"({"products":5})", "5"},
      {R"({"@arrayPath":["products","$.id"]})", R"({"products":[{"id":1},{}]})", "[1,null]"},
      {R"({"@arrayPath":["$.products"]})", R"({"products":[1,2]})", "[1,2]"},
      {R"({"@arrayPath":["$.products",{}]})", R"({"products":[1,2]})", "[1,2]"},
      {R"({"@arrayPath":[{"@path":"$.a"},{"all":{"@path":"$"}}]})", R"({"a":[1]})",
       R"([{"all":1}])"},
      {R"({"@arrayPath":["$.a",{"in":{"@arrayPath":["$.b",{"x":"$.c"}]}}]})",
       R"({"a":[{"b":[{"c":1},{"c":2}]}]})", R"([{"in":[{"x":1},{"x":2}]}])"},
  });
}

TEST_CASE("@json writes JSON text and reads it") {
  check_all({
      {R"({"@json":{"mode":"encode","value":"$.a"}})", R"({"a":{"b":[1,"x",null]}})",
       R"("{\"b\":[1,\"x\",null]}")"},
      {R"({"@json":{"mode":"encode","value":"$.a"}})", R"({"a":"x"})", R"("\"x\"")"},
      {R"({"@json":{"mode":"encode","value":"$.a"}})", "{}", "absent"},
      {R"({"@json":{"mode":"decode","value":"$.a"}})", R"({"a":"{\"b\":[1,{\"c\":\"d\"}]}"})",
       R"({"b":[1,{"c":"d"}]})"},
      {R"({"@json":{"mode":"decode","value":"$.a"}})", R"({"a":"5"})", "5"},
      {R"({"@json":{"mode":"decode","value":"$.a"}})", R"({"a":"{broken"})", R"("{broken")"},
      {R"({"@json":{"mode":"decode","value":"$.a"}})", R"({"a":""})", R"("")"},
      {R"({"@json":{"mode":"decode","value":"$.a"}})", R"({"a":7})", "7"},
      {R"([{"@json":{"mode":"decode","value":"$.a"}},{"@json":{"mode":"decode","value":"$.b"}}])",
       R"({"a":"[\"first\"]","b":"[\"second\"]"})", R"([["first"],["second"]])"},
  });
}

TEST_CASE("@flatten makes one flat object") {
  check_all({
      {R"({"@flatten":{"value":"$.a","separator":"_"}})", R"({"a":{"b":{"c":1},"d":[2,{"e":3}]}})",
       R"({"b_c":1,"d_0":2,"d_1_e":3})"},
      {R"({"@flatten":{"value":"$.a"}})", R"({"a":{"b":{"c":null}}})", R"({"b.c":null})"},
      {R"({"@flatten":{"value":"$.a","separator":".","omitArrays":true}})",
       R"({"a":{"b":{"c":[1,{"d":2}]}}})", R"({"b.c":[1,{"d":2}]})"},
      {R"({"@flatten":{"value":"$.a"}})", R"({"a":{"b":{},"c":[]}})", "{}"},
      {R"({"@flatten":{"value":"$.a"}})", R"({"a":{"b.c":1,"b":{"c":2}}})", R"({"b.c":2})"},
      {R"({"@flatten":{"value":"$.a"}})", R"({"a":[1]})", R"({"0":1})"},
      {R"({"@flatten":{"value":"$.a"}})", R"({"a":5})", "5"},
      {R"({"@flatten":{"value":"$.a"}})", "{}", "absent"},
  });
}

TEST_CASE("@merge joins objects, and the direction says which of them wins") {
  check_all({
      {R"({"@merge":{"direction":"right","objects":["$.a","$.b"]}})",
       R"({"a":{"x":1,"y":{"z":1}},"b":{"y":2}})", R"({"x":1,"y":2})"},
      {R"({"@merge":{"direction":"left","objects":["$.a","$.b"]}})",
       R"({"a":{"x":1},"b":{"x":2,"y":3}})", R"({"x":1,"y":3})"},
      {R"({"@merge":{"direction":"left","objects":["$.a","$.b"]}})", R"({"a":{"z":1},"b":{"x":2}})",
       R"({"x":2,"z":1})"},
      {R"({"@merge":{"direction":"right","objects":["$.a",{"x":null}]}})", R"({"a":{"x":1}})",
       R"({"x":null})"},
      {R"({"@merge":{"direction":"right","objects":["$.a","$.b",5]}})", R"({"a":{"x":1}})",
       R"({"x":1})"},
      {R"({"@merge":{"direction":"right","objects":[]}})", "{}", "{}"},
  });
}

TEST_CASE("@merge lets no absent member override") {
  check_all({{R"({"@merge":{"direction":"right","objects":["$.a",{"x":"$.none"}]}})",
              R"({"a":{"x":1}})", R"({"x":1})"}});
}

TEST_CASE("@transform applies its mapping to the result of apply") {
  check_all({
      {R"({"@transform":{"apply":{"n":"$.a.b"},"mapping":{"out":"$.n","gone":"$.a"}}})",
       R"({"a":{"b":1}})", R"({"out":1})"},
      {R"({"@transform":{"apply":{"n":"$.a"},"mapping":{"@template":"<{{n}}>"}}})", R"({"a":"x"})",
       R"("<x>")"},
      {R"({"@transform":{"apply":{"n":"$.a"},"mapping":"fixed"}})", "{}", R"("fixed")"},
      {R"({"@transform":{"apply":{"n":7},"mapping":"$.n"}})", "{}", "7"},
  });
}

TEST_CASE("@excludeWhenNull takes null members out") {
  check_all({
      {R"({"@excludeWhenNull":"$.a"})", R"({"a":{"x":null,"y":{"z":null,"w":1},"l":[{"n":null}]}})",
       R"({"y":{"w":1},"l":[{"n":null}]})"},
      {R"({"@excludeWhenNull":"$.a"})", R"({"a":null})", "absent"},
      {R"({"@excludeWhenNull":"$.a"})", "{}", "absent"},
      {R"({"@excludeWhenNull":"$.a"})", R"({"a":""})", R"("")"},
      {R"({"@excludeWhenNull":{"x":"$.a","y":1}})", R"({"a":null})", R"({"y":1})"},
  });
}

TEST_CASE("@membership says whether the person is in the audience") {
  const auto membership = [](const std::string& event) {
    return evaluate(std::string(R"({"@membership":{}})"), event);
  };
  CHECK(membership(membership_event("track", "audience", "properties", "true")) == "true");
  CHECK(membership(membership_event("track", "audience", "properties", "false")) == "false");
  CHECK(membership(membership_event("identify", "journey_step", "traits", "true")) == "true");
  CHECK(membership(membership_event("track", "audience", "properties", R"("false")")) == "false");
  CHECK(membership(membership_event("identify", "audience", "traits", R"("true")")) == "true");

  CHECK(membership(membership_event("track", "computed_trait", "properties", "true")) == "absent");
  CHECK(membership(membership_event("track", "audience", "traits", "true")) == "absent");
  CHECK(membership(membership_event("identify", "audience", "properties", "true")) == "absent");
  CHECK(membership(membership_event("page", "audience", "properties", "true")) == "absent");
  CHECK(membership(membership_event("track", "audience", "properties", "1")) == "absent");
  CHECK(membership(membership_event("track", "audience", "properties", "null")) == "absent");
  CHECK(membership(R"({"type":"track","properties":{"trial.users":true}})") == "absent");
  CHECK(membership(R"({"type":"track","properties":{"trial":false},)"
                   R"("context":{"personas":{"computation_key":"trial"}}})") == "false");
  CHECK(membership(
            R"({"type":"identify","traits":{"trial":false},)"
            R"("context":{"personas":{"computation_key":"trial","computation_class":null}}})") ==
        "absent");
  CHECK(membership("{}") == "absent");
}

TEST_CASE("@membership gives its argument unclear for a value that is neither true nor false") {
  const auto membership = [](const std::string& event) {
    return evaluate(R"({"@membership":{"unclear":null}})", event);
  };
  for (const char* const value : {"1", "null", "\"False\"", "\"no\"", "{}"}) {
    CAPTURE(value);
    CHECK(membership(membership_event("track", "journey_step", "properties", value)) == "null");
  }
  CHECK(membership(membership_event("track", "journey_step", "properties", "true")) == "true");
  CHECK(membership(membership_event("track", "journey_step", "traits", "1")) == "absent");
  CHECK(membership("{}") == "absent");
}

TEST_CASE("@membership works inside a scope too") {
  check_all(
      {{R"({"@transform":{"apply":{"type":"track","context":"$.c","properties":"$.p"},
                "mapping":{"@membership":{}}}})",
        R"({"c":{"personas":{"computation_class":"audience","computation_key":"k"}},"p":{"k":true}})",
        "true"}});
}
