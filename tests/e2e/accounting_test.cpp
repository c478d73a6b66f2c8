// Guards the counts of all time: crashes and replays between, they add up to the last record.
#include <signal.h>

#include <catch2/catch.hpp>

#include "crowd.hpp"
#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

json status_of(const Workspace& workspace, const std::string& manifest) {
  const Finished status = run_penstock(workspace, {"status", manifest, "--format", "json"});
  INFO(status.err);
  REQUIRE(status.exit_code == 0);
  return status.json();
}

std::uint64_t sum(const json& status, const char* name) {
  std::uint64_t total = 0;
  for (const auto& counts : status["destinations"]["linkedin"]["mappings"])
    total += counts[name].get<std::uint64_t>();
  return total;
}

// received = matched by some mapping + unmatched + invalid, and each mapping's own identity.
void check_identities(const json& status) {
  check_adds_up(status);
  const json& events = status["events"];
  CHECK(events["received"].get<std::uint64_t>() == events["matched"].get<std::uint64_t>() +
                                                       events["unmatched"].get<std::uint64_t>() +
                                                       events["invalid"].get<std::uint64_t>());
}

}  // namespace

TEST_CASE("With two crashes, a replay and a crash in it, status adds up to the last record") {
  CrowdPlan plan;
  plan.events = 30'000;
  plan.persons = 5'000;
  plan.refused = 40;
  Crowd crowd(plan);
  linkedin_sandbox::Options setup;
  setup.behaviour.segment_ready_ms = 0;
  setup.behaviour.users_per_minute = 0;
  setup.behaviour.refused_identifiers = crowd.refused_identifiers();
  linkedin_sandbox::Sandbox sandbox(setup);
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  std::string events;
  crowd.append_lines(plan.events, events);
  CrowdPipeline options;
  options.source = "{type: file, path: \"" + workspace.write("events.ndjson", events) + "\"}";
  options.batch = "{max_records: 100, max_age: 20ms}";
  options.rates = "{users: {requests: 100, per: 1s}}";  // slow enough to be killed in the middle
  const std::string manifest = write_crowd_pipeline(workspace, sandbox, crowd, options);
  const auto elements_sent = [&] {
    return sandbox.counters().at("elements").at("applied").get<std::uint64_t>();
  };
  const auto crash_after = [&](std::uint64_t elements) {
    const std::uint64_t before = elements_sent();
    Process run(workspace, penstock_arguments({"run", manifest}));
    wait_until([&] { return elements_sent() >= before + elements; }, "elements to arrive");
    run.signal(SIGKILL);
    REQUIRE(run.wait().exit_code == 128 + SIGKILL);
    check_identities(status_of(workspace, manifest));
  };

  crash_after(1'000);
  crash_after(1'500);
  // The first run to the end leaves what LinkedIn refuses in the dead letters.
  REQUIRE(run_penstock(workspace, {"run", manifest}).exit_code == 0);
  json status = status_of(workspace, manifest);
  check_identities(status);
  std::uint64_t no_identifier = 0;
  for (const std::uint64_t count : crowd.counts().no_identifier) no_identifier += count;
  CHECK(sum(status, "dead_lettered") == no_identifier + plan.refused);
  CHECK(sum(status, "pending") == 0);

  REQUIRE(sandbox.change_behaviour({{"refused_identifiers", std::vector<std::string>()}}).ok());
  const Finished replay = run_penstock(workspace, {"dead-letters", "replay", manifest, "--all"});
  INFO(replay.err);
  REQUIRE(replay.exit_code == 0);
  check_identities(status_of(workspace, manifest));
  crash_after(1);  // in the middle of the replay
  REQUIRE(run_penstock(workspace, {"run", manifest}).exit_code == 0);

  status = status_of(workspace, manifest);
  check_identities(status);
  CHECK(status["events"]["received"] == crowd.counts().received);
  CHECK(status["events"]["invalid"] == crowd.counts().invalid);
  CHECK(status["events"]["unmatched"] == crowd.counts().unmatched);
  CHECK(sum(status, "replayed") == plan.refused);
  CHECK(sum(status, "dead_lettered") == no_identifier);
  check_finished(all_time(workspace), crowd);
  check_members(sandbox, crowd);
  check_no_addresses_in_state(workspace);
}

}  // namespace penstock::e2e
