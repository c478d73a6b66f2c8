// Guards plugin manifests: what a good one says, and one message for each fault of a bad one.
#include <catch2/catch.hpp>

#include <sstream>
#include <string>

#include "config/plugin_manifest.hpp"

namespace penstock::config {
namespace {

const std::string kGood = R"(manifest: 1
name: sample
title: Sample
version: 0.1.0
abi: "1.2"
library: sample.so
hooks: {init: s_init, settings: s_settings, mapping: s_mapping, send: s_send, query: s_query}
connection:
  type: oauth2
  authorize_url: https://example.com/authorize
  token_url: https://example.com/token
  scopes: [read, write]
  refresh_token_dead: [invalid_grant]
limits: {mappings: 50, concurrency: 2, rates: {users: {requests: 600, per: 60s}}}
settings:
  account: {label: Account, type: string, required: true, pattern: '[0-9]+'}
  mode: {label: Mode, type: string, choices: [A, {value: B, label: Be}], default: A}
  wait: {label: Wait, type: duration, default: 5s, advanced: true}
  key: {label: Key, type: string, secret: true, required_if: {mode: [B]}}
actions:
  sync:
    title: Sync
    default_trigger: 'properties.key = "{audience}"'
    batch: {max_records: 5000, max_bytes: 4MiB, max_age: 10s}
    rate: users
    fields:
      audience: {label: Audience, type: string, required: true, literal: true}
      email: {label: Email, type: string, category: personal_data, max_length: 99, default: $.traits.email}
)";

struct Loaded {
  std::shared_ptr<const PluginManifest> manifest;
  Diagnostics diagnostics;
};

Loaded load(const std::string& text) {
  Loaded loaded;
  auto result = load_plugin_manifest_text(text, "/plugins/sample.yaml", loaded.diagnostics);
  if (result.ok()) loaded.manifest = *result;
  CHECK(result.ok() == !loaded.diagnostics.has_errors());
  return loaded;
}

// The good manifest with one piece replaced by another.
std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = kGood;
  const std::size_t at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), replacement);
}

TEST_CASE("A good manifest is read whole") {
  const Loaded loaded = load(kGood);
  INFO(loaded.diagnostics.text());
  REQUIRE(loaded.manifest != nullptr);
  const PluginManifest& m = *loaded.manifest;
  CHECK(m.name == "sample");
  CHECK(m.abi_major == 1);
  CHECK(m.abi_minor == 2);
  CHECK(m.library == "/plugins/sample.so");
  CHECK(m.library_location.text() == "/plugins/sample.yaml:6:10");
  CHECK(m.hooks.send == "s_send");
  CHECK(m.hooks.check.empty());
  CHECK(m.hooks.query == "s_query");
  REQUIRE(m.oauth2.has_value());
  CHECK(m.oauth2->scopes == std::vector<std::string>{"read", "write"});
  CHECK_FALSE(m.oauth2->pkce);
  const Loaded proving = load(with("type: oauth2", "type: oauth2\n  pkce: true"));
  REQUIRE(proving.manifest);
  CHECK(proving.manifest->oauth2->pkce);
  CHECK(m.max_mappings == 50);
  CHECK(m.concurrency == 2);
  CHECK(m.rates.at("users").requests == 600);
  CHECK(m.rates.at("users").per == std::chrono::seconds(60));
  REQUIRE(m.settings.size() == 4);
  CHECK(m.settings[1].choices[1].label == "Be");
  CHECK(m.settings[3].required_if.at(0).second == std::vector<std::string>{"B"});
  const ActionSpec* action = m.find_action("sync");
  REQUIRE(action != nullptr);
  CHECK(action->batch.max_bytes == 4U << 20U);
  CHECK(action->find_field("email")->personal_data);
  CHECK(action->find_field("audience")->literal);
}

