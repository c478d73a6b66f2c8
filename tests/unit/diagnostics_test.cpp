// Guards how faults in what a user wrote are collected, ordered and shown, and which word "did you
// mean" offers.
#include <catch2/catch.hpp>

#include <string>

#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock {
namespace {

TEST_CASE("Faults are shown by file and place, with the line, a caret and what to do") {
  Diagnostics diagnostics;
  diagnostics.add_source("a.yaml", "one: 1\r\n\ttwo: 2\n");
  diagnostics.error({"b.yaml", 1, 1}, "later file");
  diagnostics.warning({"a.yaml", 2, 7}, "odd", "look again");
  diagnostics.error({"a.yaml", 1, 1}, "wrong");
  CHECK(diagnostics.text() ==
        "a.yaml:1:1: error: wrong\n    one: 1\n    ^\n"
        "a.yaml:2:7: warning: odd\n    \ttwo: 2\n    \t     ^\n    look again\n"
        "b.yaml:1:1: error: later file\n");
  CHECK(diagnostics.error_count() == 2);
  CHECK(diagnostics.status().code() == StatusCode::configuration);
}

TEST_CASE("Warnings alone are no failure") {
  Diagnostics diagnostics;
  diagnostics.warning({}, "odd");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(diagnostics.status().ok());
  CHECK(diagnostics.text() == "warning: odd\n");
}

TEST_CASE(
    "The caret stands under the character, whatever bytes and control characters come before") {
  Diagnostics diagnostics;
  diagnostics.add_source("f", "\xC3\xA9\xE2\x82\xAC\x01x");
  diagnostics.error({"f", 1, 7}, "m");
  CHECK(diagnostics.text() == "f:1:7: error: m\n    \xC3\xA9\xE2\x82\xAC?x\n       ^\n");
}

TEST_CASE("Of a long line only the part round the place is shown") {
  Diagnostics diagnostics;
  diagnostics.add_source("f", std::string(500, 'x') + "X" + std::string(500, 'y'));
  diagnostics.error({"f", 1, 501}, "m");
  CHECK(diagnostics.text() == "f:1:501: error: m\n    ..." + std::string(60, 'x') + "X" +
                                  std::string(39, 'y') + "...\n    " + std::string(63, ' ') +
                                  "^\n");
}

TEST_CASE("A hidden file's lines are never shown, whenever it is hidden") {
  Diagnostics before;
  before.hide_source("f");
  before.add_source("f", "secret");
  before.error({"f", 1, 1}, "m");
  CHECK(before.text() == "f:1:1: error: m\n");
  Diagnostics after;
  after.add_source("f", "secret");
  after.error({"f", 1, 1}, "m");
  after.hide_source("f");
  CHECK(after.text() == "f:1:1: error: m\n");
}

TEST_CASE("A place beyond its file or line is shown without failing") {
  Diagnostics diagnostics;
  diagnostics.add_source("f", "ab");
  diagnostics.error({"f", 9, 9}, "m");
  diagnostics.error({"f", 1, 99}, "n");
  CHECK(diagnostics.text() == "f:1:99: error: n\n    ab\n      ^\nf:9:9: error: m\n");
}

TEST_CASE("Very many faults are cut with their number") {
  Diagnostics diagnostics;
  for (int i = 0; i < 250; ++i) diagnostics.error({}, "m");
  CHECK(diagnostics.text().ends_with("error: m\nand 50 more\n"));
}

TEST_CASE("The nearest word is the one a person most likely meant") {
  const std::vector<std::string> words = {"settings", "mappings", "plugin", "map"};
  CHECK(nearest("setings", words) == "settings");
  CHECK(nearest("Mappings", words) == "mappings");
  CHECK(nearest("plugni", words) == "plugin");
  CHECK(nearest("mab", words) == "map");
  CHECK(nearest("destination", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(100'000, 'm'), words).empty());
}

TEST_CASE("Without a near word the known ones are listed, at most twelve") {
  CHECK(suggestion("xyz", {"alpha", "beta"}) == "known here: alpha, beta");
  CHECK(suggestion("alpa", {"alpha", "beta"}) == "did you mean \"alpha\"?");
  CHECK(suggestion("x", {}).empty());
  std::vector<std::string> many(15, "word");
  CHECK(suggestion("xyz", many).ends_with("word, and 3 more"));
}

TEST_CASE("Values are described for messages, long texts cut between characters") {
  CHECK(describe(Node::of_string("a\"b\n\x01")) == "the string \"a\\\"b\\n?\"");
  CHECK(in_quotes(std::string(59, 'a') + "\xC3\xA9z") == "\"" + std::string(59, 'a') + "...\"");
  Node hidden = Node::of_string("secret");
  hidden.interpolated = true;
  CHECK(describe(hidden) == "a value that is not shown");
}

}  // namespace
}  // namespace penstock
