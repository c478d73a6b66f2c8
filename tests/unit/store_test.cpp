// Guards the store: what a commit said is there after every reopening, as a whole or not at all,
// and the counts add up.
#include "store/store.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "services/log.hpp"
#include "services/sqlite.hpp"
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

}  // namespace

TEST_CASE("A new store is empty, private and closed without a log") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    CHECK(store->backlog().next_sequence == 0);
    CHECK(store->backlog().blocks == 0);
    CHECK_FALSE(store->position());
    must(store->verify());
    struct stat status {};
    for (const std::string& path : {directory.database(), directory.log()}) {
      REQUIRE(stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 0777U) == 0600);
    }
  }
  CHECK_FALSE(std::filesystem::exists(directory.log()));
}

TEST_CASE("Blocks, position and counts are there after reopening") {
  const Directory directory;
  ManualClock clock;
  const auto block = make_block(0, {0, 1, 2, 0});
  const SavedPosition position{
      {"/in", UINT64_MAX, 7, 5'000'000'000, 4'096, "abc", 4'096, "def"},
      {{"/in \n.1", 1, UINT64_MAX, 17, 0, "", 0, ""}, {"/in.2", 1, 9, 4, 4, "x y", 1, "12"}}};
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    commit.position = position;
    commit.tally.events.received += 2;
    commit.tally.events.unmatched = 1;
    commit.tally.events.invalid = 1;
    ++commit.tally.of(1).matched;
    ++commit.tally.of(1).skipped;
    must(store->commit(commit));
  }
  clock.advance(std::chrono::hours(1));
  const auto store = open_store(directory, clock);
  CHECK(store->position() == position);
  CHECK(store->backlog().next_sequence == 1);
  CHECK(store->backlog().first_sequence == 0);
  CHECK(store->backlog().blocks == 1);
  CHECK(store->backlog().bytes > block->bytes.size());
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{2, 1, 1});
  CHECK(counts(*store, 0).matched == 2);
  CHECK(counts(*store, 1).skipped == 1);
  CHECK(store->totals().events.received == 6);
  CHECK(store->totals().matched_events == 4);
  const auto read = store->block(0);
  REQUIRE(read.ok());
  REQUIRE(read->has_value());
  const StoredBlock& stored = **read;
  CHECK(stored.age_ms == 3'600'000);
  CHECK(stored.settled.empty());
  CHECK(stored.attempts.empty());
  CHECK(stored.block->end == block->end);
  CHECK(stored.block->routes == block->routes);
  for (std::size_t i = 0; i < 4; ++i) {
    const BlockElement& before = block->elements[i];
    const BlockElement& after = stored.block->elements[i];
    CHECK(after.mapping == before.mapping);
    CHECK(after.key_hash == before.key_hash);
    CHECK(stored.block->payload(after) == block->payload(before));
    CHECK(stored.block->coalesce_key(after) == block->coalesce_key(before));
  }
  CHECK_FALSE(store->block(1)->has_value());
}

