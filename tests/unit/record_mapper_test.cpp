// Guards the way from expressions to a record: defaults, coercion, validation, and what the faults
// of a record say.
#include <catch2/catch.hpp>

#include "mapping/record_mapper.hpp"
#include "mapping_fixture.hpp"

using namespace penstock;
using namespace penstock::mapping;

namespace {

InputSpec field(const std::string& name, ValueType type = ValueType::string) {
  InputSpec spec;
  spec.name = name;
  spec.label = "Label of " + name;
  spec.type = type;
  return spec;
}

ActionSpec action_of(std::vector<InputSpec> fields) {
  ActionSpec action;
  action.name = "sync";
  action.fields = std::move(fields);
  return action;
}

struct Outcome {
  std::string json;    // the fields
  std::string faults;  // "" when the record is valid
};

// Maps one event. `written` is the map of fields.
Outcome map_event(const ActionSpec& action, const Node& written, const std::string& event) {
  PathTable paths;
  Diagnostics diagnostics;
  const auto mapper =
      RecordMapper::compile(action, written.members, Location{"p.yaml", 9, 5}, paths, diagnostics);
  INFO(diagnostics.text());
  REQUIRE(mapper != nullptr);
  const TestEvent parsed(event, paths);
  Arena arena;
  Faults faults;
  std::vector<penstock_value> values(action.fields.size());
  const bool valid = mapper->resolve(parsed.view(), arena, values.data(), faults);
  CHECK(valid == faults.empty());
  Outcome outcome{"", faults.text()};
  append_fields_json(outcome.json, action, values.data());
  return outcome;
}

Outcome map_event(const ActionSpec& action, const std::string& fields, const std::string& event) {
  return map_event(action, node_from_json(fields), event);
}

std::string load_errors(const ActionSpec& action, const Node& fields) {
  PathTable paths;
  Diagnostics diagnostics;
  const auto mapper =
      RecordMapper::compile(action, fields.members, Location{"p.yaml", 9, 5}, paths, diagnostics);
  CHECK((mapper == nullptr) == diagnostics.has_errors());
  return diagnostics.has_errors() ? diagnostics.text() : "";
}

std::string load_errors(const ActionSpec& action, const std::string& fields) {
  return load_errors(action, node_from_json(fields));
}

struct Coercion {
  ValueType type;
  const char* value;     // in the event
  const char* expected;  // the field as JSON; "" absent, "invalid" a fault
};

}  // namespace

