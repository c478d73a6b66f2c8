// Guards the dead letters in the store: bounded by size and age, and replayed without a record
// being lost or counted twice.
#include "services/sqlite.hpp"
#include "store/store.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::store;
using services::ManualClock;

namespace {

MappingCounts counts(const Store& store, std::uint32_t mapping) {
  for (const Tally::Entry& entry : store.totals().mappings()) {
    if (entry.mapping == mapping) return entry.counts;
  }
  return {};
}

void make_version_1(const Directory& directory) {
  make_version_2(directory);
  services::Database::Options options;
  options.mode = services::Database::Mode::write;
  auto database = services::Database::open(directory.database(), options);
  REQUIRE(database.ok());
  must(
      (*database)->execute("DROP INDEX dead_letters_key;"
                           "ALTER TABLE dead_letters DROP COLUMN overtaken;"
                           "ALTER TABLE dead_letters DROP COLUMN queued_until;"
                           "PRAGMA user_version = 1"));
}

}  // namespace

TEST_CASE("A replay puts elements back into the queue and is accounted for") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 0, 1, 2});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    for (const std::uint32_t i : {0U, 1U, 2U, 3U}) give_up(commit, *block, i, "refused");
    must(store->commit(commit));
    const auto nothing = store->requested_replays(1'000, 0);
    REQUIRE(nothing.ok());
    CHECK(nothing->block == nullptr);
  }
  const auto reader = open_reader(directory, clock);
  DeadLetterFilter filter;
  filter.destination = "eu";
  const auto marked = reader->request_replay(filter);
  REQUIRE(marked.ok());
  CHECK(marked->marked == 3);
  // "paid" is not in the pipeline at present.
  const Catalog without{{{"eu", {"sync", "stream"}}}, {{0, "trial"}}};
  {
    const auto store = open_store(directory, clock, {}, without);
    const auto replay = store->requested_replays(1'000'000, 0);
    REQUIRE(replay.ok());
    REQUIRE(replay->block != nullptr);
    CHECK(replay->ids == std::vector<std::int64_t>{1, 2});
    const Block& again = *replay->block;
    REQUIRE(again.elements.size() == 2);
    CHECK(again.payload(again.elements[1]) == block->payload(block->elements[1]));
    CHECK(again.coalesce_key(again.elements[1]) == "key1");
    CHECK(again.elements[1].key_hash == block->elements[1].key_hash);
    CHECK(again.routes == std::vector<Route>{{0, 0, "eu-sync"}});
    Commit commit;
    replay->block->sequence = store->backlog().next_sequence;
    commit.blocks.push_back(replay->block);
    commit.replayed = replay->ids;
    must(store->commit(commit));
    CHECK(counts(*store, 0).replayed == 2);
    CHECK(counts(*store, 0).dead_lettered == 2);
    CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{2});
    CHECK(store->requested_replays(1'000, 0)->block == nullptr);
    must(store->verify());
  }
  const auto store = open_store(directory, clock);
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{2, 0, 0});
  CHECK(store->requested_replays(1, 0)->ids == std::vector<std::int64_t>{3});
  const auto state = reader->state();
  REQUIRE(state.ok());
  CHECK(state->dead_letters.kept == 2);
  CHECK(state->dead_letters.awaiting_replay == 1);
  std::uint64_t reasons = 0;
  for (const StoredReason& reason : state->reasons) reasons += reason.count;
  CHECK(reasons == 2);
  const auto report = check(directory.path);
  REQUIRE(report.ok());
  CHECK(report->findings.empty());
}

TEST_CASE("Dead letters beyond the size go oldest first, but none that awaits a replay") {
  const Directory directory;
  const ManualClock clock;
  Store::Options options;
  options.dead_letter_max_bytes = 10'000;
  const auto store = open_store(directory, clock, options);
  const auto reader = open_reader(directory, clock);
  for (std::uint64_t i = 0; i < 30; ++i) {
    const auto block = make_block(i, {0}, 900);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 0, "refused");
    must(store->commit(commit));
    if (i == 2) {
      DeadLetterFilter filter;
      filter.ids = {2};
      REQUIRE(reader->request_replay(filter).ok());
    }
  }
  const auto state = reader->state();
  REQUIRE(state.ok());
  CHECK(state->dead_letters.kept_bytes <= 10'000);
  CHECK(state->dead_letters.kept > 5);
  CHECK(state->dead_letters.kept + state->dead_letters.dropped == 30);
  std::vector<std::int64_t> ids;
  must(reader->dead_letters({}, [&](const StoredDeadLetter& letter) {
    ids.push_back(letter.id);
    return true;
  }));
  REQUIRE(ids.size() == state->dead_letters.kept);
  CHECK(ids.front() == 2);
  CHECK(ids.back() == 30);
  CHECK(ids[1] == 30 - static_cast<std::int64_t>(ids.size()) + 2);
}