TEST_CASE("Sends at the same time have a most, and a least where the manifest says so") {
  struct Case {
    const char* written;
    std::uint64_t least;
    std::uint64_t most;
  };
  const auto row =
      GENERATE(Case{"concurrency: 2", 1, 2}, Case{"concurrency: {min: 2, max: 16}", 2, 16},
               Case{"concurrency: {max: 9}", 1, 9}, Case{"concurrency: {min: 3}", 3, 4},
               Case{"mappings: 50", 1, 4});
  std::string text = kGood;
  text.replace(text.find("mappings: 50, concurrency: 2"), 28, row.written);
  Diagnostics diagnostics;
  const auto loaded = load_plugin_manifest_text(text, "/x/sample.yaml", diagnostics);
  INFO(diagnostics.text());
  REQUIRE(loaded.ok());
  CHECK((*loaded)->min_concurrency == row.least);
  CHECK((*loaded)->concurrency == row.most);
}

// "LINE: " and the rest of that line from the place of a fault.
std::string text_at(const std::string& text, const Location& location) {
  std::istringstream lines(text);
  std::string line;
  for (std::uint32_t i = 0; i < location.line; ++i) std::getline(lines, line);
  return std::to_string(location.line) + ": " + line.substr(location.column - 1);
}

TEST_CASE("Choices and conditions of numbers are compared by value, however they are written") {
  std::string text = with("type: string, choices: [A, {value: B, label: Be}], default: A",
                          "type: number, choices: [1.0, 2.50], default: 1");
  const std::string condition = "{mode: [B]}";
  text.replace(text.find(condition), condition.size(), "{mode: [2.50]}");
  const Loaded loaded = load(text);
  INFO(loaded.diagnostics.text());
  REQUIRE(loaded.manifest != nullptr);
  const InputSpec& mode = loaded.manifest->settings[1];
  REQUIRE(mode.choices.size() == 2);
  CHECK(mode.choices[0].value == "1");
  CHECK(mode.choices[1].value == "2.5");
  CHECK(loaded.manifest->settings[3].required_if.at(0).second == std::vector<std::string>{"2.5"});
}