TEST_CASE("A value is coerced to its field's type or makes the record invalid") {
  const std::vector<Coercion> cases = {
      {ValueType::string, R"("x")", R"("x")"},
      {ValueType::string, "5", R"("5")"},
      {ValueType::string, "0.1", R"("0.1")"},
      {ValueType::string, "1e21", R"("1e+21")"},
      {ValueType::string, "18446744073709551615", R"("18446744073709552000")"},
      {ValueType::string, "true", R"("true")"},
      {ValueType::string, "false", R"("false")"},
      {ValueType::string, R"(["x"])", R"("x")"},
      {ValueType::string, R"([5])", R"("5")"},
      {ValueType::string, R"([""])", ""},
      {ValueType::string, R"([null])", ""},
      {ValueType::string, R"([["x"]])", "invalid"},
      {ValueType::string, R"(["x","y"])", "invalid"},
      {ValueType::string, "[]", "invalid"},
      {ValueType::string, R"({"a":1})", "invalid"},
      {ValueType::string, "null", ""},
      {ValueType::string, R"("")", ""},
      {ValueType::string, R"(" ")", R"(" ")"},
      {ValueType::integer, "5", "5"},
      {ValueType::integer, "5.0", "5"},
      {ValueType::integer, "-0.0", "0"},
      {ValueType::integer, "5.5", "invalid"},
      {ValueType::integer, "1e300", "invalid"},
      {ValueType::integer, "18446744073709551615", "18446744073709551615"},
      {ValueType::integer, "-9223372036854775808", "-9223372036854775808"},
      {ValueType::integer, "9223372036854775808.0", "9223372036854775808"},
      {ValueType::integer, R"("42")", "42"},
      {ValueType::integer, R"(" +42 ")", "42"},
      {ValueType::integer, R"("4.2e1")", "42"},
      {ValueType::integer, R"("4.25")", "invalid"},
      {ValueType::integer, R"("0x10")", "invalid"},
      {ValueType::integer, R"("-0")", "0"},
      {ValueType::integer, "true", "invalid"},
      {ValueType::integer, R"([7])", "7"},
      {ValueType::number, "5", "5"},
      {ValueType::number, "5.5", "5.5"},
      {ValueType::number, R"("5.5")", "5.5"},
      {ValueType::number, R"(".5")", "0.5"},
      {ValueType::number, R"("5.")", "5"},
      {ValueType::number, R"("1e400")", "invalid"},
      {ValueType::number, R"("Infinity")", "invalid"},
      {ValueType::number, R"("nan")", "invalid"},
      {ValueType::number, R"("+-5")", "invalid"},
      {ValueType::number, R"("-")", "invalid"},
      {ValueType::number, R"("5 apples")", "invalid"},
      {ValueType::number, R"(" ")", "invalid"},
      {ValueType::boolean, "true", "true"},
      {ValueType::boolean, "false", "false"},
      {ValueType::boolean, R"("true")", "true"},
      {ValueType::boolean, R"("false")", "false"},
      {ValueType::boolean, "0", "false"},
      {ValueType::boolean, "1", "true"},
      {ValueType::boolean, "1.0", "true"},
      {ValueType::boolean, "2", "invalid"},
      {ValueType::boolean, R"("yes")", "invalid"},
      {ValueType::boolean, R"("TRUE")", "invalid"},
      {ValueType::duration, R"("10s")", "10000"},
      {ValueType::duration, R"("10")", "invalid"},
      {ValueType::duration, R"("-1s")", "invalid"},
      {ValueType::duration, R"("99999999999999999999s")", "invalid"},
      {ValueType::size, R"("4MiB")", "4194304"},
      {ValueType::size, R"("1 MB")", "1000000"},
      {ValueType::size, "512", "512"},
      {ValueType::size, R"("9999999999999TiB")", "invalid"},
      {ValueType::url, R"("https://example.com/a?b=c#d")", R"("https://example.com/a?b=c#d")"},
      {ValueType::url, R"("example.com")", "invalid"},
      {ValueType::json, R"({"a":[1,"x"]})", R"({"a":[1,"x"]})"},
      {ValueType::json, "[5]", "[5]"},
      {ValueType::json, R"("x")", R"("x")"},
      {ValueType::json, "5", "5"},
      {ValueType::json, "false", "false"},
      {ValueType::json, "null", ""},
  };
  for (const Coercion& c : cases) {
    INFO(name_of(c.type) << " from " << c.value);
    const ActionSpec action = action_of({field("f", c.type)});
    const Outcome outcome =
        map_event(action, R"({"f":"$.v"})", R"({"v":)" + std::string(c.value) + "}");
    if (std::string(c.expected) == "invalid") {
      CHECK_FALSE(outcome.faults.empty());
    } else {
      CHECK(outcome.faults.empty());
      CHECK(outcome.json ==
            (*c.expected == '\0' ? "{}" : R"({"f":)" + std::string(c.expected) + "}"));
    }
  }
}

TEST_CASE("A field of many values takes a list, and wraps a single value into one") {
  InputSpec spec = field("f", ValueType::integer);
  spec.multiple = true;
  const ActionSpec action = action_of({spec});
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":[1,"2"]})").json == R"({"f":[1,2]})");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":3})").json == R"({"f":[3]})");
  CHECK(map_event(action, R"({"f":["$.v","$.w"]})", R"({"w":3})").json == R"({"f":[3]})");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":[]})").json == "{}");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":[1,"x","y"]})").faults ==
        "Label of f: expected an integer of 64 bits, found the string \"x\"; "
        "Label of f: expected an integer of 64 bits, found the string \"y\"");
}

