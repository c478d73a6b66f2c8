// Guards what people see of the state: while a store writes and when none does.
#include "store/reader.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/sqlite.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::store;
using services::ManualClock;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

std::int64_t now_ms(const services::Clock& clock) {
  return clock.wall_ns() / 1'000'000;
}

std::vector<std::int64_t> ids_of(Reader& reader, const DeadLetterFilter& filter) {
  std::vector<std::int64_t> ids;
  must(reader.dead_letters(filter, [&](const StoredDeadLetter& letter) {
    ids.push_back(letter.id);
    return true;
  }));
  return ids;
}

// Letters 1 to 4 of elements and 5 of a line that is no event.
void fill(Store& store, ManualClock& clock) {
  const auto block = make_block(0, {0, 1, 2, 2});
  Commit commit;
  append(commit, block);
  give_up(commit, *block, 0, "refused");
  give_up(commit, *block, 1, "gave_up");
  must(store.commit(commit));
  clock.advance(std::chrono::hours(1));
  Commit later;
  give_up(later, *block, 2, "refused");
  give_up(later, *block, 3, "gave_up");
  later.tally.events.received = 1;
  later.tally.events.invalid = 1;
  DeadLetter line;
  line.reason = "invalid_event";
  line.form = DeadLetter::Form::masked_text;
  line.content = "xxxx";
  line.source_offset = 17;
  line.source_size = 4;
  later.tally.dead_letters.push_back(line);
  later.tally.reason(ReasonCount::Kind::dead_letter, ReasonCount::kNoMapping, "invalid_event", "",
                     "no JSON");
  must(store.commit(later));
}

}  // namespace

TEST_CASE("Without a state there is nothing to read, and nothing is made") {
  const Directory directory;
  const ManualClock clock;
  const auto reader = Reader::open(directory.path, clock);
  REQUIRE_FALSE(reader.ok());
  CHECK(reader.status().code() == StatusCode::bad_input);
  CHECK(std::filesystem::is_empty(directory.path));
}

