// Guards against what nobody outside LinkedIn can know: wherever its documentation leaves open how
// it behaves, the sandbox has a switch, and the real program must do its work with every value of
// it. A switch that is new belongs into one of the tables.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

// What LinkedIn is like, and what is said to the program about it.
struct Row {
  const char* behaviour;
  const char* segment_ready_after = "100ms";
};

linkedin_sandbox::Options of_row(const Row& row) {
  linkedin_sandbox::Options options;
  options.behaviour.segment_ready_ms = 0;
  const Status status = linkedin_sandbox::apply_json(json::parse(row.behaviour), options.behaviour);
  INFO(status.message());
  REQUIRE(status.ok());
  return options;
}

// The sample's pipeline and a LinkedIn of its own, already started.
struct World {
  explicit World(const Row& row) : name(row.behaviour), sandbox(of_row(row)) {
    REQUIRE(sandbox.start().ok());
    SampleOptions options;
    options.segment_ready_after = row.segment_ready_after;
    pipeline = write_sample_pipeline(workspace, sandbox, options);
  }
  // Small batches, so that there is more than one to an audience.
  [[nodiscard]] std::vector<std::string> run_words(
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"run",      pipeline,
                                      "--format", "json",
                                      "--set",    "destinations.linkedin_eu.batch.max_records=100"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  [[nodiscard]] Finished run(const std::vector<std::string>& more = {}) const {
    return run_penstock(workspace, run_words(more));
  }

  std::string name;
  linkedin_sandbox::Sandbox sandbox;
  Workspace workspace;
  std::string pipeline;
};

// With these everything is delivered as if nothing were.
constexpr Row kHarmless[] = {
    {R"({"missing_version_status":400})"},
    {R"({"missing_version_status":403})"},
    {R"({"missing_method_status":400})"},
    {R"({"missing_method_status":404})"},
    {R"({"wrong_segment_type_status":400})"},
    {R"({"wrong_segment_type_status":403})"},
    {R"({"too_many_elements_status":400,"max_batch_elements":40})"},
    {R"({"too_many_elements_status":413,"max_batch_elements":40})"},
    {R"({"max_body_bytes":4000})"},
    {R"({"not_ready_mode":"404","segment_ready_ms":300})"},
    {R"({"not_ready_mode":"drop","segment_ready_ms":300})", "400ms"},
    {R"({"find_lag_ms":300})"},
    {R"({"find_lag_ms":300,"conflict_on_duplicate":true})"},
    {R"({"building_ms":3600000})"},
    {R"({"updating_ms":3600000})"},
    {R"({"max_page":1,"page_total":true})"},
    {R"({"max_page":1,"page_total":false})"},
    {R"({"failed_audiences":["trial_users"],"closed_take_members":true})"},
    {R"({"throttle":0.5,"max_faults":3,"retry_after_seconds":0})"},
    {R"({"throttle":0.5,"max_faults":3,"retry_after_seconds":1})"},
    {R"({"element_error":0.05,"max_faults":10,"batch_index":"element"})"},
    {R"({"element_error":0.05,"max_faults":10,"batch_index":"error"})"},
    {R"({"element_error":0.05,"max_faults":10,"batch_index":"from_one"})"},
    {R"({"element_error":0.05,"max_faults":10,"batch_index":"absent"})"},
};

// With these something waits, which `status` tells by this name; once mended it is delivered.
struct HeldUp {
  const char* behaviour;
  const char* reason;
  const char* mended;
};

constexpr HeldUp kHeldUp[] = {
    {R"({"bad_create_status":400,"max_name_length":3})", "segment_refused",
     R"({"max_name_length":0})"},
    {R"({"bad_create_status":422,"max_name_length":3})", "segment_refused",
     R"({"max_name_length":0})"},
    {R"({"failed_audiences":["trial_users"],"closed_take_members":false})",
     "audience_refuses_members", R"({"failed_audiences":[]})"},
};

}  // namespace

TEST_CASE(
    "Whatever LinkedIn does where its documentation says nothing, the members are the truth") {
  constexpr std::size_t kAtOnce = 4;  // runs mostly wait
  const json truth = sample_truth();
  for (std::size_t first = 0; first < std::size(kHarmless); first += kAtOnce) {
    std::vector<std::unique_ptr<World>> worlds;
    std::vector<std::unique_ptr<Process>> runs;
    for (std::size_t i = first; i < std::min(first + kAtOnce, std::size(kHarmless)); ++i) {
      worlds.push_back(std::make_unique<World>(kHarmless[i]));
      runs.push_back(std::make_unique<Process>(worlds.back()->workspace,
                                               penstock_arguments(worlds.back()->run_words())));
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Finished finished = runs[i]->wait();
      INFO(worlds[i]->name << "\n" << finished.out << "\n" << finished.err);
      CHECK(finished.exit_code == 0);
      check_members(worlds[i]->sandbox, truth);
      CHECK(worlds[i]->sandbox.counters().at("twin_segments") == 0);
      check_sample_counts(finished.json(), truth);
    }
  }
}

