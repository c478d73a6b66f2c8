// Guards that a request whose answer was lost, and that the destination carries out late, undoes
// nothing that came after it: whatever became of the answer, and if the process was killed.
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string_view>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr char kEntered[] = "true";
constexpr char kLeft[] = "false";

class LateDestination {
 public:
  explicit LateDestination(const std::string& further = "") : sandbox_(setup()) {
    REQUIRE(sandbox_.start().ok());
    manifest_ = workspace_.write("pipeline.yaml", R"(version: 1
name: late
state_dir: state
source: {type: file, path: events.ndjson}
connections:
  linkedin:
    plugin: linkedin_audiences
    access_token: sandbox-token
    timeout: 1s
destinations:
  linkedin:
    plugin: linkedin_audiences
    connection: linkedin
    confirm_after: 4s
    batch: {max_age: 20ms}
    settings: {ad_account_id: "512345678", segment_ready_after: 20ms, api_url: ")" +
                                                      sandbox_.api_url() + R"(/rest"}
    mappings:
      trial: {action: sync_to_dmp_segment, fields: {personas_audience_key: trial}}
)" + further);
    // Makes the audience, and leaves somebody in it whom nobody may touch.
    tell("other", kEntered);
    const Finished first = run();
    INFO(first.err);
    REQUIRE(first.exit_code == 0);
    REQUIRE(members().size() == 1);
  }

  void tell(const std::string& person, const char* inside) const {
    std::ofstream file(workspace_.path("events.ndjson"), std::ios::binary | std::ios::app);
    const bool enters = std::string_view(inside) == kEntered;
    file << R"({"type":"track","event":"Audience )" << (enters ? "Entered" : "Exited")
         << R"(","userId":")" << person << R"(","properties":{"audience_key":"trial","trial":)"
         << inside << R"(},"context":{"traits":{"email":")" << person << R"(@example.com"}}})"
         << "\n";
    file.close();
    REQUIRE(file.good());
  }
  // The answer to the next batch is lost in this way, and the batch carried out 1.5 s later.
  void lose_next(const std::string& way) {
    REQUIRE(sandbox_
                .change_behaviour({{"late_execution", "1,1.5"},
                                   {"late_execution_ways", {way}},
                                   {"server_error_statuses", {"504"}},
                                   {"max_faults", 1}})
                .ok());
  }
  [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"run", manifest_, "--format", "json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  [[nodiscard]] Finished run(const std::vector<std::string>& more = {}) const {
    return run_penstock(workspace_, arguments(more));
  }
  [[nodiscard]] std::unique_ptr<Process> start() const {
    return std::make_unique<Process>(
        workspace_,
        penstock_arguments(arguments({"--set", "source.follow=true", "--drain-timeout", "0s"})));
  }
  void wait_until_lost() {
    wait_until([this] { return late_requests() == 1; }, "the answer to be lost");
  }
  void wait_until_carried_out() {
    wait_until([this] { return late_requests() == 0; }, "the request to be carried out late");
  }
  [[nodiscard]] std::uint64_t removed() const {
    return sandbox_.counters().at("elements").at("removed").get<std::uint64_t>();
  }
  [[nodiscard]] std::vector<std::string> members() const { return sandbox_.members("trial"); }
  [[nodiscard]] json state() const {
    return run_penstock(workspace_, {"status", manifest_, "--format", "json"})
        .json()
        .at("destinations")
        .at("linkedin");
  }
  [[nodiscard]] json state_of_mapping() const { return state().at("mappings").at("trial"); }
  [[nodiscard]] std::uint64_t stored_requests() const {
    return state().at("requests").get<std::uint64_t>();
  }
  [[nodiscard]] std::uint64_t requests() const {
    return sandbox_.counters().at("requests").get<std::uint64_t>();
  }

  Workspace workspace_;
  std::string manifest_;
  linkedin_sandbox::Sandbox sandbox_;

 private:
  static linkedin_sandbox::Options setup() {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    options.behaviour.users_per_minute = 0;
    return options;
  }
  [[nodiscard]] std::uint64_t late_requests() const {
    return sandbox_.counters().at("late_requests").get<std::uint64_t>();
  }
};