TEST_CASE("To a user who may not look into it a state does not seem new") {
  const Directory directory;
  ManualClock clock;
  open_store(directory, clock);
  REQUIRE(::chmod(directory.path.c_str(), 0) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) ::_exit(2);
    const auto reader = Reader::open(directory.path, clock);
    const auto checked = check(directory.path);
    const bool refused = reader.status().code() == StatusCode::io &&
                         reader.status().message().find("Permission denied") != std::string::npos &&
                         checked.status().code() == StatusCode::io;
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(::chmod(directory.path.c_str(), 0700) == 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("The state tells counts, reasons, issues, destinations and the oldest pending record") {
  const Directory directory;
  ManualClock clock;
  const std::int64_t began = now_ms(clock);
  const auto store = open_store(directory, clock);
  fill(*store, clock);
  Commit commit;
  append(commit, make_block(1, {0, 2}));
  commit.issues = {{Issue::Severity::error, 0, Issue::kAllMappings, "unauthorized", "log in", 1},
                   {Issue::Severity::warning, 1, 2, "rate_limited", "slow", 5}};
  commit.destinations = {{0, "unauthorized", "401", "log in", now_ms(clock) + 5, 10, 2}};
  must(store->commit(commit));
  clock.advance(std::chrono::minutes(1));
  Commit again;
  again.issues = {{Issue::Severity::warning, 1, 2, "rate_limited", "slower", 3}};
  again.destinations = {{0, "ok", "", "", 0, 4, 1}};
  settle(again, *make_block(1, {0, 2}), {0});
  must(store->commit(again));

  const auto read = open_reader(directory, clock)->state();
  REQUIRE(read.ok());
  const State& state = *read;
  CHECK(state.created_ms == began);
  CHECK(state.events.received == 7);
  CHECK(state.events.invalid == 1);
  CHECK(state.matched_events == 6);
  CHECK(state.queued_blocks == 1);
  CHECK(state.queued_bytes == store->backlog().bytes);
  REQUIRE(state.mappings.size() == 3);
  CHECK(state.mappings[0].destination == "eu");
  CHECK(state.mappings[0].name == "trial");
  CHECK(state.mappings[0].counts.matched == 2);
  CHECK(state.mappings[0].counts.dead_lettered == 1);
  CHECK(state.mappings[0].last_delivered_ms == now_ms(clock));
  CHECK(state.mappings[1].last_delivered_ms == 0);
  CHECK(state.mappings[2].counts.pending() == 1);
  REQUIRE(state.destinations.size() == 2);
  CHECK(state.destinations[0].state == "ok");
  CHECK(state.destinations[0].requests == 14);
  CHECK(state.destinations[0].throttled_requests == 3);
  CHECK(state.destinations[0].pending_oldest_ms == 0);
  CHECK(state.destinations[1].pending_oldest_ms == began + kHourMs);
  REQUIRE(state.issues.size() == 2);
  CHECK(state.issues[0].code == "rate_limited");
  CHECK(state.issues[0].mapping == "all");
  CHECK(state.issues[0].message == "slower");
  CHECK(state.issues[0].count == 8);
  CHECK(state.issues[0].first_ms == now_ms(clock) - 60'000);
  CHECK(state.issues[0].last_ms == now_ms(clock));
  CHECK(state.issues[1].destination == "eu");
  CHECK(state.issues[1].mapping.empty());
  CHECK(state.dead_letters.kept == 5);
  REQUIRE(state.reasons.size() == 5);
  CHECK(state.reasons[0].mapping.empty());
  CHECK(state.reasons[0].reason == "invalid_event");
  CHECK(state.reasons[1].mapping == "trial");
}

TEST_CASE("History is counted by the hour; as many hours with counts are kept as 90 days have") {
  const Directory directory;
  ManualClock clock;
  const auto store = open_store(directory, clock);
  const std::int64_t first_hour = now_ms(clock) / kHourMs * kHourMs;
  fill(*store, clock);
  const auto reader = open_reader(directory, clock);
  auto hours = reader->history(0);
  REQUIRE(hours.ok());
  REQUIRE(hours->size() == 4);  // three mappings, then one an hour later
  CHECK((*hours)[0].hour_ms == first_hour);
  CHECK((*hours)[2].counts.matched == 2);
  CHECK((*hours)[3].hour_ms == first_hour + kHourMs);
  CHECK((*hours)[3].mapping == "all");
  CHECK((*hours)[3].counts.dead_lettered == 2);
  CHECK(reader->history(first_hour + 1)->size() == 1);
  {
    // All hours from the second on but the last.
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    must((*database)->execute(
        "WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < 2158)"
        " INSERT INTO history SELECT " +
        std::to_string(first_hour) + " + i * 3600000, 1, 1, 0, 0, 0, 0, 0 FROM n"));
  }
  const auto commit_one = [&](std::uint64_t sequence) {
    Commit commit;
    append(commit, make_block(sequence, {1}));
    must(store->commit(commit));
  };
  // A clock that is wrong by years makes nothing old.
  clock.advance(std::chrono::hours(24 * 365));
  commit_one(1);
  hours = reader->history(0);
  REQUIRE(hours.ok());
  CHECK((*hours)[0].hour_ms == first_hour);
  CHECK(hours->size() == 4 + 2157 + 1);
  clock.advance(std::chrono::hours(1));
  commit_one(2);
  hours = reader->history(0);
  REQUIRE(hours.ok());
  CHECK((*hours)[0].hour_ms == first_hour + kHourMs);
  CHECK(hours->back().mapping == "paid");
}

TEST_CASE("Dead letters are found by destination, mapping, reason, time and id") {
  const Directory directory;
  ManualClock clock;
  const auto store = open_store(directory, clock);
  const std::int64_t began = now_ms(clock);
  fill(*store, clock);
  const auto reader = open_reader(directory, clock);
  using Ids = std::vector<std::int64_t>;
  DeadLetterFilter filter;
  CHECK(ids_of(*reader, filter) == Ids{1, 2, 3, 4, 5});
  filter.destination = "us";
  CHECK(ids_of(*reader, filter) == Ids{3, 4});
  filter.reason = "gave_up";
  CHECK(ids_of(*reader, filter) == Ids{4});
  filter = {};
  filter.mapping = "paid";
  CHECK(ids_of(*reader, filter) == Ids{2});
  filter = {};
  filter.until_ms = began + 1;
  CHECK(ids_of(*reader, filter) == Ids{1, 2});
  filter = {};
  filter.from_ms = began + kHourMs;
  filter.limit = 2;
  CHECK(ids_of(*reader, filter) == Ids{3, 4});
  filter = {};
  filter.ids = {5, 1, 99};
  CHECK(ids_of(*reader, filter) == Ids{1, 5});
  filter.ids = {4, 5};
  std::vector<StoredDeadLetter> letters;
  must(reader->dead_letters(filter, [&](const StoredDeadLetter& letter) {
    letters.push_back(letter);
    return true;
  }));
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].destination == "us");
  CHECK(letters[0].mapping == "all");
  CHECK(letters[0].action == "sync");
  CHECK(letters[0].at_ms == began + kHourMs);
  CHECK(letters[0].letter.form == DeadLetter::Form::element);
  CHECK(letters[0].letter.remote_status == 400);
  CHECK(letters[0].letter.attempts == 3);
  CHECK(letters[0].letter.coalesce_key == "key3");
  CHECK(letters[0].letter.route.batch_key == "us");
  CHECK(letters[1].destination.empty());
  CHECK(letters[1].letter.content == "xxxx");
  CHECK(letters[1].letter.source_offset == 17);
}

TEST_CASE("More dead letters than fit a transaction are all given, marked and discarded") {
  const Directory directory;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  const auto block = make_block(0, std::vector<std::uint32_t>(1'234, 0), 2'000);
  Commit commit;
  append(commit, block);
  for (std::uint32_t i = 0; i < 1'234; ++i) give_up(commit, *block, i, "refused");
  must(store->commit(commit));
  const auto reader = open_reader(directory, clock);
  CHECK(ids_of(*reader, {}).size() == 1'234);
  DeadLetterFilter some;
  some.limit = 600;
  const auto marked = reader->request_replay(some);
  REQUIRE(marked.ok());
  CHECK(marked->marked == 600);
  const auto discarded = reader->discard({});
  REQUIRE(discarded.ok());
  CHECK(*discarded == 634);
  const auto state = reader->state();
  REQUIRE(state.ok());
  CHECK(state->dead_letters.kept == 600);
  CHECK(state->dead_letters.awaiting_replay == 600);
  CHECK(state->dead_letters.discarded == 634);
  CHECK(check(directory.path)->findings.empty());
}

TEST_CASE("What never became an element is not marked for replay") {
  const Directory directory;
  ManualClock clock;
  const auto store = open_store(directory, clock);
  fill(*store, clock);
  const auto marked = open_reader(directory, clock)->request_replay({});
  REQUIRE(marked.ok());
  CHECK(marked->marked == 4);
  CHECK(marked->not_replayable == 1);
  CHECK(store->requested_replays(1'000'000, 0)->ids.size() == 4);
}

TEST_CASE("A reader in another process works while a store writes, and does not end its log") {
  const Directory directory;
  ManualClock clock;
  const auto store = open_store(directory, clock);
  fill(*store, clock);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int result = 1;
    {
      const auto reader = Reader::open(directory.path, clock);
      DeadLetterFilter filter;
      filter.ids = {1};
      if (reader.ok() && (*reader)->state().ok() && (*reader)->request_replay(filter).ok()) {
        filter.ids = {2};
        const auto discarded = (*reader)->discard(filter);
        result = discarded.ok() && *discarded == 1 ? 0 : 2;
      }
    }
    _exit(result);
  }
  for (std::uint64_t sequence = 1; sequence < 60; ++sequence) {
    Commit commit;
    append(commit, make_block(sequence, {0, 1, 2}, 10'000));
    must(store->commit(commit));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  const auto replay = store->requested_replays(1'000, 0);
  REQUIRE(replay.ok());
  CHECK(replay->ids == std::vector<std::int64_t>{1});
  CHECK(std::filesystem::exists(directory.log()));
  CHECK(open_reader(directory, clock)->state()->dead_letters.kept == 4);
}
