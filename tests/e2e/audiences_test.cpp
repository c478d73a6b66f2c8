// Guards `penstock audiences`: what people read of the audiences that a pipeline fills, and
// renaming them, also while a run is going on.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "sample.hpp"
#include "unit/linkedin_sandbox_client.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  Fixture() {
    linkedin_sandbox::Options setup;
    setup.behaviour.segment_ready_ms = 50;
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(setup);
    REQUIRE(sandbox->start().ok());
    options.segment_ready_after = "50ms";
    pipeline = write_sample_pipeline(workspace, *sandbox, options);
  }
  [[nodiscard]] Finished penstock(std::vector<std::string> words,
                                  const std::string& token = "sandbox-token") const {
    return run_penstock(workspace, std::move(words), {{"LINKEDIN_ACCESS_TOKEN", token}});
  }
  [[nodiscard]] nlohmann::json segment(const std::string& key) const {
    const nlohmann::json all = sandbox->dump_members(true);
    for (const auto& segment : all.at("segments")) {
      if (segment.at("sourceSegmentId") == key) return segment;
    }
    FAIL("the sandbox has no audience " << key);
    return {};
  }

  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  Workspace workspace;
  SampleOptions options;
  std::string pipeline;
};

nlohmann::json audience(const nlohmann::json& answer, const std::string& mapping) {
  for (const auto& entry : answer.at("destinations").at(0).at("audiences")) {
    if (entry.at("mapping") == mapping) return entry;
  }
  FAIL("no audience of " << mapping << " in " << answer.dump(2));
  return {};
}

}  // namespace

TEST_CASE("Before the first run every mapping has a row that says its audience is not created") {
  const Fixture fixture;
  const Finished shown = fixture.penstock({"audiences", fixture.pipeline});
  INFO(shown.err);
  CHECK(shown.exit_code == 0);
  for (const char* mapping : {"trial_users", "enterprise_leads", "churn_risk"})
    CHECK_THAT(shown.out, Catch::Contains(mapping));
  CHECK_THAT(shown.out, Catch::Contains("not created") && Catch::Contains("never") &&
                            Catch::Contains("which has not run yet"));
}

TEST_CASE("After a run, audiences shows what LinkedIn counts and what was delivered") {
  const Fixture fixture;
  REQUIRE(fixture.penstock({"run", fixture.pipeline}).exit_code == 0);
  const Finished json = fixture.penstock({"audiences", fixture.pipeline, "--format", "json"});
  INFO(json.err);
  CHECK(json.exit_code == 0);
  const nlohmann::json answer = json.json();
  const nlohmann::json trial = audience(answer, "trial_users");
  CHECK(trial["key"] == "trial_users");
  CHECK(trial["type"] == "USER");
  CHECK(trial["id"] == std::to_string(fixture.segment("trial_users")["id"].get<std::uint64_t>()));
  const auto members = fixture.sandbox->members("trial_users").size();
  const auto added = trial["delivered"]["added"].get<std::uint64_t>();
  const auto removed = trial["delivered"]["removed"].get<std::uint64_t>();
  CHECK(added >= members);
  CHECK(removed > 0);
  const nlohmann::json status =
      fixture.penstock({"status", fixture.pipeline, "--format", "json"}).json();
  CHECK(added + removed ==
        status["destinations"]["linkedin_eu"]["mappings"]["trial_users"]["delivered"]);
  CHECK_FALSE(trial["delivered"]["last"].is_null());

  const Finished text = fixture.penstock({"audiences", fixture.pipeline});
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Catch::Contains("audiences of linkedin_eu (LinkedIn Audiences)") &&
                           Catch::Contains("300") && Catch::Contains("48 hours"));
}

TEST_CASE("A destination that cannot be asked has its rows, the reason, and an exit code") {
  const Fixture fixture;
  REQUIRE(fixture.penstock({"run", fixture.pipeline}).exit_code == 0);
  const Finished text = fixture.penstock({"audiences", fixture.pipeline}, "no-such-token");
  CHECK(text.exit_code == 77);
  CHECK_THAT(text.out, Catch::Contains("trial_users") && Catch::Contains("It could not be asked"));
  const nlohmann::json answer =
      fixture.penstock({"audiences", fixture.pipeline, "--format", "json"}, "no-such-token").json();
  CHECK(answer["destinations"][0]["problem"].is_string());
  CHECK(audience(answer, "trial_users")["delivered"]["added"].get<std::uint64_t>() > 0);
  CHECK(audience(answer, "trial_users")["id"].is_null());
}

