// Guards the YAML reader: scalar types, places, and the refusal of what a manifest must not hold.
#include <catch2/catch.hpp>

#include <string>

#include "config/yaml_reader.hpp"

namespace penstock::config {
namespace {

Node read(const std::string& text) {
  Diagnostics diagnostics;
  const std::optional<Node> node = read_yaml(text, "f.yaml", diagnostics);
  INFO(text);
  INFO(diagnostics.text());
  REQUIRE(node.has_value());
  REQUIRE_FALSE(diagnostics.has_errors());
  return *node;
}

// All faults as "line:column message", one a line.
std::string faults(const std::string& text) {
  Diagnostics diagnostics;
  (void)read_yaml(text, "f.yaml", diagnostics);
  std::string out;
  for (const Diagnostic& fault : diagnostics.entries()) {
    out += (out.empty() ? "" : "\n") + std::to_string(fault.location.line) + ":" +
           std::to_string(fault.location.column) + " " + fault.message;
  }
  return out;
}

TEST_CASE("A plain scalar has the type that YAML 1.2 gives it, strictly") {
  struct Case {
    const char* text;
    Node::Kind kind;
  };
  const Case cases[] = {{"true", Node::Kind::boolean},    {"False", Node::Kind::boolean},
                        {"null", Node::Kind::null},       {"~", Node::Kind::null},
                        {"0", Node::Kind::integer},       {"-12", Node::Kind::integer},
                        {"010", Node::Kind::string},      {"0x1F", Node::Kind::string},
                        {"+5", Node::Kind::string},       {"1_000", Node::Kind::string},
                        {"yes", Node::Kind::string},      {"no", Node::Kind::string},
                        {"on", Node::Kind::string},       {"off", Node::Kind::string},
                        {"1.5", Node::Kind::number},      {"1e3", Node::Kind::number},
                        {"1.", Node::Kind::string},       {".5", Node::Kind::string},
                        {".inf", Node::Kind::string},     {".nan", Node::Kind::string},
                        {"1e999", Node::Kind::string},    {"2024-05-01", Node::Kind::string},
                        {"12:30:45", Node::Kind::string}, {"1.0.0", Node::Kind::string}};
  for (const Case& c : cases) {
    INFO(c.text);
    const Node node = read("a: " + std::string(c.text));
    REQUIRE(node.find("a") != nullptr);
    CHECK(node.find("a")->kind == c.kind);
  }
}

TEST_CASE("Integers are exact up to 64 bits and numbers beyond") {
  CHECK(read("a: 9223372036854775807").find("a")->integer == INT64_MAX);
  CHECK(read("a: 9223372036854775808").find("a")->kind == Node::Kind::number);
  CHECK(read("a: -9223372036854775808").find("a")->integer == INT64_MIN);
}

TEST_CASE("A quoted scalar is a text whatever it looks like") {
  for (const char* text : {"a: \"5\"", "a: '5'", "a: |-\n  5"}) {
    INFO(text);
    const Node node = read(text);
    CHECK(node.find("a")->is(Node::Kind::string));
    CHECK(node.find("a")->text == "5");
    CHECK(node.find("a")->quoted);
  }
}

TEST_CASE("A text's place is its first character, inside quotes and blocks") {
  struct Case {
    const char* text;
    const char* place;
  };
  const Case cases[] = {{"a: x", "f.yaml:1:4"},
                        {"a: \"x\"", "f.yaml:1:5"},
                        {"a: 'x'", "f.yaml:1:5"},
                        {"a: |\n  x", "f.yaml:2:3"},
                        {"a: >-\n     x", "f.yaml:2:6"},
                        {"a: |2\n    x", "f.yaml:2:3"},
                        {"a: |\n\n  x", "f.yaml:2:1"},
                        {"a:\n    x", "f.yaml:2:5"},
                        {"é: x", "f.yaml:1:5"},
                        {"\xEF\xBB\xBF"
                         "a: x",
                         "f.yaml:1:4"},
                        {"# c\r\na: x\r\n", "f.yaml:2:4"}};
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(read(c.text).members.at(0).value.location.text() == c.place);
  }
}

TEST_CASE("A value that is not written has the place of its key") {
  const Node node = read("a:\nb: 1\n");
  CHECK(node.find("a")->is(Node::Kind::null));
  CHECK(node.find("a")->location.text() == "f.yaml:1:1");
}

TEST_CASE("Members keep their order and the places of their keys") {
  const Node node = read("z: 1\na: {y: 2, b: [3, 4]}\n");
  REQUIRE(node.members.size() == 2);
  CHECK(node.members[0].key == "z");
  CHECK(node.members[1].value.members[1].key == "b");
  CHECK(node.members[1].value.members[1].location.text() == "f.yaml:2:11");
  CHECK(node.members[1].value.members[1].value.items[1].integer == 4);
}

TEST_CASE("A file without content is a null at its beginning") {
  for (const char* text : {"", "# only a comment\n", "---\n", "\n\n"}) {
    INFO(text);
    CHECK(read(text).is(Node::Kind::null));
  }
}

TEST_CASE("Every fault of a file that can be read is reported with its place") {
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", "3:1 duplicate key \"a\": it is already given in line 1"},
      {"a: {b: 1, b: 2}\n", "1:11 duplicate key \"b\": it is already given in line 1"},
      {"a: &x 5\n", "1:4 anchors (&name) are not supported here"},
      {"a: !!str 5\n", "1:4 tags (!name) are not supported here"},
      {"a: !x {b: 1}\n", "1:4 tags (!name) are not supported here"},
      {"a: &x 5\nb: *x\n",
       "1:4 anchors (&name) are not supported here\n2:4 aliases (*name) are not supported here"},
      {"{[a]: 1}\n", "1:2 a key must be a text, not a list or map"},
      {"~: 1\n", "1:1 a key is missing before \":\""},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(faults(c.text) == c.expected);
  }
}

