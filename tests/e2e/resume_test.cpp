// Guards what one run leaves to the next: pending records, the lock, files that grow, refused
// tokens.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "crowd.hpp"
#include "services/clock.hpp"
#include "services/sqlite.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

class Fixture {
 public:
  explicit Fixture(const std::string& source_options = "") : crowd_(plan()) {
    linkedin_sandbox::Options setup;
    setup.behaviour.segment_ready_ms = 0;
    setup.behaviour.users_per_minute = 0;
    sandbox_ = std::make_unique<linkedin_sandbox::Sandbox>(setup);
    REQUIRE(sandbox_->start().ok());
    CrowdPipeline options;
    options.source = "{type: file, path: \"" + workspace_.write("events.ndjson", "") + "\"" +
                     source_options + "}";
    manifest_ = write_crowd_pipeline(workspace_, *sandbox_, crowd_, options);
  }

  void append(std::uint64_t lines) {
    std::string text;
    crowd_.append_lines(lines, text);
    std::ofstream file(workspace_.path("events.ndjson"), std::ios::binary | std::ios::app);
    file << text;
    file.close();
    REQUIRE(file.good());
  }
  std::unique_ptr<Process> start(const Process::Environment& environment = {}) {
    return std::make_unique<Process>(
        workspace_, penstock_arguments({"run", manifest_, "--drain-timeout", "200ms"}),
        environment);
  }
  Finished run(const Process::Environment& environment = {}) { return start(environment)->wait(); }
  void fail(double probability) {
    REQUIRE(sandbox_->change_behaviour({{"server_error", probability}}).ok());
  }
  void wait_for_requests(std::uint64_t count) {
    wait_until([&] { return sandbox_->counters().at("requests") >= count; }, "requests");
  }
  std::uint64_t queued_events() const { return all_time(workspace_).events.received; }
  bool has_state() const { return std::ifstream(workspace_.path("state/queue.db")).good(); }
  void wait_until_queued() {
    wait_until([&] { return has_state() && queued_events() == crowd_.counts().received; },
               "events to be queued");
  }
  // One run more delivers everything.
  void check_next_run_delivers() {
    const Finished next = run();
    INFO(next.err);
    REQUIRE(next.exit_code == 0);
    check_finished(all_time(workspace_), crowd_);
    check_members(*sandbox_, crowd_);
  }

  Crowd crowd_;
  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox_;
  Workspace workspace_;
  std::string manifest_;

 private:
  static CrowdPlan plan() {
    CrowdPlan plan;
    plan.events = 4'000;
    plan.persons = 500;
    return plan;
  }
};

}  // namespace

