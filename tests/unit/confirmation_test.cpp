// Guards that a request which is carried out late undoes nothing: what was delivered meanwhile for
// the same key is sent once more afterwards, and nothing else is.
#include <catch2/catch.hpp>

#include "batch_world.hpp"

using namespace std::chrono_literals;
using namespace penstock::batch_testing;
using penstock::LoadedBlock;
using penstock::UncertainKey;
using penstock::batch::UncertainKeys;

namespace {

using Payloads = std::vector<std::string>;

constexpr std::int64_t kWindow = 60 * kSecond;

// A world in which "a" was told "old", nobody knows whether that arrived, and "new" was delivered.
struct Conflict : World {
  explicit Conflict(std::uint64_t records = 1) : World(limits(records), 4, 1, kWindow) {
    first = add({{"a", "old"}});
    leave_open(next(), now + kWindow);
    second = add({{"a", "new"}});
    auto batch = next();
    REQUIRE(payloads(*batch) == Payloads{"new"});
    complete(std::move(batch), Verdict::Kind::delivered);
  }
  std::uint64_t of(std::uint64_t penstock::MappingCounts::*count) {
    return settled.tally.of(0).*count;
  }
  std::shared_ptr<const penstock::Block> first;
  std::shared_ptr<const penstock::Block> second;
};

using Counts = penstock::MappingCounts;

}  // namespace

TEST_CASE("What an older element without an answer may undo is sent once more when it cannot") {
  Conflict world;
  CHECK(world.batcher.pending() == 1);
  CHECK(world.batcher.unconfirmed() == 1);
  CHECK(world.next() == nullptr);
  CHECK(world.batcher.next_time() == world.now + kWindow);
  world.now += kWindow;
  auto again = world.next();
  REQUIRE(again != nullptr);
  CHECK(world.payloads(*again) == Payloads{"new"});
  world.complete(std::move(again), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
  CHECK(world.batcher.unconfirmed() == 0);
  CHECK(world.of(&Counts::superseded) == 1);
  CHECK(world.of(&Counts::delivered) == 1);
  CHECK(world.of(&Counts::confirmed) == 1);
}

TEST_CASE("An element that is tried again itself needs no confirmation: it says the same") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
  CHECK(world.settled.tally.of(0).confirmed == 0);
}

TEST_CASE("What comes for a key after its uncertain element was delivered is sent once more, too") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.complete(world.next(), Verdict::Kind::delivered);
  world.add({{"a", "B"}});
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 1);
  world.now += kWindow;
  CHECK(world.payloads(*world.next()) == Payloads{"B"});
}

TEST_CASE("What is sent when nothing older can come any more is sent once") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.now += kWindow;
  world.add({{"a", "B"}});
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("What was on its way when the time ended is sent once more at once") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.add({{"a", "B"}});
  auto batch = world.next();
  world.now += kWindow + kSecond;
  world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.payloads(*world.next()) == Payloads{"B"});
}

TEST_CASE("An element that is tried again when nothing older can come any more is sent once") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.add({{"a", "B"}});
  world.complete(world.next(), Verdict::Kind::retry, world.now + kWindow);  // asked to come later
  world.now += kWindow;
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("A newer element takes the place of one that waits to be confirmed, and goes at once") {
  Conflict world;
  world.add({{"a", "newest"}});
  CHECK(world.of(&Counts::delivered) == 1);
  CHECK(world.of(&Counts::superseded) == 1);
  CHECK(world.batcher.unconfirmed() == 0);
  auto batch = world.next();
  REQUIRE(batch != nullptr);
  CHECK(world.payloads(*batch) == Payloads{"newest"});
  // It came in time for the old one to undo it.
  world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 1);
  world.now += kWindow;
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.of(&Counts::delivered) == 2);
  CHECK(world.of(&Counts::confirmed) == 1);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("What was done with an element that gave up its place is counted under its word") {
  Conflict world;
  world.add({{"a", "newest"}});
  REQUIRE(world.settled.tally.reasons().size() == 1);
  CHECK(world.settled.tally.reasons()[0].reason == "added");
}

