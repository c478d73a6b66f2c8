// Guards starting and stopping: signals, standard input, destinations that cannot be delivered to,
// exit codes.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(const std::function<void(linkedin_sandbox::Behaviour&)>& change = {}) {
    linkedin_sandbox::Options setup;
    setup.behaviour.segment_ready_ms = 50;
    if (change) change(setup.behaviour);
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(setup);
    REQUIRE(sandbox->start().ok());
    options.segment_ready_after = "50ms";
  }
  std::string pipeline() const { return write_sample_pipeline(workspace, *sandbox, options); }
  // Waits until people were delivered, so that the check before it is over.
  void wait_for_deliveries() const {
    for (int i = 0; i < 3000; ++i) {
      if (sandbox->counters().at("by_endpoint").contains("users")) return;
      std::this_thread::sleep_for(10ms);  // polls for a condition; the bound is generous
    }
    FAIL("nothing was delivered");
  }
  // Waits until the sandbox has been asked this often.
  void wait_for_requests(std::size_t count) const {
    for (int i = 0; i < 3000; ++i) {
      if (sandbox->requests(count).at("requests").size() >= count) return;
      std::this_thread::sleep_for(10ms);  // polls for a condition; the bound is generous
    }
    FAIL("the sandbox was not asked " << count << " times");
  }

  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  Workspace workspace;
  SampleOptions options;
};

// A pipe whose read end is to become a process's standard input.
struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
  void write(const std::string& text) const {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close() { ::close(ends[1]); }
  int ends[2];
};

std::string entered(int person) {
  return R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":"trial_users","trial_users":true},)"
         R"("context":{"traits":{"email":"person)" +
         std::to_string(person) +
         R"(@example.com"}}})"
         "\n";
}

std::uint64_t pending(const nlohmann::json& report) {
  std::uint64_t count = 0;
  for (const auto& counts : report["destinations"]["linkedin_eu"]["mappings"])
    count += counts["pending"].get<std::uint64_t>();
  return count;
}

}  // namespace

TEST_CASE("SIGTERM on a waiting standard input delivers what was read and ends with 0") {
  Fixture fixture;
  fixture.options.source = "{type: stdin}";
  Pipe pipe;
  Process run(fixture.workspace,
              penstock_arguments({"run", fixture.pipeline(), "--format", "json", "--set",
                                  "destinations.linkedin_eu.batch.max_age=20ms"}),
              {}, pipe.ends[0]);
  for (int i = 0; i < 10; ++i) pipe.write(entered(i));
  fixture.wait_for_deliveries();  // the pipeline reads and works
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  pipe.close();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const auto report = finished.json();
  check_adds_up(report);
  CHECK(report["events"]["received"] == 10);
  CHECK(fixture.sandbox->members("trial_users").size() == 10);
}

TEST_CASE("Events on standard input are delivered while it stays open") {
  Fixture fixture;
  fixture.options.source = "{type: stdin}";
  Pipe pipe;
  Process run(fixture.workspace,
              penstock_arguments({"run", fixture.pipeline(), "--set",
                                  "destinations.linkedin_eu.batch.max_age=20ms"}),
              {}, pipe.ends[0]);
  pipe.write(entered(1));
  fixture.wait_for_deliveries();
  pipe.write(entered(2));
  pipe.close();
  CHECK(run.wait().exit_code == 0);
  CHECK(fixture.sandbox->members("trial_users").size() == 2);
}

TEST_CASE(
    "SIGTERM while the destination fails ends after the drain timeout with 75 and says what is "
    "pending") {
  Fixture fixture([](auto& behaviour) { behaviour.server_error = 1.0; });
  Process run(fixture.workspace, penstock_arguments({"run", fixture.pipeline(), "--format", "json",
                                                     "--drain-timeout", "300ms"}));
  fixture.wait_for_requests(3);
  run.signal(SIGTERM);
  const Finished finished = run.wait(20s);
  INFO(finished.err);
  CHECK(finished.exit_code == 75);
  const auto report = finished.json();
  check_adds_up(report);
  CHECK(pending(report) > 0);
  CHECK(finished.err.find(" records were not delivered. Records that were mapped are kept in ") !=
        std::string::npos);
}

TEST_CASE("A second run of a file that was read to its end has nothing left to do") {
  Fixture fixture;
  const std::vector<std::string> arguments = {"run", fixture.pipeline(), "--format", "json"};
  REQUIRE(run_penstock(fixture.workspace, arguments).exit_code == 0);
  const std::size_t requests = fixture.sandbox->counters().at("requests").get<std::size_t>();
  const Finished again = run_penstock(fixture.workspace, arguments);
  INFO(again.err);
  CHECK(again.exit_code == 0);
  CHECK(again.json().at("events").at("received") == 0);
  CHECK_FALSE(again.json().contains("unread_bytes"));
  CHECK(fixture.sandbox->counters().at("requests").get<std::size_t>() == requests);
}

TEST_CASE("A second signal ends at once") {
  Fixture fixture([](auto& behaviour) { behaviour.server_error = 1.0; });
  Process run(fixture.workspace, penstock_arguments({"run", fixture.pipeline(), "--format", "json",
                                                     "--drain-timeout", "1h"}));
  fixture.wait_for_requests(3);
  run.signal(SIGTERM);
  run.signal(SIGINT);
  const Finished finished = run.wait(20s);
  CHECK(finished.exit_code == 75);
  check_adds_up(finished.json());
}

