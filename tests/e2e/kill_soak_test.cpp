// Guards the promise that a SIGKILL at any instant loses nothing, invents nothing and leaves counts
// that add up. SOAK_ROUNDS and SOAK_SEED change the size and the instants.
#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t kLinesPerRound = 5'000;
// One of so many lines is about a person that LinkedIn refuses at times: a dead letter to replay.
constexpr std::uint64_t kLinesPerRefused = 250;

linkedin_sandbox::Options faulty(unsigned seed) {
  linkedin_sandbox::Options options;
  options.seed = seed;
  linkedin_sandbox::Behaviour& behaviour = options.behaviour;
  behaviour.segment_ready_ms = 50;  // longer than the pipeline waits
  behaviour.users_per_minute = 0;
  behaviour.throttle = 0.02;
  behaviour.server_error = 0.03;
  behaviour.late_server_error = 0.03;
  behaviour.reset_before_commit = 0.03;
  behaviour.reset_after_commit = 0.05;
  behaviour.truncate_reply = 0.03;
  behaviour.lose_create_reply = 0.3;
  behaviour.short_elements = 0.03;
  behaviour.missing_elements = 0.02;
  behaviour.element_throttle = 0.002;
  behaviour.element_error = 0.002;
  behaviour.close_connection = 0.1;
  behaviour.shuffle_order = true;
  behaviour.delay = 0.5;
  behaviour.delay_ms = 15;
  behaviour.late_execution = "0.05,0.4";
  return options;
}

class Soak {
 public:
  Soak(std::uint64_t rounds, unsigned seed)
      : rounds_(rounds), random_(seed), crowd_(plan(rounds, seed)), sandbox_(faulty(seed)) {
    REQUIRE(sandbox_.start().ok());
    CrowdPipeline options;
    const std::string events = workspace_.write("events.ndjson", "");
    options.source = "{type: file, path: \"" + events + "\"}";
    options.batch = "{max_records: 200, max_age: 30ms}";
    // Longer than anything is carried out late.
    options.timeout = "2s";
    options.confirm_after = "3s";
    manifest_ = write_crowd_pipeline(workspace_, sandbox_, crowd_, options);
    const auto begin = steady_clock::now();
    REQUIRE(run_penstock(workspace_, {"validate", manifest_}).exit_code == 0);
    starting_ = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
  }

  void round(std::uint64_t number) {
    INFO("round " << number);
    append_events();
    // In turns some persons are refused, and what was refused is replayed.
    const bool refuses = number % 2 == 0;
    REQUIRE(sandbox_
                .change_behaviour({{"refused_identifiers", refuses ? crowd_.refused_identifiers()
                                                                   : std::vector<std::string>()}})
                .ok());
    const bool replay_before = !refuses && random_() % 2 == 0;
    if (replay_before) ask_for_replay();
    Process run(workspace_, arguments());
    microseconds time = instant();
    if (!refuses && !replay_before && time > starting_) {
      if (run.ends_within(starting_)) FAIL_CHECK("ended at once: " << run.wait().err);
      if (has_state()) ask_for_replay();
      time -= starting_;
    }
    const bool ended = run.ends_within(time);
    const bool under_way = requests_under_way() > 0;
    run.signal(SIGKILL);
    const Finished finished = run.wait();
    INFO(finished.err);
    if (ended) {
      CHECK(finished.exit_code == 0);
    } else {
      CHECK((finished.exit_code == 128 + SIGKILL || finished.exit_code == 0));
    }
    check_no_addresses(finished.out + finished.err);
    // What the killed process asked for is carried out while the next one runs.
    look_at_state(ended, under_way);
  }

  void finish() {
    REQUIRE(sandbox_
                .change_behaviour({{"refused_identifiers", std::vector<std::string>()},
                                   {"max_faults", 20},
                                   {"max_faults_in_a_row", 3},
                                   {"delay", 0}})
                .ok());
    append_events();
    ask_for_replay();
    std::vector<std::string> all = arguments();
    all.insert(all.end(), {"--set", "destinations.linkedin.batch.max_records=5000"});
    const Finished finished = Process(workspace_, all).wait(600s);
    INFO(finished.out << "\n" << finished.err);
    REQUIRE(finished.exit_code == 0);
    check_no_addresses(finished.out + finished.err);
    check_no_addresses_in_state(workspace_);
    check_sound(workspace_);
    wait_until([this] { return sandbox_.counters().at("late_requests") == 0; },
               "the last requests to be carried out");
    const store::State state = all_time(workspace_);
    check_finished(state, crowd_);
    e2e::check_members(sandbox_, crowd_);
    CHECK(sandbox_.counters().at("twin_segments") == 0);
    print(state);
  }

