// Guards `plugin describe`: what the text, Markdown and JSON pages of a manifest say.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/describe.hpp"
#include "config/plugin_manifest.hpp"
#include "config/yaml_reader.hpp"

namespace penstock::cli {
namespace {

const std::string kManifest = R"(manifest: 1
name: sample
title: Sample
description: Does a sample thing.
version: 0.1.0
abi: "1.0"
library: sample.so
hooks: {init: s_init, settings: s_settings, mapping: s_mapping, send: s_send}
limits: {mappings: 50, concurrency: 1, rates: {users: {requests: 600, per: 60s}}}
settings:
  wait: {label: Wait, type: duration, default: 5s, advanced: true}
  account: {label: Account ID, description: The digits that the long list of accounts in the web interface shows, type: string, required: true, pattern: '[0-9]+|x'}
actions:
  sync:
    title: Sync it
    default_trigger: 'a = "{audience}"'
    batch: {max_records: 10, max_bytes: 1MiB, max_age: 1s}
    rate: users
    fields:
      audience: {label: Audience, type: string, required: true, literal: true}
      email:
        label: Email
        type: string
        multiple: true
        category: personal_data
        required_if: {mode: [ADD, REMOVE]}
        default: {'@if': {exists: $.context.traits.email, then: $.context.traits.email, else: $.traits.email}}
      mode: {label: Mode, type: string, choices: [{value: ADD, label: Put in}, REMOVE], default: ADD}
)";

std::shared_ptr<const PluginManifest> manifest() {
  Diagnostics diagnostics;
  auto loaded = config::load_plugin_manifest_text(kManifest, "/plugins/sample.yaml", diagnostics);
  INFO(diagnostics.text());
  REQUIRE(loaded.ok());
  return *loaded;
}

TEST_CASE("The text page shows everything in aligned columns, advanced settings last") {
  CHECK(describe_text(*manifest()) ==
        R"(Sample 0.1.0 (sample)
Does a sample thing.

  ABI       1.0
  Manifest  /plugins/sample.yaml
  Library   /plugins/sample.so
  Hooks     init: s_init, settings: s_settings, mapping: s_mapping, send: s_send
  Login     none
  Limits    50 mappings per destination; 1 send at a time; users: 600 requests per 1m

SETTINGS (destinations.NAME.settings)

  NAME     TYPE    REQ.  DEFAULT  WHAT IT IS
  account  string  yes   -        Account ID. The digits that the long list of accounts in the web
                                  interface shows. Form: [0-9]+|x

  Advanced
  NAME  TYPE      REQ.  DEFAULT  WHAT IT IS
  wait  duration        5s       Wait.

ACTION sync: Sync it

  Default trigger  a = "{audience}"
  Batches          up to 10 records, 1MiB, 1s; paced by the rate users

  NAME      TYPE          REQ.  DEFAULT                         WHAT IT IS
  audience  string        yes   -                               Audience. A literal, not taken from
                                                                events.
  email     list of       if    $.context.traits.email, else    Email. Required if mode = ADD or
            string              $.traits.email                  REMOVE. [personal data]
  mode      string              ADD                             Mode. One of: ADD = Put in; REMOVE.
)");
}

TEST_CASE("No line of a text page is wider than 100 columns") {
  Diagnostics diagnostics;
  const auto loaded = config::load_plugin_manifest(
      std::string(PENSTOCK_SOURCE_DIR) + "/manifests/linkedin_audiences.yaml", diagnostics);
  REQUIRE(loaded.ok());
  std::istringstream lines(describe_text(**loaded));
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    // Paths of the manifest and library are as long as they are, and broken at the width all the
    // same.
    CHECK(line.size() <= 100);
    CHECK((line.empty() || line.back() != ' '));
  }
}

TEST_CASE("The Markdown page has a table for each kind of input, with bars escaped") {
  const std::string page = describe_markdown(*manifest());
  CHECK(page.starts_with("# Sample\n\nDoes a sample thing.\n\n"));
  CHECK(page.find("| `account` | string | yes |  | Account ID. The digits that the long list of "
                  "accounts in the web "
                  "interface shows. Form: [0-9]+\\|x |\n") != std::string::npos);
  CHECK(page.find("### Advanced\n\n| Name |") != std::string::npos);
  CHECK(page.find("## Sync it (`sync`)\n\nDefault trigger: `a = \"{audience}\"`\n\n") !=
        std::string::npos);
  CHECK(page.find("| `email` | list of string | if mode = ADD or REMOVE | "
                  "`$.context.traits.email, else $.traits.email` | Email. Required if mode = ADD "
                  "or REMOVE. "
                  "[personal data] |\n") != std::string::npos);
  CHECK(page.ends_with("|\n"));
}

TEST_CASE("The JSON page says all that the manifest says") {
  const auto json = nlohmann::json::parse(describe_json(*manifest()));
  CHECK(json["name"] == "sample");
  CHECK(json["abi"] == "1.0");
  CHECK(json["hooks"]["send"] == "s_send");
  CHECK(json["connection"]["type"] == "none");
  CHECK(json["limits"]["rates"]["users"]["per_ms"] == 60'000);
  CHECK(json["settings"][0]["name"] == "wait");
  CHECK(json["settings"][0]["default"] == "5s");
  CHECK(json["settings"][1]["pattern"] == "[0-9]+|x");
  const auto& action = json["actions"][0];
  CHECK(action["batch"]["max_bytes"] == 1'048'576);
  CHECK(action["fields"][0]["literal"] == true);
  CHECK(action["fields"][1]["personal_data"] == true);
  CHECK(action["fields"][1]["default"]["@if"]["else"] == "$.traits.email");
  CHECK(action["fields"][1]["required_if"]["mode"] == nlohmann::json({"ADD", "REMOVE"}));
  CHECK(action["fields"][2]["choices"][0]["label"] == "Put in");
}

TEST_CASE("Expressions are shown the short way where there is one") {
  struct Case {
    const char* yaml;
    const char* shown;
  };
  const Case cases[] = {{"$.a", "$.a"},
                        {"{'@path': '$.a.b'}", "$.a.b"},
                        {"{'@path': '$.'}", "the whole event"},
                        {"{'@literal': 5}", "5"},
                        {"{'@template': 'Hi {{ a }}'}", "Hi {{ a }}"},
                        {"{'@if': {exists: $.a, then: x}}", "x if $.a exists"},
                        {"{'@if': {blank: $.a, then: x}}", "x if $.a is not blank"},
                        {"{'@if': {blank: $.a, then: $.a, else: {'@if': {blank: $.b, then: $.b, "
                         "else: $.c}}}}",
                         "$.a, else $.b, else $.c"},
                        {"{'@case': {operator: lower, value: $.a}}",
                         R"({"@case":{"operator":"lower","value":"$.a"}})"},
                        {"''", "\"\""},
                        {"~", "null"},
                        {"[1, a]", R"([1,"a"])"}};
  for (const Case& c : cases) {
    Diagnostics diagnostics;
    const auto node = config::read_yaml(c.yaml, "x", diagnostics);
    REQUIRE(node.has_value());
    CHECK(readable_expression(*node) == c.shown);
  }
}

}  // namespace
}  // namespace penstock::cli
