// Guards `queue check` and `queue repair` as people run them, and which commands use a state
// directory that others can write to.
#include <sys/stat.h>

#include "cli_state_fixture.hpp"
#include "services/sqlite.hpp"

namespace penstock::cli {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Ran run_queue(const SamplePipeline& pipeline, const std::string& verb,
              const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"queue", verb, pipeline.manifest()};
  words.insert(words.end(), more.begin(), more.end());
  return run_command_line(pipeline.directory, words);
}

// One pending record of block 0 is gone.
void lose_a_block(const SamplePipeline& pipeline) {
  auto database = services::Database::open(pipeline.state_dir() + "/queue.db", {});
  REQUIRE(database.ok());
  store::must((*database)->execute("DELETE FROM block_data WHERE sequence = 0"));
}

}  // namespace

TEST_CASE("queue repair says what is lost, and with which command it is delivered after all") {
  SamplePipeline pipeline;
  fill(pipeline);
  lose_a_block(pipeline);
  CHECK(run_queue(pipeline, "check").exit_code == 1);
  const std::string heals = "penstock run " + pipeline.manifest() + " --from-start";
  if (GENERATE(false, true)) {
    const Ran ran = run_queue(pipeline, "repair", {"--format", "json"});
    CHECK(ran.exit_code == 0);
    const json report = json::parse(ran.out);
    CHECK(report["elements_lost"] == 1);
    CHECK(report["heals_with"] == heals);
  } else {
    const Ran ran = run_queue(pipeline, "repair");
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.out, "1 lost."));
    CHECK(contains(ran.out, heals));
  }
  CHECK(run_queue(pipeline, "check").exit_code == 0);
  const json sound = json::parse(run_queue(pipeline, "repair", {"--format", "json"}).out);
  CHECK(sound["heals_with"].is_null());
}

TEST_CASE(
    "What writes to a state directory refuses one that others can write to; status does not") {
  SamplePipeline pipeline;
  fill(pipeline);
  lose_a_block(pipeline);
  REQUIRE(chmod(pipeline.state_dir().c_str(), 0777) == 0);
  const std::vector<std::vector<std::string>> writing = {
      {"queue", "repair", pipeline.manifest()},
      {"dead-letters", "replay", pipeline.manifest(), "--all"},
      {"dead-letters", "discard", pipeline.manifest(), "--all"}};
  for (const auto& words : writing) {
    INFO(words[1]);
    const Ran refused = run_command_line(pipeline.directory, words);
    CHECK(refused.exit_code == 78);
    CHECK(contains(refused.err, "--allow-shared-state"));
    CHECK(pipeline.state().dead_letters.awaiting_replay == 0);
    CHECK(pipeline.state().dead_letters.kept == 4);
  }
  CHECK(run_command_line(pipeline.directory, {"status", pipeline.manifest()}).exit_code == 0);
  CHECK(run_queue(pipeline, "repair", {"--allow-shared-state"}).exit_code == 0);
}

}  // namespace penstock::cli
