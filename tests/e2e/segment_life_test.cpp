// Guards what people see, and what becomes of their records, when audiences change at LinkedIn
// without Penstock: doubled, deleted, expired, too many; and an ad account that is not there.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <memory>

#include "crowd.hpp"
#include "sample.hpp"
#include "unit/linkedin_sandbox_client.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kDay = 24h;
// LinkedIn's clock, long before this machine's: audiences that it has are old ones.
constexpr std::int64_t kLongAgoMs = 1'700'000'000'000;

class Fixture {
 public:
  explicit Fixture(linkedin_sandbox::Options setup = {})
      : sandbox_(with_defaults(std::move(setup))) {
    REQUIRE(sandbox_.start().ok());
    client_ = std::make_unique<SandboxClient>(sandbox_.api_port());
    SampleOptions options;
    options.events = workspace_.write("events.ndjson", "");
    options.segment_ready_after = "20ms";
    pipeline_ = write_sample_pipeline(workspace_, sandbox_, options);
  }

  static std::string event(const std::string& audience, int person) {
    const json told = {
        {"type", "track"},
        {"event", "Audience Entered"},
        {"userId", "u"},
        {"properties", {{"audience_key", audience}, {audience, true}}},
        {"context", {{"traits", {{"email", "p" + std::to_string(person) + "@example.com"}}}}}};
    return told.dump() + "\n";
  }
  // Appends to the events that are read: these persons, the last one excluded, enter.
  void enter(const std::string& audience, int first, int last) const {
    std::ofstream file(workspace_.path("events.ndjson"), std::ios::binary | std::ios::app);
    for (int person = first; person < last; ++person) file << event(audience, person);
    file.close();
    REQUIRE(file.good());
  }
  [[nodiscard]] Finished penstock(std::vector<std::string> words) const {
    return run_penstock(workspace_, std::move(words));
  }
  [[nodiscard]] Finished run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"run", pipeline_, "--format", "json"};
    words.insert(words.end(), more.begin(), more.end());
    Finished finished = penstock(words);
    INFO(finished.err);
    check_adds_up(finished.json());
    return finished;
  }
  // The issue of this code that `penstock status` shows; null when there is none.
  [[nodiscard]] json issue(const std::string& code) const {
    const json status = penstock({"status", pipeline_, "--format", "json"}).json();
    for (const json& issue : status.at("issues")) {
      if (issue.at("code") == code) return issue;
    }
    return nullptr;
  }
  // The row of `penstock audiences` for this mapping.
  [[nodiscard]] json audience(const std::string& mapping) const {
    const Finished finished = penstock({"audiences", pipeline_, "--format", "json"});
    INFO(finished.err);
    CHECK(finished.exit_code == 0);
    const json answer = finished.json();
    for (const json& row : answer.at("destinations").at(0).at("audiences")) {
      if (row.at("mapping") == mapping) return row;
    }
    FAIL("no row of " << mapping << " in " << answer.dump(2));
    return {};
  }
  [[nodiscard]] std::string id_of(const std::string& key) const {
    return segment(key).at("id").dump();
  }
  [[nodiscard]] std::size_t members_of(const std::string& id) const {
    const json all = sandbox_.dump_members();
    for (const json& segment : all.at("segments")) {
      if (segment.at("id").dump() == id) return segment.at("members").size();
    }
    FAIL("there is no segment " << id);
    return 0;
  }
  // What somebody does in Campaign Manager, or another program.
  [[nodiscard]] std::string create_elsewhere(const std::string& key) const {
    json body = segment_body(key);
    body["account"] = "urn:li:sponsoredAccount:512345678";
    const Answer answer = client_->post("/rest/dmpSegments", body);
    REQUIRE(answer.status == 201);
    return answer.headers.at("x-restli-id");
  }
  void delete_elsewhere(const std::string& id) const {
    REQUIRE(client_->request("DELETE", "/rest/dmpSegments/" + id).status == 204);
  }

  Workspace workspace_;
  linkedin_sandbox::Sandbox sandbox_;
  std::string pipeline_;

 private:
  static linkedin_sandbox::Options with_defaults(linkedin_sandbox::Options setup) {
    setup.behaviour.segment_ready_ms = 0;
    setup.behaviour.users_per_minute = 0;
    setup.behaviour.access_token_seconds = 10LL * 365 * 86'400;  // clocks are moved by months
    return setup;
  }
  [[nodiscard]] json segment(const std::string& key) const {
    const json all = sandbox_.dump_members(true);
    for (const json& segment : all.at("segments")) {
      if (segment.at("sourceSegmentId") == key) return segment;
    }
    FAIL("there is no segment of " << key);
    return {};
  }

  std::unique_ptr<SandboxClient> client_;
};

