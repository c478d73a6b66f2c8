// Guards paths, templates, plain values and the errors of the mapping language, and the case of
// Unicode text.
#include <catch2/catch.hpp>

#include "mapping/path.hpp"
#include "mapping_fixture.hpp"
#include "model/case_mapping.hpp"

using namespace penstock;
using namespace penstock::mapping;

namespace {

struct PathCase {
  const char* text;
  PathSteps steps;
};

struct BadPath {
  const char* text;
  std::size_t offset;
};

struct Case {
  const char* expression;
  const char* event;
  const char* expected;
};

struct BadExpression {
  const char* expression;
  const char* message;  // part of what is reported
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.expression << " over " << c.event);
    CHECK(evaluate(std::string(c.expression), c.event) == c.expected);
  }
}

Node at(Node node, std::uint32_t line, std::uint32_t column) {
  node.location = {"pipeline.yaml", line, column};
  return node;
}

std::string upper(std::string_view text) {
  std::string out;
  append_upper(out, text);
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  append_lower(out, text);
  return out;
}

}  // namespace

TEST_CASE("A path is read into its steps, however it is written") {
  const std::vector<PathCase> cases = {
      {"$.a.b[0].c", {"a", "b", "0", "c"}},
      {"a.0.b", {"a", "0", "b"}},
      {"a[0].b", {"a", "0", "b"}},
      {"$", {}},
      {"$.", {}},
      {"$['a b'].c", {"a b", "c"}},
      {"a['b c']", {"a", "b c"}},
      {"a[\"b.c\"].d", {"a", "b.c", "d"}},
      {"a['it\\'s']", {"a", "it's"}},
      {"$.['a.b']", {"a.b"}},
      {"a[0][1]", {"a", "0", "1"}},
      {"First Name", {"First Name"}},
      {"$.a.$b", {"a", "$b"}},
  };
  for (const PathCase& c : cases) {
    INFO(c.text);
    const auto parsed = parse_path(c.text);
    REQUIRE(std::holds_alternative<PathSteps>(parsed));
    CHECK(std::get<PathSteps>(parsed) == c.steps);
  }
}

TEST_CASE("A path that cannot be read is refused at the place of its fault") {
  const std::vector<BadPath> cases = {
      {"", 0},      {"a..b", 2},   {"a.", 1},    {".a", 0},  {"$..a", 2},
      {"a[b]", 1},  {"a[*].c", 1}, {"a[-1]", 1}, {"a[", 1},  {"a[0", 1},
      {"a['b]", 1}, {"a['b'", 1},  {"a[0]b", 4}, {"a[]", 1}, {"a['b'x]", 1},
  };
  for (const BadPath& c : cases) {
    INFO(c.text);
    const auto parsed = parse_path(c.text);
    REQUIRE(std::holds_alternative<PathError>(parsed));
    CHECK(std::get<PathError>(parsed).offset == c.offset);
  }
}

TEST_CASE("Plain values are themselves, and objects and lists are filled member by member") {
  check_all({
      {R"("trial_users")", "{}", R"("trial_users")"},
      {"5", "{}", "5"},
      {"true", "{}", "true"},
      {"null", "{}", "null"},
      {R"("$.a")", R"({"a":1})", "1"},
      {R"("$.a.b")", R"({"a":1})", "absent"},
      {R"("$a")", R"({"$a":1})", R"("$a")"},
      {R"({"x":"$.a","y":{"z":"$.b"},"l":3})", R"({"a":1,"b":null})",
       R"({"x":1,"y":{"z":null},"l":3})"},
      {R"({"x":"$.a","y":"$.b"})", R"({"b":2})", R"({"y":2})"},
      {R"(["$.a",1,"$.b"])", R"({"b":2})", "[null,1,2]"},
      {"{}", "{}", "{}"},
      {"[]", "{}", "[]"},
  });
}