const json& counts_of(const json& report) {
  return report.at("destinations").at("linkedin").at("mappings").at("trial");
}

}  // namespace

TEST_CASE("A request whose answer was lost and that is carried out late undoes no newer one") {
  const std::string way = GENERATE("reset", "error", "silence");
  CAPTURE(way);
  LateDestination late;
  late.lose_next(way);
  const auto process = late.start();
  late.tell("a", kEntered);
  late.wait_until_lost();
  late.tell("a", kLeft);
  wait_until([&] { return late.removed() == 1; }, "the person to be taken out");
  late.wait_until_carried_out();
  CHECK(late.members().size() == 2);  // for a while the older one stands
  wait_until([&] { return late.removed() == 2; }, "the person to be taken out once more");
  CHECK(late.members().size() == 1);
  wait_until([&] { return late.state_of_mapping().at("pending") == 0; }, "nothing to be pending");
  process->signal(SIGTERM);
  const Finished finished = process->wait();
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK(late.state_of_mapping().at("confirmed") == 1);
}

TEST_CASE("What was in flight when a run was killed undoes nothing of the next run") {
  LateDestination late;
  late.lose_next("silence");
  {
    const auto process = late.start();
    late.tell("a", kEntered);
    late.wait_until_lost();
    process->signal(SIGKILL);
    CHECK(process->wait().exit_code == 128 + SIGKILL);
  }
  late.tell("a", kLeft);
  const Finished finished = late.run();
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
  CHECK_THAT(finished.err, Catch::Contains("1 records were delivered and are sent once more") &&
                               Catch::Contains("The run waits for it"));
  late.wait_until_carried_out();
  CHECK(late.members().size() == 1);
  CHECK(late.removed() == 2);
  const json report = finished.json();
  const json& counts = counts_of(report);
  // Whether the older one was sent again first is chance.
  CHECK(counts.at("delivered").get<int>() + counts.at("superseded").get<int>() == 2);
  CHECK(counts.at("confirmed") == 1);
  CHECK(counts.at("pending") == 0);
}

TEST_CASE("With a queue in memory, too, what was in flight when a run was killed undoes nothing") {
  LateDestination late("queue: {type: memory}\n");
  late.lose_next("silence");
  {
    const auto process = late.start();
    late.tell("a", kEntered);
    late.wait_until_lost();
    process->signal(SIGKILL);
    CHECK(process->wait().exit_code == 128 + SIGKILL);
  }
  late.tell("a", kLeft);
  const Finished finished = late.run();
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
  late.wait_until_carried_out();
  CHECK(late.members().size() == 1);
}

TEST_CASE("A run that is stopped before it could confirm says so, and the next one does it") {
  LateDestination late;
  late.lose_next("reset");
  {
    const auto process = late.start();
    late.tell("a", kEntered);
    late.wait_until_lost();
    late.tell("a", kLeft);
    wait_until([&] { return late.removed() == 1; }, "the person to be taken out");
    // The state of a destination is stored every second, after the answers that were taken in.
    wait_until([&] { return late.stored_requests() == late.requests(); }, "that to be noted");
    process->signal(SIGTERM);
    const Finished stopped = process->wait();
    INFO(stopped.out << stopped.err);
    CHECK(stopped.exit_code == 75);
    CHECK_THAT(stopped.err, Catch::Contains("1 were delivered but have to be sent once more") &&
                                Catch::Contains("run the same command again"));
  }
  CHECK(late.state_of_mapping().at("pending") == 1);
  const Finished finished = late.run();
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
  late.wait_until_carried_out();
  CHECK(late.members().size() == 1);
  const json counts = late.state_of_mapping();
  CHECK(counts.at("pending") == 0);
  CHECK(counts.at("delivered").get<int>() + counts.at("superseded").get<int>() == 3);
}

}  // namespace penstock::e2e
