// Guards the import of Segment's mappings: what it prints is a pipeline that loads, nothing is
// enabled that would do something else than at Segment, and no export makes it anything but text.
#include <algorithm>
#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <sstream>

#include "config/pipeline.hpp"
#include "config/plugin_manifest.hpp"
#include "import/segment.hpp"
#include "import/yaml_text.hpp"
#include "mapping/program.hpp"

namespace penstock::import {
namespace {

const PluginManifest& plugin() {
  static const auto manifest = [] {
    Diagnostics diagnostics;
    auto loaded = config::load_plugin_manifest(
        std::string(PENSTOCK_SOURCE_DIR) + "/manifests/linkedin_audiences.yaml", diagnostics);
    INFO(diagnostics.text());
    REQUIRE(loaded.ok());
    return *loaded;
  }();
  return *manifest;
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(PENSTOCK_SOURCE_DIR) + "/tests/data/" + name);
  std::stringstream text;
  text << in.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

// What the result becomes where no variable is set and every file holds a secret.
PipelineConfig load(const Imported& imported) {
  config::LoadOptions options;
  options.plugin_dirs = {std::string(PENSTOCK_SOURCE_DIR) + "/manifests"};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    return name.starts_with("LINKEDIN_") ? std::nullopt : std::optional<std::string>("SECRET");
  };
  options.read_file = [](const std::string&) -> Result<std::string> {
    return std::string("SECRET");
  };
  Diagnostics diagnostics;
  auto loaded = config::load_pipeline_text(imported.yaml, "/p/imported.yaml", options, diagnostics);
  INFO(imported.yaml);
  INFO(diagnostics.text());
  REQUIRE(loaded.ok());
  REQUIRE(mapping::compile(*loaded, diagnostics) != nullptr);
  return std::move(*loaded);
}

const MappingConfig& mapping_named(const PipelineConfig& config, const std::string& name) {
  for (const DestinationConfig& destination : config.destinations) {
    for (const MappingConfig& mapping : destination.mappings) {
      if (mapping.name == name) return mapping;
    }
  }
  FAIL("there is no mapping " << name);
  throw std::logic_error("unreachable");
}

const Node* field(const MappingConfig& mapping, const std::string& name) {
  for (const Node::Member& member : mapping.fields) {
    if (member.key == name) return &member.value;
  }
  return nullptr;
}

bool noted(const Imported& imported, const std::string& mapping, const std::string& words) {
  return std::any_of(imported.notes.begin(), imported.notes.end(), [&](const std::string& note) {
    return note.starts_with(mapping) && note.find(words) != std::string::npos;
  });
}

Imported import_one(const std::string& subscription) {
  auto imported = import_segment(subscription, plugin());
  INFO(imported.status().message());
  REQUIRE(imported.ok());
  return std::move(*imported);
}

std::string subscription(const std::string& settings,
                         const std::string& trigger = R"(type = \"track\")",
                         const std::string& more = "") {
  return R"({"name":"M","actionSlug":"updateAudience","trigger":")" + trigger + R"(","settings":)" +
         settings + more + "}";
}

}  // namespace