TEST_CASE("Each fault of a plugin manifest has its own message and place") {
  struct Case {
    const char* piece;
    const char* replacement;
    const char* place;  // the line, and the text at the fault's place
    const char* message;
    const char* hint;
  };
  const Case cases[] = {
      {"manifest: 1", "manifest: 2", "1: 2",
       "manifest: expected 1, the only version of this file's form, found the number 2", ""},
      {"name: sample\n", "", "1: manifest: 1", "name is missing",
       "write it as in: name: linkedin_audiences"},
      {"name: sample", "name: Sample", "2: Sample", "\"Sample\" cannot be the name of a plugin",
       "use lower-case letters, digits and _, with a letter first"},
      {"name: sample", "name: other", "2: other",
       "name: \"other\" does not fit the file's name, \"sample.yaml\"",
       "a plugin is found by its file: both must be the same"},
      {"title: Sample", "title: ''", "3: '", "title must not be empty",
       "write it as in: title: LinkedIn Audiences"},
      {"title: Sample\n", "titel: Sample\ntitle: x\n", "3: titel: Sample", "unknown key \"titel\"",
       "did you mean \"title\"?"},
      {"abi: \"1.2\"", "abi: 1.10", "5: 1.10",
       "abi: expected a version in quotes such as \"1.0\", found the number 1.10",
       "write abi: \"1.10\"; without quotes 1.10 would be 1.1"},
      {"abi: \"1.2\"", "abi: one", "5: one",
       "abi: expected a version in quotes such as \"1.0\", found the string \"one\"", ""},
      {"library: sample.so", "library: ../sample.so", "6: ../sample.so",
       "library: expected a file in the manifest's own directory, found the string "
       "\"../sample.so\"",
       ""},
      {"library: sample.so", "library: /lib/sample.so", "6: /lib/sample.so",
       "library: expected a file in the manifest's own directory, found the string "
       "\"/lib/sample.so\"",
       ""},
      {"init: s_init, ", "", "7: {settings: s_settings", "hooks.init is missing",
       "write it as in: init: NAME_init"},
      {"init: s_init", "init: s-init", "7: s-init",
       "hooks.init: expected the name of a C function, found the string \"s-init\"", ""},
      {"send: s_send", "send: s_init", "7: s_init",
       "hooks.send: \"s_init\" is already the hook init", ""},
      {"type: oauth2", "type: oauth", "9: oauth", "connection.type: \"oauth\" is not known",
       "did you mean \"oauth2\"?"},
      {"https://example.com/token", "http://example.com/token", "11: http://example.com/token",
       "connection.token_url: plain http is allowed only to this machine (localhost, 127.0.0.1, "
       "[::1]), use "
       "https; found the string \"http://example.com/token\"",
       ""},
      {"mappings: 50", "mappings: 0", "14: 0",
       "limits.mappings: 0 is out of range; from 1 to 1000000 is allowed", ""},
      {"concurrency: 2", "concurrency: {min: 5, max: 3}", "14: 5",
       "limits.concurrency: min, 5, is more than max, 3", ""},
      {"concurrency: 2", "concurrency: {least: 5}", "14: least: 5}",
       "unknown key \"least\" in limits.concurrency", "known here: min, max"},
      {"per: 60s", "per: 60", "14: 60",
       "limits.rates.users.per: expected a duration such as 200ms, 10s, 1m, 2h or 1d, found the "
       "number 60",
       "add the unit: 60s or 60ms"},
      {"pattern: '[0-9]+'", "pattern: '[0-9'", "16: [0-9'",
       "settings.account.pattern: \"[0-9\" cannot be used as a regular expression: Unmatched [, "
       "[^, [:, [., or "
       "[=",
       ""},
      {"type: string, choices", "type: strnig, choices", "17: strnig",
       "settings.mode.type: \"strnig\" is not known", "did you mean \"string\"?"},
      {"default: A", "default: C", "17: C",
       "settings.mode.default: expected one of A, B, found the string \"C\"", ""},
      {"default: 5s", "default: soon", "18: soon",
       "settings.wait.default: expected a duration such as 200ms, 10s, 1m, 2h or 1d, found the "
       "string \"soon\"",
       ""},
      {"required_if: {mode: [B]}", "required_if: {moed: [B]}", "19: moed: [B]",
       "settings.key.required_if: there is no input \"moed\"", "did you mean \"mode\"?"},
      {"secret: true", "secret: true, default: x", "19: x",
       "settings.key.default: a secret has no default", ""},
      {"{audience}", "{audeince}", "23: properties.key = \"{audei",
       "actions.sync.default_trigger: there is no field \"audeince\"",
       "did you mean \"audience\"?"},
      {"{audience}", "{email}", "23: properties.key = \"{email",
       "actions.sync.default_trigger: the field \"email\" is filled from events, so a trigger "
       "cannot name it",
       "mark the field with literal: true"},
      {"category: personal_data", "trim: true, category: personal_data", "28: true, category",
       "actions.sync.fields.email.trim: is for literals of type string",
       "add literal: true, or remove it"},
      {"max_bytes: 4MiB", "max_bytes: 1TiB", "24: 1TiB",
       "actions.sync.batch.max_bytes: 1TiB is out of range; from 1 byte to 256MiB is allowed", ""},
      {"rate: users", "rate: users\n    identity: peron", "26: peron",
       "actions.sync.identity: \"peron\" is not known", "did you mean \"person\"?"},
      {"rate: users",
       "rate: users\n    fixed_action: {field: emial, opposites: {ADD: {event: Left}}}",
       "26: emial", "actions.sync.fixed_action.field: there is no field \"emial\"",
       "did you mean \"email\"?"},
      {"rate: users", "rate: users\n    fixed_action: {field: email, opposites: [ADD]}", "26: [ADD",
       "actions.sync.fixed_action.opposites: expected a map of values, found a list",
       "opposites: {ADD: {event: Left, membership: false}}"},
      {"rate: users",
       "rate: users\n    fixed_action: {field: email, unless: mail, opposites: {ADD: {event: "
       "Left}}}",
       "26: mail", "actions.sync.fixed_action.unless: there is no field \"mail\"",
       "did you mean \"email\"?"},
      {"rate: users", "rate: user", "25: user",
       "actions.sync.rate: there is no rate \"user\" in limits.rates", "did you mean \"users\"?"},
      {"literal: true", "literal: true, default: $.x", "27: $.x",
       "actions.sync.fields.audience.default: a literal input takes a plain value, found the "
       "string \"$.x\"",
       ""},
      {"category: personal_data", "category: personal", "28: personal",
       "actions.sync.fields.email.category: \"personal\" is not known",
       "known here: personal_data"},
      {"type: string, category", "type: integer, category", "28: 99",
       "actions.sync.fields.email.max_length: only inputs of type string have it; this one is of "
       "type integer",
       ""},
      {"email: {label", "Email: {label", "28: Email: {label: Email",
       "\"Email\" cannot be the name of a field",
       "use lower-case letters, digits and _, with a letter first"},
  };
  for (const Case& c : cases) {
    const std::string text = with(c.piece, c.replacement);
    const Loaded loaded = load(text);
    INFO(c.replacement);
    INFO(loaded.diagnostics.text());
    REQUIRE(loaded.diagnostics.entries().size() == 1);
    const Diagnostic& fault = loaded.diagnostics.entries()[0];
    CHECK(fault.message == c.message);
    CHECK(fault.hint == c.hint);
    CHECK(fault.location.file == "/plugins/sample.yaml");
    CHECK_THAT(text_at(text, fault.location), Catch::StartsWith(c.place));
  }
}