TEST_CASE("@path finds values in objects and arrays, and walks through nothing else") {
  check_all({
      {R"({"@path":"$.a.b[0].c"})", R"({"a":{"b":[{"c":7}]}})", "7"},
      {R"({"@path":"a.b.0.c"})", R"({"a":{"b":[{"c":7}]}})", "7"},
      {R"({"@path":"$"})", R"({"a":1})", R"({"a":1})"},
      {R"({"@path":"$."})", R"({"a":1})", R"({"a":1})"},
      {R"({"@path":"a['b c']"})", R"({"a":{"b c":1}})", "1"},
      {R"({"@path":"a[\"b.c\"]"})", R"({"a":{"b":{"c":2},"b.c":1}})", "1"},
      {R"({"@path":"a.length"})", R"({"a":"xy😀"})", "4"},
      {R"({"@path":"a.length"})", R"({"a":[7,7,7]})", "3"},
      {R"({"@path":"a.length"})", R"({"a":{"length":"own"}})", R"("own")"},
      {R"({"@path":"a.length"})", R"({"a":{"b":1}})", "absent"},
      {R"({"@path":"a.length"})", R"({"a":12})", "absent"},
      {R"({"@path":"a.b.length"})", R"({"a":{"b":[1,2]},"a":{}})", "absent"},
      {R"({"@arrayPath":["$.a",{"n":"$.b.length"}]})", R"({"a":[{"b":[1,2]}]})", R"([{"n":2}])"},
      {R"({"@path":"a.b"})", R"({"a":0})", "absent"},
      {R"({"@path":"a.b"})", R"({"a":""})", "absent"},
      {R"({"@path":"a.b"})", R"({"a":false})", "absent"},
      {R"({"@path":"a[5]"})", R"({"a":[1]})", "absent"},
      {R"({"@path":"a"})", R"({"a":1,"a":2})", "2"},
  });
}

TEST_CASE("@literal gives its value untouched") {
  check_all({
      {R"({"@literal":"$.a"})", R"({"a":1})", R"("$.a")"},
      {R"({"@literal":{"@path":"$.a"}})", R"({"a":1})", R"({"@path":"$.a"})"},
      {R"({"@literal":[1,{"b":null}]})", "{}", R"([1,{"b":null}])"},
      {R"({"@literal":null})", "{}", "null"},
  });
}

TEST_CASE("A map beside a directive may hold the notes of Segment's editor") {
  check_all({{R"({"@path":"$.a","_metadata":{"label":"x"}})", R"({"a":1})", "1"}});
}