TEST_CASE("An export becomes a pipeline that loads, with what is the same and what is not") {
  const Imported imported = import_one(file("segment_export.json"));
  const PipelineConfig config = load(imported);
  CHECK(imported.mappings == 9);
  REQUIRE(config.destinations.size() == 1);
  const auto setting = [&](const std::string& name) {
    const auto& settings = config.destinations[0].settings;
    return *std::find_if(settings.begin(), settings.end(),
                         [&](const SettingValue& value) { return value.name == name; });
  };
  CHECK(setting("ad_account_id").text == "512345678");
  CHECK(setting("send_email").boolean);
  CHECK_FALSE(setting("send_google_advertising_id").boolean);

  const MappingConfig& trial = mapping_named(config, "trial_users");
  CHECK(trial.enabled);
  CHECK(trial.default_trigger);
  CHECK(field(trial, "personas_audience_key")->text == "trial_users");
  // A "${" of Segment's is text, and reads no variable of this machine.
  CHECK(field(trial, "dmp_segment_name")->text == "Trial \"users\" ${env:HOME}");
  CHECK(field(trial, "email") == nullptr);  // the default looks there, too
  CHECK(field(trial, "source_segment_id") == nullptr);
  CHECK(field(trial, "title") != nullptr);

  const MappingConfig& winback = mapping_named(config, "winback_step");
  CHECK(winback.enabled);
  CHECK_FALSE(winback.default_trigger);
  CHECK(field(winback, "personas_audience_key")->text == "winback__step");
  CHECK(field(winback, "dmp_user_action")->text == "ADD");
  CHECK(field(winback, "email") != nullptr);
  CHECK(noted(imported, "winback_step", "batch: {max_records"));

  const MappingConfig& accounts = mapping_named(config, "target_accounts");
  CHECK(accounts.enabled);
  CHECK(accounts.action->name == "sync_to_company_segment");
  CHECK(field(accounts, "computation_key")->text == "target_accounts");
  CHECK(field(accounts, "company_action")->text == "ADD");
  CHECK(field(accounts, "audience_source")->text == "ENGAGE");
  CHECK(field(accounts, "company_domain") != nullptr);

  for (const char* name : {"liquid", "mixed", "everybody", "journey", "rows", "paused"}) {
    CAPTURE(name);
    CHECK_FALSE(mapping_named(config, name).enabled);
  }
  CHECK(imported.disabled == 6);
  CHECK(noted(imported, "liquid", "field email is left out"));
  CHECK(noted(imported, "liquid", "no field \"colour\""));
  CHECK(noted(imported, "mixed", "may mean something else here"));
  CHECK(noted(imported, "everybody", "dmp_user_action is ADD, but the trigger also lets"));
  CHECK(noted(imported, "journey", "write the trigger as: (...) and event != \"Audience Exited\""));
  CHECK(noted(imported, "rows", "reverse ETL"));
  CHECK(field(mapping_named(config, "rows"), "sync_mode")->text == "mirror");
  CHECK(noted(imported, "\"Somewhere else\"", "not a mapping of LinkedIn Audiences"));
  // Each note stands in the result as well.
  for (const std::string& note : imported.notes) {
    if (note[0] == '"') continue;
    CHECK(imported.yaml.find("# CHECK: " + note.substr(note.find(": ") + 2)) != std::string::npos);
  }
}

TEST_CASE("An export may be one mapping, a list, an answer in its envelope, or Terraform's") {
  const std::string settings = R"({"personas_audience_key":"k"})";
  const std::string one = subscription(settings, R"(event = \"x\")");
  std::string terraform =
      R"({"name":"M","action_id":"a","action_slug":"updateAudience","trigger":"event = \"x\"","settings":"{\"personas_audience_key\":\"k\"}"})";
  for (
      const std::string& text :
      {one, "[" + one + "]", R"({"subscription":)" + one + "}",
       R"({"subscriptions":[)" + one + "]}", R"({"data":{"subscription":)" + one + "}}",
       R"({"data":{"data":{"subscriptions":[)" + one + "]}}}",
       R"([{"destination":{"id":"d","metadata":{}}},{"subscriptions":[)" + one + "]}]", terraform,
       std::string(
           R"({"name":"M","partnerAction":"updateAudience","subscribe":"event = \"x\"","mapping":{"personas_audience_key":"k"}})"),
       // Without the action's name the fields tell.
       std::string(
           R"({"name":"M","actionId":"a","trigger":"event = \"x\"","settings":{"personas_audience_key":"k"}})")}) {
    CAPTURE(text);
    const Imported imported = import_one(text);
    CHECK(imported.disabled == 0);
    CHECK(field(mapping_named(load(imported), "m"), "personas_audience_key")->text == "k");
  }
}

TEST_CASE("An export that is one page of several says so") {
  const auto page = [](const std::string& name, const std::string& pagination) {
    return R"({"data":{"subscriptions":[{"name":")" + name +
           R"(","actionSlug":"updateAudience","trigger":"event = \"x\"","settings":{"personas_audience_key":")" +
           name + R"("}}],"pagination":)" + pagination + "}}";
  };
  const std::string first = page("a", R"({"current":"MA==","next":"Mg==","totalEntries":2})");
  const std::string last = page("b", R"({"current":"Mg==","next":null,"totalEntries":2})");
  const Imported part = import_one(first);
  CHECK(noted(part, "the export", "next page is \"Mg==\""));
  CHECK(part.yaml.find("# CHECK: it is not whole") != std::string::npos);
  (void)load(part);
  CHECK(import_one("[" + first + "," + last + "]").notes.size() == 1);  // the ad account
  CHECK(import_one(last).notes.size() == 1);
}