TEST_CASE("A field that was not mapped takes the manifest's default, and null switches it off") {
  InputSpec spec = field("email");
  spec.default_value = node_from_json(
      R"({"@if":{"exists":"$.context.traits.email","then":"$.context.traits.email","else":"$.traits.email"}})");
  const ActionSpec action = action_of({spec});
  CHECK(map_event(action, "{}", R"({"traits":{"email":"a"}})").json == R"({"email":"a"})");
  CHECK(map_event(action, "{}", R"({"traits":{"email":"a"},"context":{"traits":{"email":"b"}}})")
            .json == R"({"email":"b"})");
  CHECK(map_event(action, R"({"email":"$.mail"})", R"({"traits":{"email":"a"},"mail":"c"})").json ==
        R"({"email":"c"})");
  CHECK(map_event(action, R"({"email":null})", R"({"traits":{"email":"a"}})").json == "{}");
}

TEST_CASE("A required field that stays empty makes the record invalid") {
  InputSpec spec = field("f");
  spec.required = true;
  const ActionSpec action = action_of({spec});
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":"x"})").faults.empty());
  CHECK(map_event(action, R"({"f":"$.v"})", "{}").faults ==
        "Label of f: expected a value, found nothing");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":null})").faults ==
        "Label of f: expected a value, found null");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":""})").faults ==
        "Label of f: expected a value, found an empty string");
}

TEST_CASE("Null is a value only where the field says so") {
  InputSpec spec = field("f");
  spec.required = true;
  spec.allow_null = true;
  const Outcome outcome = map_event(action_of({spec}), R"({"f":"$.v"})", R"({"v":null})");
  CHECK(outcome.faults.empty());
  CHECK(outcome.json == R"({"f":null})");
}

TEST_CASE("A field required by the value of another is checked after coercion") {
  InputSpec conditional = field("reason");
  conditional.required_if = {{"level", {"3", "4"}}};
  const ActionSpec action = action_of({conditional, field("level", ValueType::integer)});
  const char* fields = R"({"reason":"$.r","level":"$.l"})";
  CHECK(map_event(action, fields, R"({"l":"3"})").faults ==
        "Label of reason: expected a value, because level is 3, found nothing");
  CHECK_FALSE(map_event(action, fields, R"({"l":4.0})").faults.empty());
  CHECK(map_event(action, fields, R"({"l":"3","r":"x"})").faults.empty());
  CHECK(map_event(action, fields, R"({"l":2})").faults.empty());
  CHECK(map_event(action, fields, "{}").faults.empty());
}

TEST_CASE("A field that the same value of every event requires must be mapped") {
  InputSpec conditional = field("key");
  conditional.label = "Key";
  conditional.required_if = {{"source", {"ENGAGE"}}};
  InputSpec source = field("source");
  source.default_value = Node::of_string("ENGAGE");
  const ActionSpec action = action_of({conditional, source});
  const auto errors = [&](const char* fields) {
    PathTable paths;
    Diagnostics diagnostics;
    const Node written = node_from_json(fields);
    const auto mapper = RecordMapper::compile(action, written.members, {}, paths, diagnostics);
    CHECK((mapper == nullptr) == diagnostics.has_errors());
    return diagnostics.text();
  };
  CHECK(errors("{}").find("is required, because source is ENGAGE") != std::string::npos);
  CHECK(errors(R"({"key":""})").find("is required") != std::string::npos);
  CHECK(errors(R"({"key":"k"})").empty());
  CHECK(errors(R"({"key":"$.k"})").empty());
  CHECK(errors(R"({"source":"CONNECTIONS"})").empty());
  CHECK(errors(R"({"source":"$.s"})").empty());
}

