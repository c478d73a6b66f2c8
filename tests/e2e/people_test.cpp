// Guards who ends up in an audience: small inputs that once put the wrong people there, or left the
// right ones out.
#include <catch2/catch.hpp>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

// The pipeline with one mapping, run over some events against a sandbox of its own.
class Run {
 public:
  // `fields` are those of the mapping, `trigger` is a line of its own or "" for the default.
  Run(const std::string& events, const std::string& fields, const std::string& trigger = {},
      const std::string& settings = {})
      : sandbox_(setup()) {
    REQUIRE(sandbox_.start().ok());
    workspace_.write("events.ndjson", events);
    pipeline_ = workspace_.write("pipeline.yaml", R"(version: 1
name: people
state_dir: state
source: {type: file, path: events.ndjson}
connections:
  linkedin: {plugin: linkedin_audiences, access_token: sandbox-token}
destinations:
  linkedin:
    plugin: linkedin_audiences
    connection: linkedin
    settings: {ad_account_id: "512345678", segment_ready_after: 20ms, api_url: ")" +
                                                      sandbox_.api_url() + "/rest\"" + settings +
                                                      R"(}
    mappings:
      people:
        action: sync_to_dmp_segment
)" + (trigger.empty() ? "" : "        trigger: '" + trigger + "'\n") +
                                                      "        fields: {" + fields + "}\n");
    const Finished finished = run_penstock(workspace_, {"run", pipeline_, "--format", "json"});
    INFO(finished.err);
    REQUIRE(finished.exit_code == 0);
    const json report = finished.json();
    counts_ = report.at("destinations").at("linkedin").at("mappings").at("people");
    for (const json& issue : report.at("issues")) {
      if (issue.at("severity") == "warning") warnings_.push_back(issue);
    }
  }

  [[nodiscard]] std::vector<std::string> members(const std::string& key) const {
    return sandbox_.members(key);
  }
  // How many records had this reason.
  [[nodiscard]] std::uint64_t reason(const std::string& code) const {
    return counts_.at("reasons").value(code, std::uint64_t{0});
  }
  // How many records were warned about with this code.
  [[nodiscard]] std::uint64_t warned(const std::string& code) const {
    std::uint64_t count = 0;
    for (const json& issue : warnings_) {
      if (issue.at("code") == code) count += issue.at("count").get<std::uint64_t>();
    }
    return count;
  }
  // What `try` says that it would send.
  [[nodiscard]] std::string tried() const {
    return run_penstock(workspace_, {"try", pipeline_, "--input", workspace_.path("events.ndjson")})
        .out;
  }
  [[nodiscard]] const json& counts() const { return counts_; }

 private:
  static linkedin_sandbox::Options setup() {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    return options;
  }

  Workspace workspace_;
  linkedin_sandbox::Sandbox sandbox_;
  std::string pipeline_;
  json counts_;
  std::vector<json> warnings_;
};

std::string events_of(const std::string& name) {
  return read_file(data_path("cases/" + name + ".ndjson"));
}

// printf %s tom.ash@example.com | sha256sum
const std::string kTom =
    "SHA256_EMAIL=a81056b86f3e5afe714d4c21dbe684b152b121786305b01b8d04d599f5e5986c";

}  // namespace

TEST_CASE("A journey step holds who reached it and did not leave it again") {
  const Run run(
      events_of("journey_exit"), "personas_audience_key: winback__email_step_8943l",
      R"(type = "track" and context.personas.computation_key = "winback__email_step_8943l")");
  INFO(run.counts().dump(2));
  CHECK(run.members("winback__email_step_8943l") == std::vector<std::string>{kTom});
}

TEST_CASE("A journey step whose events lack audience_key needs its key and nothing else") {
  const Run run(events_of("journey_v1"), "personas_audience_key: j_o_first__opened_email_dje83h");
  INFO(run.counts().dump(2));
  CHECK(run.members("j_o_first__opened_email_dje83h") == std::vector<std::string>{kTom});
  CHECK(run.counts().at("matched") == 3);  // the default trigger lets no Identify through
}