TEST_CASE("What is no YAML is reported in words that a person can act on") {
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"a: 1\n\tb: 2\n", "2:1 a tab is used for indentation"},
      {"a: \"x\nb: 1\n", "1:4 this quote is never closed"},
      {"a: 'it''s\nb: 1\n", "1:4 this quote is never closed"},
      {"a: \"x", "1:6 the file ends inside a quoted text"},
      {"a: b: c\n", "1:5 a \":\" where no key can be"},
      {"a: [1, 2\n", "2:1 a \"[\" that was opened is not closed here"},
      {"a: {b: 1\n", "2:1 a \"{\" that was opened is not closed here"},
      {"a: @x\n", "1:4 a character that no plain text may begin with"},
      {"a: 1\n---\nb: 2\n", "2:1 a second document begins here; a manifest is one document"},
      {"a: \xFF\n", "1:4 the file is not UTF-8 text from here on"},
      {"a: 1\nb: \x04\n", "2:4 a control character (byte 4)"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(faults(c.text) == c.expected);
  }
}

TEST_CASE("Ill-formed UTF-8 is found at its first byte") {
  struct Case {
    std::string text;
    std::size_t valid;
  };
  const Case cases[] = {{"ab\x80", 2},        {"a\xC0\xAF", 1},        {"\xE0\x80\x80", 0},
                        {"é\xED\xA0\x80", 2}, {"\xF4\x90\x80\x80", 0}, {"a\xE2\x82", 1}};
  for (const Case& c : cases) {
    std::size_t valid = 99;
    CHECK_FALSE(is_utf8(c.text, valid));
    CHECK(valid == c.valid);
  }
  std::size_t valid = 0;
  CHECK(is_utf8("aé€😀", valid));
  CHECK(valid == 10);
}

TEST_CASE("Deep nesting is refused before it can exhaust the stack") {
  CHECK(faults("a: " + std::string(63, '[') + std::string(63, ']')).empty());
  CHECK(faults("a: " + std::string(64, '[') + std::string(64, ']')) ==
        "1:67 nested deeper than 64 levels");
  CHECK(faults(std::string(200'000, '[')).find("nested deeper") != std::string::npos);
  std::string block;
  for (int i = 0; i < 100; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(faults(block).find("nested deeper") != std::string::npos);
}

TEST_CASE("Aliases that would multiply are never expanded") {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + before + ", *a" +
            before + "]\n";
  }
  Diagnostics diagnostics;
  const auto node = read_yaml(bomb, "f.yaml", diagnostics);
  REQUIRE(node.has_value());
  CHECK(diagnostics.error_count() == 40 + 39 * 2);
}

TEST_CASE("A file beyond the size limit is refused without being read") {
  Diagnostics diagnostics;
  CHECK_FALSE(
      read_yaml(std::string(kMaxManifestBytes + 1, ' '), "f.yaml", diagnostics).has_value());
  CHECK(diagnostics.entries().at(0).message == "the file has 16777217 bytes; the most is 16777216");
}

}  // namespace
}  // namespace penstock::config
