// Guards the values of manifests: units, URLs, strict maps, typed settings, interpolation, --set.
#include <catch2/catch.hpp>

#include <map>
#include <string>

#include "config/default_trigger.hpp"
#include "config/input_value.hpp"
#include "config/interpolation.hpp"
#include "config/overrides.hpp"
#include "config/schema.hpp"
#include "config/yaml_reader.hpp"
#include "model/units.hpp"

namespace penstock::config {
namespace {

using std::chrono::milliseconds;

Node read(const std::string& text) {
  Diagnostics diagnostics;
  const std::optional<Node> node = read_yaml(text, "f.yaml", diagnostics);
  INFO(diagnostics.text());
  REQUIRE(node.has_value());
  return *node;
}

std::string messages(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& fault : diagnostics.entries()) {
    out += (out.empty() ? "" : "\n") + fault.message;
  }
  return out;
}

TEST_CASE("A duration is a whole number with a unit") {
  CHECK(parse_duration("200ms") == milliseconds(200));
  CHECK(parse_duration("10s") == milliseconds(10'000));
  CHECK(parse_duration("1m") == milliseconds(60'000));
  CHECK(parse_duration("2h") == milliseconds(7'200'000));
  CHECK(parse_duration("1d") == milliseconds(86'400'000));
  for (const char* text :
       {"", "10", "s", "1.5s", "-1s", "+1s", "10 sec", "1S", "99999999999999d", "1s "}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("A size is a number of bytes, with a decimal or binary unit or none") {
  CHECK(parse_size("512") == 512U);
  CHECK(parse_size("512B") == 512U);
  CHECK(parse_size("1MB") == 1'000'000U);
  CHECK(parse_size("64KiB") == 65'536U);
  CHECK(parse_size("4 MiB") == 4U << 20U);
  CHECK(parse_size("10GiB") == 10ULL << 30U);
  for (const char* text :
       {"", "1kb", "MiB", "1.5MiB", "-1", "9999999999TiB", "18446744073709551616"}) {
    INFO(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("Durations and sizes are written back in their largest whole unit") {
  CHECK(format_duration(milliseconds(90'000)) == "90s");
  CHECK(format_duration(milliseconds(0)) == "0ms");
  CHECK(format_duration(milliseconds(86'400'000)) == "1d");
  CHECK(format_size(4U << 20U) == "4MiB");
  CHECK(format_size(1000) == "1000 bytes");
}

TEST_CASE("Only https, and http to this machine, may be used") {
  for (const char* text : {"https://api.example.com/rest", "https://a:8443",
                           "http://localhost:8080/x", "http://127.0.0.1:1", "http://127.8.8.8",
                           "http://[::1]:80/", "https://[2001:db8::1]/x?y=z"}) {
    INFO(text);
    CHECK(fault_of_url(text).empty());
  }
  struct Case {
    const char* text;
    const char* fault;
  };
  const Case cases[] = {
      {"", "expected a URL that begins with https://"},
      {"ftp://x", "expected a URL that begins with https://"},
      {"https://", "the URL names no host"},
      {"https://a b", "a URL holds no spaces, control or non-ASCII characters"},
      {"https://u:p@host/", "a URL must not hold a user or password"},
      {"https://host:0/", "the port must be a number from 1 to 65535"},
      {"https://host:/", "the port must be a number from 1 to 65535"},
      {"https://host/#x", "a \"#\" part has no meaning in this URL"},
      {"http://api.example.com",
       "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https"},
      {"http://127.0.0.1.evil.example",
       "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https"},
      {"http://localhost.evil.example",
       "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https"},
      {"http://127.1",
       "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https"}};
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(fault_of_url(c.text) == c.fault);
  }
}

TEST_CASE("A map reports unknown, missing and empty keys") {
  const Node node = read("nmae: x\npath:\n");
  Diagnostics diagnostics;
  MapReader map(node, "source", diagnostics);
  CHECK(map.find("name") == nullptr);
  CHECK(map.require("path", "path: x") == nullptr);
  CHECK(map.require("type", "type: file") == nullptr);
  map.finish();
  CHECK(messages(diagnostics) ==
        "source.path has no value\nsource.type is missing\nunknown key \"nmae\" in source");
  CHECK(diagnostics.entries().back().hint == "did you mean \"name\"?");
  CHECK(diagnostics.entries().back().location.text() == "f.yaml:1:1");
}

TEST_CASE("A value of the wrong type is told what was expected, found, and meant") {
  struct Case {
    const char* text;
    ValueType type;
    const char* message;
    const char* hint;
  };
  const Case cases[] = {
      {"true", ValueType::string, "x: expected a text, found the boolean true",
       "if the text is meant, put it in quotes: \"true\""},
      {"[a]", ValueType::string, "x: expected a text, found a list", ""},
      {"yes", ValueType::boolean, "x: expected true or false, found the string \"yes\"", ""},
      {"\"5\"", ValueType::integer, "x: expected a whole number, found the string \"5\"",
       "write it without quotes"},
      {"5.5", ValueType::integer, "x: expected a whole number, found the number 5.5", ""},
      {"010", ValueType::integer, "x: expected a whole number, found the string \"010\"", ""},
      {"five", ValueType::number, "x: expected a number, found the string \"five\"", ""},
      {"10", ValueType::duration,
       "x: expected a duration such as 200ms, 10s, 1m, 2h or 1d, found the number 10",
       "add the unit: 10s or 10ms"},
      {"4mb", ValueType::size,
       "x: expected a size such as 64KiB, 4MiB, 10GiB or a number of bytes, found the string "
       "\"4mb\"",
       ""},
      {"ftp://x", ValueType::url,
       "x: expected a URL that begins with https://; found the string \"ftp://x\"", ""},
      {"~", ValueType::string, "x: expected a text, found nothing (null)", ""}};
  for (const Case& c : cases) {
    InputSpec input;
    input.name = "x";
    input.type = c.type;
    Diagnostics diagnostics;
    const Node node = read("x: " + std::string(c.text));
    CHECK_FALSE(read_input_value(input, *node.find("x"), "x", diagnostics).has_value());
    CHECK(messages(diagnostics) == c.message);
    CHECK(diagnostics.entries().at(0).hint == c.hint);
    CHECK(diagnostics.entries().at(0).location.line == 1);
  }
}

TEST_CASE("A setting's value is typed as the manifest declares it") {
  const auto value = [](ValueType type, const char* text) {
    InputSpec input;
    input.type = type;
    Diagnostics diagnostics;
    const Node node = read("x: " + std::string(text));
    auto read_value = read_input_value(input, *node.find("x"), "x", diagnostics);
    INFO(diagnostics.text());
    REQUIRE(read_value.has_value());
    return *read_value;
  };
  CHECK(value(ValueType::string, "512345678").text == "512345678");
  CHECK(value(ValueType::string, "010").text == "010");
  CHECK(value(ValueType::string, "1.10").text == "1.10");
  CHECK(value(ValueType::integer, "-5").integer == -5);
  CHECK(value(ValueType::number, "1.5").number == 1.5);
  CHECK(value(ValueType::number, "2").number == 2.0);
  CHECK(value(ValueType::boolean, "false").present);
  CHECK(value(ValueType::duration, "2s").integer == 2000);
  CHECK(value(ValueType::size, "1KiB").integer == 1024);
  CHECK(value(ValueType::json, "{a: [1, x, null, true, \"q\\\"\"]}").text ==
        R"({"a":[1,"x",null,true,"q\""]})");
}

TEST_CASE("A number is compared with its choices by value") {
  InputSpec input;
  input.type = ValueType::number;
  input.choices = {{"1", "1"}, {"2.5", "2.5"}};
  Diagnostics diagnostics;
  const Node node = read("a: 1\nb: 1.0\nc: 2.50\nd: 3\n");
  for (const char* key : {"a", "b", "c"}) {
    INFO(key);
    CHECK(read_input_value(input, *node.find(key), key, diagnostics).has_value());
  }
  CHECK_FALSE(read_input_value(input, *node.find("d"), "d", diagnostics).has_value());
}

TEST_CASE("A json setting that is a plain value has the type of that value") {
  InputSpec input;
  input.type = ValueType::json;
  Diagnostics diagnostics;
  const Node node = read("s: hello\ni: 5\nf: 1.5\nb: true\nn: null\nl: [a]\nm: [x, 1.50, null]\n");
  const auto value = [&](const char* key) {
    return read_input_value(input, *node.find(key), key, diagnostics).value();
  };
  CHECK(value("s").type == ValueType::string);
  CHECK(value("s").text == "hello");
  CHECK(value("i").type == ValueType::integer);
  CHECK(value("i").integer == 5);
  CHECK(value("f").type == ValueType::number);
  CHECK(value("f").number == 1.5);
  CHECK(value("b").type == ValueType::boolean);
  CHECK(value("b").boolean);
  CHECK(value("n").type == ValueType::json);
  CHECK(value("n").text == "null");
  CHECK(value("l").type == ValueType::json);
  CHECK(value("l").text == R"(["a"])");
  input.multiple = true;
  CHECK(value("m").text == R"(["x",1.50,null])");
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("Choices, lengths, formats and patterns are checked, all of them") {
  InputSpec input;
  input.choices = {{"AUTO", "AUTO"}, {"ADD", "ADD"}};
  input.min_length = 5;
  input.pattern = "[0-9]+";
  input.format = TextFormat::email;
  Diagnostics diagnostics;
  const Node node = read("x: ADDD");
  CHECK_FALSE(read_input_value(input, *node.find("x"), "x", diagnostics).has_value());
  CHECK(messages(diagnostics) ==
        "x: expected one of AUTO, ADD, found the string \"ADDD\"\n"
        "x: expected at least 5 characters, found 4\n"
        "x: expected a text of the form [0-9]+, found the string \"ADDD\"\n"
        "x: expected an e-mail address, found the string \"ADDD\"");
  CHECK(diagnostics.entries().at(0).hint == "did you mean \"ADD\"?");
}

TEST_CASE("A setting's format is that of a field: nothing may follow a date and time") {
  InputSpec input;
  const auto accepts = [&](TextFormat format, const char* text) {
    input.format = format;
    Diagnostics diagnostics;
    return read_input_value(input, Node::of_string(text), "x", diagnostics).has_value();
  };
  CHECK(accepts(TextFormat::date_time, "2024-05-01T10:00:00Z"));
  CHECK_FALSE(accepts(TextFormat::date_time, "2024-05-01T10:00:00garbage"));
  CHECK_FALSE(accepts(TextFormat::email, "ann@example..com"));
  CHECK_FALSE(accepts(TextFormat::uri, "1http://x"));
}

TEST_CASE("A pattern is over the whole value, and length counts characters") {
  InputSpec input;
  input.pattern = "a|b+";
  input.max_length = 2;
  const auto accepts = [&](const char* text) {
    Diagnostics diagnostics;
    return read_input_value(input, Node::of_string(text), "x", diagnostics).has_value();
  };
  CHECK(accepts("a"));
  CHECK(accepts("bb"));
  CHECK_FALSE(accepts("ab"));
  CHECK_FALSE(accepts("bbb"));
  input.pattern.clear();
  CHECK(accepts("éé"));
}

TEST_CASE("A list of values is JSON text, and a single value a list of one") {
  InputSpec input;
  input.type = ValueType::integer;
  input.multiple = true;
  Diagnostics diagnostics;
  const Node node = read("a: [1, 2]\nb: 3\nc: [1, x]\n");
  CHECK(read_input_value(input, *node.find("a"), "a", diagnostics)->text == "[1,2]");
  CHECK(read_input_value(input, *node.find("b"), "b", diagnostics)->text == "[3]");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK_FALSE(read_input_value(input, *node.find("c"), "c", diagnostics).has_value());
}

TEST_CASE("A secret's value is in no message") {
  InputSpec input;
  input.secret = true;
  for (const ValueType type :
       {ValueType::string, ValueType::integer, ValueType::number, ValueType::boolean,
        ValueType::url, ValueType::duration, ValueType::size}) {
    input.type = type;
    input.choices = {{"a", "a"}};
    input.pattern = type == ValueType::string ? "z+" : "";
    for (const char* text : {"hunter2", "\"hunter2\"", "4711.5"}) {
      Diagnostics diagnostics;
      const Node node = read("x: " + std::string(text));
      CHECK_FALSE(read_input_value(input, *node.find("x"), "x", diagnostics).has_value());
      CHECK(diagnostics.text().find("hunter2") == std::string::npos);
      CHECK(diagnostics.text().find("4711") == std::string::npos);
    }
  }
}

TEST_CASE("A regular expression that would cost too much or is none is refused") {
  CHECK(fault_of_pattern("[0-9]{1,20}").empty());
  CHECK(fault_of_pattern("((a{1,999}){1,999})") ==
        "its repetitions {n,m} multiply to more than 4096");
  CHECK(fault_of_pattern("(a)\\1") == "back references are not supported");
  CHECK_FALSE(fault_of_pattern("(a").empty());
  CHECK_FALSE(fault_of_pattern(std::string(300, 'a')).empty());
}

// ---- interpolation ----

struct World {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;

  [[nodiscard]] LoadOptions options() const {
    LoadOptions options;
    options.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    options.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return Status(StatusCode::configuration, "cannot read " + path);
      return found->second;
    };
    return options;
  }
};

Node interpolated(const std::string& text, const World& world, Diagnostics& diagnostics) {
  Node node = read(text);
  interpolate(node, "/base", world.options(), diagnostics);
  return node;
}

TEST_CASE("Variables and files are put into scalars, also inside a text, and escapes are kept") {
  World world;
  world.variables = {{"A", "x"}, {"EMPTY", ""}, {"NESTED", "${env:A}"}};
  world.files = {{"/base/rel", "one\n"}, {"/abs/f", "two\r\n"}, {"/base/two", "a\n\n"}};
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {{"${env:A}", "x"},
                        {"a-${env:A}-${env:A}", "a-x-x"},
                        {"${env:B:-fall back}", "fall back"},
                        {"${env:A:-unused}", "x"},
                        {"${env:EMPTY:-unused}", ""},
                        {"${env:B:-}", ""},
                        {"$${env:A}", "${env:A}"},
                        {"a $${x} ${env:A}", "a ${x} x"},
                        {"$5 and $$", "$5 and $$"},
                        {"${env:NESTED}", "${env:A}"},
                        {"${file:rel}", "one"},
                        {"${file:/abs/f}", "two"},
                        {"${file:two}", "a\n"}};
  for (const Case& c : cases) {
    INFO(c.text);
    Diagnostics diagnostics;
    const Node node = interpolated("k: '" + std::string(c.text) + "'", world, diagnostics);
    CHECK_FALSE(diagnostics.has_errors());
    CHECK(node.find("k")->text == c.expected);
  }
}

TEST_CASE("A reference that cannot be resolved is an error at its place") {
  struct Case {
    const char* text;
    const char* message;
    const char* hint;
  };
  const Case cases[] = {
      {"ab ${env:NONE}", "the environment variable NONE is not set",
       "set it, or give a default: ${env:NONE:-default}"},
      {"ab ${env:a b}", "\"a b\" is no name of an environment variable",
       "write ${env:NAME} with letters, digits and _"},
      {"ab ${NAME}", "\"${NAME}\" is not known",
       "write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $${ stands for the characters ${ "
       "themselves"},
      {"ab ${{price}} c", "\"${\" begins a variable, and \"${{\" names none",
       "write $${{ ... }} for a dollar sign before a placeholder"},
      {"ab ${env:A", "a \"${\" without its \"}\"",
       "close it, or write $${ for the characters themselves"},
      {"ab ${file:none}", "cannot read /base/none", ""},
      {"ab ${env:BYTES}", "the environment variable BYTES holds bytes that are not UTF-8 text",
       ""}};
  World world;
  world.variables = {{"A", "x"}, {"BYTES", "\xFF"}};
  for (const Case& c : cases) {
    INFO(c.text);
    Diagnostics diagnostics;
    (void)interpolated("k: '" + std::string(c.text) + "'", world, diagnostics);
    CHECK(messages(diagnostics) == c.message);
    CHECK(diagnostics.entries().at(0).hint == c.hint);
    CHECK(diagnostics.entries().at(0).location.text() == "f.yaml:1:8");
  }
}

TEST_CASE("An interpolated scalar is typed by what is expected and never shown") {
  World world;
  world.variables = {{"N", "5"}, {"B", "true"}, {"D", "10s"}, {"BAD", "hunter2"}};
  Diagnostics diagnostics;
  const Node node =
      interpolated("n: '${env:N}'\nb: ${env:B}\nd: ${env:D}\nbad: ${env:BAD}", world, diagnostics);
  CHECK(read_integer(*node.find("n"), "n", 0, 9, diagnostics) == 5);
  CHECK(read_boolean(*node.find("b"), "b", diagnostics) == true);
  CHECK(read_duration(*node.find("d"), "d", diagnostics) == milliseconds(10'000));
  CHECK(read_text(*node.find("n"), "n", diagnostics) == "5");
  CHECK_FALSE(diagnostics.has_errors());
  (void)read_integer(*node.find("bad"), "bad", 0, 9, diagnostics);
  (void)read_url(*node.find("bad"), "bad", diagnostics);
  CHECK(diagnostics.error_count() == 2);
  CHECK(diagnostics.text().find("hunter2") == std::string::npos);
}

TEST_CASE("What a variable gives to a mapping's field is a literal, unless a path was written") {
  World world;
  world.variables = {{"V", "$.traits.email"}, {"K", "email"}};
  Diagnostics diagnostics;
  const Node node = interpolated(
      "destinations: {d: {mappings: {m: {fields: {a: '${env:V}', b: '$.traits.${env:K}', "
      "c: {'@path': '${env:V}'}, d: {'@literal': {e: '${env:V}'}}}}}}}",
      world, diagnostics);
  const Node& fields =
      *node.find("destinations")->find("d")->find("mappings")->find("m")->find("fields");
  CHECK(json_text(fields) ==
        R"({"a":{"@literal":"$.traits.email"},"b":"$.traits.email",)"
        R"("c":{"@path":"$.traits.email"},"d":{"@literal":{"e":"$.traits.email"}}})");
}

// ---- --set ----

Node overridden(const std::string& text,
                const std::vector<std::pair<std::string, std::string>>& values,
                Diagnostics& diagnostics) {
  Node node = read(text);
  apply_overrides(node, values, diagnostics);
  return node;
}

TEST_CASE("--set replaces and adds values, which are read as YAML values") {
  Diagnostics diagnostics;
  const Node node = overridden("a: {b: 1, 'x.y': 0}\nl: [1, 2]\n",
                               {{"a.b", "2"},
                                {"a.c.d", "true"},
                                {"a.x\\.y", "z"},
                                {"l.1", "[3, {k: v}]"},
                                {"t", "type = \"track\" and a.b: c"},
                                {"e", ""},
                                {"q", "'5'"}},
                               diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(json_text(node) == R"({"a":{"b":2,"x.y":"z","c":{"d":true}},"l":[1,[3,{"k":"v"}]],)"
                           R"("t":"type = \"track\" and a.b: c","e":"","q":"5"})");
  CHECK(node.find("a")->find("b")->location.text() == "--set a.b");
  CHECK(node.find("l")->items.at(1).items.at(0).location.text() == "--set l.1");
}

TEST_CASE("--set says what is wrong with a path or value") {
  struct Case {
    const char* path;
    const char* value;
    const char* message;
  };
  const Case cases[] = {{"", "1", "this is no path of keys separated by dots"},
                        {"a..b", "1", "this is no path of keys separated by dots"},
                        {"a.b.c", "1", "\"c\" cannot be set inside the number 1"},
                        {"l.7", "1", "\"7\" is no index of a list of 2 items"},
                        {"l.x", "1", "\"x\" is no index of a list of 2 items"},
                        {"a", "[1", "a \"[\" that was opened is not closed here"}};
  for (const Case& c : cases) {
    INFO(c.path);
    Diagnostics diagnostics;
    (void)overridden("a: {b: 1}\nl: [1, 2]\n", {{c.path, c.value}}, diagnostics);
    CHECK(messages(diagnostics) == c.message);
    CHECK(diagnostics.entries().at(0).location.text() == "--set " + std::string(c.path));
  }
}

// ---- default triggers ----

TEST_CASE("A default trigger's fields are filled in, quoted and escaped as needed") {
  const auto fill = [](const char* trigger, const char* literal) {
    return fill_default_trigger(trigger, [&](const std::string&) { return std::string(literal); });
  };
  CHECK(fill("a = \"{key}\"", "x") == "a = \"x\"");
  CHECK(fill("a = {key}", "x") == "a = \"x\"");
  CHECK(fill("a = '{key}'", "it's \"x\"") == "a = 'it\\'s \"x\"'");
  CHECK(fill("a = \"{key}\"", "q\"\\\n") == "a = \"q\\\"\\\\\\u000a\"");
  CHECK(fill("a = \"{key}\" or b = \"{key}\"", "{key}") == "a = \"{key}\" or b = \"{key}\"");
  CHECK(fill("a = \"\\\"{key}\"", "x") == "a = \"\\\"x\"");
  CHECK(fill("match(a, \"{Not a name} {\")", "x") == "match(a, \"{Not a name} {\")");
}

}  // namespace
}  // namespace penstock::config