TEST_CASE("ADD does not add who an event says has left") {
  const Run run(
      events_of("journey_exit"), "personas_audience_key: winback, dmp_user_action: ADD",
      R"(type = "track" and context.personas.computation_key = "winback__email_step_8943l")");
  INFO(run.counts().dump(2));
  CHECK(run.members("winback").size() == 2);
  CHECK(run.reason("contradicts_event") == 2);
}

TEST_CASE("ADD with the default trigger, which lets exits through, is refused by validate") {
  const Workspace workspace;
  linkedin_sandbox::Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const std::string pipeline = write_sample_pipeline(workspace, sandbox);
  const std::string mapping = "destinations.linkedin_eu.mappings.trial_users.";
  const Finished refused = run_penstock(
      workspace, {"validate", pipeline, "--set", mapping + "fields.dmp_user_action=ADD"});
  INFO(refused.err);
  CHECK(refused.exit_code == 78);
  CHECK(refused.err.find("Audience Exited") != std::string::npos);

  const Finished narrowed = run_penstock(
      workspace, {"validate", pipeline, "--set", mapping + "fields.dmp_user_action=ADD", "--set",
                  mapping + "trigger=event = \"Audience Entered\""});
  INFO(narrowed.err);
  CHECK(narrowed.exit_code == 0);
}

TEST_CASE("ADD with a trigger that does not keep exits out is an error of validate") {
  const Workspace workspace;
  linkedin_sandbox::Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const std::string pipeline = write_sample_pipeline(workspace, sandbox);
  const std::string mapping = "destinations.linkedin_eu.mappings.trial_users.";
  const auto validate = [&](const std::string& trigger) {
    return run_penstock(
        workspace, {"validate", pipeline, "--set", mapping + "fields.dmp_user_action=ADD", "--set",
                    mapping + "trigger=" + trigger});
  };
  for (const char* open :
       {R"(type = "track")", R"(context.personas.computation_key = "trial_users")",
        R"(type = "identify" and context.personas.computation_key = "trial_users")"}) {
    CAPTURE(open);
    const Finished refused = validate(open);
    CHECK(refused.exit_code == 78);
    CHECK(refused.err.find("mapping trial_users: dmp_user_action is ADD") != std::string::npos);
    CHECK(refused.err.find("the opposite") != std::string::npos);
  }
  for (
      const char* closed :
      {R"(type = "track" and event != "Audience Exited")",
       R"(type = "identify" and context.personas.computation_key = "trial_users" and traits.trial_users = true)"}) {
    CAPTURE(closed);
    const Finished accepted = validate(closed);
    INFO(accepted.err);
    CHECK(accepted.exit_code == 0);
  }
}

TEST_CASE("Words and zeros in place of an advertising id make nobody a member") {
  const Run run(events_of("advertising_ids"), "personas_audience_key: trial_users");
  INFO(run.counts().dump(2));
  CHECK(run.members("trial_users") ==
        std::vector<std::string>{"GOOGLE_AID=65f30779-f6ee-4cdb-ad79-a2d1506e50c7"});
  CHECK(run.reason("invalid_advertising_id") == 6);
}

TEST_CASE("The advertising id of who limits ad tracking or has an Apple device is not sent") {
  const Run run(events_of("consent"), "personas_audience_key: trial_users");
  INFO(run.counts().dump(2));
  for (const std::string& member : run.members("trial_users")) {
    CHECK(member.find("GOOGLE_AID") == std::string::npos);
  }
  CHECK(run.warned("attribute_omitted") == 1);  // beside the e-mail address
  CHECK(run.reason("no_identifier") == 1);      // alone
}

