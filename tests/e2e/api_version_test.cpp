// Guards what happens when LinkedIn retires the API version in the middle of a run: nothing is
// lost, people read which setting to change, and the rest is delivered once it is changed.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

constexpr char kDestination[] = "linkedin";
constexpr char kOtherVersion[] = "202607";

// A run that is fed through its standard input.
class Feed {
 public:
  Feed(const Workspace& workspace, Crowd& crowd, const std::vector<std::string>& arguments)
      : crowd_(crowd) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    input_ = ends[1];
    run_ = std::make_unique<Process>(workspace, penstock_arguments(arguments),
                                     Process::Environment{}, ends[0]);
  }
  ~Feed() { close(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void lines(std::uint64_t count) {
    std::string text;
    crowd_.append_lines(count, text);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = ::write(input_, text.data() + at, text.size() - at);
      REQUIRE(written > 0);
      at += static_cast<std::size_t>(written);
    }
  }
  void close() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
  }
  [[nodiscard]] Process& process() { return *run_; }

 private:
  Crowd& crowd_;
  int input_ = -1;
  std::unique_ptr<Process> run_;
};

class Fixture {
 public:
  Fixture() : crowd_(plan()), sandbox_(setup()) {
    REQUIRE(sandbox_.start().ok());
    CrowdPipeline options;
    options.source = "{type: stdin}";
    manifest_ = write_crowd_pipeline(workspace_, sandbox_, crowd_, options);
  }

  [[nodiscard]] std::unique_ptr<Feed> start(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run", manifest_, "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<Feed>(workspace_, crowd_, arguments);
  }
  void activate(const std::vector<std::string>& versions) {
    REQUIRE(sandbox_.change_behaviour({{"active_versions", versions}}).ok());
  }
  // Feeds until the run delivers, retires the version, and feeds until the run has noticed and has
  // everything else in its queue.
  void retire_in_the_middle(Feed& feed) {
    feed.lines(kLinesBefore);
    wait_until([&] { return !sandbox_.members(crowd_.audience(0)).empty(); }, "deliveries");
    activate({kOtherVersion});
    feed.lines(kLinesAfter);
    wait_until([&] { return status()["state"] == "blocked"; }, "the destination to be paused");
    wait_until([&] { return all_time(workspace_).events.received >= crowd_.counts().received; },
               "events to be queued");
  }
  // The destination as `penstock status` shows it.
  [[nodiscard]] nlohmann::json status() const {
    return status_report().at("destinations").at(kDestination);
  }
  [[nodiscard]] nlohmann::json status_report() const {
    return run_penstock(workspace_, {"status", manifest_, "--format", "json"}).json();
  }
  [[nodiscard]] std::uint64_t applied() const {
    return sandbox_.counters().at("elements").at("applied").get<std::uint64_t>();
  }
  void check_all_delivered() {
    check_finished(all_time(workspace_), crowd_);
    check_members(sandbox_, crowd_);
  }
  // What waits and what is said about it.
  void check_paused() {
    const nlohmann::json report = status_report();
    const std::string issues = report.at("issues").dump();
    INFO(report.dump(2));
    CHECK_THAT(issues, Catch::Contains("api_version_inactive"));
    CHECK_THAT(issues, Catch::Contains("Set api_version in the destination's settings"));
    CHECK_THAT(issues, Catch::Contains("202608"));
    const store::State state = all_time(workspace_);
    CHECK(pending(state) > 0);
    for (const store::MappingState& mapping : state.mappings) {
      INFO(mapping.name);
      // Lost is nothing: only what says nothing about anybody became a dead letter.
      CHECK(mapping.counts.skipped == 0);
    }
  }

  Workspace workspace_;
  Crowd crowd_;
  linkedin_sandbox::Sandbox sandbox_;
  std::string manifest_;

 private:
  static constexpr std::uint64_t kLinesBefore = 4'000;
  static constexpr std::uint64_t kLinesAfter = 4'000;

  static CrowdPlan plan() {
    CrowdPlan plan;
    plan.events = 10'000;
    plan.persons = 2'000;
    plan.audiences = 2;
    return plan;
  }
  static linkedin_sandbox::Options setup() {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    options.behaviour.users_per_minute = 0;
    return options;
  }
};

}  // namespace

TEST_CASE(
    "A version that is retired in the middle of a run pauses it with everything pending; after "
    "LinkedIn accepts it again SIGHUP finishes it") {
  Fixture fixture;
  const auto feed = fixture.start();
  fixture.retire_in_the_middle(*feed);
  fixture.check_paused();
  const std::uint64_t applied = fixture.applied();
  fixture.activate({"202608"});
  feed->process().signal(SIGHUP);
  wait_until([&] { return fixture.applied() > applied; }, "deliveries after SIGHUP");
  feed->lines(10'000);
  feed->close();
  const Finished finished = feed->process().wait();
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  fixture.check_all_delivered();
  CHECK(fixture.status()["state"] == "ok");
}

TEST_CASE(
    "A run whose version was retired ends with 75, and the next one with another version delivers "
    "the rest") {
  Fixture fixture;
  {
    const auto feed = fixture.start({"--drain-timeout", "200ms"});
    fixture.retire_in_the_middle(*feed);
    feed->process().signal(SIGTERM);
    const Finished stopped = feed->process().wait();
    INFO(stopped.err);
    CHECK(stopped.exit_code == 75);
    CHECK_THAT(stopped.err, Catch::Contains("api_version"));
    fixture.check_paused();
  }
  const std::string change =
      std::string("destinations.linkedin.settings.api_version=") + kOtherVersion;
  const Finished refused =
      run_penstock(fixture.workspace_, {"validate", fixture.manifest_, "--connect"});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::Contains("api_version") && Catch::Contains("202608"));
  const Finished accepted = run_penstock(
      fixture.workspace_, {"validate", fixture.manifest_, "--connect", "--set", change});
  INFO(accepted.err);
  CHECK(accepted.exit_code == 0);

  const auto feed = fixture.start({"--set", change});
  feed->lines(10'000);
  feed->close();
  const Finished finished = feed->process().wait();
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  fixture.check_all_delivered();
}

}  // namespace penstock::e2e