TEST_CASE("A wrong choice gets the hint that the field has for it") {
  InputSpec spec = field("source");
  spec.choices = {{"ENGAGE", ""}, {"CONNECTIONS", ""}};
  spec.hints = {{"ENGAGE_RETL", "write ENGAGE"}};
  PathTable paths;
  Diagnostics diagnostics;
  const ActionSpec action = action_of({spec});
  const Node fields = node_from_json(R"({"source":"ENGAGE_RETL"})");
  CHECK(RecordMapper::compile(action, fields.members, {}, paths, diagnostics) == nullptr);
  CHECK(diagnostics.text().find("write ENGAGE") != std::string::npos);
}

TEST_CASE("Choices are compared with the coerced value as text") {
  InputSpec spec = field("f");
  spec.choices = {{"1", "One"}, {"2", "Two"}};
  CHECK(map_event(action_of({spec}), R"({"f":"$.v"})", R"({"v":1})").json == R"({"f":"1"})");
  CHECK(map_event(action_of({spec}), R"({"f":"$.v"})", R"({"v":3})").faults ==
        "Label of f: expected one of 1, 2, found the number 3");
  spec.type = ValueType::integer;
  CHECK(map_event(action_of({spec}), R"({"f":"$.v"})", R"({"v":"2"})").json == R"({"f":2})");
}

TEST_CASE("Lengths are counted in code points") {
  InputSpec spec = field("f");
  spec.min_length = 2;
  spec.max_length = 3;
  const ActionSpec action = action_of({spec});
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":"äöü"})").faults.empty());
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":"äöüß"})").faults ==
        "Label of f: expected at most 3 characters, found 4 characters");
  CHECK(map_event(action, R"({"f":"$.v"})", R"({"v":"𐐀"})").faults ==
        "Label of f: expected at least 2 characters, found 1 character");
}

TEST_CASE("A format is checked") {
  struct Sample {
    TextFormat format;
    const char* text;
    bool valid;
  };
  const std::vector<Sample> samples = {
      {TextFormat::email, "ann@example.com", true},
      {TextFormat::email, "a.b+c@mail.example.co.uk", true},
      {TextFormat::email, "jörg@exämple.de", true},
      {TextFormat::email, "ann@example", false},
      {TextFormat::email, "ann.example.com", false},
      {TextFormat::email, "ann@@example.com", false},
      {TextFormat::email, ".ann@example.com", false},
      {TextFormat::email, "ann@-example.com", false},
      {TextFormat::email, "ann lee@example.com", false},
      {TextFormat::email, "ann@example..com", false},
      {TextFormat::email, "@example.com", false},
      {TextFormat::uri, "https://example.com", true},
      {TextFormat::uri, "urn:li:person:5", true},
      {TextFormat::uri, "mailto:a@b.c", true},
      {TextFormat::uri, "https://", false},
      {TextFormat::uri, "https://exa mple.com", false},
      {TextFormat::uri, "/path", false},
      {TextFormat::uri, "1http://x", false},
      {TextFormat::uri, "http://x/%4", false},
      {TextFormat::date_time, "2026-02-28T12:30:00Z", true},
      {TextFormat::date_time, "2024-02-29T23:59:60.123456+05:30", true},
      {TextFormat::date_time, "2026-02-29T12:30:00Z", false},
      {TextFormat::date_time, "2026-13-01T12:30:00Z", false},
      {TextFormat::date_time, "2026-00-01T12:30:00Z", false},
      {TextFormat::date_time, "2026-02-28T12:30:00", false},
      {TextFormat::date_time, "2026-02-28", false},
      {TextFormat::date_time, "2026-02-28T12:30:00.Z", false},
      {TextFormat::date_time, "2026-02-28T12:30:00Zx", false},
  };
  for (const Sample& sample : samples) {
    INFO(sample.text);
    InputSpec spec = field("f");
    spec.format = sample.format;
    const Outcome outcome = map_event(action_of({spec}), R"({"f":"$.v"})",
                                      R"({"v":")" + std::string(sample.text) + R"("})");
    CHECK(outcome.faults.empty() == sample.valid);
  }
}