TEST_CASE("A manifest with ten different faults shows all ten at once, each with its line") {
  const Loaded loaded = load(R"(manifest: 1
name: sample
name: again
titel: Sample
abi: 1.0
library: /tmp/x.so
hooks: {init: 1init, settings: s_settings, mapping: s_mapping, send: s_send}
limits: {mappings: many}
settings:
  mode: {label: Mode, type: sting, default: &a A}
actions:
  sync:
    title: Sync
    rate: users
    fields:
      email: {label: Email, type: string, requird: true}
version: 0.1.0
)");
  const std::string text = loaded.diagnostics.text();
  INFO(text);
  CHECK(loaded.diagnostics.error_count() ==
        11);  // "titel" is unknown, so "title" is missing as well
  for (const char* part :
       {"sample.yaml:3:1: error: duplicate key \"name\": it is already given in line 2",
        "sample.yaml:4:1: error: unknown key \"titel\"", "sample.yaml:1:1: error: title is missing",
        "sample.yaml:5:6: error: abi: expected a version in quotes",
        "sample.yaml:6:10: error: library: expected a file in the manifest's own directory",
        "sample.yaml:7:15: error: hooks.init: expected the name of a C function",
        "sample.yaml:8:20: error: limits.mappings: expected a whole number",
        "sample.yaml:10:29: error: settings.mode.type: \"sting\" is not known",
        "sample.yaml:10:45: error: anchors (&name) are not supported here",
        "sample.yaml:14:11: error: actions.sync.rate: there is no rate \"users\"",
        "sample.yaml:16:43: error: unknown key \"requird\" in actions.sync.fields.email"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("A message shows the line with a caret under the place, and what to do") {
  const Loaded loaded = load(with("rate: users", "rate: user"));
  CHECK(loaded.diagnostics.text() ==
        "/plugins/sample.yaml:25:11: error: actions.sync.rate: there is no rate \"user\" in "
        "limits.rates\n"
        "        rate: user\n"
        "              ^\n"
        "    did you mean \"users\"?\n");
}

TEST_CASE("A manifest that is no map, or not there, is one clear error") {
  CHECK(load("").diagnostics.text().find("manifest is missing") != std::string::npos);
  const Loaded list = load("- a\n");
  REQUIRE(list.diagnostics.entries().size() == 1);
  CHECK(list.diagnostics.entries()[0].message == "the file: expected a map of keys, found a list");
  Diagnostics diagnostics;
  const auto missing = load_plugin_manifest("/does/not/exist.yaml", diagnostics);
  CHECK(missing.status().code() == StatusCode::configuration);
  CHECK(missing.status().message() ==
        "cannot read /does/not/exist.yaml: there is no such file; check the path");
}

TEST_CASE("The manifests of this repository are good") {
  for (const char* name : {"linkedin_audiences", "jsonl_file"}) {
    Diagnostics diagnostics;
    const auto manifest = load_plugin_manifest(
        std::string(PENSTOCK_SOURCE_DIR) + "/manifests/" + name + ".yaml", diagnostics);
    INFO(diagnostics.text());
    CHECK(manifest.ok());
    CHECK(diagnostics.entries().empty());
  }
}

}  // namespace
}  // namespace penstock::config