TEST_CASE("What is settled and how often the rest was tried is there after reopening") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 0, 0, 1, 1, 1, 2, 2, 2, 2});
  {
    const auto store = open_store(directory, clock);
    Commit first;
    append(first, block);
    must(store->commit(first));
    Commit second;
    settle(second, *block, {1, 3});
    settle(second, *block, {9}, SettledElement::Kind::superseded);
    second.attempts = {{0, 0, 2}, {0, 4, 70'000}};
    must(store->commit(second));
    Commit third;
    settle(third, *block, {8}, SettledElement::Kind::dead_lettered);
    third.tally.reason(ReasonCount::Kind::dead_letter, 2, "refused", "", "");
    must(store->commit(third));
  }
  const auto store = open_store(directory, clock);
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{2, 2, 2});
  CHECK(counts(*store, 0).delivered == 1);
  CHECK(counts(*store, 1).delivered == 1);
  CHECK(counts(*store, 2).superseded == 1);
  CHECK(counts(*store, 2).dead_lettered == 1);
  const auto read = store->block(0);
  REQUIRE(read.ok());
  CHECK((*read)->settled ==
        std::vector<bool>{false, true, false, true, false, false, false, false, true, true});
  CHECK((*read)->attempts == std::vector<std::uint32_t>{2, 0, 0, 0, 65'535, 0, 0, 0, 0, 0});
  must(store->verify());
}

TEST_CASE("A block is gone when all of it is settled, in whatever order and commits") {
  const Directory directory;
  const ManualClock clock;
  const auto first = make_block(0, {0, 1, 2}, 100'000);
  const auto second = make_block(1, {0, 1}, 100'000);
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, first);
    append(commit, second);
    must(store->commit(commit));
    Commit all;
    settle(all, *second, {1, 0});
    settle(all, *first, {2});
    must(store->commit(all));
    CHECK(store->backlog().blocks == 1);
  }
  const auto store = open_store(directory, clock);
  CHECK(store->backlog().first_sequence == 0);
  Commit rest;
  settle(rest, *first, {0});
  settle(rest, *first, {1});
  must(store->commit(rest));
  CHECK(store->backlog().blocks == 0);
  CHECK(store->backlog().bytes == 0);
  CHECK(store->backlog().first_sequence == 2);
  CHECK_FALSE(store->block(0)->has_value());
  must(store->verify());
}

TEST_CASE("A block that is settled in the commit that brings it is counted and never stored") {
  const Directory directory;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  const auto block = make_block(0, {0, 1});
  Commit commit;
  append(commit, block);
  settle(commit, *block, {0, 1});
  must(store->commit(commit));
  CHECK(store->backlog().blocks == 0);
  CHECK(store->backlog().next_sequence == 1);
  CHECK(counts(*store, 0).delivered == 1);
  must(store->verify());
}

TEST_CASE("Blocks stay readable when a mapping of which they hold settled elements is taken out") {
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    const auto block = make_block(0, {0, 2, 1, 2});
    Commit commit;
    append(commit, block);
    must(store->commit(commit));
    Commit delivered;
    settle(delivered, *block, {1, 3});
    must(store->commit(delivered));
  }
  Catalog smaller = catalog();
  smaller.mappings.pop_back();
  smaller.destinations.pop_back();
  const auto store = open_store(directory, clock, {}, smaller);
  const auto read = store->block(0);
  INFO(read.status().message());
  REQUIRE(read.ok());
  REQUIRE(read->has_value());
  CHECK((*read)->settled == std::vector<bool>{false, true, false, true});
  must(store->verify());
}

TEST_CASE("A commit that contradicts what is stored is refused and changes nothing") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 0, 1});
  {
    const auto store = open_store(directory, clock);
    Commit first;
    append(first, block);
    settle(first, *block, {0});
    must(store->commit(first));
    Commit wrong;
    // Sound parts of it must not stay behind either.
    append(wrong, make_block(1, {2}));
    SECTION("settled twice") {
      settle(wrong, *block, {0});
    }
    SECTION("settled twice in one commit") {
      settle(wrong, *block, {1});
      settle(wrong, *block, {1});
    }
    SECTION("an element that does not exist") {
      wrong.settlements.push_back({0, {{3, 0, SettledElement::Kind::delivered}}});
    }
    SECTION("a block that is not stored") {
      wrong.settlements.push_back({7, {{0, 0, SettledElement::Kind::delivered}}});
    }
    SECTION("more settled of a mapping than there is") {
      wrong.settlements.push_back({0, {{1, 1, SettledElement::Kind::delivered}, {2, 1, {}}}});
    }
    SECTION("a block that was stored before") {
      append(wrong, block);
    }
    SECTION("counts that do not fit the blocks") {
      ++wrong.tally.of(1).matched;
    }
    SECTION("a mapping that does not exist") {
      wrong.tally.reason(ReasonCount::Kind::warning, 3, "code", "", "");
    }
    SECTION("a dead letter that is not kept") {
      wrong.replayed = {12};
    }
    const Status status = store->commit(wrong);
    CHECK(status.code() == StatusCode::internal);
    CHECK_THAT(status.message(), Catch::Contains("Nothing was stored"));
    CHECK(store->backlog().next_sequence == 1);
    CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{1, 1, 0});
    must(store->verify());
  }
  const auto store = open_store(directory, clock);
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{1, 1, 0});
  CHECK(counts(*store, 2).matched == 0);
}

