// Guards `status`: what it reads of a manifest, the words and the numbers that it shows.
#include <csignal>

#include "cli/fail_on.hpp"
#include "cli/pipeline_outline.hpp"
#include "cli/status_report.hpp"
#include "cli_state_fixture.hpp"
#include "config/pipeline.hpp"

namespace penstock::cli {
namespace {

using nlohmann::json;

StatusView view_of(SamplePipeline& pipeline) {
  Diagnostics diagnostics;
  auto outline = read_outline(pipeline.manifest(), {}, diagnostics);
  INFO(diagnostics.text());
  REQUIRE(outline.ok());
  StatusView view;
  view.outline = *outline;
  view.state = pipeline.state();
  view.now_ms = pipeline.clock.wall_ns() / 1'000'000;
  return view;
}

// matched = delivered + superseded + skipped + dead_lettered + pending, everywhere.
void check_sums(const json& status) {
  const json& events = status["events"];
  CHECK(events["received"].get<int>() == events["matched"].get<int>() +
                                             events["unmatched"].get<int>() +
                                             events["invalid"].get<int>());
  for (const auto& [name, destination] : status["destinations"].items()) {
    for (const auto& [mapping, counts] : destination["mappings"].items()) {
      INFO(name << "." << mapping << " " << counts.dump());
      CHECK(counts["matched"].get<int>() ==
            counts["delivered"].get<int>() + counts["superseded"].get<int>() +
                counts["skipped"].get<int>() + counts["dead_lettered"].get<int>() +
                counts["pending"].get<int>());
    }
  }
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The outline needs neither plugins nor credentials") {
  const SamplePipeline pipeline;
  Diagnostics diagnostics;
  const auto outline = read_outline(pipeline.manifest(), {}, diagnostics);
  REQUIRE(outline.ok());
  CHECK(outline->name == "sample");
  CHECK(outline->state_dir == pipeline.state_dir());
  REQUIRE(outline->destinations.size() == 2);
  CHECK(outline->runs("eu", "trial"));
  CHECK_FALSE(outline->runs("off", "some"));
  CHECK_FALSE(outline->runs("eu", "gone"));
  REQUIRE(outline->connections.size() == 1);
  CHECK(outline->connections[0].has_tokens);
}

TEST_CASE("--set and variables in state_dir count as they do for run") {
  const SamplePipeline pipeline;
  Diagnostics diagnostics;
  const auto other =
      read_outline(pipeline.manifest(), {{"state_dir", "sub/../elsewhere"}}, diagnostics);
  REQUIRE(other.ok());
  CHECK(other->state_dir == pipeline.directory.path + "/elsewhere");
  const auto unset = read_outline(pipeline.manifest(),
                                  {{"state_dir", "${env:PENSTOCK_TEST_IS_NOT_SET}"}}, diagnostics);
  CHECK(unset.status().code() == StatusCode::configuration);
  Diagnostics none;
  const auto otherwise = read_outline(
      pipeline.manifest(), {{"state_dir", "${env:PENSTOCK_TEST_IS_NOT_SET:-/tmp/there}"}}, none);
  REQUIRE(otherwise.ok());
  CHECK(otherwise->state_dir == "/tmp/there");
}

TEST_CASE("A manifest that cannot be read says so") {
  const SamplePipeline pipeline;
  Diagnostics diagnostics;
  CHECK_FALSE(read_outline(pipeline.directory.path + "/none.yaml", {}, diagnostics).ok());
  store::write_bytes(pipeline.manifest(), "- a list\n");
  CHECK_FALSE(read_outline(pipeline.manifest(), {}, diagnostics).ok());
  store::write_bytes(pipeline.manifest(), "name: [unclosed\n");
  CHECK_FALSE(read_outline(pipeline.manifest(), {}, diagnostics).ok());
}

TEST_CASE("The JSON of status adds up and has what run's report has, and more") {
  SamplePipeline pipeline;
  fill(pipeline);
  const json status = json::parse(status_json(view_of(pipeline)));
  check_sums(status);
  CHECK(status["pipeline"] == "sample");
  CHECK(status["events"] ==
        json{{"received", 7}, {"matched", 5}, {"unmatched", 1}, {"invalid", 1}});
  const json& eu = status["destinations"]["eu"];
  CHECK(eu["state"] == "throttled");
  CHECK(eu["requests"] == 7);
  CHECK(eu["throttled_requests"] == 2);
  CHECK(eu["pending_oldest_s"] == 3600.0);
  CHECK(eu["mappings"]["trial"]["matched"] == 3);
  CHECK(eu["mappings"]["trial"]["pending"] == 1);
  CHECK(eu["mappings"]["trial"]["reasons"] == json{{"refused", 1}});
  CHECK(eu["mappings"]["trial"]["last_delivered"].is_string());
  CHECK(eu["mappings"]["unused"]["matched"] == 0);
  CHECK(eu["mappings"]["unused"]["in_pipeline"] == true);
  CHECK(status["destinations"]["off"]["state"] == "disabled");
  CHECK(status["destinations"]["us"]["in_pipeline"] == false);
  CHECK(status["destinations"]["us"]["pending_oldest_s"].is_null());
  CHECK(status["connections"]["linkedin"] == json{{"configured", true},
                                                  {"stored", nullptr},
                                                  {"fault", nullptr},
                                                  {"access_token_expires", nullptr},
                                                  {"refresh_token_expires", nullptr}});
  CHECK(status["dead_letters"]["kept"] == 4);
  CHECK(status["dead_letters"]["by_reason"] ==
        json{{"refused", 2}, {"gave_up", 1}, {"invalid_event", 1}});
  CHECK(status["queue"]["blocks"] == 1);
  CHECK(status["running"].is_null());
  const json& issue = status["issues"][0];
  CHECK(issue["code"] == "not_permitted");
  CHECK(issue["destination"] == "eu");
  CHECK(issue["mapping"] == "trial");
  CHECK(issue["count"] == 3);
  CHECK(issue["first"] == "2023-11-14T22:13:20Z");
  CHECK(issue["last"] == "2023-11-14T22:13:20Z");
}

TEST_CASE("After a replay the counts still add up, and the record is no dead letter any more") {
  SamplePipeline pipeline;
  fill(pipeline);
  {
    const auto store = pipeline.open();
    const auto reader = store::Reader::open(pipeline.state_dir(), pipeline.clock);
    REQUIRE(reader.ok());
    store::DeadLetterFilter filter;
    filter.ids = {1};
    REQUIRE((*reader)->request_replay(filter).ok());
    CHECK(json::parse(status_json(view_of(pipeline)))["dead_letters"]["awaiting_replay"] == 1);
    auto replay = store->requested_replays(1'000, 0);
    REQUIRE(replay.ok());
    REQUIRE(replay->block != nullptr);
    replay->block->sequence = store->backlog().next_sequence;
    store::Commit commit;
    commit.blocks.push_back(replay->block);
    commit.replayed = replay->ids;
    store::must(store->commit(commit));
  }
  const StatusView view = view_of(pipeline);
  const json status = json::parse(status_json(view));
  check_sums(status);
  const json& trial = status["destinations"]["eu"]["mappings"]["trial"];
  CHECK(trial["dead_lettered"] == 0);
  CHECK(trial["replayed"] == 1);
  CHECK(trial["pending"] == 2);
  CHECK(trial["reasons"] == json::object());
  CHECK(status["dead_letters"]["kept"] == 3);
  CHECK(check_accounting(view.state).ok());
  CHECK(contains(status_text(view), "replayed"));
}

TEST_CASE("status counts what was sent once more, in the text only if there is any") {
  SamplePipeline pipeline;
  fill(pipeline);
  CHECK_FALSE(contains(status_text(view_of(pipeline)), "confirmed"));
  {
    const auto store = pipeline.open();
    store::Commit commit;
    commit.tally.of(0).confirmed = 7;
    store::must(store->commit(commit));
  }
  const StatusView view = view_of(pipeline);
  CHECK(contains(status_text(view), "confirmed"));
  const json status = json::parse(status_json(view));
  CHECK(status["destinations"]["eu"]["mappings"]["trial"]["confirmed"] == 7);
  check_sums(status);
}

TEST_CASE("The text of status says in words what an operator looks for") {
  SamplePipeline pipeline;
  fill(pipeline);
  StatusView view = view_of(pipeline);
  const std::string text = status_text(view);
  CHECK(contains(text, "sample: not running. Counted since 2023-11-14T22:13:20Z (60 minutes ago)"));
  CHECK(contains(text, "7 events: 5 matched, 1 wanted by no mapping, 1 invalid"));
  CHECK(
      contains(text, "eu: throttled, 7 requests (2 answered 429), last delivered 60 minutes ago"));
  CHECK(contains(text, "oldest pending record has waited 60 minutes"));
  CHECK(contains(text, "    asked for a pause\n"));
  CHECK(contains(text, "eu.trial  not_permitted  no right to write"));
  CHECK(contains(text, "source    invalid_event  it is not valid JSON"));
  CHECK(contains(text, "4 dead letters kept ("));
  CHECK(contains(text, "penstock dead-letters list " + pipeline.manifest()));
  CHECK_FALSE(contains(text, "replayed"));
  view.runner = services::LockHolder{42, "", "2023-11-14T22:13:20Z", ""};
  CHECK(contains(status_text(view), "sample: running, process 42, since 2023-11-14T22:13:20Z."));
}

TEST_CASE("Pending records of a mapping that the pipeline no longer has are pointed out") {
  SamplePipeline pipeline;
  {
    const auto store = pipeline.open();
    store::Commit commit;
    store::append(commit, store::make_block(0, {2, 2}));
    store::must(store->commit(commit));
  }
  CHECK(contains(status_text(view_of(pipeline)),
                 "2 pending records of all, which the pipeline no longer has, wait until it has it "
                 "again"));
}

TEST_CASE("The history tells each hour") {
  SamplePipeline pipeline;
  fill(pipeline);
  StatusView view = view_of(pipeline);
  const auto reader = store::Reader::open(pipeline.state_dir(), pipeline.clock);
  REQUIRE(reader.ok());
  auto history = (*reader)->history(0);
  REQUIRE(history.ok());
  view.history = *history;
  const json rows = json::parse(status_json(view))["history"];
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["hour"] == "2023-11-14T22:00:00Z");
  CHECK(rows[0]["matched"] == 3);
  CHECK(rows[3]["dead_lettered"] == 1);
  CHECK(contains(status_text(view),
                 "2023-11-14T22:00:00Z        5          1           0        0             2"));
}

TEST_CASE("Counts that contradict each other are told with the numbers") {
  store::State state;
  state.events = {10, 2, 1};
  state.matched_events = 7;
  state.mappings.push_back({"eu", "trial", {7, 4, 0, 0, 3, 0}, 0});
  CHECK(check_accounting(state).ok());
  state.matched_events = 6;
  CHECK(check_accounting(state).code() == StatusCode::internal);
  CHECK(contains(check_accounting(state).message(), "10 events were received, but 9"));
  state.matched_events = 7;
  state.mappings[0].counts.delivered = 5;
  CHECK(contains(check_accounting(state).message(),
                 "eu.trial: 7 matched and 0 replayed records have 8 outcomes"));
}

TEST_CASE("status of a pipeline that has never run says so and ends with 65") {
  const SamplePipeline pipeline;
  const Ran ran = run_command_line(pipeline.directory, {"status", pipeline.manifest()});
  CHECK(ran.exit_code == 65);
  CHECK(ran.out.empty());
  CHECK(contains(ran.err, "never run"));
}

TEST_CASE("status of a manifest with a fault in state_dir ends with 78") {
  const SamplePipeline pipeline;
  const Ran ran = run_command_line(pipeline.directory,
                                   {"status", pipeline.manifest(), "--set", "state_dir=[1]"});
  CHECK(ran.exit_code == 78);
  CHECK(contains(ran.err, "state_dir"));
}

TEST_CASE("status --watch shows the state until SIGINT, which is no failure") {
  SamplePipeline pipeline;
  fill(pipeline);
  // The signal waits from before the start, so that it ends the watch after one look.
  sigset_t interrupt;
  sigset_t before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  raise(SIGINT);
  const Ran ran = run_command_line(pipeline.directory, {"status", pipeline.manifest(), "--watch"});
  sigset_t waiting;
  sigpending(&waiting);
  const bool taken = sigismember(&waiting, SIGINT) == 0;
  if (taken) pthread_sigmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(taken);
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.out, "7 events"));
  CHECK_FALSE(contains(ran.out, "\x1b"));  // no terminal
}

