// Guards pipeline manifests: what a good one becomes, and one message for each fault.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "config_fixture.hpp"

namespace penstock::config::test {
namespace {

TEST_CASE("A good pipeline is read whole, with defaults filled in and paths made absolute") {
  Fixture fixture;
  const auto loaded = fixture.load(kGood);
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(fixture.diagnostics.entries().empty());
  const PipelineConfig& p = *loaded;
  CHECK(p.state_dir == "/p/state");
  CHECK(p.source.path == "/p/events.ndjson");
  CHECK(p.queue.type == QueueConfig::Type::disk);
  CHECK(p.queue.max_bytes == 10ULL << 30U);
  const ConnectionConfig* connection = p.find_connection("main");
  REQUIRE(connection != nullptr);
  CHECK(connection->client_secret.reveal() == "hunter2");
  CHECK(connection->token_url == "https://example.com/token");
  CHECK(connection->rates.at("users").requests == 9);
  REQUIRE(p.destinations.size() == 1);
  const DestinationConfig& d = p.destinations[0];
  CHECK(d.location.text() == "/p/pipeline.yaml:9:3");
  REQUIRE(d.settings.size() == 4);
  CHECK(d.settings[0].text == "123");
  CHECK(d.settings[0].location.text() == "/p/pipeline.yaml:12:26");
  CHECK(d.settings[1].text == "A");
  CHECK(d.settings[2].integer == 2000);
  CHECK_FALSE(d.settings[3].present);
  CHECK(d.batches.at("sync").max_records == 100);
  CHECK(d.batches.at("sync").max_bytes == 4U << 20U);
  REQUIRE(d.mappings.size() == 2);
  CHECK(d.mappings[0].action == &d.plugin->actions[0]);
  CHECK(d.mappings[0].trigger ==
        "event = \"Audience Entered\" and properties.audience_key = \"trial_users\"");
  CHECK_FALSE(d.mappings[1].enabled);
  CHECK(d.mappings[1].trigger_location.text() == "/p/pipeline.yaml:18:19");
  CHECK(d.mappings[1].fields.size() == 2);
}

TEST_CASE(
    "What is kept of dead letters is 90 days and 256 MiB unless the pipeline says otherwise") {
  Fixture fixture;
  const auto silent = fixture.load(kGood);
  REQUIRE(silent.ok());
  CHECK(silent->dead_letters.max_age == std::chrono::hours(24 * 90));
  CHECK(silent->dead_letters.max_bytes == 256ULL << 20U);
  const auto loaded =
      fixture.load("dead_letters: {max_age: 7d, max_bytes: 2GiB}\n" + std::string(kGood));
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->dead_letters.max_age == std::chrono::hours(24 * 7));
  CHECK(loaded->dead_letters.max_bytes == 2ULL << 30U);
}

TEST_CASE("A literal that is a key or a name is trimmed, for its trigger and for its plugin") {
  Fixture fixture;
  for (const char* const literal :
       {"\" trial users \"", "{'@literal': \"trial users\\n\"}", "\"\\u00a0trial users\\u200b\""}) {
    CAPTURE(literal);
    const auto loaded = fixture.load(
        Fixture::with("{audience: trial_users}", "{audience: " + std::string(literal) + "}"));
    INFO(fixture.diagnostics.text());
    REQUIRE(loaded.ok());
    const MappingConfig& mapping = loaded->destinations[0].mappings[0];
    CHECK(mapping.trigger ==
          "event = \"Audience Entered\" and properties.audience_key = \"trial users\"");
    REQUIRE(mapping.fields.size() == 1);
    const Node* inner = value_of_literal(mapping.fields[0].value);
    CHECK((inner != nullptr ? *inner : mapping.fields[0].value).text == "trial users");
  }
}

TEST_CASE("A key of white space only is refused once, and such a name is as if left out") {
  Fixture fixture;
  for (const char* const blank : {"\" \\t\"", "\"\"", "{'@literal': \"\\u00a0\"}"}) {
    CAPTURE(blank);
    CHECK_FALSE(fixture
                    .load(Fixture::with("{audience: trial_users}",
                                        "{audience: " + std::string(blank) + "}"))
                    .ok());
    REQUIRE(fixture.diagnostics.error_count() == 1);
    CHECK(fixture.diagnostics.text().find("fields.audience: expected a text, found nothing") !=
          std::string::npos);
  }
  const auto loaded = fixture.load(
      Fixture::with("{audience: trial_users}", "{audience: trial_users, title: \"  \"}"));
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->destinations[0].mappings[0].fields.size() == 1);
}