TEST_CASE("What the pipeline no longer names is read with indexes behind those it names") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 1, 2});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    must(store->commit(commit));
  }
  const Catalog later{{{"new", {"sync"}}, {"eu", {"stream"}}}, {{1, "fresh"}, {1, "trial"}}};
  const auto store = open_store(directory, clock, {}, later);
  const Catalog& all = store->catalog();
  REQUIRE(all.mappings.size() == 4);
  CHECK(all.mappings[2].name == "paid");
  CHECK(all.mappings[2].destination == 1);
  CHECK(all.mappings[3].name == "all");
  CHECK(all.destinations[all.mappings[3].destination].name == "us");
  CHECK(all.destinations[1].actions == std::vector<std::string>{"stream", "sync"});
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{0, 1, 1, 1});
  const auto read = store->block(0);
  REQUIRE(read.ok());
  const Block& stored = *(*read)->block;
  CHECK(stored.elements[0].mapping == 1);
  CHECK(stored.elements[1].mapping == 2);
  CHECK(stored.elements[2].mapping == 3);
  CHECK(stored.routes[0] == Route{1, 1, "eu-sync"});
  CHECK(stored.routes[1] == Route{1, 0, "eu-stream"});
  CHECK(stored.routes[2] == Route{2, 0, "us"});
  Commit commit;
  settle(commit, stored, {0, 1, 2}, SettledElement::Kind::superseded);
  must(store->commit(commit));
  must(store->verify());
}

TEST_CASE("A mapping that comes back has its counts") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0});
  Commit commit;
  append(commit, block);
  settle(commit, *block, {0});
  must(open_store(directory, clock)->commit(commit));
  const Catalog without{{{"eu", {"sync"}}}, {{0, "paid"}}};
  CHECK(open_store(directory, clock, {}, without)->catalog().mappings.size() == 1);
  CHECK(counts(*open_store(directory, clock), 0).delivered == 1);
}

TEST_CASE("A queue in memory is counted, and what was pending of it is read and counted again") {
  const Directory directory;
  const ManualClock clock;
  Store::Options options;
  options.keeps_blocks = false;
  const auto block = make_block(0, {0, 0, 1});
  {
    const auto store = open_store(directory, clock, options);
    Commit commit;
    append(commit, block);
    must(store->commit(commit));
    Commit settled;
    settle(settled, *block, {0});
    must(store->commit(settled));
    must(store->verify());
    CHECK(store->backlog().blocks == 0);
    CHECK(counts(*store, 0).pending() == 1);
  }
  const auto store = open_store(directory, clock);
  CHECK(counts(*store, 0).matched == 1);
  CHECK(counts(*store, 0).delivered == 1);
  CHECK(counts(*store, 1).matched == 0);
  CHECK(store->backlog().next_sequence == 1);
  must(store->verify());
}

TEST_CASE("At most five messages of a reason are kept, and others are counted as such") {
  const Directory directory;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  for (int i = 0; i < 8; ++i) {
    Commit commit;
    ++commit.tally.of(0).matched;
    ++commit.tally.of(0).skipped;
    commit.tally.reason(ReasonCount::Kind::skipped, 0, "no_need", "", std::to_string(i));
    must(store->commit(commit));
  }
  const auto state = open_reader(directory, clock)->state();
  REQUIRE(state.ok());
  REQUIRE(state->reasons.size() == 6);
  for (const StoredReason& reason : state->reasons)
    CHECK(reason.count == (reason.message == kFurtherMessages ? 3 : 1));
  std::uint64_t sum = 0;
  for (const StoredReason& reason : state->reasons) sum += reason.count;
  CHECK(sum == 8);
}

TEST_CASE("The database of a newer Penstock and a strange one are refused by number") {
  const Directory directory;
  const ManualClock clock;
  static_cast<void>(open_store(directory, clock));
  std::string bytes = bytes_of(directory.database());
  bytes[63] = GENERATE(9, 0);  // user_version: the 4 bytes at offset 60 of the header
  write_bytes(directory.database(), bytes);
  const auto refused = Store::open(directory.path, catalog(), {}, clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::configuration);
  CHECK_THAT(refused.status().message(),
             Catch::Contains("schema version " + std::to_string(bytes[63])) &&
                 Catch::Contains("this Penstock knows 3"));
  CHECK(bytes_of(directory.database()) == bytes);
}