TEST_CASE("What is no export of LinkedIn Audiences is refused with a reason") {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"{}\n{}", "make one list of them"},
      {"{}", "neither a destination nor a mapping"},
      {"5", "neither a destination nor a mapping"},
      {R"({"destination":{"metadata":{},"settings":{}}})", "without mappings"},
      {R"([{"name":"x","actionSlug":"trackEvent","settings":{}}])", "none of its 1 mappings"},
      {R"({"name":"x","actionSlug":"updateAudience","settings":5})", "not a map of fields"},
      {R"({"name":"x","actionSlug":"updateAudience","settings":"{"})", "not JSON"},
      {std::string(200, '[') + std::string(200, ']'), "nested more than"},
      {R"({"name":"x","actionSlug":"updateAudience","settings":{"email":"\ud800"}})", "not JSON"}};
  for (const auto& [text, words] : cases) {
    CAPTURE(text);
    const auto imported = import_segment(text, plugin());
    REQUIRE_FALSE(imported.ok());
    CHECK(imported.status().code() == StatusCode::bad_input);
    CHECK(imported.status().message().find(words) != std::string::npos);
  }
}

TEST_CASE("No text of an export becomes anything but text") {
  const std::string evil[] = {"${file:/etc/passwd}",
                              "$${env:X}",
                              "$$${file:x}",
                              "\\n      evil: {enabled: true}",
                              "\\\" # x",
                              "a\\u0000b",
                              "\\u2028x",
                              "\\u0085x",
                              "\\ufeffx",
                              "\\u202egnp",
                              "{{x}}",
                              "$.traits.x",
                              "- a",
                              "&anchor",
                              "*alias",
                              "!!tag",
                              "~",
                              "null",
                              "yes",
                              "0x10",
                              "1e999",
                              "' \\\" '",
                              "%TAG"};
  for (const std::string& text : evil) {
    CAPTURE(text);
    const std::string name =
        R"({"name":")" + text + R"(","actionSlug":"updateAudience","trigger":"event = \"x\"",)";
    const PipelineConfig config = load(
        import_one(name + R"("settings":{"personas_audience_key":"k","dmp_segment_name":")" + text +
                   R"(","email":{"@template":")" + text + R"("},")" + text + R"(":1}})"));
    REQUIRE(config.destinations.size() == 1);
    REQUIRE(config.destinations[0].mappings.size() == 1);
    const MappingConfig& mapping = config.destinations[0].mappings[0];
    for (const Node::Member& member : mapping.fields) {
      CHECK(member.value.text.find("SECRET") == std::string::npos);
      CHECK_FALSE(member.value.interpolated);
    }
  }
  // The very text comes back.
  for (const char* text : {"${file:/etc/passwd}", "$${env:X}", "$$${x", "$.traits.x", "Zoë"}) {
    CAPTURE(text);
    const PipelineConfig config = load(import_one(subscription(
        R"({"personas_audience_key":"k","dmp_segment_name":")" + std::string(text) + "\"}")));
    const Node* name = field(config.destinations[0].mappings[0], "dmp_segment_name");
    REQUIRE(name != nullptr);
    const Node* literal = value_of_literal(*name);
    CHECK((literal != nullptr ? literal : name)->text == text);
  }
}

TEST_CASE(
    "A text that is a path here only is the text itself, within a directive's argument, too") {
  const PipelineConfig config = load(import_one(subscription(
      R"({"personas_audience_key":"k","dmp_segment_name":"n",)"
      R"("email":{"@path":{"@if":{"exists":{"@path":"$.traits.work"},"then":"$.traits.work"}}}})")));
  const Node* email = field(config.destinations[0].mappings[0], "email");
  REQUIRE(email != nullptr);
  const Node* choice = email->find("@path")->find("@if");
  REQUIRE(choice != nullptr);
  CHECK(choice->find("exists")->find("@path")->text == "$.traits.work");
  const Node* literal = value_of_literal(*choice->find("then"));
  REQUIRE(literal != nullptr);
  CHECK(literal->text == "$.traits.work");
}

