// Guards `dead-letters` and `queue`: what is selected, shown, marked and deleted, in a real state.
#include "cli/dead_letters_report.hpp"
#include "cli_state_fixture.hpp"
#include "services/sqlite.hpp"
#include "services/state_lock.hpp"

namespace penstock::cli {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

Ran dead_letters(const SamplePipeline& pipeline, const std::string& command,
                 std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"dead-letters", command, pipeline.manifest()});
  return run_command_line(pipeline.directory, options);
}

std::vector<int> listed(const SamplePipeline& pipeline, std::vector<std::string> options) {
  options.insert(options.end(), {"--format", "json"});
  const Ran ran = dead_letters(pipeline, "list", std::move(options));
  INFO(ran.err);
  REQUIRE(ran.exit_code == 0);
  std::vector<int> ids;
  const json found = json::parse(ran.out);
  for (const json& letter : found["dead_letters"]) ids.push_back(letter["id"]);
  return ids;
}

store::StoredDeadLetter letter_with(const std::string& content) {
  store::StoredDeadLetter letter;
  letter.id = 5;
  letter.letter.reason = "refused";
  letter.letter.content = content;
  return letter;
}

}  // namespace

TEST_CASE("Each filter lets through what it names, and all of them hold together") {
  SamplePipeline pipeline;
  fill(pipeline);
  using Ids = std::vector<int>;
  CHECK(listed(pipeline, {}) == Ids{1, 2, 3, 4});
  CHECK(listed(pipeline, {"--reason", "refused"}) == Ids{1, 3});
  CHECK(listed(pipeline, {"--destination", "eu"}) == Ids{1, 2});
  CHECK(listed(pipeline, {"--mapping", "paid"}) == Ids{2});
  CHECK(listed(pipeline, {"--mapping", "us.all"}) == Ids{3});
  CHECK(listed(pipeline, {"--destination", "eu", "--reason", "refused"}) == Ids{1});
  CHECK(listed(pipeline, {"--id", "4", "--id", "2"}) == Ids{2, 4});
  CHECK(listed(pipeline, {"--since", "2023-11-14T23:00"}) == Ids{3, 4});
  CHECK(listed(pipeline, {"--until", "2023-11-14T23:00"}) == Ids{1, 2});
  CHECK(listed(pipeline, {"--since", "1h"}).empty());
  CHECK(listed(pipeline, {"--limit", "2"}) == Ids{1, 2});
}

TEST_CASE("A destination or mapping that the state does not know is a usage error") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran mapping = dead_letters(pipeline, "list", {"--mapping", "eu.trail"});
  CHECK(mapping.exit_code == 64);
  CHECK(contains(mapping.err, "did you mean \"eu.trial\"?"));
  CHECK(dead_letters(pipeline, "discard", {"--destination", "ue"}).exit_code == 64);
  CHECK(
      dead_letters(pipeline, "list", {"--destination", "us", "--mapping", "eu.trial"}).exit_code ==
      64);
}

TEST_CASE("The list shows the first, counts all, and says what to run next") {
  SamplePipeline pipeline;
  fill(pipeline);
  const std::string text = dead_letters(pipeline, "list", {"--limit", "3"}).out;
  CHECK(contains(text, "1  2023-11-14T22:13:20Z  eu.trial  refused"));
  CHECK(contains(text, "4 dead letters, the oldest 3 are shown"));
  CHECK(contains(text, "2                2  refused"));
  CHECK(contains(text, "1                0  invalid_event"));
  CHECK(contains(text, "penstock dead-letters replay " + pipeline.manifest()));
  CHECK(contains(text, "feed the\nevents again"));
  CHECK(dead_letters(pipeline, "list", {"--reason", "none"}).out == "No dead letter matches.\n");
}

TEST_CASE("show tells everything of a dead letter, and where its event stands") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran element = dead_letters(pipeline, "show", {"1"});
  CHECK(element.exit_code == 0);
  CHECK(contains(element.out, "eu-sync"));
  CHECK(contains(element.out, "key0"));
  CHECK(contains(element.out, "remote status  400"));
  CHECK(contains(element.out, "aaaaaaaaaaaaaaaaaaaa"));
  const Ran line = dead_letters(pipeline, "show", {"4"});
  CHECK(contains(line.out, "tail -c +18 EVENT_FILE | head -c 9"));
  CHECK(contains(line.out, "not possible"));
}