TEST_CASE("A default trigger compares with a literal as it is written, in all its forms") {
  Fixture fixture;
  const auto key_in_trigger = [&](const std::string& literal) -> std::string {
    const auto loaded =
        fixture.load(Fixture::with("{audience: trial_users}", "{audience: " + literal + "}"));
    INFO(fixture.diagnostics.text());
    REQUIRE(loaded.ok());
    return loaded->destinations[0].mappings[0].trigger.value_or("");
  };
  const std::string begin = "event = \"Audience Entered\" and properties.audience_key = ";
  CHECK(key_in_trigger("1.10") == begin + "\"1.10\"");
  CHECK(key_in_trigger("{'@literal': trial}") == begin + "\"trial\"");
  CHECK(key_in_trigger("{'@literal': trial, _metadata: {label: x}}") == begin + "\"trial\"");
}

TEST_CASE("Elements are tried for ever unless the destination says when to give up") {
  Fixture fixture;
  const auto silent = fixture.load(kGood);
  REQUIRE(silent.ok());
  CHECK_FALSE(silent->destinations[0].give_up_after.has_value());
  fixture.options.overrides = {{"destinations.eu.give_up_after", "7d"}};
  const auto loaded = fixture.load(kGood);
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->destinations[0].give_up_after == std::chrono::hours(24 * 7));
}

TEST_CASE(
    "Consent is respected only where the pipeline says so, and then has something to respect") {
  Fixture fixture;
  const auto with = [](const std::string& value) {
    return Fixture::with("    batch:", "    respect_consent: " + value + "\n    batch:");
  };
  CHECK_FALSE(fixture.load(kGood)->destinations[0].respect_consent);
  CHECK_FALSE(fixture.load(with("false"))->destinations[0].respect_consent);
  const auto loaded = fixture.load(with("{categories: [Ads, Analytics], integrations: true}"));
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  const auto& consent = loaded->destinations[0].respect_consent;
  REQUIRE(consent);
  CHECK(consent->categories == std::vector<std::string>{"Ads", "Analytics"});
  CHECK(consent->integrations);
  CHECK_FALSE(consent->required);
  // An event's "integrations" call the destination by the plugin's title.
  CHECK(loaded->destinations[0].plugin->integration_names == std::vector<std::string>{"Audiences"});

  const std::pair<const char*, const char*> faults[] = {
      {"true", "expected a map that says what is respected"},
      {"[Ads]", "expected a map that says what is respected"},
      {"{}", "respects nothing"},
      {"{integrations: false}", "respects nothing"},
      {"{categories: Ads}", "expected a list of texts"},
      {"{categories: [\"  \"]}", "a category without a name"},
      {"{required: true, integrations: true}", "required needs categories"},
      {"{category: [Ads]}", "unknown key \"category\""}};
  for (const auto& [value, message] : faults) {
    CAPTURE(value);
    CHECK_FALSE(fixture.load(with(value)).ok());
    CHECK(fixture.diagnostics.text().find(message) != std::string::npos);
  }
  // The field that it fills is not a mapping's.
  CHECK_FALSE(fixture.load(Fixture::with("audience: x,", "audience: x, held: y,")).ok());
  CHECK(fixture.diagnostics.text().find("respect_consent") != std::string::npos);
}

TEST_CASE("A field may be filled by a further name, once, and what others call it gets a hint") {
  Fixture fixture;
  const auto loaded =
      fixture.load(Fixture::with("audience: x,", "audience: x, __their_mode: add,"));
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  const auto& fields = loaded->destinations[0].mappings[1].fields;
  CHECK(std::any_of(fields.begin(), fields.end(),
                    [](const Node::Member& field) { return field.key == "mode"; }));
  CHECK_FALSE(
      fixture.load(Fixture::with("audience: x,", "audience: x, mode: add, __their_mode: add,"))
          .ok());
  CHECK(fixture.diagnostics.text().find("filled twice") != std::string::npos);
  CHECK_FALSE(fixture.load(Fixture::with("audience: x,", "audience: x, segment: y,")).ok());
  CHECK(fixture.diagnostics.text().find("write audience") != std::string::npos);
}