TEST_CASE("A destination that is down for a while loses nothing") {
  Fixture fixture([](auto& behaviour) { behaviour.server_error = 1.0; });
  Process run(fixture.workspace,
              penstock_arguments({"run", fixture.pipeline(), "--format", "json"}));
  fixture.wait_for_requests(6);
  REQUIRE(fixture.sandbox->change_behaviour({{"server_error", 0.0}}).ok());
  const Finished finished = run.wait();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const auto truth = sample_truth();
  check_members(*fixture.sandbox, truth);
  check_sample_counts(finished.json(), truth);
}

TEST_CASE("A refused token pauses the destination, keeps everything pending, and ends with 77") {
  Fixture fixture;
  const Finished finished =
      run_penstock(fixture.workspace,
                   {"run", fixture.pipeline(), "--format", "json", "--drain-timeout", "200ms"},
                   {{"LINKEDIN_ACCESS_TOKEN", "no-such-token-4711"}});
  INFO(finished.err);
  CHECK(finished.exit_code == 77);
  const auto report = finished.json();
  check_adds_up(report);
  CHECK(report["destinations"]["linkedin_eu"]["state"] == "authorization_needed");
  CHECK(pending(report) > 0);
  CHECK((finished.out + finished.err).find("no-such-token-4711") == std::string::npos);
}

TEST_CASE(
    "A version that LinkedIn has retired pauses the destination, names the setting, and ends with "
    "75") {
  Fixture fixture([](auto& behaviour) { behaviour.active_versions = {"202701"}; });
  const Finished finished = run_penstock(fixture.workspace, {"run", fixture.pipeline(), "--format",
                                                             "json", "--drain-timeout", "200ms"});
  INFO(finished.err);
  CHECK(finished.exit_code == 75);
  const auto report = finished.json();
  CHECK(report["destinations"]["linkedin_eu"]["state"] == "blocked");
  CHECK(report["issues"].dump().find("api_version") != std::string::npos);
  CHECK(report["issues"].dump().find("202608") != std::string::npos);
}

TEST_CASE("A full ad account holds up the audiences that it lacks and no other, and ends with 75") {
  Fixture fixture([](auto& behaviour) { behaviour.max_segments = 2; });
  const std::string pipeline = fixture.pipeline();
  const Finished full = run_penstock(
      fixture.workspace, {"run", pipeline, "--format", "json", "--drain-timeout", "200ms"});
  INFO(full.err);
  CHECK(full.exit_code == 75);
  const auto report = full.json();
  check_adds_up(report);
  CHECK(report["destinations"]["linkedin_eu"]["state"] == "ok");
  std::size_t flowing = 0;
  std::size_t held = 0;
  for (const auto& [name, counts] : report["destinations"]["linkedin_eu"]["mappings"].items()) {
    flowing += counts["pending"] == 0 && counts["delivered"] > 0 ? 1 : 0;
    held += counts["pending"] > 0 && counts["delivered"] == 0 ? 1 : 0;
  }
  CHECK(flowing == 2);
  CHECK(held == 2);
  const std::string issues = report["issues"].dump();
  CHECK(issues.find("segment_limit_exceeded") != std::string::npos);
  CHECK(issues.find("has 2 audiences") != std::string::npos);

  REQUIRE(fixture.sandbox->change_behaviour({{"max_segments", 1000}}).ok());
  const Finished after = run_penstock(fixture.workspace, {"run", pipeline, "--format", "json"});
  INFO(after.err);
  CHECK(after.exit_code == 0);
  check_members(*fixture.sandbox, sample_truth());
}

TEST_CASE(
    "A destination that nobody listens at ends with 69 after the drain timeout, and says where it "
    "was looked for") {
  Fixture fixture;
  const std::string pipeline = fixture.pipeline();
  const std::string port = std::to_string(fixture.sandbox->api_port());
  fixture.sandbox->stop();
  const Finished finished = run_penstock(
      fixture.workspace, {"run", pipeline, "--format", "json", "--drain-timeout", "500ms"});
  INFO(finished.err);
  CHECK(finished.exit_code == 69);
  const auto report = finished.json();
  check_adds_up(report);
  CHECK(report["destinations"]["linkedin_eu"]["state"] == "unavailable");
  CHECK(finished.err.find("127.0.0.1:" + port) != std::string::npos);
}

TEST_CASE("With --fail-on-dead-letters a run that dead-lettered something ends with 1") {
  Fixture fixture;
  const std::string pipeline = fixture.pipeline();
  CHECK(run_penstock(fixture.workspace, {"run", pipeline, "--fail-on-dead-letters"}).exit_code ==
        1);
  const nlohmann::json status =
      run_penstock(fixture.workspace, {"status", pipeline, "--format", "json"}).json();
  CHECK(status["last_run"]["exit_code"] == 1);
}

TEST_CASE(
    "A queue smaller than what waits for a batch sends smaller batches and delivers everything") {
  Fixture fixture;
  constexpr std::size_t kPeople = 12'000;  // some 3 MB of elements for a queue of 1 MiB
  std::string events;
  for (std::size_t i = 0; i < kPeople; ++i) events += entered(static_cast<int>(i));
  fixture.options.events = fixture.workspace.write("events.ndjson", events);
  fixture.options.queue = "queue: {type: memory, max_bytes: 1MiB}";
  const Finished finished =
      run_penstock(fixture.workspace, {"run", fixture.pipeline(), "--format", "json"});
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK(fixture.sandbox->members("trial_users").size() == kPeople);
  CHECK(fixture.sandbox->counters().at("largest_request_elements").get<std::size_t>() < 5000);
  check_adds_up(finished.json());
}

}  // namespace penstock::e2e