TEST_CASE("A template shows values the way JavaScript prints them") {
  check_all({
      {R"({"@template":"Hi {{ traits.name }}!"})", R"({"traits":{"name":"Ann"}})", R"("Hi Ann!")"},
      {R"({"@template":"{{{a}}}-{{a}}"})", R"({"a":1})", R"("1-1")"},
      {R"({"@template":"{{$.a}}{{ $.b }}"})", R"({"a":"x","b":"y"})", R"("xy")"},
      {R"({"@template":"[{{a}}{{b}}]"})", R"({"b":null})", R"("[]")"},
      {R"({"@template":"{{a}} {{b}} {{c}} {{d}}"})", R"({"a":0.1,"b":1e21,"c":5.0,"d":-0.0})",
       R"("0.1 1e+21 5 0")"},
      {R"({"@template":"{{a}} {{b}}"})", R"({"a":true,"b":false})", R"("true false")"},
      {R"({"@template":"{{a}}"})", R"({"a":[1,"x",null,[2,3]]})", R"("1,x,,2,3")"},
      {R"({"@template":"{{a['b c']}}{{a[\"d.e\"]}}{{l[1]}}"})",
       R"({"a":{"b c":1,"d.e":2},"l":[3,4]})", R"("124")"},
      {R"({"@template":"plain"})", "{}", R"("plain")"},
      {R"({"@template":""})", "{}", R"("")"},
  });
}

TEST_CASE("What is no complete placeholder is literal text") {
  check_all({
      {R"({"@template":"{{a"})", R"({"a":1})", R"("{{a")"},
      {R"({"@template":"{{a}"})", R"({"a":1})", R"("{{a}")"},
      {R"({"@template":"a}} {b}"})", R"({"a":1})", R"("a}} {b}")"},
      {R"({"@template":"{{}} {{a}}"})", R"({"a":1})", R"("{{}} 1")"},
      {R"({"@template":"{{{a}}"})", R"({"a":1})", R"("{1")"},
      {R"({"@template":"{{a}}}"})", R"({"a":1})", R"("1}")"},
      {R"({"@template":"{{a} {{b}}"})", R"({"a":1,"b":2})", R"("{{a} 2")"},
  });
}

TEST_CASE("Text that a template brought in is never expanded again") {
  check_all({
      {R"({"@template":"{{{a}}}"})", R"({"a":"{{b}}","b":"secret"})", R"("{{b}}")"},
      {R"({"@template":"{{{a}}}b}}"})", R"({"a":"{{","b":"secret"})", R"("{{b}}")"},
  });
}

TEST_CASE("Upper and lower case follow Unicode's full mappings") {
  CHECK(upper("straße ŉ ﬁ i ı") == "STRASSE ʼN FI I I");
  CHECK(upper("\u0390") == "\u0399\u0308\u0301");
  CHECK(upper("éàčž яψ ǆ 𐐨") == "ÉÀČŽ ЯΨ Ǆ 𐐀");
  CHECK(lower("ÉÀČŽ ЯΨ Ǆ 𐐀 ẞ") == "éàčž яψ ǆ 𐐨 ß");
  CHECK(lower("İ") == "i̇");
  CHECK(lower("K") == "k");  // the Kelvin sign
}

TEST_CASE("A sigma at the end of a word becomes the final one in lower case") {
  CHECK(lower("ΣΊΣΥΦΟΣ") == "σίσυφος");
  CHECK(lower("Σ") == "σ");
  CHECK(lower("ΑΣ.") == "ας.");
  CHECK(lower("Α.Σ") == "α.ς");  // the full stop is ignored between letters
  CHECK(lower("ΑΣ.Β") == "ασ.β");
  CHECK(lower("ΑΣ Β") == "ας β");
}

TEST_CASE("Bytes that are no UTF-8 pass through a change of case") {
  CHECK(upper("a\xFF\xC3") == "A\xFF\xC3");
  CHECK(lower("A\xE2\x82Z") == "a\xE2\x82z");
}

TEST_CASE("A mapping that cannot be compiled says why") {
  const std::vector<BadExpression> cases = {
      {R"({"@liquid":"x"})", "@liquid is not supported"},
      {R"({"@pth":"$.a"})", "did you mean \"@path\"?"},
      {R"({"@path":"$.a","@literal":1})", "found \"@literal\" beside \"@path\""},
      {R"({"@path":"$.a","b":1})", "found \"b\" beside the directive \"@path\""},
      {R"({"@path":5})", "@path takes a path such as '$.traits.email', found the number 5"},
      {R"({"@path":"$.a..b"})", "nothing between two dots"},
      {R"("$.a[x]")", "in [ ] stands an index"},
      {R"({"@template":5})", "@template takes text"},
      {R"({"@template":{"a":1}})", "@template takes text"},
      {R"({"@template":{"@literal":5}})", "@template takes text, and this directive gives none"},
      {R"({"@path":{"@literal":5}})", "@path takes a path, and this directive gives no text"},
      {R"({"@path":{"@literal":"$.a..b"}})", "nothing between two dots"},
      {R"({"@path":{"@pth":"$.a"}})", "did you mean \"@path\"?"},
      {R"({"@template":"{{ }}"})", "the path is empty"},
      {R"({"@if":{"then":1}})", "@if lacks its argument \"exists\" or \"blank\""},
      {R"({"@if":{"exists":1,"blank":2,"then":1}})", "found both"},
      {R"({"@if":{"exists":1,"esle":2}})", "@if lacks its argument \"then\""},
      {R"({"@if":{"exists":1,"then":1,"esle":2}})", "did you mean \"else\"?"},
      {R"({"@if":"$.a"})", "@if takes a map of arguments, found the string \"$.a\""},
      {R"({"@case":{"operator":"title","value":1}})", "must be lower or upper, found the string"},
      {R"({"@case":{"operator":"upper"}})", "@case lacks its argument \"value\""},
      {R"({"@replace":{"value":"$.a"}})", "@replace lacks its argument \"pattern\""},
      {R"({"@replace":{"pattern":"","value":"$.a"}})", "\"pattern\" is empty"},
      {R"({"@replace":{"pattern":5,"value":"$.a"}})",
       "\"pattern\" must be text, found the number 5"},
      {R"({"@replace":{"pattern":"a","global":1,"value":"$.a"}})", "must be true or false"},
      {R"({"@replace":{"pattern":"a","replacement2":"b","value":"$.a"}})", "\"pattern2\""},
      {R"({"@arrayPath":"$.a"})", "@arrayPath takes a list"},
      {R"({"@arrayPath":["$.a",{},{}]})", "found a list of 3"},
      {R"({"@json":{"mode":"parse","value":1}})", "must be encode or decode"},
      {R"({"@flatten":{"separator":"_"}})", "@flatten lacks its argument \"value\""},
      {R"({"@merge":{"direction":"up","objects":[]}})", "must be right or left"},
      {R"({"@merge":{"direction":"right","objects":"$.a"}})", "\"objects\" must be a list"},
      {R"({"@transform":{"apply":{"a":1}}})", "@transform lacks its argument \"mapping\""},
      {R"({"@membership":{"key":1}})", "@membership has no argument \"key\""},
      {R"({"@membership":true})", "@membership takes a map of arguments"},
  };
  for (const BadExpression& c : cases) {
    INFO(c.expression);
    CHECK_THAT(errors_of(node_from_json(std::string(c.expression))), Catch::Contains(c.message));
  }
}

TEST_CASE("A Liquid template is refused with the directive that gives the same, if there is one") {
  const std::pair<const char*, const char*> cases[] = {
      {"Hi {{ traits.name }}!", "write {'@template': 'Hi {{ traits.name }}!'}"},
      {"{{- traits.name -}}", "write {'@template': '{{ traits.name }}'}"},
      {"it's plain", "write 'it''s plain'"},
      {"{{ traits.email | downcase }}",
       "write {'@case': {operator: lower, value: '$.traits.email'}}"},
      {"{{ traits.email | replace: \"a|b\", 'c' | upcase }}",
       "write {'@case': {operator: upper, value: {'@replace': {pattern: 'a|b', replacement: 'c', "
       "value: '$.traits.email'}}}}"},
      {"{{ a | remove: ' ' }}",
       "write {'@replace': {pattern: ' ', replacement: '', value: '$.a'}}"},
      {"{{ a | replace_first: '-', '' }}",
       "write {'@replace': {pattern: '-', replacement: '', value: '$.a', global: false}}"},
      {"{{ a | default: 'x' }}", "write {'@if': {blank: '$.a', then: '$.a', else: 'x'}}"},
      {"{{ properties | json }}", "write {'@json': {mode: encode, value: '$.properties'}}"},
      {"{% if a.b %}yes {{ a.b }}{% else %}no{% endif %}",
       "write {'@if': {exists: '$.a.b', then: {'@template': 'yes {{ a.b }}'}, else: 'no'}}"},
      {"{% if a %}yes{% endif %}", "write {'@if': {exists: '$.a', then: 'yes'}}"},
      {"{{ a | date: '%Y' }}", "@liquid is not supported; found the filter date"},
      {"{{a|split:\",\"|first}}", "@liquid is not supported; found the filter split"},
      {"{{a|upcase}}", "write {'@case': {operator: upper, value: '$.a'}}"},
      {"{% if a==b %}y{% endif %}", "@liquid is not supported; found the tag if"},
      {"{{ a.tags.first }}", "the table \"Liquid templates\" of the documentation"},
      {"{{ a.tags.size }}", "the table \"Liquid templates\" of the documentation"},
      {"x {{- a -}} y", "write {'@template': 'x{{ a }}y'}"},
      {"{%- if a -%} x {%- else -%} y {%- endif -%}",
       "write {'@if': {exists: '$.a', then: 'x', else: 'y'}}"},
      {"{% for x in a %}{{ x | plus: b }}{% endfor %}",
       "@liquid is not supported; found the tag for, the filter plus"},
      {"{% if a == 'x' %}y{% endif %}", "the table \"Liquid templates\" of the documentation"},
      {"{{ a | replace: b, 'c' }}", "found the filter replace"},
      {"{{ 'x' | upcase }}", "found the filter upcase"},
      {"{{ unclosed", "the table \"Liquid templates\" of the documentation"},
  };
  for (const auto& [liquid, expected] : cases) {
    INFO(liquid);
    Node node;
    node.kind = Node::Kind::map;
    node.members.push_back({"@liquid", {}, Node::of_string(liquid)});
    const std::string errors = errors_of(node);
    CHECK_THAT(errors, Catch::Contains("@liquid is not supported") && Catch::Contains(expected));
    node.members.back().value.interpolated = true;  // may hold a secret
    CHECK_THAT(errors_of(node), Catch::Contains("write it with @template"));
  }
}

TEST_CASE("All that is wrong with a mapping is reported at once") {
  const std::string errors = errors_of(
      node_from_json(R"({"a":{"@liquid":"x"},"b":[{"@nope":1}],"c":{"@if":{"exists":"$..a"}}})"));
  CHECK_THAT(errors, Catch::Contains("@liquid") && Catch::Contains("@nope") &&
                         Catch::Contains("\"then\"") && Catch::Contains("two dots"));
}

TEST_CASE("An error names the place of the key, and inside a text the place of the fault") {
  Node unknown;
  unknown.kind = Node::Kind::map;
  unknown.members.push_back({"@pth", {"pipeline.yaml", 7, 13}, at(Node::of_string("$.a"), 7, 20)});
  CHECK_THAT(errors_of(unknown), Catch::Contains("pipeline.yaml:7:13: error:"));

  CHECK_THAT(errors_of(at(Node::of_string("$.a..b"), 3, 10)),
             Catch::Contains("pipeline.yaml:3:14: error:"));
  Node quoted = at(Node::of_string("x {{ a..b }}"), 4, 10);
  quoted.quoted = true;
  Node in_template;
  in_template.kind = Node::Kind::map;
  in_template.members.push_back({"@template", {"pipeline.yaml", 4, 2}, quoted});
  CHECK_THAT(errors_of(in_template), Catch::Contains("pipeline.yaml:4:18: error:"));
}

TEST_CASE("A mapping nested too deeply is refused") {
  std::string plain = "1";
  std::string literal = "1";
  for (std::size_t i = 0; i < kMaxNesting + 5; ++i) {
    plain = "[" + plain + "]";
    literal = R"({"a":)" + literal + "}";
  }
  CHECK_THAT(errors_of(node_from_json(plain)), Catch::Contains("nested deeper than 64"));
  CHECK_THAT(errors_of(node_from_json(R"({"@literal":)" + literal + "}")),
             Catch::Contains("nested deeper than 64"));
}

TEST_CASE("A mapping that multiplies its event without end is stopped") {
  std::string nested = R"("$.a")";
  for (int i = 0; i < 15; ++i) {
    nested = R"({"@transform":{"apply":{"a":["$.a","$.a","$.a","$.a"]},"mapping":)" + nested + "}}";
  }
  CHECK(evaluate(R"({"@json":{"mode":"encode","value":)" + nested + "}}", R"({"a":"xyz"})") ==
        "too large");
  std::string encoded = R"("$.a")";
  for (int i = 0; i < 30; ++i) encoded = R"({"@json":{"mode":"encode","value":)" + encoded + "}}";
  CHECK(evaluate(encoded, R"({"a":"\""})") == "too large");
}