TEST_CASE("An audience can be renamed while a run is going on, and keeps its key and members") {
  const Fixture fixture;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  SampleOptions options = fixture.options;
  options.source = "{type: stdin}";
  const std::string pipeline = write_sample_pipeline(fixture.workspace, *fixture.sandbox, options);
  Process run(
      fixture.workspace,
      penstock_arguments({"run", pipeline, "--set", "destinations.linkedin_eu.batch.max_age=20ms"}),
      {}, ends[0]);
  const std::string event =
      R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":"trial_users","trial_users":true},"context":{"traits":{"email":"a@example.com"}}})"
      "\n";
  REQUIRE(::write(ends[1], event.data(), event.size()) == static_cast<ssize_t>(event.size()));
  for (int i = 0; i < 3000 && fixture.sandbox->members("trial_users").empty(); ++i)
    std::this_thread::sleep_for(10ms);  // polls for a condition; the bound is generous
  REQUIRE(fixture.sandbox->members("trial_users").size() == 1);

  const Finished renamed = run_penstock(
      fixture.workspace, {"audiences", "rename", pipeline, "trial_users", "Trial users, Europe"});
  INFO(renamed.err);
  CHECK(renamed.exit_code == 0);
  CHECK_THAT(renamed.out, Catch::Contains("is now called \"Trial users, Europe\""));
  CHECK(fixture.segment("trial_users")["name"] == "Trial users, Europe");
  CHECK(run_penstock(fixture.workspace, {"audiences", pipeline}).exit_code == 0);

  ::close(ends[1]);
  CHECK(run.wait().exit_code == 0);
  CHECK(fixture.sandbox->members("trial_users").size() == 1);
}

TEST_CASE("Renaming says what is wrong with the name of a mapping") {
  const Fixture fixture;
  const Finished unknown =
      fixture.penstock({"audiences", "rename", fixture.pipeline, "linkedin_eu.trial_user", "X"});
  CHECK(unknown.exit_code == 64);
  CHECK_THAT(unknown.err, Catch::Contains("did you mean \"linkedin_eu.trial_users\"?"));
  const Finished early =
      fixture.penstock({"audiences", "rename", fixture.pipeline, "trial_users", "X"});
  CHECK(early.exit_code == 1);
  CHECK_THAT(early.err, Catch::Contains("LinkedIn has no audience with the key \"trial_users\""));
  CHECK(fixture.penstock({"audiences", "rename", fixture.pipeline}).exit_code == 64);
  CHECK(fixture.penstock({"audiences"}).exit_code == 64);
}

