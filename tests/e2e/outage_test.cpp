// Guards long outages: memory stays bounded, what can be delivered is, and what could not be is
// caught up with. OUTAGE_EVENTS and OUTAGE_MEMORY_MIB change the size and the limit of memory.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <memory>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLinesAtOnce = 2'000;
// What README.md promises. Sanitizers take a multiple of it: no limit then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kMemoryMib = 0;
#else
constexpr std::uint64_t kMemoryMib = 64;
#endif

// A run that reads the crowd's events from a pipe, so that the test decides how far it is.
class Outage {
 public:
  Outage(std::uint64_t events, linkedin_sandbox::Behaviour behaviour)
      : crowd_(plan(events)), sandbox_(setup(std::move(behaviour))) {
    REQUIRE(sandbox_.start().ok());
    CrowdPipeline options;
    options.source = "{type: stdin}";
    const std::string manifest = write_crowd_pipeline(workspace_, sandbox_, crowd_, options);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    input_ = ends[1];
    run_ = std::make_unique<Process>(workspace_,
                                     penstock_arguments({"run", manifest, "--format", "json"}),
                                     Process::Environment{}, ends[0]);
  }
  ~Outage() { close_input(); }

  // Feeds events until so many percent of all were fed, and waits until they are in the queue.
  void feed(std::uint64_t percent) {
    while (crowd_.counts().received < crowd_.plan().events * percent / 100) {
      std::string text;
      crowd_.append_lines(kLinesAtOnce, text);
      for (std::size_t at = 0; at < text.size();) {
        const ssize_t written = ::write(input_, text.data() + at, text.size() - at);
        REQUIRE(written > 0);
        at += static_cast<std::size_t>(written);
      }
    }
    // The last line of all is known to be whole when the input ends.
    const std::uint64_t fed = crowd_.counts().received;
    wait_until([&] { return all_time(workspace_).events.received >= fed; }, "events to be queued");
  }

  void finish() {
    close_input();
    wait_until_ended();
    const Finished finished = run_->wait();
    INFO(finished.out << "\n" << finished.err);
    REQUIRE(finished.exit_code == 0);
    const store::State state = all_time(workspace_);
    check_finished(state, crowd_);
    check_members(sandbox_, crowd_);
    const auto sent = sandbox_.counters().at("elements").at("applied").get<std::uint64_t>();
    std::uint64_t delivered = 0;
    for (const store::MappingState& mapping : state.mappings) delivered += mapping.counts.delivered;
    std::printf("%llu events, %llu elements sent, %llu delivered, peak memory %.1f MiB\n",
                static_cast<unsigned long long>(state.events.received),
                static_cast<unsigned long long>(sent), static_cast<unsigned long long>(delivered),
                static_cast<double>(peak_kib_) / 1024);
    CHECK(delivered < state.events.received);
    const std::uint64_t limit = size_from_environment("OUTAGE_MEMORY_MIB", kMemoryMib);
    if (limit > 0) CHECK(peak_kib_ <= limit * 1024);
  }

  const Crowd& crowd() const { return crowd_; }
  linkedin_sandbox::Sandbox& sandbox() { return sandbox_; }
  store::State state() const { return all_time(workspace_); }

 private:
  static CrowdPlan plan(std::uint64_t events) {
    CrowdPlan plan;
    plan.events = events;
    plan.persons = static_cast<std::uint32_t>(events / 50);
    plan.audiences = 3;
    return plan;
  }
  static linkedin_sandbox::Options setup(linkedin_sandbox::Behaviour behaviour) {
    linkedin_sandbox::Options options;
    options.behaviour = std::move(behaviour);
    options.behaviour.segment_ready_ms = 0;
    options.behaviour.users_per_minute = 0;
    options.behaviour.server_error_statuses = {"503"};
    return options;
  }
  void close_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
  }
  void wait_until_ended() {
    const auto limit = std::chrono::steady_clock::now() + 10min;
    while (!run_->ends_within(50ms) && std::chrono::steady_clock::now() < limit) {
      // The most until now; nothing can be asked of a process that has ended.
      peak_kib_ = std::max(peak_kib_, run_->peak_resident_kib());
    }
  }

  Crowd crowd_;
  linkedin_sandbox::Sandbox sandbox_;
  Workspace workspace_;
  int input_ = -1;
  std::unique_ptr<Process> run_;
  std::uint64_t peak_kib_ = 0;
};