TEST_CASE("A field that the default trigger does not fit needs a trigger of the mapping's own") {
  Fixture fixture;
  CHECK_FALSE(
      fixture.load(Fixture::with("audience: trial_users", "audience: trial_users, mode: add"))
          .ok());
  CHECK(fixture.diagnostics.text().find("with the field mode the mapping needs one of its own") !=
        std::string::npos);
  CHECK(fixture.load(Fixture::with("audience: x,", "audience: x, mode: add,")).ok());
}

TEST_CASE("A lost request may be carried out for a minute, or as long as the destination says") {
  Fixture fixture;
  const auto silent = fixture.load(kGood);
  REQUIRE(silent.ok());
  CHECK(silent->destinations[0].confirm_after == std::chrono::minutes(1));
  const std::string connection = silent->destinations[0].connection;
  for (const auto& [value, expected] :
       {std::pair{"90s", 90'000}, std::pair{"30s", 30'000}, std::pair{"0s", 0}}) {
    fixture.options.overrides = {{"destinations.eu.confirm_after", value}};
    const auto loaded = fixture.load(kGood);
    INFO(fixture.diagnostics.text());
    REQUIRE(loaded.ok());
    CHECK(loaded->destinations[0].confirm_after == std::chrono::milliseconds(expected));
  }
  // A request that may take longer may as well be carried out later.
  fixture.options.overrides = {{"connections." + connection + ".timeout", "3m"}};
  const auto longer = fixture.load(kGood);
  INFO(fixture.diagnostics.text());
  REQUIRE(longer.ok());
  CHECK(longer->destinations[0].confirm_after == std::chrono::minutes(3));
}

TEST_CASE("A confirm_after that is shorter than a request may take is refused") {
  Fixture fixture;
  fixture.options.overrides = {{"destinations.eu.confirm_after", "29s"}};
  REQUIRE_FALSE(fixture.load(kGood).ok());
  CHECK_THAT(fixture.diagnostics.text(),
             Catch::Contains("destinations.eu.confirm_after: 29s is shorter than a request of the "
                             "connection") &&
                 Catch::Contains("may take (30s)") && Catch::Contains("make it at least 30s"));
}

TEST_CASE("A file is followed only where the pipeline says so") {
  Fixture fixture;
  const auto silent = fixture.load(kGood);
  REQUIRE(silent.ok());
  CHECK_FALSE(silent->source.follow);
  fixture.options.overrides = {{"source.follow", "true"}};
  const auto loaded = fixture.load(kGood);
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->source.follow);
  CHECK(loaded->source.rotate_wait == std::chrono::seconds(60));
  fixture.options.overrides.emplace_back("source.rotate_wait", "5m");
  CHECK(fixture.load(kGood)->source.rotate_wait == std::chrono::minutes(5));
}

TEST_CASE("The queue is on disk unless the pipeline says that it is in memory") {
  CHECK(QueueConfig().type == QueueConfig::Type::disk);
  Fixture fixture;
  fixture.options.overrides = {{"queue", "{type: memory}"}};
  const auto loaded = fixture.load(kGood);
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->queue.type == QueueConfig::Type::memory);
}