namespace {

constexpr char kMe[] = "Me@example.com";
// As `printf me@example.com | sha256sum` says.
constexpr char kMyHash[] = "8c2a47d3bdb8d3096a6479f53eac3b724291db5f1c31611100f675be5537329d";

// What was sent to the audience since then, in order.
std::vector<nlohmann::json> writes_since(const linkedin_sandbox::Sandbox& sandbox,
                                         std::uint64_t number) {
  std::vector<nlohmann::json> writes;
  const nlohmann::json log = sandbox.requests(10'000);
  for (const auto& request : log.at("requests")) {
    if (request.at("endpoint") == "users" && request.at("number").get<std::uint64_t>() > number)
      writes.push_back(request);
  }
  return writes;
}
std::uint64_t last_request(const linkedin_sandbox::Sandbox& sandbox) {
  return sandbox.counters().at("requests").get<std::uint64_t>();
}

void wait_for(const std::function<bool()>& condition, const char* what) {
  INFO(what);
  for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(condition());
}

// A fixture whose audiences exist, and a command about one of them.
struct TestFixture : Fixture {
  TestFixture() {
    REQUIRE(penstock({"run", pipeline}).exit_code == 0);
    before = sandbox->members("trial_users");
    number = last_request(*sandbox);
  }
  [[nodiscard]] std::vector<std::string> words() const {
    return {"audiences", "test", pipeline,          "trial_users",
            "--email",   kMe,    "--confirm-after", "50ms"};
  }
  std::vector<std::string> before;
  std::uint64_t number = 0;
};

}  // namespace

TEST_CASE(
    "audiences list --all shows what else the account has, and a mapping fills it by its id") {
  const Fixture fixture;
  SandboxClient client(fixture.sandbox->api_port());
  nlohmann::json body = segment_body("made_by_hand");
  body["account"] = "urn:li:sponsoredAccount:512345678";
  body["name"] = "Made by hand";
  REQUIRE(client.post("/rest/dmpSegments", body).status == 201);
  const std::string id =
      std::to_string(fixture.segment("made_by_hand").at("id").get<std::uint64_t>());

  const Finished all = fixture.penstock({"audiences", "list", fixture.pipeline, "--all"});
  INFO(all.err);
  CHECK(all.exit_code == 0);
  CHECK_THAT(all.out, Catch::Contains(id) && Catch::Contains("Made by hand") &&
                          Catch::Contains("made_by_hand") && Catch::Contains("account 512345678"));
  CHECK_THAT(fixture.penstock({"audiences", "list", fixture.pipeline}).out,
             !Catch::Contains("Made by hand") && Catch::Contains("churn_risk"));

  const std::string set =
      "destinations.linkedin_eu.mappings.trial_users.fields.existing_segment_id=\"" + id + "\"";
  const Finished run = fixture.penstock({"run", fixture.pipeline, "--set", set});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(fixture.sandbox->members("made_by_hand") ==
        sample_truth().at("members").at("trial_users").get<std::vector<std::string>>());
  CHECK(fixture.sandbox->members("trial_users").empty());
  const nlohmann::json listed = fixture
                                    .penstock({"audiences", "list", fixture.pipeline, "--all",
                                               "--format", "json", "--set", set})
                                    .json();
  for (const auto& entry : listed.at("destinations").at(0).at("audiences")) {
    if (entry.at("id") == id) CHECK(entry.at("mapping") == "trial_users");
  }
  CHECK(audience(fixture.penstock({"audiences", fixture.pipeline, "--format", "json", "--set", set})
                     .json(),
                 "trial_users")["id"] == id);
}

TEST_CASE("An existing audience of another type holds up its mapping alone, and says why") {
  const Fixture fixture;
  SandboxClient client(fixture.sandbox->api_port());
  nlohmann::json body = segment_body("companies", "COMPANY");
  body["account"] = "urn:li:sponsoredAccount:512345678";
  REQUIRE(client.post("/rest/dmpSegments", body).status == 201);
  const std::string id = std::to_string(fixture.segment("companies").at("id").get<std::uint64_t>());
  const Finished run = fixture.penstock(
      {"run", fixture.pipeline, "--drain-timeout", "200ms", "--format", "json", "--set",
       "destinations.linkedin_eu.mappings.trial_users.fields.existing_segment_id=\"" + id + "\""});
  CHECK(run.exit_code == 75);
  CHECK_THAT(run.out, Catch::Contains("existing_segment_wrong_type"));
  const nlohmann::json mappings = run.json().at("destinations").at("linkedin_eu").at("mappings");
  CHECK(mappings.at("trial_users").at("delivered") == 0);
  CHECK(mappings.at("trial_users").at("pending").get<std::uint64_t>() > 0);
  CHECK(mappings.at("churn_risk").at("pending") == 0);
}

TEST_CASE("audiences test puts a person in, shows request and answer, and takes them out") {
  const TestFixture fixture;
  const Finished text = fixture.penstock(fixture.words());
  INFO(text.out << text.err);
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Catch::Contains("Put in") && Catch::Contains("Taken out") &&
                           Catch::Contains(kMyHash) && Catch::Contains("/users") &&
                           Catch::Contains(R"({"elements":[{"status":201}]})"));
  CHECK_THAT(text.out + text.err, !Catch::Contains("me@example.com", Catch::CaseSensitive::No));
  CHECK(fixture.sandbox->members("trial_users") == fixture.before);
  CHECK(writes_since(*fixture.sandbox, fixture.number).size() == 2);