TEST_CASE("Whatever shape a field has, the result loads") {
  const std::string shapes[] = {"5",
                                "1.5e300",
                                "-9223372036854775808",
                                "18446744073709551615",
                                "true",
                                "null",
                                "[]",
                                "{}",
                                "[1,[2,{\"a\":3}]]",
                                R"({"@path":5})",
                                R"({"@path":"$.a["})",
                                R"({"@if":{}})",
                                R"({"@unknown":1})",
                                R"({"@path":"$.a","@literal":1})",
                                R"({"@literal":{"@path":"$.x"}})",
                                R"({"a":{"@path":"$.b"}})",
                                R"("")",
                                R"(" ")",
                                "\"" + std::string(100'000, 'x') + "\"",
                                R"({")" + std::string(2'000, 'k') + R"(":1})",
                                std::string(60, '[') + std::string(60, ']')};
  for (const char* action : {"updateAudience", "updateCompanyAudience"}) {
    for (const char* name :
         {"personas_audience_key", "dmp_segment_name", "email", "title", "dmp_user_action",
          "source_segment_id", "__segment_internal_sync_mode", "identifiers", "action",
          "audience_source", "segment_name", "computation_key", "consent_withheld", "x"}) {
      for (const std::string& shape : shapes) {
        const std::string text = R"({"name":"M","actionSlug":")" + std::string(action) +
                                 R"(","trigger":"event = \"x\"","settings":{")" + name +
                                 "\":" + shape + "}}";
        CAPTURE(action, name, shape.substr(0, 40));
        (void)load(import_one(text));
      }
    }
  }
}

TEST_CASE("Whatever the trigger is, the result loads, and what cannot be read is not enabled") {
  for (const char* trigger :
       {"", "(", "type = ", R"(x = \"y\")", R"(type = \"a\u0000b\")", "é", "${file:/x}",
        R"(event = \"${env:HOME}\")", R"(type = \"track\"\n and event = \"x\")"}) {
    CAPTURE(trigger);
    const PipelineConfig config =
        load(import_one(subscription(R"({"personas_audience_key":"k"})", trigger)));
    const MappingConfig& mapping = config.destinations[0].mappings[0];
    CHECK(mapping.enabled == (std::string(trigger).starts_with("event") ||
                              std::string(trigger).starts_with("type = \\\"track")));
    if (mapping.enabled) CHECK(mapping.trigger->find("SECRET") == std::string::npos);
  }
}

TEST_CASE("More mappings than a destination takes are divided, those of one audience together") {
  std::string all = "[";
  for (int i = 0; i < 120; ++i) {
    all += (i > 0 ? "," : "") +
           subscription(R"({"personas_audience_key":"k)" + std::to_string(i % 60) + "\"}",
                        R"(event = \"x\")");
  }
  const Imported imported = import_one(all + "]");
  const PipelineConfig config = load(imported);
  std::map<std::string, std::size_t> of_key;
  for (std::size_t d = 0; d < config.destinations.size(); ++d) {
    for (const MappingConfig& mapping : config.destinations[d].mappings) {
      const std::string key = field(mapping, "personas_audience_key")->text;
      CHECK(of_key.try_emplace(key, d).first->second == d);
    }
  }
  CHECK(of_key.size() == 60);
  CHECK(config.destinations.size() == 3);
  CHECK(imported.disabled == 0);
}

TEST_CASE("What only Penstock has is not taken from an export") {
  for (const char* name : {"existing_segment_id", "consent_withheld"}) {
    CAPTURE(name);
    const Imported imported = import_one(
        subscription(R"({"personas_audience_key":"k",")" + std::string(name) + R"(":"x"})"));
    CHECK(imported.disabled == 1);
    CHECK(field(load(imported).destinations[0].mappings[0], name) == nullptr);
  }
}

}  // namespace penstock::import