TEST_CASE("status prints JSON, and hours where they are asked for") {
  SamplePipeline pipeline;
  fill(pipeline);
  const Ran plain =
      run_command_line(pipeline.directory, {"status", pipeline.manifest(), "--format", "json"});
  CHECK(plain.exit_code == 0);
  CHECK_FALSE(json::parse(plain.out).contains("history"));
  const Ran with_hours = run_command_line(
      pipeline.directory, {"status", pipeline.manifest(), "--format", "json", "--history", "2"});
  CHECK(json::parse(with_hours.out).contains("history"));
}

TEST_CASE("What --fail-on does not know is refused with what there is") {
  for (const char* text :
       {"", ",", "destination,", "pending-older", "pending-older=", "pending-older=1x",
        "pending-older=0s", "dead-letters=soon", "destination=eu", "destination,destination",
        "dead-letters,dead-letters=1d", "pending-older=1h,pending-older=2h", "Destination",
        "volume=1", "volume,volume"}) {
    INFO(text);
    const auto parsed = parse_fail_on(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.status().code() == StatusCode::usage);
    CHECK(contains(parsed.status().message(), "pending-older=1h,destination,dead-letters=1d"));
  }
  CHECK(contains(parse_fail_on("dead-leters").status().message(), "dead-letters"));
  CHECK(contains(parse_fail_on("Destination").status().message(), "\"destination\"? It takes"));
  const auto all = parse_fail_on("dead-letters=1d,pending-older=90m,destination");
  REQUIRE(all.ok());
  CHECK(all->pending_older == std::chrono::minutes(90));
  CHECK(all->destination);
  CHECK(all->dead_letters);
  CHECK(all->dead_letters_within == std::chrono::hours(24));
  CHECK_FALSE(parse_fail_on("dead-letters")->dead_letters_within.has_value());
}

