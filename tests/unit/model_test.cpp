// Guards the model: status, arena, JSON values and their text, parsing of events, and the path
// table.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "model/arena.hpp"
#include "model/event.hpp"
#include "model/status.hpp"
#include "model/value.hpp"

namespace penstock {
namespace {

// A line with the padding behind it that EventParser asks for.
class Line {
 public:
  explicit Line(std::string_view text) : bytes_(text), size_(text.size()) {
    bytes_.append(kEventPadding, '!');
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::string bytes_;
  std::size_t size_;
};

// Parses one event and keeps it alive.
class Parsed {
 public:
  explicit Parsed(std::string_view text) : line_(text), result_(parser_.parse(line_.view())) {
    INFO(result_.status().message());
    REQUIRE(result_.ok());
  }
  [[nodiscard]] const Value& root() const { return result_.value(); }

 private:
  EventParser parser_;
  Line line_;
  Result<Value> result_;
};

Status parse_failure(std::string_view text) {
  EventParser parser;
  const Line line(text);
  return parser.parse(line.view()).status();
}

std::string json_of(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string javascript_text_of(const Value& value) {
  std::string out;
  append_javascript_text(out, value);
  return out;
}

std::string nested(std::size_t depth) {
  std::string text = "{\"a\":";
  text.append(depth - 1, '[');
  text.append(depth - 1, ']');
  return text + "}";
}

// ---- Status ----

TEST_CASE("a status keeps its code and message when it is copied and given a context") {
  const Status inner(StatusCode::io, "write failed");
  const Status copy = inner;
  CHECK(copy.code() == StatusCode::io);
  CHECK(copy.with_context("queue").message() == "queue: write failed");
  CHECK(Status().ok());
  CHECK(Status().message().empty());
  CHECK(Status().with_context("queue").ok());
}

TEST_CASE("every status code has the exit code of sysexits.h") {
  CHECK(exit_code(StatusCode::ok) == 0);
  CHECK(exit_code(StatusCode::failed) == 1);
  CHECK(exit_code(StatusCode::usage) == 64);
  CHECK(exit_code(StatusCode::bad_input) == 65);
  CHECK(exit_code(StatusCode::unavailable) == 69);
  CHECK(exit_code(StatusCode::internal) == 70);
  CHECK(exit_code(StatusCode::io) == 74);
  CHECK(exit_code(StatusCode::pending) == 75);
  CHECK(exit_code(StatusCode::authorization) == 77);
  CHECK(exit_code(StatusCode::configuration) == 78);
}

// ---- Arena ----

TEST_CASE("an arena hands out aligned memory that does not overlap") {
  Arena arena;
  std::vector<std::pair<char*, std::size_t>> handed_out;
  for (std::size_t i = 1; i < 3000; i = i * 5 / 4 + 1) {
    char* const bytes = static_cast<char*>(arena.allocate(i, 1));
    std::memset(bytes, static_cast<int>(i % 251), i);
    handed_out.emplace_back(bytes, i);
    auto* const number = arena.allocate_array<double>(3);
    CHECK(reinterpret_cast<std::uintptr_t>(number) % alignof(double) == 0);
    number[0] = number[1] = number[2] = -1;
  }
  for (const auto& [bytes, size] : handed_out) {
    CHECK(std::string(bytes, size) == std::string(size, static_cast<char>(size % 251)));
  }
}

TEST_CASE("an arena serves requests larger than a block, and requests for nothing") {
  Arena arena;
  CHECK(arena.allocate(0, 1) != nullptr);
  const std::string large(3 * Arena::kBlockBytes, 'x');
  const std::string_view copy = arena.copy(large);
  const std::string_view small = arena.copy("small");
  CHECK(copy == large);
  CHECK(small == "small");
  CHECK(arena.copy("").empty());
}

TEST_CASE("an arena reuses its memory after a reset") {
  Arena arena;
  const void* const first = arena.allocate(100, 8);
  arena.reset();
  CHECK(arena.allocate(100, 8) == first);
}

TEST_CASE("an arena keeps working when larger and smaller events alternate") {
  Arena arena;
  for (std::size_t size : {10U, 400'000U, 10U, 20'000U, 17'000U, 10U, 300'000U}) {
    const std::string text(size, 'y');
    const std::string_view first = arena.copy(text);
    const std::string_view second = arena.copy(text);
    CHECK(first == text);
    CHECK(second == text);
    arena.reset();
  }
}

// ---- Value ----

TEST_CASE("an absent value is not null, and both are missing") {
  CHECK(Value().is(Value::Kind::absent));
  CHECK(Value().missing());
  CHECK(Value::null().is(Value::Kind::null));
  CHECK(Value::null().missing());
  CHECK_FALSE(Value::of(false).missing());
}

TEST_CASE("an unsigned integer is i64 wherever it fits") {
  CHECK(Value::of(std::uint64_t{5}).is(Value::Kind::i64));
  CHECK(Value::of(std::uint64_t{INT64_MAX}).is(Value::Kind::i64));
  CHECK(Value::of(std::uint64_t{INT64_MAX} + 1).is(Value::Kind::u64));
}

TEST_CASE("a parsed event has the kinds and values of its JSON") {
  const Parsed event(R"({"n":null,"t":true,"i":-7,"u":18446744073709551615,"f":0.5,)"
                     R"("s":"a\u0000\n\u00e9","l":[1,"x",[2]],"m":{"k":1}})");
  const Value root = event.root();
  CHECK(root.is(Value::Kind::map));
  CHECK(root.size() == 8);
  CHECK(root.member("n").is(Value::Kind::null));
  CHECK(root.member("t").boolean());
  CHECK(root.member("i").i64() == -7);
  CHECK(root.member("u").u64() == UINT64_MAX);
  CHECK(root.member("f").f64() == 0.5);
  CHECK(root.member("s").string() == std::string_view("a\0\n\xC3\xA9", 5));
  CHECK(root.member("l").size() == 3);
  CHECK(root.member("l").item(1).string() == "x");
  CHECK(root.member("l").item(3).is(Value::Kind::absent));
  CHECK(root.member("m").member("k").as_double() == 1);
  CHECK(root.member("none").is(Value::Kind::absent));
  CHECK(root.member("s").member("k").is(Value::Kind::absent));
  CHECK(root.member("s").item(0).is(Value::Kind::absent));
  CHECK(root.member("s").size() == 0);
}

TEST_CASE("a step of a path walks maps by key and lists by index, and knows lengths") {
  const Parsed event(R"({"l":["a","b"],"m":{"0":"zero","01":"key"},"s":"text"})");
  CHECK(event.root().step("l").step("1").string() == "b");
  CHECK(event.root().step("l").step("2").is(Value::Kind::absent));
  CHECK(event.root().step("m").step("0").string() == "zero");
  CHECK(event.root().step("m").step("01").string() == "key");
  for (const char* const step :
       {"01", "+1", "-1", "1.0", " 1", "", "4294967297", "18446744073709551617"}) {
    INFO(step);
    CHECK(event.root().step("l").step(step).is(Value::Kind::absent));
  }
  CHECK(event.root().step("s").step("0").is(Value::Kind::absent));
  CHECK(event.root().step("l").step("length").as_double() == 2);
  CHECK(event.root().step("s").step("length").as_double() == 4);
  CHECK(event.root().step("m").step("length").is(Value::Kind::absent));
}

TEST_CASE("of duplicate keys the last value wins, where the key stood first") {
  const Parsed event(R"({"a":1,"b":2,"a":{"x":1},"c":3,"a":{"y":2}})");
  CHECK(event.root().member("a").member("x").is(Value::Kind::absent));
  CHECK(event.root().member("a").member("y").i64() == 2);
  CHECK(event.root().size() == 3);
  CHECK(json_of(event.root()) == R"({"a":{"y":2},"b":2,"c":3})");
}

TEST_CASE("duplicate keys are found in maps of every size") {
  for (const int count : {2, 3, 20, 63, 64, 65, 500}) {
    for (const int copied : {0, count / 2, count - 1}) {
      std::string text = "{";
      for (int i = 0; i < count; ++i)
        text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
      const Parsed distinct(text + "\"z\":0}");
      CHECK(distinct.root().size() == static_cast<std::size_t>(count) + 1);
      const Parsed repeated(text + "\"key" + std::to_string(copied) + "\":-1}");
      CHECK(repeated.root().size() == static_cast<std::size_t>(count));
      CHECK(repeated.root().member("key" + std::to_string(copied)).i64() == -1);
    }
  }
}

TEST_CASE("built lists and maps read like parsed ones") {
  const Value items[] = {Value::of(std::int64_t{1}), Value::of(std::string_view("x"))};
  const Member members[] = {{"list", Value::list(items, 2)}, {"no", Value::null()}};
  const Value map = Value::map(members, 2);
  CHECK(map.size() == 2);
  CHECK(map.step("list").step("1").string() == "x");
  CHECK(map.member("none").is(Value::Kind::absent));
  CHECK(json_of(map) == R"({"list":[1,"x"],"no":null})");
}

// ---- text ----

TEST_CASE("numbers print as JavaScript prints them") {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::pair<double, const char*> table[] = {
      {0, "0"},
      {-0.0, "0"},
      {5, "5"},
      {-5, "-5"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {-1.5, "-1.5"},
      {100.25, "100.25"},
      {123456789.125, "123456789.125"},
      {9007199254740991, "9007199254740991"},
      {9007199254740992, "9007199254740992"},
      {-9007199254740994, "-9007199254740994"},
      {9223372036854775807.0, "9223372036854776000"},
      {18446744073709551615.0, "18446744073709552000"},
      {1e20, "100000000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e21, "1e+21"},
      {1.5e21, "1.5e+21"},
      {-1e21, "-1e+21"},
      {1.2e25, "1.2e+25"},
      {1e100, "1e+100"},
      {1e-6, "0.000001"},
      {1.5e-6, "0.0000015"},
      {1e-7, "1e-7"},
      {1.23e-7, "1.23e-7"},
      {-1e-7, "-1e-7"},
      {0.001, "0.001"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {4.35, "4.35"},
      {0.000123, "0.000123"},
      {1e23, "1e+23"},
      {9.5e-3, "0.0095"},
      {std::nan(""), "NaN"},
      {infinity, "Infinity"},
      {-infinity, "-Infinity"},
  };
  for (const auto& [number, expected] : table) {
    std::string text;
    append_javascript_number(text, number);
    CHECK(text == expected);
  }
}

TEST_CASE("JSON text escapes strings and reads back as the same value") {
  const std::string source = R"({"a\"\\\b\f\n\r\t\u0001\u001f/\u007f\u00e9":)"
                             R"(["\u2028",1.5,-3,true,false,null,{},[],18446744073709551615]})";
  const Parsed event(source);
  const std::string text = json_of(event.root());
  CHECK(text ==
        "{\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/"
        "\x7F\xC3\xA9\":[\"\xE2\x80\xA8\",1.5,-3,true,false,null,{},"
        "[],18446744073709551615]}");
  CHECK(json_of(Parsed(text).root()) == text);
}

TEST_CASE("a number that JSON cannot write becomes null in JSON text") {
  CHECK(json_of(Value::of(std::nan(""))) == "null");
  CHECK(json_of(Value::of(-std::numeric_limits<double>::infinity())) == "null");
  CHECK(json_of(Value()) == "null");
}

TEST_CASE("values become text the way JavaScript makes it, maps as JSON") {
  const Parsed event(R"({"s":"x","i":9007199254740993,"f":1e21,"b":false,"n":null,)"
                     R"("l":[1,null,["a",true]],"m":{"k":[1]}})");
  const Value root = event.root();
  CHECK(javascript_text_of(root.member("s")) == "x");
  CHECK(javascript_text_of(root.member("i")) == "9007199254740992");
  CHECK(javascript_text_of(root.member("f")) == "1e+21");
  CHECK(javascript_text_of(root.member("b")) == "false");
  CHECK(javascript_text_of(root.member("n")).empty());
  CHECK(javascript_text_of(root.member("none")).empty());
  CHECK(javascript_text_of(root.member("l")) == "1,,a,true");
  CHECK(javascript_text_of(root.member("m")) == R"({"k":[1]})");
}

// ---- EventParser ----

TEST_CASE("NULs and byte order marks before a line are no part of it") {
  using namespace std::string_view_literals;
  CHECK(event_text("\xEF\xBB\xBF{}") == "{}");
  CHECK(event_text("\0\0\xEF\xBB\xBF\0{\"a\":\"\0\"}"sv) == "{\"a\":\"\0\"}"sv);
  CHECK(event_text("\0\0"sv).empty());
  CHECK(event_text("\xEF\xBB") == "\xEF\xBB");
  EventParser parser;
  std::string line("\0\xEF\xBB\xBF{\"a\":1}"sv);
  line.reserve(line.size() + kEventPadding);
  CHECK(parser.parse(line).ok());
}

TEST_CASE("a line that is no event is refused with a reason that does not quote it") {
  const std::pair<std::string, std::string> table[] = {
      {"", "empty"},
      {"   ", "empty"},
      {"secret", "not valid JSON"},
      {"[\"secret\"]", "no object"},
      {"\"secret\"", "no object"},
      {"5", "no object"},
      {"{\"secret\":1", "not valid JSON"},
      {"{\"secret\":1} {}", "not valid JSON"},
      {"{\"secret\":1,}", "not valid JSON"},
      {"{\"secret\":\"x}", "not closed"},
      {"{\"secret\":tru}", "true, false and null"},
      {"{\"secret\":01}", "number"},
      {"{\"secret\":1.}", "number"},
      {"{\"secret\":\"\\x\"}", "escape"},
      {"{\"secret\":\"\\ud800\"}", "half a surrogate pair"},
      {"{\"secret\":\"\x01\"}", "control character"},
      {"{\"secret\":\"\xC3\"}", "UTF-8"},
      {"{\"secret\":\"\xED\xA0\x80\"}", "UTF-8"},
      {"{\"secret\":1}\xEF\xBB\xBF", "not valid JSON"},
  };
  for (const auto& [line, reason] : table) {
    INFO(line);
    const Status status = parse_failure(line);
    CHECK(status.code() == StatusCode::bad_input);
    CHECK_THAT(status.message(), Catch::Contains(reason));
    CHECK_THAT(status.message(), !Catch::Contains("secret"));
  }
}

TEST_CASE("an event may be nested 256 levels deep and no deeper") {
  CHECK(json_of(Parsed(nested(EventParser::kMaxDepth)).root()) == nested(EventParser::kMaxDepth));
  const Status status = parse_failure(nested(EventParser::kMaxDepth + 1));
  CHECK(status.code() == StatusCode::bad_input);
  CHECK_THAT(status.message(), Catch::Contains("256 levels"));
  CHECK(parse_failure(std::string(kMaxEventBytes, '[')).code() == StatusCode::bad_input);
}

TEST_CASE("an event may have 1 MiB and no more") {
  std::string line = "{\"a\":\"";
  line.append(kMaxEventBytes - line.size() - 2, 'x');
  line += "\"}";
  CHECK(Parsed(line).root().member("a").string().size() == kMaxEventBytes - 8);
  const Status status = parse_failure(line + " ");
  CHECK(status.code() == StatusCode::bad_input);
  CHECK_THAT(status.message(), Catch::Contains("1048577 bytes"));
}

TEST_CASE("a parser reads small events after large ones") {
  EventParser parser;
  for (const std::size_t size : {10U, 900'000U, 100U, 200'000U, 40'000U, 1U}) {
    const Line line("{\"a\":\"" + std::string(size, 'x') + "\",\"n\":100000000000000000000}");
    const auto parsed = parser.parse(line.view());
    REQUIRE(parsed.ok());
    CHECK(parsed->member("a").string().size() == size);
    CHECK(parsed->member("n").as_double() == 1e20);
  }
}

TEST_CASE("numbers that 64 bits or a double cannot hold do not lose the event") {
  const double largest = std::numeric_limits<double>::max();
  const std::pair<const char*, double> table[] = {
      {"18446744073709551616", 18446744073709551616.0},
      {"-9223372036854775809", -9223372036854775808.0},
      {"12000000000000000000000000", 1.2e25},
      {"100000000000000000000000.0", 1e23},
      {"1e400", largest},
      {"-1e400", -largest},
      {"1E+99999999999999999999", largest},
      {"-1.5e309", -largest},
      {"0.0001e400", largest},
      {"1e-400", 0},
      {"1e-99999999999999999999", 0},
      {"0e999", 0},
  };
  for (const auto& [text, expected] : table) {
    INFO(text);
    const Parsed event("{\"n\":" + std::string(text) +
                       ",\"s\":\"18446744073709551616 \\\" 1e400\",\"tiny\":1e-400}");
    CHECK(event.root().member("n").as_double() == expected);
    CHECK(event.root().member("s").string() == "18446744073709551616 \" 1e400");
    CHECK(event.root().member("tiny").as_double() == 0);
  }
  const Parsed digits("{\"n\":" + std::string(1000, '9') + ",\"m\":[1,22222222222222222222]}");
  CHECK(digits.root().member("n").as_double() == largest);
  CHECK(digits.root().member("m").item(0).is(Value::Kind::i64));
}

TEST_CASE("a malformed number stays refused beside one that is too large") {
  for (const char* const bad :
       {"018446744073709551616", "-", "1e", "1-2", "--100000000000000000000",
        "100000000000000000000.", "100000000000000000000e+"}) {
    INFO(bad);
    CHECK(parse_failure("{\"n\":100000000000000000000,\"b\":" + std::string(bad) + "}").code() ==
          StatusCode::bad_input);
  }
}

// ---- PathTable ----

TEST_CASE("the same path has the same slot") {
  PathTable table;
  const PathSlot slot = table.intern({"properties", "key"});
  CHECK(table.intern({"properties"}) != slot);
  CHECK(table.intern({"properties", "key"}) == slot);
  CHECK(table.size() == 2);
}

TEST_CASE("a path table extracts maps, list items and the whole event") {
  PathTable table;
  const PathSlot whole = table.intern({});
  const PathSlot sku = table.intern({"products", "1", "sku"});
  const PathSlot first = table.intern({"products", "0"});
  const PathSlot keyed = table.intern({"map", "1"});
  const PathSlot none = table.intern({"text", "0"});
  const Parsed event(
      R"({"products":[{"sku":"a"},{"sku":"b"},{"sku":"c"}],"map":{"1":true},"text":"x"})");
  Slots slots;
  table.extract(event.root(), slots);
  CHECK(slots[whole].size() == 3);
  CHECK(slots[sku].string() == "b");
  CHECK(json_of(slots[first]) == R"({"sku":"a"})");
  CHECK(slots[keyed].boolean());
  CHECK(slots[none].is(Value::Kind::absent));
}

TEST_CASE("nothing of an event is left when the next one is extracted") {
  PathTable table;
  const PathSlot a = table.intern({"a"});
  const PathSlot b = table.intern({"a", "b"});
  Slots slots;
  const Parsed first(R"({"a":{"b":1}})");
  table.extract(first.root(), slots);
  CHECK(slots[b].i64() == 1);
  const Parsed second(R"({"a":5})");
  table.extract(second.root(), slots);
  CHECK(slots[a].i64() == 5);
  CHECK(slots[b].is(Value::Kind::absent));
}

TEST_CASE("a later duplicate key clears all that an earlier one set below it") {
  PathTable table;
  const PathSlot x = table.intern({"a", "m", "x"});
  const PathSlot y = table.intern({"a", "m", "y"});
  const PathSlot z = table.intern({"a", "z"});
  Slots slots;
  const Parsed event(
      R"({"a":{"m":{"x":1,"y":1},"m":{"x":2},"z":1},"a":{"m":{"y":3,"x":3},"m":{"y":4}},"b":0})");
  table.extract(event.root(), slots);
  CHECK(slots[x].is(Value::Kind::absent));
  CHECK(slots[y].i64() == 4);
  CHECK(slots[z].is(Value::Kind::absent));
  const Parsed scalar(R"({"a":{"z":1},"a":null})");
  table.extract(scalar.root(), slots);
  CHECK(slots[z].is(Value::Kind::absent));
}

TEST_CASE("a path table finds every path among thousands, and agrees with walking step by step") {
  PathTable table;
  std::vector<std::pair<std::vector<std::string>, PathSlot>> paths;
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) {
    const std::string key = std::string(static_cast<std::size_t>(i % 90), 'k') + std::to_string(i);
    paths.push_back({{key}, table.intern({key})});
    paths.push_back({{key, "in"}, table.intern({key, "in"})});
    if (i % 3 != 0) text += "\"" + key + "\":{\"in\":" + std::to_string(i) + ",\"out\":0},";
  }
  const Parsed event(text + "\"\":0}");
  Slots slots;
  table.extract(event.root(), slots);
  for (const auto& [steps, slot] : paths) {
    Value expected = event.root();
    for (const std::string& step : steps) expected = expected.step(step);
    REQUIRE(json_of(slots[slot]) == json_of(expected));
    REQUIRE(slots[slot].kind() == expected.kind());
  }
}

TEST_CASE("a path table without paths extracts nothing") {
  const PathTable table;
  Slots slots;
  table.extract(Parsed(R"({"a":1})").root(), slots);
  CHECK(slots.touched().empty());
}

TEST_CASE("slots touched names every slot that an event set") {
  PathTable table;
  const PathSlot a = table.intern({"a"});
  table.intern({"b"});
  Slots slots;
  const Parsed event(R"({"a":1,"c":2})");
  table.extract(event.root(), slots);
  CHECK(slots.touched() == std::vector<PathSlot>{a});
}

}  // namespace
}  // namespace penstock