TEST_CASE("The bound of a queue that the pipeline does not mention can be set alone") {
  Fixture fixture;
  fixture.options.overrides = {{"queue.max_bytes", "40GiB"}};
  const auto loaded = fixture.load(Fixture::with("queue: {type: disk, max_bytes: 10GiB}\n", ""));
  INFO(fixture.diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK(loaded->queue.type == QueueConfig::Type::disk);
  CHECK(loaded->queue.max_bytes == 40ULL << 30U);
}

// "LINE: " and the rest of that line from the place of a fault.
std::string text_at(const std::string& text, const Location& location) {
  std::istringstream lines(text);
  std::string line;
  for (std::uint32_t i = 0; i < location.line; ++i) std::getline(lines, line);
  return std::to_string(location.line) + ": " + line.substr(location.column - 1);
}

TEST_CASE("Each fault of a pipeline has its own message and place") {
  struct Case {
    const char* piece;
    const char* replacement;
    const char* place;  // the line, and the text at the fault's place
    const char* message;
    const char* hint;
  };
  const Case cases[] = {
      {"version: 1", "version: 3", "1: 3",
       "version: expected 1, the only version of this file's form, found the number 3", ""},
      {"name: test\n", "", "1: version: 1", "name is missing",
       "write it as in: name: engage-to-linkedin"},
      {"type: file", "type: kafka", "4: kafka", "source.type: \"kafka\" is not known",
       "known here: file, stdin"},
      {", path: events.ndjson", "", "4: {type: file", "source.path is missing",
       "write it as in: path: events.ndjson"},
      {"type: file", "type: stdin", "4: path: events.ndjson", "unknown key \"path\" in source",
       "known here: type"},
      {"type: file, path: events.ndjson", "type: file, path: events.ndjson, rotate_wait: 5s",
       "4: 5s", "source.rotate_wait: only a file that is followed is read on after it was renamed",
       "remove it, or set follow: true"},
      {"type: file, path: events.ndjson", "type: stdin, follow: true", "4: true",
       "source.follow: standard input cannot be followed, because it has no file that could grow "
       "or be replaced",
       "remove it; standard input is read until its writer closes it"},
      {"version: 1\n", "version: 1\ndead_letters: {max_age: 10s}\n", "2: 10s",
       "dead_letters.max_age: 10s is out of range; from 1h to 3660d is allowed", ""},
      {"max_bytes: 10GiB", "max_bytes: 10", "5: 10",
       "queue.max_bytes: 10 bytes is out of range; from 1MiB to 1024TiB is "
       "allowed",
       ""},
      {"    batch: {max_records: 100}", "    give_up_after: 10ms", "13: 10ms",
       "destinations.eu.give_up_after: 10ms is out of range; from 1s to 3650d is allowed", ""},
      {"requests: 9", "requests: 0", "7: 0",
       "connections.main.rates.users.requests: 0 is out of range; from 1 to 1000000000 is allowed",
       ""},
      {"rates: {users", "rates: {uers", "7: uers: {requests: 9",
       "connections.main.rates: audiences has no rate \"uers\"", "did you mean \"users\"?"},
      {"client_id: me, ", "", "7: ${env:SECRET",
       "connections.main.client_secret: client_id and client_secret are needed as well",
       "a login or refresh names the application by both"},
      {"${env:SECRET}", "${env:SECERT}", "7: ${env:SECERT",
       "the environment variable SECERT is not set",
       "set it, or give a default: ${env:SECERT:-default}"},
      {"    connection: main\n", "", "9: eu:",
       "destinations.eu: the plugin audiences needs a connection", "write connection: main"},
      {"connection: main", "connection: man", "11: man",
       "destinations.eu.connection: there is no connection \"man\"", "did you mean \"main\"?"},
      {"account: \"123\", ", "", "12: {wait: 2s",
       "destinations.eu.settings.account is missing (Account ID)", "Digits."},
      {"account: \"123\"", "account: \"12x\"", "12: 12x\"",
       "destinations.eu.settings.account: expected a text of the form [0-9]+, found the string "
       "\"12x\"",
       "Digits."},
      {"account: \"123\"", "acount: 1, account: \"123\"", "12: acount: 1",
       "unknown key \"acount\" in destinations.eu.settings", "did you mean \"account\"?"},
      {"wait: 2s", "mode: B", "12: {account: \"123\"",
       "destinations.eu.settings.key is missing (Key); it is required because mode is B", ""},
      {"wait: 2s", "mode: C", "12: C",
       "destinations.eu.settings.mode: expected one of A, B, found the string \"C\"", ""},
      {"max_records: 100", "max_records: 6000", "13: 6000",
       "destinations.eu.batch.max_records: 6000 is more than audiences allows for the action sync "
       "(5000)",
       ""},
      {"max_records: 100", "max_bytes: 5MiB", "13: 5MiB",
       "destinations.eu.batch.max_bytes: 5MiB is more than audiences allows for the action sync "
       "(4MiB)",
       ""},
      {"{fields: {audience: trial_users}}", "{action: snyc, fields: {audience: trial_users}}",
       "15: snyc", "destinations.eu.mappings.trial.action: audiences has no action \"snyc\"",
       "did you mean \"sync\"?"},
      {"{fields: {audience: trial_users}}", "{fields: {audience: a, emial: b}}", "15: emial: b",
       "the action sync has no field \"emial\"", "did you mean \"email\"?"},
      {"{fields: {audience: trial_users}}", "{}", "15: trial: {",
       "destinations.eu.mappings.trial: the field audience must be set to a literal, because the "
       "default trigger "
       "needs it",
       "write it as in: fields: {audience: my_value}, or give the mapping a trigger of its own"},
      {"{fields: {audience: trial_users}}", "{fields: {audience: $.x}}", "15: $.x",
       "destinations.eu.mappings.trial: the field audience must be set to a literal, because the "
       "default trigger "
       "needs it",
       "write it as in: fields: {audience: my_value}, or give the mapping a trigger of its own"},
      {"audience: x, ", "", "16: own:",
       "destinations.eu.mappings.own: the field audience (Audience) is required and has no "
       "default; map it under "
       "fields",
       ""},
      {"      own:", "      \"a\\tb\":", "16: \"a\\tb\":",
       "\"a\\tb\" cannot be the name of a mapping",
       "a name has 1 to 200 bytes and no control characters"},
      {"enabled: false", "enabled: no", "17: no",
       "destinations.eu.mappings.own.enabled: expected true or false, found the string \"no\"", ""},
      {"enabled: false", "enbled: false", "17: enbled: false",
       "unknown key \"enbled\" in destinations.eu.mappings.own", "did you mean \"enabled\"?"},
      {"destinations:\n  eu:", "destinations:\n  eu: {}\n  eu:", "10: eu:",
       "duplicate key \"eu\": it is already given in line 9", "keep one of the two"},
  };
  Fixture fixture;
  for (const Case& c : cases) {
    const std::string text = Fixture::with(c.piece, c.replacement);
    const auto loaded = fixture.load(text);
    INFO(c.replacement);
    INFO(fixture.diagnostics.text());
    CHECK_FALSE(loaded.ok());
    REQUIRE_FALSE(fixture.diagnostics.entries().empty());
    const Diagnostic& fault = fixture.diagnostics.entries()[0];
    CHECK(fault.message == c.message);
    CHECK(fault.hint == c.hint);
    CHECK(fault.location.file == "/p/pipeline.yaml");
    CHECK_THAT(text_at(text, fault.location), Catch::StartsWith(c.place));
    CHECK(loaded.status().code() == StatusCode::configuration);
  }
}

TEST_CASE("More mappings than the plugin allows are refused with both numbers") {
  Fixture fixture;
  const auto loaded = fixture.load(Fixture::with(
      "      own:",
      "      second: {fields: {audience: b}}\n      third: {fields: {audience: c}}\n      own:"));
  CHECK_FALSE(loaded.ok());
  REQUIRE(fixture.diagnostics.entries().size() == 1);
  CHECK(fixture.diagnostics.entries()[0].message ==
        "destinations.eu.mappings: 3 mappings are enabled; audiences allows 2 per destination");
  CHECK(fixture.diagnostics.entries()[0].location.line == 17);
}

TEST_CASE("A plugin that is not there names every place searched and the nearest name") {
  Fixture fixture;
  fixture.options.plugin_dirs.push_back("/no/such/place");
  CHECK_FALSE(fixture.load(Fixture::with("    plugin: audiences", "    plugin: audience")).ok());
  CHECK(fixture.diagnostics.entries()[0].message ==
        "there is no plugin \"audience\"; looked for audience.yaml in " + fixture.directory() +
            ", /no/such/place (no such directory)");
  CHECK(fixture.diagnostics.entries()[0].hint == "did you mean \"audiences\"?");
}

TEST_CASE("A plugin's name cannot lead out of the plugin directories") {
  Fixture fixture;
  CHECK_FALSE(
      fixture.load(Fixture::with("    plugin: audiences", "    plugin: ../audiences")).ok());
  CHECK(fixture.diagnostics.entries()[0].message ==
        "\"../audiences\" cannot be the name of a plugin");
}

TEST_CASE("A connection of another plugin is refused") {
  Fixture fixture;
  std::string text = Fixture::with("connections:\n", "connections:\n  other: {plugin: files}\n");
  text.replace(text.find("connection: main"), 16, "connection: other");
  CHECK_FALSE(fixture.load(text).ok());
  CHECK(fixture.diagnostics.entries()[0].message ==
        "destinations.eu.connection: the connection \"other\" belongs to the plugin files, not to "
        "audiences");
  CHECK(fixture.diagnostics.entries()[0].hint == "known here: main");
}

TEST_CASE(
    "A plugin with several actions needs to be told which, and one without default trigger a "
    "trigger") {
  Fixture fixture;
  CHECK_FALSE(
      fixture
          .load(
              "version: 1\nname: t\nsource: {type: stdin}\ndestinations:\n  f:\n    plugin: files\n"
              "    mappings:\n      a: {}\n      b: {action: append, fields: {record: 1}}\n")
          .ok());
  REQUIRE(fixture.diagnostics.entries().size() == 2);
  CHECK(fixture.diagnostics.entries()[0].message ==
        "destinations.f.mappings.a.action is missing; files has several actions");
  CHECK(fixture.diagnostics.entries()[0].hint == "known here: append, replace");
  CHECK(fixture.diagnostics.entries()[1].message ==
        "destinations.f.mappings.b.trigger is missing; the action append has no default");
}

TEST_CASE("A pipeline without destinations is an error, one without enabled mappings a warning") {
  Fixture fixture;
  CHECK_FALSE(fixture.load("version: 1\nname: t\nsource: {type: stdin}\n").ok());
  CHECK(fixture.diagnostics.entries()[0].message ==
        "destinations: the pipeline has no destination, so there is nothing to do");
  CHECK(fixture
            .load(Fixture::with("    plugin: audiences\n    connection",
                                "    enabled: false\n    plugin: audiences\n    connection"))
            .ok());
  REQUIRE(fixture.diagnostics.entries().size() == 1);
  CHECK(fixture.diagnostics.entries()[0].message ==
        "no mapping is enabled: every event will count as unmatched");
}

TEST_CASE("Faults of the pipeline and of its plugin's manifest are shown together") {
  Fixture fixture;
  TemporaryDirectory broken;
  std::string manifest = kAudiences;
  manifest.replace(manifest.find("rate: users"), 11, "rate: nobody");
  broken.write("audiences.yaml", manifest);
  fixture.options.plugin_dirs = {broken.path()};
  const auto loaded = fixture.load(Fixture::with("type: file", "type: fiel"));
  CHECK_FALSE(loaded.ok());
  CHECK(loaded.status().message().find("there is no rate \"nobody\"") != std::string::npos);
  CHECK(loaded.status().message().find("source.type: \"fiel\" is not known") != std::string::npos);
  CHECK(fixture.diagnostics.error_count() ==
        2);  // the manifest's fault once, though two places use it
}

TEST_CASE("--set reaches every key, and its faults are placed at the option") {
  Fixture fixture;
  fixture.options.overrides = {{"destinations.eu.settings.wait", "7s"},
                               {"source.path", "/dev/null"}};
  const auto loaded = fixture.load(kGood);
  REQUIRE(loaded.ok());
  CHECK(loaded->destinations[0].settings[2].integer == 7000);
  CHECK(loaded->source.path == "/dev/null");
  fixture.options.overrides = {{"destinations.eu.setings.wait", "7s"}, {"queue.max_bytes", "lots"}};
  CHECK_FALSE(fixture.load(kGood).ok());
  const std::string text = fixture.diagnostics.text();
  CHECK(text.find("--set destinations.eu.setings.wait: error: unknown key \"setings\" in "
                  "destinations.eu") != std::string::npos);
  CHECK(text.find("--set queue.max_bytes: error: queue.max_bytes: expected a size") !=
        std::string::npos);
}

TEST_CASE("The pipelines of this repository are good") {
  LoadOptions options;
  options.plugin_dirs = {std::string(PENSTOCK_SOURCE_DIR) + "/manifests"};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "LINKEDIN_AD_ACCOUNT_ID") return "512345678";
    if (name == "LINKEDIN_ACCESS_TOKEN") return "AQV-for-a-test";
    return std::nullopt;
  };
  for (const auto& entry :
       fs::directory_iterator(std::string(PENSTOCK_SOURCE_DIR) + "/manifests/pipelines")) {
    Diagnostics diagnostics;
    const auto loaded = load_pipeline(entry.path().string(), options, diagnostics);
    INFO(diagnostics.text());
    CHECK(loaded.ok());
    CHECK(diagnostics.entries().empty());
  }
}

}  // namespace
}  // namespace penstock::config::test