TEST_CASE("What LinkedIn refuses for a reason of its own waits under one name, and is then sent") {
  const json truth = sample_truth();
  for (const HeldUp& row : kHeldUp) {
    World world({row.behaviour});
    const Finished held = world.run({"--drain-timeout", "500ms"});
    INFO(world.name << "\n" << held.out << "\n" << held.err);
    CHECK(held.exit_code == 75);
    const Finished status =
        run_penstock(world.workspace, {"status", world.pipeline, "--format", "json"});
    INFO(status.out << status.err);
    CHECK(status.out.find(row.reason) != std::string::npos);

    REQUIRE(world.sandbox.change_behaviour(json::parse(row.mended)).ok());
    const Finished finished = world.run();
    INFO(finished.out << "\n" << finished.err);
    CHECK(finished.exit_code == 0);
    check_members(world.sandbox, truth);
  }
}

TEST_CASE("An ad account that is not the member's is refused by a check, whatever LinkedIn says") {
  for (const int account : {403, 404}) {
    for (const int finder : {200, 403}) {
      const std::string behaviour = json{
          {"known_accounts", json::array({"4711"})},
          {"unknown_account_status", account},
          {"unknown_account_find_status",
           finder}}.dump();
      const World world({behaviour.c_str()});
      const Finished finished =
          run_penstock(world.workspace, {"validate", world.pipeline, "--connect"});
      INFO(world.name << "\n" << finished.out << "\n" << finished.err);
      CHECK(finished.exit_code == 1);
      CHECK(finished.err.find("512345678") != std::string::npos);
    }
  }
}

TEST_CASE("An audience is renamed and listed, whatever LinkedIn answers to an update") {
  for (const int update : {200, 204}) {
    for (const char* size : {"zero", "hidden"}) {
      const std::string behaviour =
          json{{"update_status", update}, {"small_audience_size", size}}.dump();
      const World world({behaviour.c_str()});
      REQUIRE(world.run().exit_code == 0);
      const Finished renamed = run_penstock(
          world.workspace, {"audiences", "rename", world.pipeline, "trial_users", "Triallists"});
      INFO(world.name << "\n" << renamed.out << "\n" << renamed.err);
      CHECK(renamed.exit_code == 0);
      const Finished listed = run_penstock(world.workspace, {"audiences", world.pipeline});
      INFO(listed.out << "\n" << listed.err);
      CHECK(listed.exit_code == 0);
      CHECK(listed.out.find("Triallists") != std::string::npos);
    }
  }
}

TEST_CASE("A run keeps under LinkedIn's limit of a minute by itself: it is never told to wait") {
  const World world({R"({"users_per_minute":50})"});
  std::string text = read_file(world.pipeline);
  const std::string fast = "{requests: 100000, per: 1s}";
  const std::size_t at = text.find(fast);
  REQUIRE(at != std::string::npos);
  text.replace(at, fast.size(), "{requests: 50, per: 60s}");
  world.workspace.write("pipeline.yaml", text);
  Process process(
      world.workspace,
      penstock_arguments(world.run_words(
          {"--set", "destinations.linkedin_eu.batch.max_records=1", "--drain-timeout", "1s"})));
  constexpr int kEnough = 40;
  const auto sent = [&] { return world.sandbox.counters().at("busiest_minute").value("users", 0); };
  for (int i = 0; i < 200 && sent() < kEnough; ++i) {
    REQUIRE_FALSE(process.ends_within(std::chrono::milliseconds(50)));
  }
  process.signal(SIGTERM);  // the rest would wait for the next minute
  const Finished finished = process.wait();
  INFO(finished.out << "\n" << finished.err);
  CHECK(finished.exit_code == 75);
  const json counters = world.sandbox.counters();
  INFO(counters.dump(2));
  CHECK(counters.at("busiest_minute").at("users") >= kEnough);
  CHECK(counters.at("busiest_minute").at("users") <= 50);
  CHECK_FALSE(counters.at("by_endpoint").at("users").contains("429"));
}

}  // namespace penstock::e2e