std::uint64_t events_of_test() {
  return size_from_environment("OUTAGE_EVENTS", 60'000);
}

}  // namespace

TEST_CASE(
    "A destination that is down for 60 % of the events is caught up with, newest states first") {
  linkedin_sandbox::Behaviour down;
  down.server_error = 1;
  Outage outage(events_of_test(), down);
  outage.feed(60);
  wait_until(
      [&] {
        return outage.sandbox().counters().at("faults").value("server_error", std::uint64_t{0}) >=
               3;
      },
      "requests to fail");
  CHECK(outage.sandbox().dump_members(true).at("segments").empty());
  const store::State state = outage.state();
  CHECK(pending(state) > 0);
  REQUIRE(state.destinations.size() == 1);
  REQUIRE(outage.sandbox().change_behaviour({{"server_error", 0}}).ok());
  outage.feed(100);
  outage.finish();
}

TEST_CASE("While one audience fails the others are delivered, and it catches up afterwards") {
  linkedin_sandbox::Behaviour one_down;
  one_down.failing_audiences = {"audience_1"};
  Outage outage(events_of_test(), one_down);
  outage.feed(60);
  for (const std::uint32_t well : {0U, 2U}) {
    wait_until(
        [&] {
          return outage.sandbox().members(outage.crowd().audience(well)) ==
                 outage.crowd().members(well);
        },
        "the audiences that are well");
  }
  CHECK(outage.sandbox().members("audience_1").empty());
  REQUIRE(
      outage.sandbox().change_behaviour({{"failing_audiences", std::vector<std::string>()}}).ok());
  outage.feed(100);
  outage.finish();
}

TEST_CASE("What recovers is caught up with also while more waits for others than memory holds") {
  CrowdPlan plan;
  plan.events = 300'000;
  plan.persons = 3'000'000;
  plan.audiences = 2;
  plan.only_good = true;
  Crowd crowd(plan);
  linkedin_sandbox::Options setup;
  setup.behaviour.segment_ready_ms = 0;
  setup.behaviour.users_per_minute = 0;
  setup.behaviour.failing_audiences = {"audience_1"};
  linkedin_sandbox::Sandbox sandbox(setup);
  REQUIRE(sandbox.start().ok());
  const Workspace workspace;
  std::string events;
  crowd.append_lines(plan.events, events);
  CrowdPipeline options;
  options.source = "{type: file, path: \"" + workspace.write("events.ndjson", events) + "\"}";
  // 1,000 elements a second at most, so that the backlog stays however slow this machine is.
  options.rates = "{users: {requests: 1, per: 1s}}";
  options.batch = "{max_records: 1000, max_age: 50ms}";
  const std::string manifest = write_crowd_pipeline(workspace, sandbox, crowd, options);
  Process run(workspace, penstock_arguments({"run", manifest, "--drain-timeout", "0s"}));
  const auto counts_of = [&](std::size_t audience) {
    const store::State state = all_time(workspace);
    return audience < state.mappings.size() ? state.mappings[audience].counts : MappingCounts{};
  };
  wait_until([&] { return std::ifstream(workspace.path("state/queue.db")).good(); }, "the queue");
  wait_until([&] { return counts_of(0).delivered >= 5'000; }, "the audience that is well");
  CHECK(counts_of(1).delivered == 0);
  REQUIRE(sandbox.change_behaviour({{"failing_audiences", std::vector<std::string>()}}).ok());
  wait_until([&] { return counts_of(1).delivered >= 5'000; }, "the one that recovers");
  // More than the 12 MiB that may be held are still to come for the other: an element takes more
  // than 200 bytes.
  CHECK(counts_of(0).pending() > 70'000);
  run.signal(SIGTERM);
  CHECK(run.wait().exit_code == 75);
  check_sound(workspace);
}

}  // namespace penstock::e2e