TEST_CASE("What is shown cannot command the terminal") {
  SamplePipeline pipeline;
  fill(pipeline);
  CHECK_FALSE(contains(dead_letters(pipeline, "show", {"4"}).out, "\x1b"));
  store::StoredDeadLetter letter = letter_with("{\"a\":\"\\u001b[2J\"}");
  letter.letter.message = "\x1b[2J";
  CHECK_FALSE(contains(dead_letter_text(letter, 0), "\x1b"));
}

TEST_CASE("Content that is JSON is laid out, and nesting without end is left as it is") {
  CHECK(contains(dead_letter_text(letter_with(R"({"b":1,"a":[2]})"), 0),
                 "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}\n"));
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  CHECK(contains(dead_letter_text(letter_with(deep), 0), deep));
}

TEST_CASE("show of an id that is not kept shows the others and ends with 65") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran ran = dead_letters(pipeline, "show", {"2", "99", "--format", "json"});
  CHECK(ran.exit_code == 65);
  CHECK(json::parse(ran.out)["id"] == 2);
  CHECK(contains(ran.err, "no dead letter 99"));
}

TEST_CASE("export writes a JSON object a line, with the content") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran ran = dead_letters(pipeline, "export");
  CHECK(ran.exit_code == 0);
  std::istringstream in(ran.out);
  std::vector<json> letters;
  for (std::string line; std::getline(in, line);) letters.push_back(json::parse(line));
  REQUIRE(letters.size() == 4);
  CHECK(letters[0]["content"] == std::string(20, 'a'));
  CHECK(letters[0]["action"] == "sync");
  CHECK(letters[0]["batch_key"] == "eu-sync");
  CHECK(letters[0]["coalesce_key"] == "key0");
  CHECK(letters[0]["remote_status"] == 400);
  CHECK(letters[0]["replayable"] == true);
  CHECK(letters[3]["destination"].is_null());
  CHECK(letters[3]["source"] == json{{"offset", 17}, {"bytes", 9}});
  CHECK(letters[3]["content"] == "{xxxx\x1b[2J");
}

TEST_CASE("A content that is no UTF-8 is exported without loss") {
  struct Row {
    std::string content;
    const char* base64;
  };
  for (const Row& row : {Row{"\xff", "/w=="}, Row{"\xff\xfe", "//4="}, Row{"\xff\xfe!", "//4h"},
                         Row{std::string("\0\xff\0a", 4), "AP8AYQ=="}}) {
    const json letter = json::parse(dead_letter_json(letter_with(row.content)));
    CHECK(letter["content_base64"] == row.base64);
    CHECK_FALSE(letter.contains("content"));
  }
}

TEST_CASE("replay marks what became an element and says why the rest cannot be replayed") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran ran = dead_letters(pipeline, "replay", {"--all"});
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.out, "3 dead letters are marked for replay"));
  CHECK(contains(ran.out, "1 dead letter cannot be replayed, because no element was made"));
  // us.all is not in the manifest.
  CHECK(contains(ran.out, "1 of them waits until the pipeline has its mapping again"));
  CHECK(pipeline.state().dead_letters.awaiting_replay == 3);
  CHECK(contains(dead_letters(pipeline, "show", {"1"}).out, "marked; the run"));
}

TEST_CASE("replay marks no more than the filter and the limit let through") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran ran =
      dead_letters(pipeline, "replay", {"--reason", "refused", "--limit", "1", "--format", "json"});
  CHECK(json::parse(ran.out) ==
        json{{"marked", 1}, {"overtaken", 0}, {"not_replayable", 0}, {"without_mapping", 0}});
  CHECK(pipeline.state().dead_letters.awaiting_replay == 1);
  CHECK(dead_letters(pipeline, "replay", {"--reason", "none"}).out == "No dead letter matches.\n");
}