TEST_CASE("status --fail-on ends with the code of what has to be done first, and says all of it") {
  SamplePipeline pipeline;
  fill(pipeline);
  StatusView view = view_of(pipeline);
  const auto code = [&view](const std::string& text, std::uint64_t letters = 0) {
    const auto fail_on = parse_fail_on(text);
    REQUIRE(fail_on.ok());
    return check_fail_on(*fail_on, view, letters).code();
  };
  // The oldest pending record has waited for an hour; eu is throttled, which is no failure.
  CHECK(code("pending-older=2h,destination,dead-letters") == StatusCode::ok);
  CHECK(code("pending-older=30m") == StatusCode::pending);
  CHECK(code("dead-letters", 3) == StatusCode::failed);
  CHECK(code("pending-older=30m,dead-letters", 3) == StatusCode::pending);
  for (store::DestinationState& destination : view.state.destinations) {
    if (destination.name == "eu") destination.state = "blocked";
  }
  CHECK(code("pending-older=2h") == StatusCode::ok);
  CHECK(code("destination,pending-older=30m,dead-letters", 3) == StatusCode::unavailable);
  for (store::DestinationState& destination : view.state.destinations) {
    if (destination.name == "eu") destination.state = "authorization_needed";
    // One that the pipeline has no more, and one that it has disabled.
    if (destination.name == "us") destination.state = "unavailable";
  }
  CHECK(code("volume") == StatusCode::ok);
  view.volume = services::Volume{1U << 20U, 1U << 30U};
  CHECK(code("destination") == StatusCode::authorization);
  CHECK(code("destination,volume") == StatusCode::io);
  view.volume->free_bytes = 1U << 29U;
  CHECK(code("volume") == StatusCode::ok);
  view.volume->has_inodes = false;
  CHECK(code("volume") == StatusCode::io);
  const Status status =
      check_fail_on(*parse_fail_on("dead-letters,destination,pending-older=30m"), view, 1);
  CHECK(status.code() == StatusCode::authorization);
  CHECK(contains(status.message(), "destination eu is authorization_needed"));
  CHECK(contains(status.message(), "a record of eu has been pending for 60 minutes"));
  CHECK(contains(status.message(), "1 dead letter is kept"));
  CHECK_FALSE(contains(status.message(), "destination us"));
}

TEST_CASE("The command status ends as --fail-on says, and shows the state all the same") {
  SamplePipeline pipeline;
  fill(pipeline);
  const auto run = [&pipeline](const std::string& states) {
    return run_command_line(pipeline.directory,
                            {"status", pipeline.manifest(), "--fail-on", states});
  };
  const Ran letters = run("dead-letters");
  CHECK(letters.exit_code == 1);
  CHECK(contains(letters.out, "4 dead letters kept"));
  CHECK(contains(letters.err, "4 dead letters are kept"));
  // They are of 2023.
  CHECK(run("dead-letters=1d,pending-older=365d").exit_code == 0);
  CHECK(run("pending-older=30m").exit_code == 75);
  CHECK(run("pending-older").exit_code == 64);
  CHECK(run("").exit_code == 64);  // of a variable that is not set
}

}  // namespace penstock::cli
