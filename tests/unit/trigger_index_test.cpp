// Guards the equality index and the set of triggers.
#include <algorithm>
#include <random>

#include "trigger_fixture.hpp"

namespace penstock::trigger {
namespace {

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