TEST_CASE(
    "discard deletes what is meant, leaves alone what a run may be sending again, and counts") {
  SamplePipeline pipeline;
  fill(pipeline);
  CHECK(dead_letters(pipeline, "replay", {"--id", "1"}).exit_code == 0);
  const auto run = services::StateLock::acquire(pipeline.state_dir(), "");
  REQUIRE(run.ok());
  const Ran ran = dead_letters(pipeline, "discard", {"--reason", "refused"});
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.out, "1 dead letter is discarded"));
  CHECK(contains(ran.out, "while a run is going on"));
  CHECK(listed(pipeline, {}) == std::vector<int>{1, 2, 4});
  CHECK(pipeline.state().dead_letters.discarded == 1);
}

TEST_CASE("discard deletes what is marked for replay, too, when no run could be sending it") {
  SamplePipeline pipeline;
  fill(pipeline);
  CHECK(dead_letters(pipeline, "replay", {"--id", "1"}).exit_code == 0);
  const Ran ran = dead_letters(pipeline, "discard", {"--id", "1"});
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.out, "1 dead letter is discarded"));
  CHECK(pipeline.state().dead_letters.awaiting_replay == 0);
}

TEST_CASE("queue check tells a sound queue from a damaged one, and from none") {
  SamplePipeline pipeline;
  const std::vector<std::string> check{"queue", "check", pipeline.manifest(), "--format", "json"};
  CHECK(run_command_line(pipeline.directory, check).exit_code == 65);
  fill(pipeline);
  const Ran sound = run_command_line(pipeline.directory, check);
  INFO(sound.err);
  CHECK(sound.exit_code == 0);
  const json report = json::parse(sound.out);
  CHECK(report["sound"] == true);
  CHECK(report["findings"].empty());
  CHECK(report["blocks"] == 1);
  CHECK(report["elements_pending"] == 1);

  {
    auto database = services::Database::open(pipeline.state_dir() + "/queue.db", {});
    REQUIRE(database.ok());
    store::must((*database)->execute("UPDATE block_data SET data = zeroblob(length(data))"));
  }
  const Ran damaged = run_command_line(pipeline.directory, {"queue", "check", pipeline.manifest()});
  CHECK(damaged.exit_code == 1);
  CHECK(contains(damaged.out, "The queue is damaged"));
  CHECK(contains(damaged.err, "penstock queue repair " + pipeline.manifest()));
}

TEST_CASE("queue repair of a damaged queue makes it sound and says where the old one is") {
  SamplePipeline pipeline;
  fill(pipeline);
  const std::string path = pipeline.state_dir() + "/queue.db";
  store::write_bytes(path, "no database at all, but long enough to be looked at by somebody");
  CHECK(run_command_line(pipeline.directory, {"queue", "check", pipeline.manifest()}).exit_code !=
        0);
  const Ran repaired = run_command_line(
      pipeline.directory, {"queue", "repair", pipeline.manifest(), "--format", "json"});
  INFO(repaired.err);
  REQUIRE(repaired.exit_code == 0);
  const json report = json::parse(repaired.out);
  CHECK_FALSE(report["actions"].empty());
  CHECK(std::filesystem::exists(report["backup"].get<std::string>()));
  CHECK(run_command_line(pipeline.directory, {"queue", "check", pipeline.manifest()}).exit_code ==
        0);
}

TEST_CASE("queue repair is refused while a run is going on, and where nothing ever ran") {
  SamplePipeline pipeline;
  fill(pipeline);
  const auto lock = services::StateLock::acquire(pipeline.state_dir(), pipeline.manifest());
  REQUIRE(lock.ok());
  const Ran refused =
      run_command_line(pipeline.directory, {"queue", "repair", pipeline.manifest()});
  CHECK(refused.exit_code != 0);
  CHECK(refused.out.empty());
  std::filesystem::remove_all(pipeline.state_dir());
  CHECK(run_command_line(pipeline.directory, {"queue", "repair", pipeline.manifest()}).exit_code ==
        65);
}

}  // namespace penstock::cli
