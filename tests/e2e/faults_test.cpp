// Guards the main job against a LinkedIn that fails in every way it is known to: over 50 seeds the
// members are the truth.
#include <catch2/catch.hpp>
#include <random>

#include "crowd.hpp"
#include "sample.hpp"

namespace penstock::e2e {
namespace {

constexpr unsigned kSeeds = 50;
constexpr unsigned kAtOnce =
    10;  // runs mostly wait for back-offs, so several fit beside one another

// What a seed gets wrong: every fault with a probability of its own, some of them not at all.
linkedin_sandbox::Options faulty(unsigned seed) {
  std::mt19937 random(seed);
  const auto probability = [&random](double most) {
    return random() % 3 == 0 ? 0.0
                             : most * std::uniform_real_distribution<double>(0.2, 1.0)(random);
  };
  linkedin_sandbox::Options options;
  options.seed = seed;
  linkedin_sandbox::Behaviour& behaviour = options.behaviour;
  behaviour.segment_ready_ms =
      static_cast<std::int64_t>(random() % 600);  // longer than the pipeline waits, at times
  behaviour.throttle = probability(0.2);
  behaviour.server_error = probability(0.2);
  behaviour.late_server_error = probability(0.2);
  behaviour.reset_before_commit = probability(0.2);
  behaviour.reset_after_commit = probability(0.2);
  behaviour.truncate_reply = probability(0.1);
  behaviour.lose_create_reply = probability(0.5);
  behaviour.short_elements = probability(0.2);
  behaviour.missing_elements = probability(0.1);
  behaviour.element_throttle = probability(0.02);
  behaviour.element_error = probability(0.02);
  behaviour.close_connection = probability(0.2);
  behaviour.late_execution = std::to_string(probability(0.2)) + ",0.4";
  behaviour.shuffle_order = random() % 2 == 0;
  // Longer than a new segment is waited for, shorter than a lost creation is.
  behaviour.find_lag_ms = static_cast<std::int64_t>(random() % 2 * 300);
  // So that a seed ends: back-off doubles with each failure in a row.
  behaviour.max_faults = 25;
  behaviour.max_faults_in_a_row = 3;
  return options;
}

struct Trial {
  Trial(unsigned number) : seed(number), sandbox(faulty(number)) {
    REQUIRE(sandbox.start().ok());
    SampleOptions options;
    options.segment_ready_after = "200ms";
    options.create_again_after = "500ms";
    // Small batches make many requests, and so many faults.
    const std::string manifest = write_sample_pipeline(workspace, sandbox, options);
    process = std::make_unique<Process>(
        workspace, penstock_arguments({"run", manifest, "--format", "json", "--set",
                                       "destinations.linkedin_eu.batch.max_records=" +
                                           std::to_string(20 + seed * 7),
                                       // Longer than anything is carried out late.
                                       "--set", "connections.linkedin.timeout=3s", "--set",
                                       "destinations.linkedin_eu.confirm_after=3s"}));
  }
  unsigned seed;
  linkedin_sandbox::Sandbox sandbox;
  Workspace workspace;
  std::unique_ptr<Process> process;
};

}  // namespace

TEST_CASE("Over 50 seeds of faults the members equal the truth, and the report adds up") {
  const auto truth = sample_truth();
  std::uint64_t faults = 0;
  for (unsigned first = 0; first < kSeeds; first += kAtOnce) {
    std::vector<std::unique_ptr<Trial>> trials;
    for (unsigned i = 0; i < kAtOnce; ++i) trials.push_back(std::make_unique<Trial>(first + i));
    for (const auto& trial : trials) {
      const Finished run = trial->process->wait();
      INFO("seed " << trial->seed << "\n" << run.out << "\n" << run.err);
      REQUIRE(run.exit_code == 0);
      wait_until([&] { return trial->sandbox.counters().at("late_requests") == 0; },
                 "the last requests to be carried out");
      check_members(trial->sandbox, truth);
      check_requests(trial->sandbox);
      CHECK(trial->sandbox.counters().at("twin_segments") == 0);
      const auto report = run.json();
      check_adds_up(report);
      check_sample_counts(report, truth);
      check_no_personal_data(run.out + run.err);
      const auto counters = trial->sandbox.counters();
      for (const auto& [kind, count] : counters.at("faults").items())
        faults += count.get<std::uint64_t>();
    }
  }
  CHECK(faults > 300);  // the sandbox did what it was asked to do
}

}  // namespace penstock::e2e
