// Guards the neighbours of a poison record: a request that is refused as a whole because of one
// element costs that element alone.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

constexpr std::uint64_t kElements = 5'000;  // as many as LinkedIn takes in a request

std::uint64_t batch_requests(const linkedin_sandbox::Sandbox& sandbox) {
  std::uint64_t count = 0;
  const nlohmann::json users = sandbox.counters().at("by_endpoint").at("users");
  for (const auto& [outcome, requests] : users.items()) count += requests.get<std::uint64_t>();
  return count;
}

std::string device_of(std::uint32_t person) {
  const std::string number = std::to_string(person);
  return "65f30779-f6ee-4cdb-ad79-" + std::string(12 - number.size(), '0') + number;
}

}  // namespace

TEST_CASE(
    "Of 5,000 elements in a request that is refused because of one, 4,999 are delivered with few "
    "extra requests") {
  // Where in the request the poison is.
  const std::uint32_t place = GENERATE(0U, 1U, 1'234U, 2'500U, 4'999U);
  INFO("poison at " << place);
  std::string events;
  for (std::uint32_t person = 0; person < kElements; ++person) {
    events +=
        R"({"type":"track","event":"Audience Entered","properties":{"audience_key":"audience_0","audience_0":true},)"
        R"("context":{"device":{"advertisingId":")" +
        device_of(person) + "\"}}}\n";
  }
  const std::string poison = "GOOGLE_AID=" + device_of(place);
  linkedin_sandbox::Options setup;
  setup.behaviour.segment_ready_ms = 0;
  setup.behaviour.legacy_batches = true;  // one bad element refuses the whole request
  setup.behaviour.refused_identifiers = {poison};
  linkedin_sandbox::Sandbox sandbox(setup);
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  CrowdPlan plan;
  plan.audiences = 1;
  CrowdPipeline options;
  options.source = "{type: file, path: \"" + workspace.write("events.ndjson", events) + "\"}";
  options.batch = "{max_age: 10s}";  // the most: one full request
  const Finished run = run_penstock(
      workspace,
      {"run", write_crowd_pipeline(workspace, sandbox, Crowd(plan), options), "--format", "json"});
  INFO(run.out << "\n" << run.err);
  REQUIRE(run.exit_code == 0);

  REQUIRE(sandbox.counters().at("largest_request_elements") == kElements);
  const std::vector<std::string> members = sandbox.members("audience_0");
  CHECK(members.size() == kElements - 1);
  CHECK(std::find(members.begin(), members.end(), poison) == members.end());
  const store::State state = all_time(workspace);
  REQUIRE(state.mappings.size() == 1);
  CHECK(state.mappings[0].counts.delivered == kElements - 1);
  CHECK(state.mappings[0].counts.dead_lettered == 1);
  CHECK(state.dead_letters.kept == 1);
  // Thirds: three requests on each of 8 levels at most.
  const std::uint64_t extra = batch_requests(sandbox) - 1;
  std::printf("poison at %u: %llu extra requests\n", place, static_cast<unsigned long long>(extra));
  CHECK(static_cast<double>(extra) <= 2 * std::log2(kElements));
}

}  // namespace penstock::e2e
