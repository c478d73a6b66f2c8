// Guards `penstock audiences`: what people read of the audiences that a pipeline fills, and
// renaming them, also while a run is going on.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  Fixture() {
    linkedin_sandbox::Options setup;
    setup.behaviour.segment_ready_ms = 50;
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(setup);
    REQUIRE(sandbox->start().ok());
    options.segment_ready_after = "50ms";
    pipeline = write_sample_pipeline(workspace, *sandbox, options);
  }
  [[nodiscard]] Finished penstock(std::vector<std::string> words,
                                  const std::string& token = "sandbox-token") const {
    return run_penstock(workspace, std::move(words), {{"LINKEDIN_ACCESS_TOKEN", token}});
  }
  [[nodiscard]] nlohmann::json segment(const std::string& key) const {
    const nlohmann::json all = sandbox->dump_members(true);
    for (const auto& segment : all.at("segments")) {
      if (segment.at("sourceSegmentId") == key) return segment;
    }
    FAIL("the sandbox has no audience " << key);
    return {};
  }

  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  Workspace workspace;
  SampleOptions options;
  std::string pipeline;
};

nlohmann::json audience(const nlohmann::json& answer, const std::string& mapping) {
  for (const auto& entry : answer.at("destinations").at(0).at("audiences")) {
    if (entry.at("mapping") == mapping) return entry;
  }
  FAIL("no audience of " << mapping << " in " << answer.dump(2));
  return {};
}

}  // namespace

TEST_CASE("Before the first run every mapping has a row that says its audience is not created") {
  const Fixture fixture;
  const Finished shown = fixture.penstock({"audiences", fixture.pipeline});
  INFO(shown.err);
  CHECK(shown.exit_code == 0);
  for (const char* mapping : {"trial_users", "enterprise_leads", "churn_risk"})
    CHECK_THAT(shown.out, Catch::Contains(mapping));
  CHECK_THAT(shown.out, Catch::Contains("not created") && Catch::Contains("never") &&
                            Catch::Contains("which has not run yet"));
}

TEST_CASE("After a run, audiences shows what LinkedIn counts and what was delivered") {
  const Fixture fixture;
  REQUIRE(fixture.penstock({"run", fixture.pipeline}).exit_code == 0);
  const Finished json = fixture.penstock({"audiences", fixture.pipeline, "--format", "json"});
  INFO(json.err);
  CHECK(json.exit_code == 0);
  const nlohmann::json answer = json.json();
  const nlohmann::json trial = audience(answer, "trial_users");
  CHECK(trial["key"] == "trial_users");
  CHECK(trial["type"] == "USER");
  CHECK(trial["id"] == std::to_string(fixture.segment("trial_users")["id"].get<std::uint64_t>()));
  const auto members = fixture.sandbox->members("trial_users").size();
  const auto added = trial["delivered"]["added"].get<std::uint64_t>();
  const auto removed = trial["delivered"]["removed"].get<std::uint64_t>();
  CHECK(added >= members);
  CHECK(removed > 0);
  const nlohmann::json status =
      fixture.penstock({"status", fixture.pipeline, "--format", "json"}).json();
  CHECK(added + removed ==
        status["destinations"]["linkedin_eu"]["mappings"]["trial_users"]["delivered"]);
  CHECK_FALSE(trial["delivered"]["last"].is_null());

  const Finished text = fixture.penstock({"audiences", fixture.pipeline});
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Catch::Contains("audiences of linkedin_eu (LinkedIn Audiences)") &&
                           Catch::Contains("300") && Catch::Contains("48 hours"));
}

TEST_CASE("A destination that cannot be asked has its rows, the reason, and an exit code") {
  const Fixture fixture;
  REQUIRE(fixture.penstock({"run", fixture.pipeline}).exit_code == 0);
  const Finished text = fixture.penstock({"audiences", fixture.pipeline}, "no-such-token");
  CHECK(text.exit_code == 77);
  CHECK_THAT(text.out, Catch::Contains("trial_users") && Catch::Contains("It could not be asked"));
  const nlohmann::json answer =
      fixture.penstock({"audiences", fixture.pipeline, "--format", "json"}, "no-such-token").json();
  CHECK(answer["destinations"][0]["problem"].is_string());
  CHECK(audience(answer, "trial_users")["delivered"]["added"].get<std::uint64_t>() > 0);
  CHECK(audience(answer, "trial_users")["id"].is_null());
}

TEST_CASE("An audience can be renamed while a run is going on, and keeps its key and members") {
  const Fixture fixture;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  SampleOptions options = fixture.options;
  options.source = "{type: stdin}";
  const std::string pipeline = write_sample_pipeline(fixture.workspace, *fixture.sandbox, options);
  Process run(
      fixture.workspace,
      penstock_arguments({"run", pipeline, "--set", "destinations.linkedin_eu.batch.max_age=20ms"}),
      {}, ends[0]);
  const std::string event =
      R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":"trial_users","trial_users":true},"context":{"traits":{"email":"a@example.com"}}})"
      "\n";
  REQUIRE(::write(ends[1], event.data(), event.size()) == static_cast<ssize_t>(event.size()));
  for (int i = 0; i < 3000 && fixture.sandbox->members("trial_users").empty(); ++i)
    std::this_thread::sleep_for(10ms);  // polls for a condition; the bound is generous
  REQUIRE(fixture.sandbox->members("trial_users").size() == 1);

  const Finished renamed = run_penstock(
      fixture.workspace, {"audiences", "rename", pipeline, "trial_users", "Trial users, Europe"});
  INFO(renamed.err);
  CHECK(renamed.exit_code == 0);
  CHECK_THAT(renamed.out, Catch::Contains("is now called \"Trial users, Europe\""));
  CHECK(fixture.segment("trial_users")["name"] == "Trial users, Europe");
  CHECK(run_penstock(fixture.workspace, {"audiences", pipeline}).exit_code == 0);

  ::close(ends[1]);
  CHECK(run.wait().exit_code == 0);
  CHECK(fixture.sandbox->members("trial_users").size() == 1);
}

TEST_CASE("Renaming says what is wrong with the name of a mapping") {
  const Fixture fixture;
  const Finished unknown =
      fixture.penstock({"audiences", "rename", fixture.pipeline, "linkedin_eu.trial_user", "X"});
  CHECK(unknown.exit_code == 64);
  CHECK_THAT(unknown.err, Catch::Contains("did you mean \"linkedin_eu.trial_users\"?"));
  const Finished early =
      fixture.penstock({"audiences", "rename", fixture.pipeline, "trial_users", "X"});
  CHECK(early.exit_code == 1);
  CHECK_THAT(early.err, Catch::Contains("LinkedIn has no audience with the key \"trial_users\""));
  CHECK(fixture.penstock({"audiences", "rename", fixture.pipeline}).exit_code == 64);
  CHECK(fixture.penstock({"audiences"}).exit_code == 64);
}

}  // namespace penstock::e2e