 private:
  static CrowdPlan plan(std::uint64_t rounds, unsigned seed) {
    CrowdPlan plan;
    plan.events = (rounds + 1) * kLinesPerRound;
    plan.persons = 2'000;  // each comes up again and again while older events still wait
    plan.refused = static_cast<std::uint32_t>(plan.events / kLinesPerRefused);
    plan.seed = seed;
    return plan;
  }

  std::vector<std::string> arguments() const {
    return penstock_arguments({"run", manifest_, "--format", "json", "--workers", "1"});
  }
  bool has_state() const { return std::filesystem::exists(workspace_.path("state/queue.db")); }
  std::uint64_t requests_under_way() const {
    return sandbox_.counters().at("requests_under_way").get<std::uint64_t>();
  }

  void append_events() {
    std::string text;
    crowd_.append_lines(kLinesPerRound, text);
    std::ofstream file(workspace_.path("events.ndjson"), std::ios::binary | std::ios::app);
    file << text;
    file.close();
    REQUIRE(file.good());
  }

  void ask_for_replay() {
    if (!has_state()) return;
    const services::SystemClock clock;
    auto reader = store::Reader::open(workspace_.path("state"), clock);
    REQUIRE(reader.ok());
    const auto marked = (*reader)->request_replay({});
    INFO((marked.ok() ? "" : marked.status().message()));
    REQUIRE(marked.ok());
  }

  // When to kill: a third of the instants while the events are read, the others at any time until
  // everything is likely to be delivered.
  microseconds instant() {
    const microseconds span = random_() % 3 == 0 ? starting_ + 100ms : 2 * starting_ + 700ms;
    return microseconds(
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(span.count())));
  }

  void look_at_state(bool ended, bool under_way) {
    if (!has_state()) {
      ++killed_["before there was a queue"];
      return;
    }
    check_sound(workspace_);
    check_no_addresses_in_state(workspace_);
    const store::State state = all_time(workspace_);
    CHECK(state.events.received <= crowd_.counts().received);
    if (ended) {
      ++killed_["not at all: everything was done"];
      CHECK(state.events.received == crowd_.counts().received);
      CHECK(pending(state) == 0);
      return;
    }
    if (state.events.received < crowd_.counts().received) ++killed_["before all was read"];
    if (pending(state) > 0) ++killed_["with records pending"];
    if (state.dead_letters.awaiting_replay > 0) ++killed_["before a replay was taken up"];
    if (under_way) ++killed_["with requests under way"];
    for (const store::MappingState& mapping : state.mappings) replayed_ += mapping.counts.replayed;
    if (replayed_ > replayed_before_) ++killed_["in a run that had taken up a replay"];
    replayed_before_ = replayed_;
    replayed_ = 0;
  }

  void print(const store::State& state) const {
    std::printf("%llu rounds, %llu events\n", static_cast<unsigned long long>(rounds_),
                static_cast<unsigned long long>(state.events.received));
    for (const auto& [phase, count] : killed_)
      std::printf("  killed %s: %d\n", phase.c_str(), count);
    MappingCounts sum;
    for (const store::MappingState& mapping : state.mappings) sum.add(mapping.counts);
    std::printf(
        "  matched %llu, delivered %llu, superseded %llu, dead-lettered %llu, replayed %llu, "
        "confirmed %llu\n",
        static_cast<unsigned long long>(sum.matched),
        static_cast<unsigned long long>(sum.delivered),
        static_cast<unsigned long long>(sum.superseded),
        static_cast<unsigned long long>(sum.dead_lettered),
        static_cast<unsigned long long>(sum.replayed),
        static_cast<unsigned long long>(sum.confirmed));
    std::printf("  faults %s\n", sandbox_.counters().at("faults").dump().c_str());
  }

  const std::uint64_t rounds_;
  std::mt19937_64 random_;
  Crowd crowd_;
  linkedin_sandbox::Sandbox sandbox_;
  Workspace workspace_;
  std::string manifest_;
  microseconds starting_{};  // that a process takes to start
  std::map<std::string, int> killed_;
  std::uint64_t replayed_ = 0;
  std::uint64_t replayed_before_ = 0;
};

}  // namespace

TEST_CASE("Killed at any instant, a pipeline goes on and in the end every record has one outcome") {
  const std::uint64_t rounds = size_from_environment("SOAK_ROUNDS", 10);
  Soak soak(rounds, static_cast<unsigned>(size_from_environment("SOAK_SEED", 1)));
  for (std::uint64_t number = 0; number < rounds; ++number) soak.round(number);
  soak.finish();
}

}  // namespace penstock::e2e
