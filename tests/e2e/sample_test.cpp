// Guards the main job: a file of Engage events becomes LinkedIn audiences, exactly.
#include <catch2/catch.hpp>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

linkedin_sandbox::Options sandbox_options(std::int64_t ready_ms) {
  linkedin_sandbox::Options options;
  options.behaviour.segment_ready_ms = ready_ms;
  return options;
}

}  // namespace

TEST_CASE(
    "The sample's events become the audiences that the truth names, and the report's counts are "
    "the truth's") {
  linkedin_sandbox::Sandbox sandbox(sandbox_options(1000));
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  const Finished run = run_penstock(
      workspace, {"run", write_sample_pipeline(workspace, sandbox), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  const auto truth = sample_truth();
  check_members(sandbox, truth);
  check_requests(sandbox);
  const auto report = run.json();
  check_adds_up(report);
  check_sample_counts(report, truth);
  check_no_personal_data(run.out + run.err);
}

TEST_CASE("Running the sample twice leaves the audiences as they are and makes no second segment") {
  linkedin_sandbox::Sandbox sandbox(sandbox_options(100));
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  SampleOptions options;
  options.segment_ready_after = "100ms";
  const std::string pipeline = write_sample_pipeline(workspace, sandbox, options);
  REQUIRE(run_penstock(workspace, {"run", pipeline}).exit_code == 0);
  REQUIRE(run_penstock(workspace, {"run", pipeline}).exit_code == 0);
  check_members(sandbox, sample_truth());
  CHECK(sandbox.dump_members(true).at("segments").size() == 4);
}

TEST_CASE("A sandbox that shuffles the elements of each request ends with the same members") {
  auto sandbox_setup = sandbox_options(100);
  sandbox_setup.behaviour.shuffle_order = true;
  linkedin_sandbox::Sandbox sandbox(sandbox_setup);
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  SampleOptions options;
  options.segment_ready_after = "100ms";
  REQUIRE(run_penstock(workspace, {"run", write_sample_pipeline(workspace, sandbox, options)})
              .exit_code == 0);
  check_members(sandbox, sample_truth());
}

TEST_CASE("try shows for each event and mapping what would happen, and sends nothing") {
  linkedin_sandbox::Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  const std::string pipeline = write_sample_pipeline(workspace, sandbox);
  const Finished run = run_penstock(
      workspace,
      {"try", pipeline, "--input", data_path("engage_sample.ndjson"), "--format", "json"});
  REQUIRE(run.exit_code == 0);
  std::map<std::string, std::size_t> outcomes;
  std::size_t matched = 0;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    ++outcomes[json.value("outcome", "no match") + "/" + json.value("reason", "")];
    matched += json.value("matched", false) ? 1 : 0;
  }
  const auto truth = sample_truth();
  CHECK(outcomes["dead_letter/no_identifier"] ==
        truth["counts"]["no_identifier"].get<std::size_t>());
  CHECK(outcomes["dead_letter/invalid_event"] == truth["counts"]["invalid"].get<std::size_t>());
  CHECK(matched == truth["counts"]["records"].get<std::size_t>());
  CHECK(sandbox.requests(10).at("requests").empty());
}

}  // namespace penstock::e2e