TEST_CASE("A store that ends without closing is opened with all its commits") {
  const Directory directory;
  const ManualClock clock;
  const Directory copy;
  const auto block = make_block(0, {0, 1}, 50'000);
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    must(store->commit(commit));
    // What the disk holds when the process ends here.
    for (const char* name : {"/queue.db", "/queue.db-wal"}) {
      std::filesystem::copy_file(directory.path + name, copy.path + name);
    }
  }
  const auto store = open_store(copy, clock);
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{1, 1, 0});
}

TEST_CASE("Many blocks out of order: memory and disk agree at every step") {
  const Directory directory;
  const ManualClock clock;
  auto store = open_store(directory, clock);
  std::vector<std::shared_ptr<Block>> blocks;
  std::vector<std::vector<std::uint32_t>> unsettled;
  std::uint32_t random = 12'345;
  const auto next = [&](std::uint32_t below) {
    random = random * 1'664'525 + 1'013'904'223;
    return (random >> 8) % below;
  };
  for (int round = 0; round < 120; ++round) {
    Commit commit;
    if (next(3) > 0) {
      std::vector<std::uint32_t> mappings(1 + next(40));
      for (std::uint32_t& mapping : mappings) mapping = next(3);
      blocks.push_back(make_block(blocks.size(), mappings));
      append(commit, blocks.back());
      unsettled.emplace_back();
      for (std::uint32_t i = 0; i < mappings.size(); ++i) unsettled.back().push_back(i);
    }
    for (std::uint32_t tries = next(4); tries > 0 && !blocks.empty(); --tries) {
      const std::uint32_t chosen = next(static_cast<std::uint32_t>(blocks.size()));
      std::vector<std::uint32_t>& left = unsettled[chosen];
      const std::size_t keep = left.size() / 3;
      std::vector<std::uint32_t> now(left.begin() + static_cast<std::ptrdiff_t>(keep), left.end());
      left.resize(keep);
      if (now.empty()) continue;
      settle(commit, *blocks[chosen], now);
      for (const std::uint32_t element : left) commit.attempts.push_back({chosen, element, 1});
    }
    must(store->commit(commit));
    must(store->verify());
    if (round % 10 == 9) store = open_store((store.reset(), directory), clock);
    std::uint64_t pending = 0;
    for (const std::uint64_t one : store->backlog().pending_by_mapping) pending += one;
    std::uint64_t expected = 0;
    for (const auto& left : unsettled) expected += left.size();
    REQUIRE(pending == expected);
  }
  for (std::uint64_t from = 0; from < blocks.size(); ++from) {
    const auto read = store->block(from);
    REQUIRE(read.ok());
    if (!read->has_value()) continue;
    const std::uint64_t sequence = (*read)->block->sequence;
    REQUIRE(sequence >= from);
    const auto& left = unsettled[sequence];
    REQUIRE_FALSE(left.empty());
    for (std::uint32_t i = 0; i < blocks[sequence]->elements.size(); ++i) {
      const bool settled = !(*read)->settled.empty() && (*read)->settled[i];
      REQUIRE(settled == (std::find(left.begin(), left.end(), i) == left.end()));
    }
  }
  const auto report = check(directory.path);
  REQUIRE(report.ok());
  CHECK(report->findings.empty());
}

namespace {

std::string schema_of(const Directory& directory) {
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  auto schema = (*database)->ask_text(
      "SELECT group_concat(name || ' ' || rootpage || ' ' || coalesce((SELECT"
      " group_concat(name) FROM pragma_table_info(s.name)), '') || char(10), '')"
      " FROM sqlite_master s");
  REQUIRE(schema.ok());
  return *schema;
}

}  // namespace

TEST_CASE("A state of an older version is read: records, ages and dead letters") {
  const Directory directory;
  const Directory fresh;
  ManualClock clock;
  const auto block = make_block(0, {0, 1, 2});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 1, "refused");
    must(store->commit(commit));
  }
  static_cast<void>(open_store(fresh, clock));
  make_version_2(directory);
  clock.advance(std::chrono::hours(5));
  {
    const auto store = open_store(directory, clock);
    CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{1, 0, 1});
    const auto read = store->block(0);
    REQUIRE(read.ok());
    REQUIRE(read->has_value());
    CHECK((*read)->age_ms == 5 * 3'600'000);
    Commit commit;
    append(commit, make_block(1, {0}));
    must(store->commit(commit));
    CHECK(open_reader(directory, clock)->state()->dead_letters.kept == 1);
  }
  CHECK(schema_of(directory) == schema_of(fresh));
}