TEST_CASE("All faults of a record are reported, and its good fields are still there") {
  InputSpec required = field("id");
  required.required = true;
  const ActionSpec action = action_of({required, field("n", ValueType::integer), field("ok")});
  const Outcome outcome =
      map_event(action, R"({"id":"$.id","n":"$.n","ok":"$.ok"})", R"({"n":"many","ok":"fine"})");
  CHECK(outcome.faults ==
        "Label of id: expected a value, found nothing; "
        "Label of n: expected an integer of 64 bits, found the string \"many\"");
  CHECK(outcome.json == R"({"ok":"fine"})");
}

TEST_CASE("A fault never shows personal data") {
  struct Sample {
    const char* value;
    const char* found;
  };
  InputSpec spec = field("f", ValueType::boolean);
  spec.personal_data = true;
  for (const Sample& sample : std::vector<Sample>{{R"("Ann Smith")", "a string of 9 characters"},
                                                  {"4711", "a number"},
                                                  {R"({"name":"Ann"})", "a map"},
                                                  {R"(["Ann","Bob"])", "a list of 2 items"}}) {
    CHECK(
        map_event(action_of({spec}), R"({"f":"$.v"})", R"({"v":)" + std::string(sample.value) + "}")
            .faults == "Label of f: expected true or false, found " + std::string(sample.found));
  }
}

TEST_CASE("A fault shows no e-mail address that strayed into another field") {
  const ActionSpec action = action_of({field("n", ValueType::integer)});
  CHECK_THAT(map_event(action, R"({"n":"$.v"})", R"({"v":"ann@example.com"})").faults,
             !Catch::Contains("ann"));
}

TEST_CASE("A fault shows only the beginning of a long text") {
  const ActionSpec action = action_of({field("n", ValueType::integer)});
  const std::string faults =
      map_event(action, R"({"n":"$.v"})",
                R"({"v":")" + std::string(39, 'x') + "ä" + std::string(500, 'y') + R"("})")
          .faults;
  CHECK(faults == "Label of n: expected an integer of 64 bits, found the string \"" +
                      std::string(39, 'x') + "\"...");
}

TEST_CASE("A record of which too much would be made is invalid") {
  std::string huge = R"("$.v")";
  for (int i = 0; i < 30; ++i) huge = R"({"@json":{"mode":"encode","value":)" + huge + "}}";
  const ActionSpec action = action_of({field("f")});
  CHECK_THAT(map_event(action, R"({"f":)" + huge + "}", R"({"v":"\""})").faults,
             Catch::Contains("expected at most 16777216 bytes"));
}

TEST_CASE("A field that the action does not have is refused with a suggestion") {
  CHECK_THAT(load_errors(action_of({field("email")}), R"({"emial":"x"})"),
             Catch::Contains("no field \"emial\"") && Catch::Contains("did you mean \"email\"?"));
}

TEST_CASE("A required field that is neither mapped nor has a default is refused at load") {
  InputSpec spec = field("id");
  spec.required = true;
  CHECK_THAT(
      load_errors(action_of({spec}), "{}"),
      Catch::Contains("p.yaml:9:5: error:") && Catch::Contains("is required and has no default"));
}

TEST_CASE("A field that must be a literal takes nothing else") {
  InputSpec spec = field("key");
  spec.literal = true;
  const ActionSpec action = action_of({spec});
  CHECK(load_errors(action, R"({"key":"trial_users"})").empty());
  CHECK(load_errors(action, R"({"key":{"@literal":"$.x"}})").empty());
  CHECK(load_errors(action, R"({"key":{"@literal":"x","_metadata":{"label":"y"}}})").empty());
  for (const char* fields : {R"({"key":"$.properties.audience_key"})", R"({"key":{"@path":"$.a"}})",
                             R"({"key":{"@template":"x"}})", R"({"key":["$.a"]})"}) {
    INFO(fields);
    CHECK_THAT(load_errors(action, fields),
               Catch::Contains("must be a literal, the same for every event"));
  }
}

