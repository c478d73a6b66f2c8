// Guards `penstock import segment`: what it prints passes `validate` as it is, and its mappings do
// what they did at Segment.
#include <catch2/catch.hpp>
#include <sstream>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

json entered(const std::string& audience, const std::string& email) {
  return {{"type", "track"},
          {"event", "Audience Entered"},
          {"properties", {{"audience_key", audience}, {audience, true}}},
          {"context",
           {{"traits", {{"email", email}}},
            {"personas", {{"computation_class", "audience"}, {"computation_key", audience}}}}}};
}

}  // namespace

TEST_CASE("Segment's export becomes a pipeline that passes validate and does the same") {
  const Workspace workspace;
  const Finished imported =
      run_penstock(workspace, {"import", "segment", data_path("segment_export.json")});
  INFO(imported.err);
  REQUIRE(imported.exit_code == 0);
  CHECK(imported.err.find("9 mappings carried over, 6 of them disabled") != std::string::npos);
  CHECK(imported.err.find("liquid: disabled") != std::string::npos);
  const std::string pipeline = workspace.write("imported.yaml", imported.out);
  const Finished validated = run_penstock(workspace, {"validate", pipeline});
  INFO(imported.out);
  INFO(validated.err);
  REQUIRE(validated.exit_code == 0);

  json winback = entered("winback__step", "b@example.com");
  winback["event"] = "Winback reached";
  winback["context"]["personas"]["computation_class"] = "journey_step";
  winback["properties"]["email"] = "B@EXAMPLE.com";
  json account = entered("target_accounts", "c@example.com");
  account["properties"]["domain"] = "acme.example";
  const std::string events =
      workspace.write("events.ndjson", entered("trial_users", "a@example.com").dump() + "\n" +
                                           winback.dump() + "\n" + account.dump() + "\n" +
                                           entered("everybody", "d@example.com").dump() + "\n");
  const Finished tried =
      run_penstock(workspace, {"try", pipeline, "--input", events, "--format", "json"});
  INFO(tried.err);
  REQUIRE(tried.exit_code == 0);
  std::vector<std::string> done;
  std::istringstream lines(tried.out);
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line);
    if (entry.value("outcome", "") != "element") continue;
    done.push_back(entry["mapping"].get<std::string>() + " " +
                   entry["element"]["action"].get<std::string>());
  }
  CHECK(done ==
        std::vector<std::string>{"trial_users ADD", "winback_step ADD", "target_accounts ADD"});
}

TEST_CASE("What cannot be imported is said with the file's name, and nothing is printed") {
  const Workspace workspace;
  const std::string wrong = workspace.write("wrong.json", "[1, 2");
  const Finished broken = run_penstock(workspace, {"import", "segment", wrong});
  CHECK(broken.exit_code == 65);
  CHECK(broken.out.empty());
  CHECK(broken.err.find("wrong.json") != std::string::npos);
  CHECK(broken.err.find("not JSON") != std::string::npos);
  CHECK(run_penstock(workspace, {"import", "segment", "/nowhere.json"}).exit_code != 0);
}

TEST_CASE("The import as JSON holds the pipeline and what is to be looked at") {
  const Workspace workspace;
  const Finished finished = run_penstock(
      workspace, {"import", "segment", data_path("segment_export.json"), "--format", "json"});
  REQUIRE(finished.exit_code == 0);
  const json result = finished.json();
  CHECK(result["mappings"] == 9);
  CHECK(result["disabled"] == 6);
  CHECK(result["notes"].size() > 5);
  CHECK(result["pipeline"].get<std::string>().find("version: 1") != std::string::npos);
}

}  // namespace penstock::e2e