linkedin_sandbox::Options long_ago() {
  linkedin_sandbox::Options setup;
  setup.frozen_at_ms = kLongAgoMs;
  return setup;
}

}  // namespace

TEST_CASE(
    "Of two audiences with one key the oldest is used, and people read which the others are") {
  const Fixture fixture;
  fixture.enter("trial_users", 0, 3);
  REQUIRE(fixture.run().exit_code == 0);
  const std::string oldest = fixture.id_of("trial_users");
  const std::string twin = fixture.create_elsewhere("trial_users");
  fixture.enter("trial_users", 3, 5);
  const Finished finished = fixture.run();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(fixture.members_of(oldest) == 5);
  CHECK(fixture.members_of(twin) == 0);
  const json issue = fixture.issue("audience_twins");
  INFO(issue.dump(2));
  REQUIRE(issue.is_object());
  CHECK(issue["severity"] == "warning");
  CHECK_THAT(issue["message"].get<std::string>(),
             Catch::Contains(oldest) && Catch::Contains(twin) && Catch::Contains("delete"));
  CHECK_THAT(finished.err, Catch::Contains("audience_twins"));
  const json row = fixture.audience("trial_users");
  CHECK(row["id"] == oldest);
  CHECK(row["twins"] == json({twin}));
  // Deleted, as advised.
  fixture.delete_elsewhere(twin);
  CHECK(fixture.audience("trial_users")["twins"].empty());
}

TEST_CASE(
    "An audience that was deleted between two runs is made again; reading from the start fills "
    "it") {
  const Fixture fixture(long_ago());
  const std::string old = fixture.create_elsewhere("trial_users");
  fixture.enter("trial_users", 0, 10);
  REQUIRE(fixture.run().exit_code == 0);
  CHECK(fixture.members_of(old) == 10);
  fixture.delete_elsewhere(old);
  CHECK(fixture.audience("trial_users")["status"] == "NOT_CREATED");

  fixture.enter("trial_users", 10, 12);
  const Finished finished = fixture.run();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const std::string made = fixture.id_of("trial_users");
  CHECK(made != old);
  CHECK(fixture.members_of(made) == 2);
  const json issue = fixture.issue("audience_deleted");
  INFO(issue.dump(2));
  REQUIRE(issue.is_object());
  CHECK(issue["severity"] == "error");
  CHECK_THAT(issue["message"].get<std::string>(),
             Catch::Contains(old) && Catch::Contains("--from-start"));

  // What the message advises.
  CHECK(fixture.run({"--from-start"}).exit_code == 0);
  CHECK(fixture.id_of("trial_users") == made);
  CHECK(fixture.members_of(made) == 12);
}