TEST_CASE("A plain number for a text is the text as it was written") {
  const ActionSpec action = action_of({field("key"), field("n", ValueType::number)});
  Node number;
  number.kind = Node::Kind::number;
  number.number = 1.1;
  number.text = "1.10";
  const auto fields_of = [&](Node key) {
    Node fields = node_from_json(R"({"n":0})");
    fields.members.front().value = number;
    fields.members.push_back({"key", {}, std::move(key)});
    return fields;
  };
  Node literal = node_from_json(R"({"@literal":0,"_metadata":{}})");
  literal.members.front().value = number;
  CHECK(map_event(action, fields_of(number), "{}").json == R"({"key":"1.10","n":1.1})");
  CHECK(map_event(action, fields_of(literal), "{}").json == R"({"key":"1.10","n":1.1})");
  CHECK(map_event(action, R"({"key":9007199254740993})", "{}").json ==
        R"({"key":"9007199254740993"})");
}

TEST_CASE("Literal values are coerced and checked at load") {
  InputSpec spec = field("action");
  spec.required = true;
  spec.choices = {{"AUTO", "Auto"}, {"ADD", "Add"}, {"REMOVE", "Remove"}};
  const ActionSpec action = action_of({spec, field("n", ValueType::integer)});
  CHECK(map_event(action, R"({"action":"ADD","n":"7"})", "{}").json == R"({"action":"ADD","n":7})");
  Node fields = node_from_json(R"({"action":"REMOV"})");
  fields.members.front().value.location = {"p.yaml", 12, 17};
  CHECK_THAT(load_errors(action, fields),
             Catch::Contains("p.yaml:12:17: error:") &&
                 Catch::Contains("expected one of AUTO, ADD, REMOVE, found the string \"REMOV\"") &&
                 Catch::Contains("did you mean \"REMOVE\"?"));
  CHECK_THAT(load_errors(action, R"({"action":""})"), Catch::Contains("expected a value"));
  CHECK_THAT(load_errors(action, R"({"action":"ADD","n":"x"})"),
             Catch::Contains("expected an integer of 64 bits"));
}

TEST_CASE("A literal that came from the environment is never shown") {
  const ActionSpec action = action_of({field("n", ValueType::integer)});
  Node fields = node_from_json(R"({"n":"hunter2"})");
  fields.members.front().value.interpolated = true;
  CHECK_THAT(load_errors(action, fields), !Catch::Contains("hunter2"));
}

TEST_CASE("A fault shows nothing of an expression that holds a text from the environment") {
  const ActionSpec action = action_of({field("n", ValueType::integer)});
  Node fields = node_from_json(R"({"n":{"@template":"hunter2 {{ n }}"}})");
  fields.members.front().value.members.front().value.interpolated = true;
  CHECK(map_event(action, fields, R"({"n":5})").faults ==
        "Label of n: expected an integer of 64 bits, found a string of 9 characters");
}

TEST_CASE("A fault of a field that another requires does not show a personal value of that") {
  InputSpec conditional = field("vat");
  conditional.required_if = {{"country", {"DE"}}};
  InputSpec country = field("country");
  country.personal_data = true;
  CHECK(map_event(action_of({conditional, country}), R"({"country":"$.c"})", R"({"c":"DE"})")
            .faults ==
        "Label of vat: expected a value, because country is set as it is, found nothing");
}

TEST_CASE("One record's faults do not stay for the next") {
  const ActionSpec action = action_of({field("n", ValueType::integer)});
  PathTable paths;
  Diagnostics diagnostics;
  const Node fields = node_from_json(R"({"n":"$.n"})");
  const auto mapper = RecordMapper::compile(action, fields.members, {}, paths, diagnostics);
  REQUIRE(mapper != nullptr);
  Arena arena;
  Faults faults;
  penstock_value value{};
  CHECK_FALSE(mapper->resolve(TestEvent(R"({"n":"x"})", paths).view(), arena, &value, faults));
  CHECK(value.type == PENSTOCK_ABSENT);
  CHECK(mapper->resolve(TestEvent(R"({"n":5})", paths).view(), arena, &value, faults));
  CHECK(faults.empty());
  CHECK(value.as.i64 == 5);
}
