// Guards that destinations are asked before anything is read: one that would refuse begins paused
// with its records pending, one that would accept is not asked again for a day.
#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "sample.hpp"
#include "services/kv.hpp"
#include "services/token_store.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(const linkedin_sandbox::Behaviour& behaviour = quick()) {
    linkedin_sandbox::Options setup;
    setup.behaviour = behaviour;
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(setup);
    REQUIRE(sandbox->start().ok());
    linkedin_sandbox::Grant viewer;
    viewer.role = "VIEWER";
    sandbox->add_token("viewer-token", viewer, 1h);
    options.segment_ready_after = "50ms";
  }
  static linkedin_sandbox::Behaviour quick() {
    linkedin_sandbox::Behaviour behaviour;
    behaviour.segment_ready_ms = 50;
    return behaviour;
  }
  [[nodiscard]] std::string pipeline() const {
    return write_sample_pipeline(workspace, *sandbox, options);
  }
  [[nodiscard]] Finished run(const std::string& token = "sandbox-token") const {
    return run_penstock(workspace,
                        {"run", pipeline(), "--format", "json", "--drain-timeout", "200ms"},
                        {{"LINKEDIN_ACCESS_TOKEN", token}});
  }
  [[nodiscard]] Finished validate(const std::string& token = "sandbox-token") const {
    return run_penstock(workspace, {"validate", pipeline(), "--connect"},
                        {{"LINKEDIN_ACCESS_TOKEN", token}});
  }
  [[nodiscard]] std::uint64_t times_asked_who() const {
    std::uint64_t count = 0;
    const nlohmann::json answer = sandbox->requests(100'000);
    for (const auto& request : answer.at("requests"))
      count += request.at("path").get<std::string>().find("/rest/me") == 0 ? 1 : 0;
    return count;
  }

  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  Workspace workspace;
  SampleOptions options;
};

std::string issue_codes(const nlohmann::json& report) {
  std::string codes;
  for (const auto& issue : report["issues"]) codes += issue["code"].get<std::string>() + " ";
  return codes;
}

}  // namespace

TEST_CASE(
    "A member who may only view the ad account: paused before anything is sent, all pending") {
  const Fixture fixture;
  const Finished refused = fixture.run("viewer-token");
  INFO(refused.err);
  CHECK(refused.exit_code == 75);
  const auto report = refused.json();
  check_adds_up(report);
  const auto& destination = report["destinations"]["linkedin_eu"];
  CHECK(destination["state"] == "blocked");
  CHECK_THAT(issue_codes(report), Catch::Contains("role_insufficient"));
  CHECK_THAT(refused.err, Catch::Contains("may only view ad account 512345678"));
  const std::uint64_t elements =
      fixture.sandbox->counters().at("elements").at("received").get<std::uint64_t>();
  CHECK(elements == 0);
  for (const auto& [name, counts] : destination["mappings"].items()) {
    INFO(name);
    CHECK(counts["pending"].get<std::uint64_t>() > 0);
    CHECK(counts["delivered"] == 0);
  }

  // Mended: everything flows, from the queue.
  const Finished mended = fixture.run();
  INFO(mended.err);
  CHECK(mended.exit_code == 0);
  check_members(*fixture.sandbox, sample_truth());
}

TEST_CASE("A token that is refused: authorisation is needed, exit code 77, all pending") {
  const Fixture fixture;
  const Finished finished = fixture.run("no-such-token");
  INFO(finished.err);
  CHECK(finished.exit_code == 77);
  const auto report = finished.json();
  check_adds_up(report);
  CHECK(report["destinations"]["linkedin_eu"]["state"] == "authorization_needed");
  CHECK(fixture.sandbox->counters().at("elements").at("received") == 0);
}

TEST_CASE("A check that passed is remembered over runs; validate --connect asks in any case") {
  const Fixture fixture;
  CHECK(fixture.run().exit_code == 0);
  CHECK(fixture.times_asked_who() == 1);
  CHECK(fixture.run().exit_code == 0);
  CHECK(fixture.times_asked_who() == 1);
  const Finished validated = fixture.validate();
  INFO(validated.err);
  CHECK(validated.exit_code == 0);
  CHECK_THAT(validated.out, Catch::Contains("linkedin_eu accepts deliveries"));
  CHECK(fixture.times_asked_who() == 2);
  // Another token may be another member's.
  fixture.sandbox->add_token("other-token", {}, 1h);
  CHECK(fixture.run("other-token").exit_code == 0);
  CHECK(fixture.times_asked_who() == 3);
}

TEST_CASE("After a day, and with other settings, a destination is asked again") {
  const Fixture fixture;
  REQUIRE(fixture.run().exit_code == 0);
  REQUIRE(fixture.times_asked_who() == 1);
  {
    auto store = services::KeyValueStore::open(fixture.workspace.path("state"));
    REQUIRE(store.ok());
    services::KeyValueStore::Entry entry;
    REQUIRE((*store)->get("host:check", "linkedin_eu", entry, nullptr) == PENSTOCK_OK);
    const std::size_t blank = entry.value.find(' ');
    REQUIRE(blank != std::string::npos);
    constexpr std::int64_t kDayMs = 86'400'000;
    const std::int64_t passed_ms = std::stoll(entry.value.substr(blank + 1)) - kDayMs;
    const std::string older = entry.value.substr(0, blank + 1) + std::to_string(passed_ms);
    REQUIRE((*store)->put("host:check", "linkedin_eu", older, PENSTOCK_KV_ANY, nullptr) ==
            PENSTOCK_OK);
  }
  CHECK(fixture.run().exit_code == 0);
  CHECK(fixture.times_asked_who() == 2);
  const std::vector<std::string> other = {
      "run", fixture.pipeline(), "--set",
      "destinations.linkedin_eu.settings.send_google_advertising_id=false"};
  CHECK(run_penstock(fixture.workspace, other).exit_code == 0);
  CHECK(fixture.times_asked_who() == 3);
}