TEST_CASE("Who has two e-mail addresses is a member by both") {
  const Run run(events_of("list_of_emails"), "personas_audience_key: trial_users");
  INFO(run.counts().dump(2));
  const std::vector<std::string> members = run.members("trial_users");
  REQUIRE(members.size() == 1);  // written as a list and as text, it is one person
  for (const char* const identifier :
       {"SHA256_EMAIL=c37c4cb0ea9ab6bca74b5eb5ad3fd701dd7f329fe738d237cf8054c59b50f568",
        "SHA256_EMAIL=e8f39b3e1382367d6d41ab34dc270d4e7533f978c9e9a775dfe2185b2f96b96c",
        "GOOGLE_AID=65f30779-f6ee-4cdb-ad79-a2d1506e50c7"}) {
    CHECK(members[0].find(identifier) != std::string::npos);
  }
  CHECK(run.counts().at("dead_lettered") == 0);
}

TEST_CASE("A key with white space at its ends is the same audience") {
  const Run run(events_of("traits_in_properties"),
                R"(personas_audience_key: " trial_users ", dmp_segment_name: "  ")");
  INFO(run.counts().dump(2));
  CHECK(run.members("trial_users").size() >= 2);
}

TEST_CASE("Names and country of an event are found in properties and in context.traits, too") {
  const Run run(events_of("traits_in_properties"), "personas_audience_key: trial_users");
  INFO(run.counts().dump(2));
  CHECK(run.members("trial_users").size() == 3);
  const std::string sent = run.tried();
  for (const char* const attribute :
       {R"("firstName":"Rosa")", R"("lastName":"Vale")", R"("title":"Analyst")",
        R"("company":"Umbra Tools")", R"("country":"DE")", R"("firstName":"Tom")",
        R"("firstName":"Ida")"}) {
    CAPTURE(attribute);
    CHECK(sent.find(attribute) != std::string::npos);
  }
}

TEST_CASE("An identifier that many users share is warned about with the number of its events") {
  const auto events = [](int users, const std::string& email, const std::string& device) {
    std::string text;
    for (int user = 0; user < users; ++user) {
      const std::string number = std::to_string(user);
      const auto of_user = [&](std::string value) {
        const std::size_t place = value.find('#');
        return place == std::string::npos ? value : value.replace(place, 1, number);
      };
      text += R"({"type":"track","event":"Audience Entered","userId":"u)" + number +
              R"(","properties":{"audience_key":"trial_users","trial_users":true},)"
              R"("context":{"device":{"advertisingId":")" +
              device + R"("},"traits":{"email":")" + of_user(email) + "\"}}}\n";
    }
    return text;
  };
  const std::string device = "65f30779-f6ee-4cdb-ad79-a2d1506e50c7";
  struct Case {
    const char* what;
    std::string email;
    std::string device;
    std::size_t members;
  };
  // The last two would be one person at LinkedIn by what is not the coalesce key.
  const Case cases[] = {{"one address", "unknown@example.com", "", 1},
                        {"one device, and no addresses", "", device, 1},
                        {"one device, and addresses of their own", "p#@example.com", device, 500},
                        {"one second address", "p#@example.com,info@example.com", "", 500}};
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const Run many(events(500, c.email, c.device), "personas_audience_key: trial_users");
    INFO(many.counts().dump(2));
    CHECK(many.counts().at("delivered").get<std::size_t>() +
              many.counts().at("superseded").get<std::size_t>() ==
          500);
    CHECK(many.members("trial_users").size() <= c.members);
    CHECK(many.warned("identifier_shared") > 400);
    CHECK(many.warned("identifier_shared") < 500);
  }

  const Run few(events(20, "info@example.com", device), "personas_audience_key: trial_users");
  CHECK(few.warned("identifier_shared") == 0);
  const Run none(events(100, "p#@example.com", "00000000-0000-0000-0000-000000000000"),
                 "personas_audience_key: trial_users");
  CHECK(none.warned("identifier_shared") == 0);
}

}  // namespace penstock::e2e
