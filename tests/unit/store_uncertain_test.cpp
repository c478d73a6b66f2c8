// Guards what the store knows of requests whose answer was lost: it outlives the process, the file
// of an older version, and a wrong clock.
#include "services/sqlite.hpp"
#include "store/store.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::store;
using services::ManualClock;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

UncertainKey key_of(std::uint32_t destination, std::uint32_t action, std::uint64_t key,
                    std::int64_t until_ns) {
  return {destination, action, key, 12, 34, until_ns};
}

Commit commit_of(std::vector<UncertainKey> keys) {
  Commit commit;
  commit.uncertain = std::move(keys);
  return commit;
}

std::vector<UncertainKey> keys_in(Store& store) {
  auto keys = store.uncertain();
  INFO(keys.status().message());
  REQUIRE(keys.ok());
  return std::move(keys).value();
}

}  // namespace

TEST_CASE("A key that was uncertain is so in the next process until its time is over") {
  const Directory directory;
  ManualClock clock;
  const std::int64_t until = clock.wall_ns() + 60 * kSecond;
  constexpr std::uint64_t kLarge = 0xfedcba9876543210ULL;
  must(open_store(directory, clock)->commit(commit_of({key_of(0, 1, kLarge, until)})));
  {
    const auto store = open_store(directory, clock);
    const auto keys = keys_in(*store);
    REQUIRE(keys.size() == 1);
    CHECK(keys[0].destination == 0);
    CHECK(keys[0].action == 1);
    CHECK(keys[0].key == kLarge);
    CHECK(keys[0].block == 12);
    CHECK(keys[0].element == 34);
    CHECK(keys[0].until_ns >= until);
    CHECK(keys[0].until_ns < until + kSecond);
  }
  clock.advance(std::chrono::seconds(61));
  CHECK(keys_in(*open_store(directory, clock)).empty());
}

TEST_CASE("The latest word on a key counts, and what is over is removed") {
  const Directory directory;
  ManualClock clock;
  const std::int64_t now = clock.wall_ns();
  const auto store = open_store(directory, clock);
  must(store->commit(commit_of({key_of(0, 0, 1, now + kSecond), key_of(0, 0, 2, now + kSecond)})));
  clock.advance(std::chrono::seconds(10));
  must(store->commit(commit_of({key_of(0, 0, 2, now + 20 * kSecond)})));
  CHECK(keys_in(*store).size() == 1);
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  CHECK(*(*database)->ask_integer("SELECT count(*) FROM uncertain") == 1);
}

TEST_CASE("All keys of a destination may be uncertain, and more than one element of a key") {
  const Directory directory;
  ManualClock clock;
  const std::int64_t until = clock.wall_ns() + 60 * kSecond;
  {
    const auto store = open_store(directory, clock);
    must(store->commit(
        commit_of({{1, UncertainKey::kAllActions, 0, UncertainKey::kSeveral, 0, until},
                   {0, 0, 7, UncertainKey::kSeveral, 0, until}})));
  }
  const auto keys = keys_in(*open_store(directory, clock));
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].block == UncertainKey::kSeveral);
  CHECK(keys[0].key == 7);
  CHECK(keys[1].action == UncertainKey::kAllActions);
  CHECK(keys[1].destination == 1);
}

TEST_CASE("Keys of destinations that the pipeline has no more are left out, and not forgotten") {
  const Directory directory;
  ManualClock clock;
  must(open_store(directory, clock)
           ->commit(commit_of({key_of(1, 0, 1, clock.wall_ns() + 60 * kSecond)})));
  const Catalog without{{{"eu", {"sync", "stream"}}}, {{0, "trial"}}};
  CHECK(keys_in(*open_store(directory, clock, {}, without)).empty());
  CHECK(keys_in(*open_store(directory, clock)).size() == 1);
}

TEST_CASE("A clock that went back leaves a key uncertain for as long as may be") {
  const Directory directory;
  ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    // As it looks when the clock was a day ahead.
    must(store->commit(commit_of({key_of(0, 0, 1, clock.wall_ns() + 86'400 * kSecond)})));
  }
  const auto keys = keys_in(*open_store(directory, clock));
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].until_ns == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("Only a run that said so knew of all its attempts, and only for the next one") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    CHECK_FALSE(store->attempts_known());
    Commit last;
    last.attempts_known = true;
    must(store->commit(last));
  }
  CHECK(open_store(directory, clock)->attempts_known());
  CHECK_FALSE(open_store(directory, clock)->attempts_known());
}

TEST_CASE("The store knows whether the last run kept its blocks") {
  const Directory directory;
  const ManualClock clock;
  Store::Options in_memory;
  in_memory.keeps_blocks = false;
  CHECK(open_store(directory, clock, in_memory)->kept_blocks());  // there was none
  CHECK_FALSE(open_store(directory, clock)->kept_blocks());
  CHECK(open_store(directory, clock)->kept_blocks());
}

TEST_CASE("What was sent once more is counted besides the outcomes, for all runs") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    const auto block = make_block(0, {0, 0});
    Commit commit;
    append(commit, block);
    settle(commit, *block, {0, 1});
    commit.tally.of(0).confirmed = 1;
    must(store->commit(commit));
    must(store->verify());
  }
  open_store(directory, clock);
  CHECK(open_reader(directory, clock)->state()->mappings[0].counts.confirmed == 1);
  CHECK(open_reader(directory, clock)->state()->mappings[0].counts.pending() == 0);
}

TEST_CASE("A database of version 2 is brought up to date, and its pending elements are suspect") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, make_block(0, {0, 1}));
    commit.attempts_known = true;
    must(store->commit(commit));
  }
  make_version_2(directory);
  const auto store = open_store(directory, clock);
  CHECK_FALSE(store->attempts_known());
  CHECK(keys_in(*store).empty());
  must(store->commit(commit_of({key_of(0, 0, 1, clock.wall_ns() + 60 * kSecond)})));
  CHECK(store->block(0)->has_value());
}

TEST_CASE("An uncertain key of a destination that does not exist is refused") {
  const Directory directory;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  CHECK(store->commit(commit_of({key_of(9, 0, 1, kSecond)})).code() == StatusCode::internal);
  CHECK(store->commit(commit_of({key_of(0, 9, 1, kSecond)})).code() == StatusCode::internal);
}
