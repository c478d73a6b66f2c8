// Guards consent: nobody is added whose event refuses, whoever refuses can still leave, and the
// report counts them with a reason and no error.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

// tests/data/consent.ndjson: q1 and q2 are excluded by "integrations", q3 refuses Advertising, q4
// grants it, q7 and q8 say nothing, q9 refuses and leaves.
struct World {
  explicit World(const std::string& respect_consent) {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(options);
    REQUIRE(sandbox->start().ok());
    SampleOptions sample;
    sample.events = data_path("consent.ndjson");
    sample.segment_ready_after = "0ms";
    pipeline = write_sample_pipeline(workspace, *sandbox, sample);
    std::string text = workspace.read("pipeline.yaml");
    const std::string place = "    settings:\n";
    if (!respect_consent.empty()) {
      text.insert(text.find(place), "    respect_consent: " + respect_consent + "\n");
    }
    pipeline = workspace.write("pipeline.yaml", text);
  }
  [[nodiscard]] json run() const {
    const Finished finished = run_penstock(workspace, {"run", pipeline, "--format", "json"});
    INFO(finished.err);
    REQUIRE(finished.exit_code == 0);
    json report = finished.json();
    check_adds_up(report);
    return report;
  }
  // The outcome of each event that trial_users took, in order: what was done or why not.
  [[nodiscard]] std::vector<std::string> outcomes(
      const std::string& events = data_path("consent.ndjson")) const {
    const Finished finished =
        run_penstock(workspace, {"try", pipeline, "--input", events, "--format", "json"});
    INFO(finished.err);
    REQUIRE(finished.exit_code == 0);
    std::vector<std::string> all;
    std::istringstream lines(finished.out);
    for (std::string line; std::getline(lines, line);) {
      const json entry = json::parse(line);
      if (entry.value("mapping", "") != "trial_users") continue;
      all.push_back(entry["outcome"] == "element" ? entry["element"]["action"].get<std::string>()
                                                  : entry["reason"].get<std::string>());
    }
    return all;
  }

  Workspace workspace;
  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  std::string pipeline;
};

json counts_of(const json& report) {
  return report["destinations"]["linkedin_eu"]["mappings"]["trial_users"];
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("Without respect_consent nobody is held back") {
  CHECK(World("").outcomes() == Words{"ADD", "ADD", "ADD", "ADD", "ADD", "ADD", "REMOVE"});
}

TEST_CASE("Who refuses by a category or by integrations is not added, and may still leave") {
  const World world("{categories: [Advertising], integrations: true}");
  CHECK(world.outcomes() == Words{"integration_off", "integration_off", "consent_refused", "ADD",
                                  "ADD", "ADD", "REMOVE"});
}

TEST_CASE("Whoever is excluded by any name of the destination is not added, and may still leave") {
  const World world("{integrations: true}");
  std::string events;
  const auto add = [&](const std::string& integrations) {
    for (const bool member : {true, false}) {
      json event = json::parse(
          R"({"type":"track","userId":"u","properties":{"audience_key":"trial_users"},
              "context":{"traits":{"email":"a@example.com"},
                         "personas":{"computation_class":"audience","computation_key":"trial_users"}}})");
      event["event"] = member ? "Audience Entered" : "Audience Exited";
      event["properties"]["trial_users"] = member;
      event["integrations"] = json::parse(integrations);
      events += event.dump() + "\n";
    }
  };
  Words expected;
  for (const char* name : {"LinkedIn Audiences", "Linkedin Audiences", "Actions LinkedIn Audiences",
                           "Actions Linkedin Audiences"}) {
    add(R"({"All":true,")" + std::string(name) + R"(":false})");
    expected.insert(expected.end(), {"integration_off", "REMOVE"});
    add(R"({"All":false,")" + std::string(name) + R"(":true})");
    expected.insert(expected.end(), {"ADD", "REMOVE"});
    add(R"({"All":false,")" + std::string(name) + R"(":{"an":{"option":1}}})");
    expected.insert(expected.end(), {"ADD", "REMOVE"});
  }
  add(R"({"All":false,"Another Destination":true})");
  expected.insert(expected.end(), {"integration_off", "REMOVE"});
  CHECK(world.outcomes(world.workspace.write("named.ndjson", events)) == expected);
}

TEST_CASE("Where consent is required, an event that says nothing adds nobody") {
  const World world("{categories: [Advertising], required: true}");
  CHECK(world.outcomes() == Words{"consent_missing", "consent_missing", "consent_refused", "ADD",
                                  "consent_missing", "consent_missing", "REMOVE"});
}

TEST_CASE("A run counts who refused as skipped with the reason, and LinkedIn never sees them") {
  const World world("{categories: [Advertising], integrations: true}");
  const json report = world.run();
  const json counts = counts_of(report);
  INFO(counts.dump(2));
  CHECK(counts["matched"] == 7);
  CHECK(counts["skipped"] == 3);
  CHECK(counts["dead_lettered"] == 0);
  CHECK(counts["pending"] == 0);
  CHECK(counts["skipped_reasons"] == json({{"integration_off", 2}, {"consent_refused", 1}}));
  CHECK(world.sandbox->members("trial_users").size() == 3);  // q4, q7 and q8
  for (const json& issue : report["issues"]) CHECK(issue["severity"] != "error");
}

TEST_CASE("The report and status show a person who was skipped, and why") {
  const World world("{categories: [Advertising], integrations: true}");
  const Finished run = run_penstock(world.workspace, {"run", world.pipeline});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  const Finished status = run_penstock(world.workspace, {"status", world.pipeline});
  REQUIRE(status.exit_code == 0);
  for (const std::string& shown : {run.out, status.out}) {
    INFO(shown);
    const std::size_t skipped = shown.find("\n  Skipped\n");
    REQUIRE(skipped != std::string::npos);
    CHECK(shown.find("consent_refused", skipped) != std::string::npos);
    CHECK(shown.find("Advertising", skipped) != std::string::npos);
    CHECK(shown.find("integration_off", skipped) != std::string::npos);
  }
}

TEST_CASE("respect_consent that respects nothing is refused at load") {
  const World world("{integrations: false}");
  const Finished finished = run_penstock(world.workspace, {"validate", world.pipeline});
  CHECK(finished.exit_code == 78);
  CHECK(finished.err.find("respects nothing") != std::string::npos);
}

}  // namespace penstock::e2e