TEST_CASE("Dead letters that are too old are dropped by a later commit, also after reopening") {
  const Directory directory;
  ManualClock clock;
  Store::Options options;
  options.dead_letter_max_age = std::chrono::hours(24);
  const auto block = make_block(0, {0, 0});
  {
    const auto store = open_store(directory, clock, options);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 0, "refused");
    must(store->commit(commit));
    clock.advance(std::chrono::hours(20));
    Commit later;
    give_up(later, *block, 1, "refused");
    must(store->commit(later));
  }
  clock.advance(std::chrono::hours(5));
  const auto store = open_store(directory, clock, options);
  Commit commit;
  commit.tally.events.received = 1;
  commit.tally.events.unmatched = 1;
  must(store->commit(commit));
  const auto state = open_reader(directory, clock)->state();
  REQUIRE(state.ok());
  CHECK(state->dead_letters.kept == 1);
  CHECK(state->dead_letters.dropped == 1);
}

TEST_CASE("A marked dead letter is bounded like any other when the pipeline lacks its mapping") {
  const Directory directory;
  ManualClock clock;
  Store::Options options;
  options.dead_letter_max_age = std::chrono::hours(24);
  const auto block = make_block(0, {0, 1});
  {
    const auto store = open_store(directory, clock, options);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 0, "refused");
    give_up(commit, *block, 1, "refused");
    must(store->commit(commit));
  }
  REQUIRE(open_reader(directory, clock)->request_replay({})->marked == 2);
  clock.advance(std::chrono::hours(25));
  const Catalog without{{{"eu", {"sync", "stream"}}}, {{0, "paid"}}};
  const auto store = open_store(directory, clock, options, without);
  Commit commit;
  commit.tally.events.received = 1;
  commit.tally.events.unmatched = 1;
  must(store->commit(commit));
  const auto state = open_reader(directory, clock)->state();
  REQUIRE(state.ok());
  CHECK(state->dead_letters.kept == 1);
  CHECK(state->dead_letters.awaiting_replay == 1);
  CHECK(store->requested_replays(1'000, 0)->ids == std::vector<std::int64_t>{2});
}

TEST_CASE("A dead letter whose key has something newer cannot be replayed, marked before or not") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 0, 0});
  const auto store = open_store(directory, clock);
  {
    Commit commit;
    append(commit, block);
    for (const std::uint32_t i : {0U, 1U, 2U}) give_up(commit, *block, i, "refused");
    must(store->commit(commit));
  }
  std::vector<std::string> keys;
  must(store->each_replayable([&](const ElementKey& key) { keys.push_back(key.coalesce_key); }));
  CHECK(keys == std::vector<std::string>{"key0", "key1", "key2"});
  const auto reader = open_reader(directory, clock);
  DeadLetterFilter first;
  first.ids = {1};
  REQUIRE(reader->request_replay(first)->marked == 1);
  {
    Commit commit;
    commit.overtaken = {{block->routes[0], "key0"}, {block->routes[0], "key1"}};
    // The key of another audience is not meant.
    commit.overtaken.push_back({{0, 0, "another"}, "key2"});
    must(store->commit(commit));
  }
  CHECK(store->requested_replays(1'000, 0)->block == nullptr);
  const auto marked = reader->request_replay({});
  REQUIRE(marked.ok());
  CHECK(marked->marked == 1);
  CHECK(marked->overtaken == 2);
  CHECK(store->requested_replays(1'000, 0)->ids == std::vector<std::int64_t>{3});
}

TEST_CASE("With a queue in memory a letter that was given out is kept, overtaken or not") {
  const Directory directory;
  const ManualClock clock;
  Store::Options options;
  options.keeps_blocks = false;
  const auto block = make_block(0, {0});
  const auto store = open_store(directory, clock, options);
  Commit refused;
  refused.tally.of(0).matched = 1;
  give_up(refused, *block, 0, "refused");
  refused.settlements.clear();
  must(store->commit(refused));
  const auto reader = open_reader(directory, clock);
  REQUIRE(reader->request_replay({})->marked == 1);
  const auto replay = store->requested_replays(1'000, 0);
  REQUIRE(replay->ids == std::vector<std::int64_t>{1});
  Commit newer;
  newer.overtaken = {{block->routes[0], "key0"}};
  must(store->commit(newer));
  CHECK(store->requested_replays(1'000, 0)->block == nullptr);
  CHECK(*reader->discard({}) == 0);
  // What became of it can be stored.
  Commit superseded;
  superseded.replayed = replay->ids;
  ++superseded.tally.of(0).superseded;
  must(store->commit(superseded));
}

TEST_CASE("Dead letters of a mapping that is disabled are overtaken by those who share its key") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 0, "refused");
    must(store->commit(commit));
  }
  // The destination is there, "trial" is not.
  const Catalog without{{{"eu", {"sync", "stream"}}}, {{0, "paid"}}};
  const auto store = open_store(directory, clock, {}, without);
  std::vector<ElementKey> keys;
  must(store->each_replayable([&](const ElementKey& key) { keys.push_back(key); }));
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].route == block->routes[0]);
  CHECK(keys[0].coalesce_key == "key0");
}

TEST_CASE("A dead letter is replayed only when all that was queued before it has been taken") {
  const Directory directory;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  const auto block = make_block(0, {0});
  Commit commit;
  append(commit, block);
  give_up(commit, *block, 0, "refused");
  commit.tally.dead_letters.back().queued_until = 7;
  must(store->commit(commit));
  REQUIRE(open_reader(directory, clock)->request_replay({})->marked == 1);
  CHECK(store->requested_replays(1'000, 6)->block == nullptr);
  CHECK(store->requested_replays(1'000, 7)->block != nullptr);
}

TEST_CASE("The database of version 1 is brought up to date, its dead letters included") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    const auto block = make_block(0, {0});
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 0, "refused");
    must(store->commit(commit));
  }
  make_version_1(directory);
  const auto refused = Reader::open(directory.path, clock);
  REQUIRE(!refused.ok());
  CHECK_THAT(refused.status().message(), Catch::Contains("`penstock run` brings it up to date"));
  const auto store = open_store(directory, clock);
  REQUIRE(open_reader(directory, clock)->request_replay({})->marked == 1);
  CHECK(store->requested_replays(1'000, 0)->ids == std::vector<std::int64_t>{1});
  must(store->verify());
}

TEST_CASE("The position in a database of version 2 is kept, without what that did not know") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    commit.position =
        SavedPosition{{"/in", 1, 2, 17, 5, "abc", 9, "def"}, {{"/in.1", 1, 3, 4, 0, "", 0, ""}}};
    must(store->commit(commit));
  }
  make_version_2(directory);
  const auto store = open_store(directory, clock);
  REQUIRE(store->position());
  CHECK(*store->position() == SavedPosition{{"/in", 1, 2, 17, 5, "abc", 0, ""}, {}});
}

TEST_CASE("A damaged database of version 2 is repaired, its position included") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    commit.position = SavedPosition{{"/in", 1, 2, 17, 5, "abc", 9, "def"}, {}};
    must(store->commit(commit));
  }
  make_version_2(directory);
  REQUIRE(repair(directory.path, clock).ok());
  const auto store = open_store(directory, clock);
  REQUIRE(store->position());
  CHECK(store->position()->offset == 17);
}

TEST_CASE("The database of version 1 is left as it is when its log is missing") {
  const Directory directory;
  const ManualClock clock;
  open_store(directory, clock);
  make_version_1(directory);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    must((*database)->execute("UPDATE meta SET in_use = 1"));
  }
  const std::string before = bytes_of(directory.database());
  const auto refused = Store::open(directory.path, catalog(), {}, clock);
  REQUIRE(!refused.ok());
  CHECK(refused.status().code() == StatusCode::damaged);
  CHECK(bytes_of(directory.database()) == before);
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  CHECK(*(*database)->ask_integer("PRAGMA user_version") == 1);
}