TEST_CASE(
    "validate --connect uses the login in the state directory; another login is asked about anew") {
  const Fixture fixture;
  const auto log_in = [&](std::int64_t at_ms) {
    const services::TokenStore store(fixture.workspace.path("state"), "linkedin");
    const auto lock = store.lock([] { return false; });
    REQUIRE(lock.ok());
    services::TokenSet tokens;
    tokens.access_token = Secret("sandbox-token");
    tokens.since_ms = at_ms;
    tokens.origin = services::TokenOrigin::login;
    REQUIRE(store.save(tokens, *lock).ok());
  };
  CHECK(fixture.validate("no-such-token").exit_code == 77);
  log_in(1'790'000'000'000);
  const Finished validated = fixture.validate("no-such-token");
  INFO(validated.err);
  CHECK(validated.exit_code == 0);
  const std::uint64_t asked = fixture.times_asked_who();
  CHECK(fixture.run("no-such-token").exit_code == 0);
  CHECK(fixture.times_asked_who() == asked);
  log_in(1'790'000'000'001);
  CHECK(fixture.run("no-such-token").exit_code == 0);
  CHECK(fixture.times_asked_who() == asked + 1);
}

TEST_CASE("What validate --connect asked is remembered for the runs that follow") {
  const Fixture fixture;
  CHECK(fixture.run("viewer-token").exit_code == 75);  // makes the state directory
  CHECK(fixture.validate().exit_code == 0);
  const std::uint64_t asked = fixture.times_asked_who();
  CHECK(fixture.run().exit_code == 0);
  CHECK(fixture.times_asked_who() == asked);
}

TEST_CASE("validate --connect says with its exit code why deliveries would fail") {
  const Fixture fixture;
  const Finished viewer = fixture.validate("viewer-token");
  CHECK(viewer.exit_code == 1);
  CHECK_THAT(viewer.err, Catch::Contains("linkedin_eu would not accept deliveries: The LinkedIn "
                                         "member who logged in may only view ad account"));
  CHECK_THAT(viewer.out, Catch::Contains("linkedin_eu would not accept deliveries") &&
                             !Catch::Contains(": ok"));
  const Finished unknown = fixture.validate("no-such-token");
  CHECK(unknown.exit_code == 77);
  CHECK_THAT(unknown.err, Catch::Contains("linkedin_eu needs a login: "));
  const std::string pipeline = fixture.pipeline();
  fixture.sandbox->stop();
  const Finished away = run_penstock(fixture.workspace, {"validate", pipeline, "--connect"});
  CHECK(away.exit_code == 69);
  CHECK_THAT(away.err, Catch::Contains("linkedin_eu could not be reached: "));
}

TEST_CASE("A destination that does not answer the check is tried anyway, and its records go on") {
  linkedin_sandbox::Behaviour behaviour = Fixture::quick();
  behaviour.server_error = 1.0;
  behaviour.max_faults = 1;  // the check's first request
  const Fixture fixture(behaviour);
  const Finished finished = fixture.run();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK_THAT(finished.err, Catch::Contains("could not be asked whether it accepts deliveries"));
  check_members(*fixture.sandbox, sample_truth());
}

TEST_CASE(
    "What a plugin has to say besides is an issue of the report, of status, and a line of the "
    "log") {
  const Fixture fixture;
  linkedin_sandbox::Grant bare;
  bare.scopes = {"rw_dmp_segments"};
  fixture.sandbox->add_token("bare-token", bare, 1h);
  const Finished finished = fixture.run("bare-token");
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const auto report = finished.json();
  CHECK_THAT(issue_codes(report), Catch::Contains("role_not_checked"));
  CHECK_THAT(finished.err, Catch::Contains("warning linkedin_eu: role_not_checked: "));
  const Finished status = run_penstock(fixture.workspace, {"status", fixture.pipeline()});
  CHECK_THAT(status.out, Catch::Contains("role_not_checked"));
  // Where no run would show it, it is said as well.
  CHECK_THAT(fixture.validate("bare-token").err, Catch::Contains("role_not_checked: "));
}

TEST_CASE("SIGTERM ends a check that waits for its answer") {
  linkedin_sandbox::Behaviour behaviour = Fixture::quick();
  behaviour.delay = 1.0;
  behaviour.delay_ms = 20'000;
  const Fixture fixture(behaviour);
  Process run(fixture.workspace, penstock_arguments({"run", fixture.pipeline(), "--format", "json",
                                                     "--drain-timeout", "100ms"}));
  for (int i = 0; i < 1000 && fixture.sandbox->counters().at("requests_under_way") == 0; ++i)
    std::this_thread::sleep_for(10ms);  // polls for a condition; the bound is generous
  const auto begin = std::chrono::steady_clock::now();
  run.signal(SIGTERM);
  const Finished finished = run.wait(15s);
  INFO(finished.err);
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  check_adds_up(finished.json());
  CHECK_THAT(finished.err, !Catch::Contains("could not be asked"));
}

}  // namespace penstock::e2e