TEST_CASE(
    "An audience that is deleted in the middle of a run is made again, and the rest goes there") {
  const Fixture fixture(long_ago());
  const std::string old = fixture.create_elsewhere("trial_users");
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  SampleOptions options;
  options.source = "{type: stdin}";
  options.segment_ready_after = "20ms";
  const std::string pipeline = write_sample_pipeline(fixture.workspace_, fixture.sandbox_, options);
  Process run(fixture.workspace_,
              penstock_arguments({"run", pipeline, "--format", "json", "--set",
                                  "destinations.linkedin_eu.batch.max_age=20ms"}),
              {}, ends[0]);
  const auto feed = [&](int person) {
    const std::string line = Fixture::event("trial_users", person);
    REQUIRE(::write(ends[1], line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  };
  feed(0);
  wait_until([&] { return fixture.members_of(old) == 1; }, "the first person");
  fixture.delete_elsewhere(old);
  feed(1);
  wait_until([&] { return fixture.sandbox_.members("trial_users").size() == 1; },
             "the second person, in a new audience");
  feed(2);
  ::close(ends[1]);
  const Finished finished = run.wait();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const json report = finished.json();
  check_adds_up(report);
  CHECK(report["destinations"]["linkedin_eu"]["mappings"]["trial_users"]["delivered"] == 3);
  CHECK(fixture.members_of(fixture.id_of("trial_users")) == 2);
  CHECK(fixture.sandbox_.counters().at("segments") == 1);
  const json issue = fixture.issue("audience_deleted");
  REQUIRE(issue.is_object());
  CHECK_THAT(issue["message"].get<std::string>(),
             Catch::Contains(old) && Catch::Contains("--from-start"));
}

TEST_CASE("An audience that nobody used for a month is said to be archived, and takes people") {
  Fixture fixture;
  fixture.enter("trial_users", 0, 3);
  REQUIRE(fixture.run().exit_code == 0);
  fixture.sandbox_.advance_clock(kDay * 31);
  CHECK(fixture.audience("trial_users")["status"] == "ARCHIVED");
  fixture.enter("trial_users", 3, 4);
  CHECK(fixture.run().exit_code == 0);
  CHECK(fixture.sandbox_.members("trial_users").size() == 4);
  const json issue = fixture.issue("audience_archived");
  REQUIRE(issue.is_object());
  CHECK(issue["severity"] == "warning");
  CHECK_THAT(issue["message"].get<std::string>(), Catch::Contains("campaign"));
}

TEST_CASE(
    "An audience that has expired is a delivery issue that says how to fill it again, and that "
    "works") {
  Fixture fixture;
  fixture.enter("trial_users", 0, 10);
  REQUIRE(fixture.run().exit_code == 0);
  fixture.sandbox_.advance_clock(kDay * 91);
  const json row = fixture.audience("trial_users");
  CHECK(row["status"] == "EXPIRED");
  CHECK_THAT(row["note"].get<std::string>(), Catch::Contains("--from-start"));

  fixture.enter("trial_users", 10, 12);
  const Finished finished = fixture.run();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(fixture.sandbox_.members("trial_users").size() == 2);
  CHECK_THAT(finished.json().at("issues").dump(), Catch::Contains("audience_expired"));
  const json issue = fixture.issue("audience_expired");
  REQUIRE(issue.is_object());
  CHECK(issue["severity"] == "error");
  CHECK_THAT(issue["message"].get<std::string>(),
             Catch::Contains("deleted its members") && Catch::Contains("--from-start"));

  CHECK(fixture.run({"--from-start"}).exit_code == 0);
  CHECK(fixture.sandbox_.members("trial_users").size() == 12);
}

TEST_CASE(
    "An audience beyond LinkedIn's limit waits with all its records and is told how many there "
    "are; the others are delivered, and it follows once there is room") {
  linkedin_sandbox::Options setup;
  setup.behaviour.max_segments = 3;
  Fixture fixture(setup);
  const std::string unused = fixture.create_elsewhere("unused");
  CHECK_FALSE(fixture.create_elsewhere("unused_too").empty());
  fixture.enter("trial_users", 0, 3);
  REQUIRE(fixture.run().exit_code == 0);

  fixture.enter("churn_risk", 0, 4);
  fixture.enter("trial_users", 3, 5);
  const Finished held = fixture.run({"--drain-timeout", "200ms"});
  INFO(held.err);
  CHECK(held.exit_code == 75);
  const json report = held.json();
  const json& mappings = report.at("destinations").at("linkedin_eu").at("mappings");
  CHECK(mappings["trial_users"]["delivered"] == 2);
  CHECK(mappings["churn_risk"]["delivered"] == 0);
  CHECK(mappings["churn_risk"]["pending"] == 4);
  CHECK(fixture.sandbox_.members("trial_users").size() == 5);
  const json issue = fixture.issue("segment_limit_exceeded");
  INFO(issue.dump(2));
  REQUIRE(issue.is_object());
  CHECK_THAT(issue["message"].get<std::string>(),
             Catch::Contains("3") && Catch::Contains("delete", Catch::CaseSensitive::No));
  CHECK(fixture.audience("churn_risk")["status"] == "NOT_CREATED");

  fixture.delete_elsewhere(unused);
  const Finished finished = fixture.run();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(fixture.sandbox_.members("churn_risk").size() == 4);
  CHECK(fixture.sandbox_.counters().at("segments") == 3);
}

TEST_CASE("validate --connect says that the ad account is not there, and names it") {
  linkedin_sandbox::Options setup;
  setup.behaviour.known_accounts = {"4711"};
  const Fixture fixture(setup);
  const Finished finished = fixture.penstock({"validate", fixture.pipeline_, "--connect"});
  CHECK(finished.exit_code == 1);
  CHECK_THAT(finished.err, Catch::Contains("linkedin_eu would not accept deliveries: ") &&
                               Catch::Contains("512345678") && Catch::Contains("ad_account_id"));
}

}  // namespace penstock::e2e