  auto words = fixture.words();
  words.insert(words.end(), {"--format", "json"});
  const nlohmann::json told = fixture.penstock(words).json();
  CHECK(told.at("added").at("accepted") == true);
  CHECK(told.at("removed").at("accepted") == true);
  CHECK(told.at("problem").is_null());

  words = fixture.words();
  words.emplace_back("--remove");
  const std::uint64_t number = last_request(*fixture.sandbox);
  CHECK(fixture.penstock(words).exit_code == 0);
  CHECK(writes_since(*fixture.sandbox, number).size() == 1);
}

TEST_CASE("A test whose person is refused says so, and does not try for long") {
  const TestFixture fixture;
  REQUIRE(
      fixture.sandbox
          ->change_behaviour({{"refused_identifiers", {"SHA256_EMAIL=" + std::string(kMyHash)}}})
          .ok());
  const Finished refused = fixture.penstock(fixture.words());
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::Contains("LinkedIn answered 400 about the person") &&
                              !Catch::Contains("may still be in the audience"));
  CHECK(writes_since(*fixture.sandbox, fixture.number).size() == 2);
}

TEST_CASE("A test whose middle fails takes the person out once LinkedIn answers again") {
  const TestFixture fixture;
  REQUIRE(fixture.sandbox->change_behaviour({{"failing_audiences", {"trial_users"}}}).ok());
  Process test(fixture.workspace, penstock_arguments(fixture.words()));
  wait_for([&] { return test.err().find("not taken out yet") != std::string::npos; },
           "the removal to fail");
  const std::uint64_t number = last_request(*fixture.sandbox);
  REQUIRE(fixture.sandbox->change_behaviour({{"failing_audiences", nlohmann::json::array()}}).ok());
  const Finished finished = test.wait();
  CHECK(finished.exit_code == 1);
  CHECK_THAT(finished.err, Catch::Contains("503"));
  // Once more, as the request that failed may have been carried out late.
  CHECK_THAT(finished.err, Catch::Contains("taken out once more"));
  CHECK(writes_since(*fixture.sandbox, number).size() == 2);
  CHECK(fixture.sandbox->members("trial_users") == fixture.before);
}

namespace {

// Its request that takes the person out is on its way, slowly.
std::unique_ptr<Process> test_with_person_in(const TestFixture& fixture) {
  REQUIRE(fixture.sandbox->change_behaviour({{"delay", 1}, {"delay_ms", 300}}).ok());
  auto test = std::make_unique<Process>(fixture.workspace, penstock_arguments(fixture.words()));
  wait_for(
      [&] { return fixture.sandbox->members("trial_users").size() == fixture.before.size() + 1; },
      "the person to be put in");
  return test;
}

}  // namespace

TEST_CASE("SIGINT in the middle of a test waits until the person is out again") {
  const TestFixture fixture;
  const auto test = test_with_person_in(fixture);
  test->signal(SIGINT);
  const Finished finished = test->wait();
  CHECK(finished.exit_code == 128 + SIGINT);
  CHECK_THAT(finished.out, Catch::Contains("is out again"));
  CHECK(fixture.sandbox->members("trial_users") == fixture.before);
}

TEST_CASE("A person who cannot be taken out is said so, with the command that does it") {
  const TestFixture fixture;
  const auto test = test_with_person_in(fixture);
  REQUIRE(fixture.sandbox->revoke_token("sandbox-token"));
  const Finished finished = test->wait();
  CHECK(finished.exit_code != 0);
  CHECK_THAT(finished.err, Catch::Contains("may still be in the audience") &&
                               Catch::Contains("trial_users --remove --email"));
}

TEST_CASE("A test before the first run, and one of a mapping that is none, send nothing") {
  const Fixture fixture;
  const auto test = [&](const char* mapping) {
    return fixture.penstock({"audiences", "test", fixture.pipeline, mapping, "--email", kMe});
  };
  const Finished early = test("trial_users");
  CHECK(early.exit_code == 1);
  CHECK_THAT(early.err, Catch::Contains("penstock run"));
  CHECK(test("trial_user").exit_code == 64);
  CHECK(fixture.sandbox->counters().at("elements").at("received") == 0);
}

}  // namespace penstock::e2e