TEST_CASE("A damaged state of an older version is repaired") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 1, 2});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 1, "refused");
    must(store->commit(commit));
  }
  make_version_2(directory);
  std::size_t place = 0;
  std::size_t size = 100;  // the header
  if (GENERATE(false, true)) {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    size = 16 * 1024;
    place = static_cast<std::size_t>(*(*database)->ask_integer(
                "SELECT rootpage - 1 FROM sqlite_master WHERE name = 'history'")) *
            size;
  }
  std::string bytes = bytes_of(directory.database());
  for (std::size_t i = place; i < place + size; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  write_bytes(directory.database(), bytes);
  const auto report = repair(directory.path, clock);
  INFO(report.status().message());
  REQUIRE(report.ok());
  const auto store = open_store(directory, clock);
  must(store->verify());
  CHECK(store->backlog().pending_by_mapping == std::vector<std::uint64_t>{1, 0, 1});
  CHECK(open_reader(directory, clock)->state()->dead_letters.kept == 1);
}

TEST_CASE("A writer whose database another one has opened stores nothing more, and says so") {
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, {0, 1, 2});
  auto first = open_store(directory, clock);
  {
    Commit commit;
    append(commit, block);
    must(first->commit(commit));
  }
  const auto second = open_store(directory, clock);
  {
    Commit commit;
    settle(commit, *block, {0, 1, 2});
    must(second->commit(commit));
  }
  Commit late;
  settle(late, *block, {0});
  for (const Status& status : {first->commit(late), first->verify()}) {
    INFO(status.message());
    CHECK(status.code() == StatusCode::damaged);
    CHECK_THAT(status.message(), Catch::Contains("another penstock has taken over") &&
                                     !Catch::Contains("repair") && !Catch::Contains("fault of"));
  }
  const auto read = first->block(0);
  REQUIRE_FALSE(read.ok());
  CHECK_THAT(read.status().message(), Catch::Contains("another penstock has taken over"));
  first.reset();
  // The second one's state is not closed by the first.
  Commit commit;
  append(commit, make_block(1, {0}));
  must(second->commit(commit));
  must(second->verify());
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  CHECK(*(*database)->ask_integer("SELECT in_use FROM meta") == 1);
}

TEST_CASE("A clock that is wrong by years makes nothing old, and is said to be wrong") {
  const Directory directory;
  ManualClock clock;
  const std::int64_t right_ns = clock.wall_ns();
  const auto block = make_block(0, {0, 1, 2});
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    give_up(commit, *block, 1, "refused");
    must(store->commit(commit));
  }
  constexpr std::int64_t kDayNs = 24LL * 3'600 * 1'000'000'000;
  // A year ahead, then 1970, then right again; at the start of a run, and while it goes on.
  const bool while_running = GENERATE(false, true);
  std::vector<std::string> said;
  services::set_log_sink([&](std::string_view line) { said.emplace_back(line); });
  auto store = open_store(directory, clock);
  std::uint64_t sequence = 1;
  for (const std::int64_t wall_ns : {right_ns + 365 * kDayNs, std::int64_t{0}, right_ns}) {
    clock.set_wall_ns(wall_ns);
    if (!while_running) {
      store.reset();
      store = open_store(directory, clock);
    }
    Commit commit;
    append(commit, make_block(sequence++, {0}));
    must(store->commit(commit));
    const auto read = store->block(0);
    REQUIRE(read.ok());
    CHECK((*read)->age_ms == 0);
    CHECK(open_reader(directory, clock)->state()->dead_letters.kept == 1);
    REQUIRE_FALSE(said.empty());
    CHECK_THAT(said.back(), Catch::Contains("the clock says"));
    said.clear();
  }
  // Time that is really seen counts, also between two runs.
  store.reset();
  clock.advance(std::chrono::hours(24 * 29));
  store = open_store(directory, clock);
  CHECK((*store->block(0))->age_ms == 29LL * 24 * 3'600'000);
  clock.advance(std::chrono::hours(24 * 62));
  Commit commit;
  append(commit, make_block(sequence, {0}));
  must(store->commit(commit));
  CHECK(open_reader(directory, clock)->state()->dead_letters.kept == 0);  // 90 days
  services::set_log_sink({});
}
