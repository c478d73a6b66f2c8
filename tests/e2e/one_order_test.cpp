// Guards that all records of one audience have one order, whatever name each mapping gives it: the
// name is for people, the key is the audience.
#include <catch2/catch.hpp>
#include <fstream>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

constexpr char kPersonEntered[] =
    R"({"type":"track","event":"Renewal due","userId":"u","context":{"traits":{"email":"a@example.com"}}})"
    "\n";
constexpr char kPersonLeft[] =
    R"({"type":"track","event":"Renewal done","userId":"u","context":{"traits":{"email":"a@example.com"}}})"
    "\n";

// A linked audience: one mapping adds and one removes, each with further fields of its own.
class Pair {
 public:
  Pair() : sandbox_(setup()) { REQUIRE(sandbox_.start().ok()); }

  // Appends to the events that are read.
  void tell(const std::string& events) const {
    std::ofstream file(workspace_.path("events.ndjson"), std::ios::binary | std::ios::app);
    file << events;
    file.close();
    REQUIRE(file.good());
  }
  [[nodiscard]] Finished run(const std::string& of_adding, const std::string& of_removing,
                             const std::vector<std::string>& more = {}) const {
    const std::string pipeline =
        workspace_.write("pipeline.yaml", R"(version: 1
name: pair
state_dir: state
source: {type: file, path: events.ndjson}
connections:
  linkedin:
    plugin: linkedin_audiences
    access_token: sandbox-token
destinations:
  linkedin:
    plugin: linkedin_audiences
    connection: linkedin
    settings: {ad_account_id: "512345678", api_url: ")" +
                                              sandbox_.api_url() +
                                              R"(/rest", segment_ready_after: 20ms}
    mappings:
      due:
        action: sync_to_dmp_segment
        trigger: 'event = "Renewal due"'
        fields: {personas_audience_key: renewals, dmp_user_action: ADD)" +
                                              of_adding + R"(}
      done:
        action: sync_to_dmp_segment
        trigger: 'event = "Renewal done"'
        fields: {personas_audience_key: renewals, dmp_user_action: REMOVE)" +
                                              of_removing + "}\n");
    std::vector<std::string> words = {"run", pipeline, "--format", "json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_penstock(workspace_, words);
  }

  Workspace workspace_;
  linkedin_sandbox::Sandbox sandbox_;

 private:
  static linkedin_sandbox::Options setup() {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    return options;
  }
};

json counts_of(const Finished& finished, const char* mapping) {
  return finished.json().at("destinations").at("linkedin").at("mappings").at(mapping);
}

}  // namespace

TEST_CASE("Of mappings that call one audience by different names the last record still wins") {
  const Pair pair;
  pair.tell(std::string(kPersonEntered) + kPersonLeft);
  const Finished finished = pair.run(", dmp_segment_name: Renewals due", "");
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK(counts_of(finished, "due").at("superseded") == 1);
  CHECK(counts_of(finished, "done").at("delivered") == 1);
  const json audiences = pair.sandbox_.dump_members().at("segments");
  REQUIRE(audiences.size() == 1);
  CHECK(audiences[0].at("name") == "Renewals due");
  CHECK(audiences[0].at("members").empty());
}

TEST_CASE("A record that waits while the audience's name is changed is superseded by a later one") {
  Pair pair;
  REQUIRE(pair.sandbox_.change_behaviour({{"max_name_length", 3}}).ok());
  pair.tell(kPersonEntered);
  const Finished waiting =
      pair.run(", dmp_segment_name: Old name", "", {"--drain-timeout", "200ms"});
  INFO(waiting.err);
  REQUIRE(waiting.exit_code == 75);
  REQUIRE(counts_of(waiting, "due").at("pending") == 1);

  REQUIRE(pair.sandbox_.change_behaviour({{"max_name_length", 0}}).ok());
  pair.tell(kPersonLeft);
  const Finished finished =
      pair.run(", dmp_segment_name: New name", ", dmp_segment_name: New name");
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK(counts_of(finished, "due").at("superseded") == 1);
  const json audiences = pair.sandbox_.dump_members().at("segments");
  REQUIRE(audiences.size() == 1);
  CHECK(audiences[0].at("name") == "New name");
  CHECK(audiences[0].at("members").empty());
}

}  // namespace penstock::e2e