TEST_CASE(
    "SIGTERM with a failing destination leaves records on disk, and the next run delivers them") {
  Fixture fixture;
  fixture.append(4'000);
  fixture.fail(1);
  const auto run = fixture.start();
  fixture.wait_for_requests(1);
  fixture.wait_until_queued();
  run->signal(SIGTERM);
  CHECK(run->wait(20s).exit_code == 75);
  check_sound(fixture.workspace_);
  CHECK(pending(all_time(fixture.workspace_)) > 0);
  fixture.fail(0);
  fixture.check_next_run_delivers();
}

TEST_CASE("What was superseded stays so in the next run") {
  Fixture fixture;
  fixture.append(4'000);
  fixture.fail(1);
  const auto run = fixture.start();
  fixture.wait_for_requests(1);
  fixture.wait_until_queued();
  const auto superseded = [&] {
    std::uint64_t count = 0;
    for (const auto& mapping : all_time(fixture.workspace_).mappings)
      count += mapping.counts.superseded;
    return count;
  };
  wait_until([&] { return superseded() > 0; }, "records to be superseded");
  run->signal(SIGKILL);
  CHECK(run->wait().exit_code == 128 + SIGKILL);
  const std::uint64_t before = superseded();
  fixture.fail(0);
  fixture.check_next_run_delivers();
  CHECK(superseded() >= before);
}

TEST_CASE(
    "How old a record is and how often it was tried outlives a run: give_up_after counts it") {
  Fixture fixture;
  fixture.append(4'000);
  fixture.fail(1);
  const auto run = fixture.start();
  fixture.wait_for_requests(4);
  fixture.wait_until_queued();
  run->signal(SIGTERM);
  REQUIRE(run->wait(20s).exit_code == 75);
  const std::uint64_t waiting = pending(all_time(fixture.workspace_));
  REQUIRE(waiting > 0);
  {  // as if an hour had gone by
    auto database = services::Database::open(fixture.workspace_.path("state/queue.db"), {});
    REQUIRE(database.ok());
    REQUIRE((*database)->execute("UPDATE blocks SET since_ms = since_ms - 3600000").ok());
  }
  const Finished next =
      run_penstock(fixture.workspace_,
                   {"run", fixture.manifest_, "--set", "destinations.linkedin.give_up_after=30m"});
  INFO(next.err);
  CHECK(next.exit_code == 0);
  CHECK(pending(all_time(fixture.workspace_)) == 0);
  const services::SystemClock clock;
  auto reader = store::Reader::open(fixture.workspace_.path("state"), clock);
  REQUIRE(reader.ok());
  store::DeadLetterFilter filter;
  filter.reason = "gave_up";
  std::uint64_t given_up = 0;
  std::uint32_t most_attempts = 0;
  const auto look = [&](const store::StoredDeadLetter& letter) {
    ++given_up;
    most_attempts = std::max(most_attempts, letter.letter.attempts);
    return true;
  };
  REQUIRE((*reader)->dead_letters(filter, look).ok());
  CHECK(given_up > 0);
  CHECK(given_up <= waiting);
  CHECK(most_attempts >= 2);
}

TEST_CASE("A second run of the same state directory is refused and told who has it") {
  Fixture fixture(", follow: true");
  fixture.append(100);
  const auto first = fixture.start();
  fixture.wait_until_queued();
  const Finished second = fixture.run();
  INFO(second.err);
  CHECK(second.exit_code != 0);
  CHECK(second.err.find(std::to_string(first->id())) != std::string::npos);
  first->signal(SIGTERM);
  CHECK(first->wait(20s).exit_code == 0);
}

TEST_CASE("A file that is followed is read on as it grows") {
  Fixture fixture(", follow: true");
  fixture.append(1'000);
  const auto run = fixture.start();
  fixture.wait_until_queued();
  fixture.append(1'000);
  fixture.wait_until_queued();
  fixture.append(2'000);
  fixture.wait_until_queued();
  wait_until([&] { return pending(all_time(fixture.workspace_)) == 0; }, "records to be delivered");
  run->signal(SIGTERM);
  CHECK(run->wait(20s).exit_code == 0);
  check_finished(all_time(fixture.workspace_), fixture.crowd_);
  check_members(*fixture.sandbox_, fixture.crowd_);
}

TEST_CASE("A refused token ends with 77, and the next run with a good one delivers everything") {
  Fixture fixture;
  fixture.append(4'000);
  const Finished refused = fixture.run({{"LINKEDIN_ACCESS_TOKEN", "no-such-token"}});
  INFO(refused.err);
  CHECK(refused.exit_code == 77);
  check_sound(fixture.workspace_);
  CHECK(fixture.queued_events() == fixture.crowd_.counts().received);
  fixture.check_next_run_delivers();
}

TEST_CASE("How long a destination asked to wait holds over a crash and a restart") {
  Fixture fixture;
  fixture.append(4'000);
  REQUIRE(
      fixture.sandbox_->change_behaviour({{"users_per_minute", 1}, {"retry_after_seconds", 3'600}})
          .ok());
  const auto run = fixture.start();
  wait_until(
      [&] {
        if (!fixture.has_state()) return false;
        const auto destinations = all_time(fixture.workspace_).destinations;
        return !destinations.empty() && destinations[0].state == "throttled";
      },
      "the destination to be throttled");
  run->signal(SIGKILL);
  CHECK(run->wait().exit_code == 128 + SIGKILL);
  const auto asked = fixture.sandbox_->counters().at("requests").get<std::uint64_t>();
  REQUIRE(fixture.sandbox_->change_behaviour({{"users_per_minute", 0}}).ok());

  const auto again = fixture.start();
  wait_until([&] { return again->err().find("asked for no requests") != std::string::npos; },
             "the run to say what it waits for");
  fixture.wait_until_queued();
  again->signal(SIGTERM);
  CHECK(again->wait(20s).exit_code == 75);
  CHECK(fixture.sandbox_->counters().at("requests").get<std::uint64_t>() == asked);
  const store::State state = all_time(fixture.workspace_);
  CHECK(state.destinations.at(0).state == "throttled");
  CHECK(state.destinations.at(0).paused_until_ms > 0);
  CHECK(pending(state) > 0);
}

TEST_CASE("SIGHUP has a paused destination tried at once") {
  Fixture fixture(", follow: true");
  fixture.append(4'000);
  const auto run = fixture.start({{"LINKEDIN_ACCESS_TOKEN", "late-token"}});
  fixture.wait_until_queued();
  wait_until(
      [&] {
        return all_time(fixture.workspace_).destinations.at(0).state == "authorization_needed";
      },
      "the destination to be paused");
  fixture.sandbox_->add_token("late-token", linkedin_sandbox::Grant(), 1h);
  run->signal(SIGHUP);
  // The next try of its own would come after a minute.
  const auto begin = std::chrono::steady_clock::now();
  wait_until([&] { return pending(all_time(fixture.workspace_)) == 0; }, "records to be delivered");
  CHECK(std::chrono::steady_clock::now() - begin < 20s);
  run->signal(SIGTERM);
  CHECK(run->wait(20s).exit_code == 0);
  check_members(*fixture.sandbox_, fixture.crowd_);
}

TEST_CASE("A run whose lock is removed ends with 74, and a second one goes on with right counts") {
  Fixture fixture(", follow: true");
  fixture.append(2'000);
  fixture.fail(0.5);
  const auto first = fixture.start();
  fixture.wait_for_requests(3);
  fixture.wait_until_queued();
  REQUIRE(std::filesystem::remove(fixture.workspace_.path("state/lock")));
  const auto second = fixture.start();  // let in, as the lock is gone
  const Finished finished = first->wait(30s);
  INFO(finished.err);
  CHECK(finished.exit_code == 74);
  // Whichever it notices first.
  CHECK((finished.err.find("state/lock was re") != std::string::npos ||
         finished.err.find("another penstock has taken over") != std::string::npos));
  CHECK(finished.err.find("Nothing is lost") != std::string::npos);
  CHECK(finished.err.find("fault of Penstock") == std::string::npos);
  fixture.append(2'000);
  fixture.fail(0);
  wait_until([&] { return fixture.queued_events() == fixture.crowd_.counts().received; },
             "events to be queued");
  second->signal(SIGTERM);
  const Finished end = second->wait(30s);
  INFO(end.err);
  CHECK((end.exit_code == 0 || end.exit_code == 75));
  check_sound(fixture.workspace_);
}

TEST_CASE("A run whose state directory is removed ends with 74 and says what is lost by that") {
  Fixture fixture(", follow: true");
  fixture.append(1'000);
  const auto run = fixture.start();
  fixture.wait_until_queued();
  const bool moved = GENERATE(false, true);
  if (moved) {
    std::filesystem::rename(fixture.workspace_.path("state"), fixture.workspace_.path("moved"));
  } else {
    std::filesystem::remove_all(fixture.workspace_.path("state"));
  }
  const Finished finished = run->wait(30s);
  INFO(finished.err);
  CHECK(finished.exit_code == 74);
  CHECK(finished.err.find("state/queue.db was removed or moved away") != std::string::npos);
  CHECK(finished.err.find("Not lost is what was delivered") != std::string::npos);
  CHECK(finished.err.find("fault of Penstock") == std::string::npos);
  if (moved) {
    std::filesystem::rename(fixture.workspace_.path("moved"), fixture.workspace_.path("state"));
    const Finished next = run_penstock(fixture.workspace_,
                                       {"run", fixture.manifest_, "--set", "source.follow=false"});
    INFO(next.err);
    CHECK(next.exit_code == 0);
    check_finished(all_time(fixture.workspace_), fixture.crowd_);
    check_members(*fixture.sandbox_, fixture.crowd_);
  }
}

TEST_CASE("A state directory that others can write to is refused, unless that is allowed") {
  Fixture fixture;
  fixture.append(10);
  REQUIRE(std::filesystem::create_directory(fixture.workspace_.path("state")));
  std::filesystem::permissions(fixture.workspace_.path("state"), std::filesystem::perms(0777));
  const Finished refused = fixture.run();
  INFO(refused.err);
  CHECK(refused.exit_code == 78);
  CHECK(refused.err.find("--allow-shared-state") != std::string::npos);
  CHECK_FALSE(fixture.has_state());
  const Finished allowed =
      run_penstock(fixture.workspace_, {"run", fixture.manifest_, "--allow-shared-state"});
  INFO(allowed.err);
  CHECK(allowed.exit_code == 0);
}

}  // namespace penstock::e2e
