// Guards operators against what plugins and destinations say: no secret, no address and no
// character that deceives gets into log, report, status or queue.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "bad_plugin.hpp"
#include "scripted_server.hpp"

namespace penstock::e2e {
namespace {

namespace fs = std::filesystem;

// All files of the state directory, one after the other.
std::string state_of(const Workspace& workspace) {
  std::string all;
  for (const auto& entry : fs::recursive_directory_iterator(workspace.path("state"))) {
    if (entry.is_regular_file()) all += read_file(entry.path().string());
  }
  return all;
}

void check_clean(const std::string& text) {
  for (const char* bad : {"\x1b", "\x07", "\x7f", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8",
                          "jane.doe@", "Kk-3141592653", "\xff", "\n2026-01-01 error x: y"}) {
    CAPTURE(text, bad);
    CHECK(text.find(bad) == std::string::npos);
  }
}

}  // namespace

TEST_CASE("Whatever a plugin says, and wherever, is shown masked and with escapes") {
  Workspace workspace;
  const std::string pipeline = write_bad_pipeline(workspace, {{"loud", "loud"}});
  workspace.write("events.ndjson", rule_event("skip") + rule_event("reject") + rule_event("emit"));
  const bool json = GENERATE(false, true);
  const std::string format = json ? "json" : "text";
  const Finished finished = run_bad(
      workspace, {"run", pipeline, "--format", format, "--log-format", format, "--verbose"});
  INFO(finished.out << finished.err);
  CHECK(finished.exit_code == 0);
  check_clean(finished.out);
  check_clean(finished.err);
  CHECK(finished.out.find("[secret]") != std::string::npos);
  CHECK(finished.err.find("[e-mail]") != std::string::npos);
  if (json) {
    const nlohmann::json counts = finished.json()["destinations"]["loud"]["mappings"]["m"];
    CHECK(counts["matched"] == 3);
    CHECK(counts["skipped"] == 1);
    CHECK(counts["dead_lettered"] == 2);
  }
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"status", pipeline, "--format", format},
        {"dead-letters", "list", pipeline, "--format", format},
        {"dead-letters", "export", pipeline}}) {
    const Finished shown = run_bad(workspace, command);
    INFO(command[0] << shown.err);
    CHECK(shown.exit_code == 0);
    check_clean(shown.out);
  }
  const std::string stored = state_of(workspace);
  for (const char* bad : {"\x1b]0", "\x1b[", "jane.doe@", "Kk-3141592653"}) {
    CAPTURE(bad);
    CHECK(stored.find(bad) == std::string::npos);
  }
}

TEST_CASE("A token that the destination echoes stands nowhere, neither as header nor by itself") {
  const std::string token = "Li-token-2718281828459045";
  const int answer = GENERATE(403, 400);
  test::ScriptedServer server([&](test::Conversation& conversation) {
    while (!conversation.read_request().empty()) {
      const std::string body =
          R"({"status":403,"code":"ACCESS_DENIED","message":"no access. Authorization: Bearer )" +
          token + " and " + token + R"( \u001b[31m for jane.doe@example.com"})";
      if (!conversation.write(test::http_answer(answer, body))) return;
    }
  });
  Workspace workspace;
  const std::string pipeline = workspace.write("pipeline.yaml", R"(version: 1
name: echo
state_dir: state
source: {type: file, path: events.ndjson}
connections:
  linkedin: {plugin: linkedin_audiences, access_token: "${env:LINKEDIN_ACCESS_TOKEN}"}
destinations:
  eu:
    plugin: linkedin_audiences
    connection: linkedin
    settings: {ad_account_id: "512345678", api_url: )" + server.url("/rest") +
                                                                    R"(}
    mappings:
      trial: {action: sync_to_dmp_segment, trigger: 'type = "track"', fields: {personas_audience_key: trial_users}}
)");
  workspace.write(
      "events.ndjson",
      R"({"type":"track","event":"Audience Entered","context":{"personas":{}},)"
      R"("properties":{"audience_key":"trial_users","trial_users":true,"email":"a@b.example"}})"
      "\n");
  const Process::Environment environment = {{"LINKEDIN_ACCESS_TOKEN", token}};
  for (const std::string format : {"text", "json"}) {
    const Finished finished = run_penstock(
        workspace, {"run", pipeline, "--format", format, "--verbose", "--drain-timeout", "1s"},
        environment);
    INFO(finished.out << finished.err);
    CHECK(finished.exit_code != 0);
    CHECK(server.connections() > 0);
    const Finished status =
        run_penstock(workspace, {"status", pipeline, "--format", format}, environment);
    CHECK(status.exit_code == 0);
    for (const std::string& text : {finished.out, finished.err, status.out, state_of(workspace)}) {
      CHECK(text.find(token.substr(0, 12)) == std::string::npos);
      CHECK(text.find("jane.doe@") == std::string::npos);
    }
    if (answer == 400) CHECK(status.out.find("no access") != std::string::npos);
  }
}

}  // namespace penstock::e2e