TEST_CASE("A newer element that waits behind one in flight makes its confirmation needless") {
  World world(limits(1), 4, 1, kWindow);
  world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  world.add({{"a", "B"}});
  auto batch = world.next();
  world.add({{"a", "C"}});
  world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 0);
  CHECK(world.payloads(*world.next()) == Payloads{"C"});
}

TEST_CASE("A confirmation without an answer is tried again, and needs no confirmation itself") {
  Conflict world;
  world.now += kWindow;
  world.leave_open(world.next(), world.now + kWindow);
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
  CHECK(world.of(&Counts::confirmed) == 1);
}

TEST_CASE("A confirmation that is refused is a dead letter: who is in the audience is not known") {
  Conflict world;
  world.now += kWindow;
  world.complete(world.next(), Verdict::Kind::dead_letter);
  CHECK(world.batcher.pending() == 0);
  CHECK(world.batcher.unconfirmed() == 0);
  CHECK(world.of(&Counts::delivered) == 0);
  CHECK(world.of(&Counts::dead_lettered) == 1);
}

TEST_CASE("Other keys, other audiences, and elements without a key are not concerned") {
  World world(limits(10), 4, 1, kWindow);
  world.add({{"a", "A"}, {"", "log"}});
  world.batcher.flush();
  world.leave_open(world.next(), world.now + kWindow);
  world.complete(world.next(), Verdict::Kind::delivered);
  world.add({{"b", "B"}, {"a", "A", "other"}, {"", "log"}});
  while (auto batch = world.next()) world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("With confirm_after 0 nothing is sent once more") {
  World world(limits(1));
  world.batcher.recall(
      {{0, UncertainKey::kAllActions, 0, UncertainKey::kSeveral, 0, world.now + kWindow}},
      world.now);
  world.batcher.suspect_all(world.now, world.settled);
  world.add({{"a", "A"}});
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE(
    "An attempt without an answer is reported for the store, with what it was about and when") {
  World world(limits(1), 4, 1, kWindow);
  const auto block = world.add({{"a", "A"}});
  world.leave_open(world.next(), world.now + kWindow);
  REQUIRE(world.settled.uncertain.size() == 1);
  const UncertainKey& key = world.settled.uncertain[0];
  CHECK(key.destination == 0);
  CHECK(key.action == 0);
  CHECK(key.key == UncertainKeys::hash_of("audience", "a"));
  CHECK(key.block == block->sequence);
  CHECK(key.element == 0);
  CHECK(key.until_ns == world.now + kWindow);
}

TEST_CASE("What an earlier process left uncertain holds in the next one") {
  World world(limits(1), 4, 1, kWindow);
  world.batcher.recall(
      {{0, 0, UncertainKeys::hash_of("audience", "a"), 77, 0, world.now + kWindow}}, world.now);
  world.add({{"a", "A"}, {"b", "B"}});
  world.complete(world.next(), Verdict::Kind::delivered);
  world.complete(world.next(), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 1);
  world.now += kWindow;
  CHECK(world.payloads(*world.next()) == Payloads{"A"});
}

TEST_CASE("After a crash the elements that may have been in flight are uncertain") {
  World world(limits(1), 4, 1, kWindow);
  const auto before = world.block_of({{"a", "A"}, {"a", "A2"}, {"b", "B"}});
  world.batcher.suspect(before->sequence + 1, world.now);
  world.batcher.add({before, {}, {}, world.now}, world.now, world.settled);
  // A2 may be undone by A; B is what it was.
  while (auto batch = world.next()) world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 1);
  // What is new may be undone by B.
  world.add({{"b", "B2"}, {"c", "C"}});
  while (auto batch = world.next()) world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.unconfirmed() == 2);
  world.now += kWindow;
  while (auto batch = world.next()) world.complete(std::move(batch), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
  CHECK(world.settled.tally.of(0).confirmed == 2);
}

TEST_CASE("When such an element is settled its key is reported as uncertain") {
  World world(limits(1), 4, 1, kWindow);
  const auto before = world.block_of({{"a", "A"}});
  world.batcher.suspect(before->sequence + 1, world.now);
  world.batcher.add({before, {}, {}, world.now}, world.now, world.settled);
  CHECK(world.settled.uncertain.empty());  // it is pending, that says it
  world.complete(world.next(), Verdict::Kind::delivered);
  REQUIRE(world.settled.uncertain.size() == 1);
  CHECK(world.settled.uncertain[0].until_ns == world.now + kWindow);
}

TEST_CASE("What waits to be confirmed gives up its memory when others need it, and comes back") {
  Conflict world;
  REQUIRE(world.batcher.held_bytes() > 0);
  CHECK(world.batcher.park(world.now) == 1);
  CHECK(world.batcher.held_bytes() == 0);
  CHECK(world.batcher.pending() == 1);
  CHECK_FALSE(world.batcher.recover_from(world.now).has_value());
  CHECK(world.batcher.next_time() == world.now + kWindow);
  world.now += kWindow;
  REQUIRE(world.next() == nullptr);
  REQUIRE(world.batcher.recover_from(world.now).has_value());
  world.batcher.recover(*world.batcher.recover_from(world.now), {world.second, {}, {}, 0},
                        world.now, world.settled);
  auto again = world.next();
  REQUIRE(again != nullptr);
  CHECK(world.payloads(*again) == Payloads{"new"});
  world.complete(std::move(again), Verdict::Kind::delivered);
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("With more uncertain keys than there are places all of their destination are uncertain") {
  UncertainKeys keys(2, 2);
  const auto key = [](std::uint32_t destination, std::uint64_t hash, std::int64_t until) {
    return UncertainKey{destination, 0, hash, 5, 6, until};
  };
  CHECK(keys.none(0));
  CHECK(keys.note(key(0, 1, 100), 0).action == 0);
  CHECK(keys.note(key(0, 2, 100), 0).action == 0);
  const UncertainKey all = keys.note(key(0, 3, 150), 0);
  CHECK(all.action == UncertainKey::kAllActions);
  CHECK(all.until_ns == 150);
  CHECK(keys.others_until(key(0, 9, 0), 50) == 150);
  CHECK(keys.others_until(key(1, 9, 0), 50) == 0);
  CHECK(keys.others_until(key(0, 9, 0), 150) == 0);
  CHECK_FALSE(keys.none(149));
  CHECK(keys.none(150));
  // The places are free again.
  CHECK(keys.note(key(0, 3, 250), 200).action == 0);
}

TEST_CASE("A place whose time is over is given to another key while others are uncertain still") {
  constexpr std::int64_t kLong = 100 * kSecond;
  UncertainKeys keys(1, 2);
  CHECK(keys.note({0, 0, 1, 5, 6, kSecond}, 0).action == 0);
  CHECK(keys.note({0, 0, 2, 5, 6, kLong}, 0).action == 0);
  CHECK(keys.note({0, 0, 3, 5, 6, kLong}, 2 * kSecond).action == 0);
  CHECK(keys.others_until({0, 0, 2, 7, 7, 0}, 3 * kSecond) == kLong);
}

TEST_CASE("Batch key and coalesce key are kept apart, and their hash is the same in every build") {
  CHECK(UncertainKeys::hash_of("ab", "c") != UncertainKeys::hash_of("a", "bc"));
  CHECK(UncertainKeys::hash_of("", "a") != UncertainKeys::hash_of("a", ""));
  CHECK(UncertainKeys::hash_of("audience", "person") == 921150207404390388U);
}
