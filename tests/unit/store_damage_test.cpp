// Guards what happens to a damaged database: it is refused with what to run, never made anew;
// check says what is wrong; repair saves all that can be read, and the counts add up again.
#include <algorithm>
#include <cstring>

#include "services/sqlite.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::store;
using services::ManualClock;

namespace {

constexpr std::size_t kPageSize = 16 * 1024;
constexpr std::uint32_t kBlocks = 20;
constexpr std::uint32_t kElements = 10;
constexpr std::size_t kPayload = 20'000;

std::shared_ptr<Block> block_of(std::uint64_t sequence) {
  return make_block(sequence, std::vector<std::uint32_t>(kElements, 0), kPayload);
}

// Blocks of 10 elements, one of each settled, one of each with an attempt; three dead letters.
void fill(Store& store) {
  for (std::uint64_t i = 0; i < kBlocks; ++i) {
    const auto block = block_of(i);
    Commit commit;
    append(commit, block);
    settle(commit, *block, {0});
    commit.attempts = {{i, 1, 4}};
    commit.position = SavedPosition{{"/in", 1, 2, i, 0, "", 0, ""}, {}};
    if (i < 3) give_up(commit, *block, 2, "refused");
    must(store.commit(commit));
  }
}

constexpr std::uint64_t kPending = kBlocks * (kElements - 1) - 3;

std::unique_ptr<services::Clock> filled(const Directory& directory) {
  auto clock = std::make_unique<ManualClock>();
  fill(*open_store(directory, *clock));
  return clock;
}

void flip(const std::string& path, std::size_t place, std::size_t size = 1) {
  std::string bytes = bytes_of(path);
  REQUIRE(place + size <= bytes.size());
  for (std::size_t i = 0; i < size; ++i) bytes[place + i] = static_cast<char>(~bytes[place + i]);
  write_bytes(path, bytes);
}

// Where the payload of an element lies in the file.
std::size_t place_of(const Directory& directory, std::uint64_t sequence, std::uint32_t element) {
  const auto block = block_of(sequence);
  // The key's end and the next payload's beginning are found nowhere else.
  const std::string text = std::string(40, static_cast<char>('a' + (sequence + element) % 26)) +
                           "key" + std::to_string(element) +
                           std::string(40, static_cast<char>('a' + (sequence + element + 1) % 26));
  const std::size_t place = bytes_of(directory.database()).find(text);
  REQUIRE(place != std::string::npos);
  return place;
}

void check_refused(const Directory& directory, const services::Clock& clock) {
  std::vector<std::string> before;
  for (const std::string& path : {directory.database(), directory.log()}) {
    before.push_back(bytes_of(path));
  }
  const auto store = Store::open(directory.path, catalog(), {}, clock);
  REQUIRE_FALSE(store.ok());
  INFO(store.status().message());
  CHECK(store.status().code() == StatusCode::damaged);
  CHECK_THAT(store.status().message(), Catch::Contains(directory.database()) &&
                                           Catch::Contains("penstock queue check PIPELINE") &&
                                           Catch::Contains("penstock queue repair PIPELINE"));
  CHECK(bytes_of(directory.database()) == before[0]);
  CHECK(bytes_of(directory.log()) == before[1]);
  const auto report = check(directory.path);
  REQUIRE(report.ok());
  CHECK_FALSE(report->sound);
  CHECK_FALSE(report->findings.empty());
}

RepairReport repaired(const Directory& directory, const services::Clock& clock) {
  auto report = repair(directory.path, clock);
  INFO(report.status().message());
  REQUIRE(report.ok());
  CHECK_FALSE(report->actions.empty());
  const auto after = check(directory.path);
  REQUIRE(after.ok());
  for (const std::string& finding : after->findings) UNSCOPED_INFO(finding);
  CHECK(after->sound);
  CHECK(after->elements_pending == report->elements_saved);
  return std::move(report).value();
}

std::uint64_t pending_of(const Store& store) {
  std::uint64_t sum = 0;
  for (const std::uint64_t one : store.backlog().pending_by_mapping) sum += one;
  return sum;
}

// Every block that is stored has the payloads, settled bits and attempts that it had.
void check_blocks(Store& store) {
  for (std::uint64_t from = 0; from < kBlocks;) {
    const auto read = store.block(from);
    INFO(read.status().message());
    REQUIRE(read.ok());
    if (!read->has_value()) return;
    const StoredBlock& stored = **read;
    const auto model = block_of(stored.block->sequence);
    CHECK(stored.block->bytes == model->bytes);
    REQUIRE(stored.settled.size() == kElements);
    CHECK(stored.settled[0]);
    CHECK_FALSE(stored.settled[1]);
    CHECK(stored.settled[2] == (stored.block->sequence < 3));
    REQUIRE(stored.attempts.size() == kElements);
    CHECK(stored.attempts[1] == 4);
    from = stored.block->sequence + 1;
  }
}

}  // namespace

TEST_CASE("A sound queue is sound, and a repair leaves it alone") {
  const Directory directory;
  const auto clock = filled(directory);
  const auto report = check(directory.path);
  REQUIRE(report.ok());
  CHECK(report->sound);
  CHECK(report->findings.empty());
  CHECK(report->blocks == kBlocks);
  CHECK(report->elements_pending == kPending);
  const std::string before = bytes_of(directory.database());
  const auto untouched = repair(directory.path, *clock);
  REQUIRE(untouched.ok());
  CHECK(untouched->backup.empty());
  CHECK(bytes_of(directory.database()) == before);
}

TEST_CASE("A queue that was never made cannot be checked or repaired") {
  const Directory directory;
  const ManualClock clock;
  CHECK(check(directory.path).status().code() == StatusCode::bad_input);
  CHECK(repair(directory.path, clock).status().code() == StatusCode::bad_input);
}

TEST_CASE("A flipped byte in a block is noticed when it is read; repair saves all other blocks") {
  const Directory directory;
  const auto clock = filled(directory);
  flip(directory.database(), place_of(directory, 7, 5));
  {
    const auto store = open_store(directory, *clock);
    CHECK(store->block(6).ok());
    const auto read = store->block(7);
    REQUIRE_FALSE(read.ok());
    CHECK(read.status().code() == StatusCode::damaged);
    CHECK_THAT(read.status().message(), Catch::Contains("block 7") && Catch::Contains("checksum") &&
                                            Catch::Contains("penstock queue repair PIPELINE"));
  }
  const auto found = check(directory.path);
  REQUIRE(found.ok());
  REQUIRE(found->findings.size() == 1);
  CHECK_THAT(found->findings[0], Catch::Contains("Block 7") && Catch::Contains("checksum"));

  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved == kPending - (kElements - 1));
  CHECK(report.elements_lost == kElements - 1);
  CHECK(std::filesystem::exists(report.backup));
  const auto store = open_store(directory, *clock);
  check_blocks(*store);
  CHECK(store->position()->offset == kBlocks - 1);
  CHECK(store->backlog().next_sequence == kBlocks);
  const auto state = open_reader(directory, *clock)->state();
  REQUIRE(state.ok());
  CHECK(state->mappings[0].counts.dead_lettered == 3 + kElements - 1);
  CHECK(state->mappings[0].counts.pending() == static_cast<std::int64_t>(pending_of(*store)));
  REQUIRE(state->issues.size() == 1);
  CHECK(state->issues[0].code == "lost_in_damage");
  CHECK(state->issues[0].count == kElements - 1);
  CHECK(state->dead_letters.kept == 3);
}

TEST_CASE("A header that was overwritten is refused; repair saves every record") {
  const Directory directory;
  const auto clock = filled(directory);
  const std::size_t size = GENERATE(100, 16 * 1024);
  flip(directory.database(), 0, size);
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved == kPending);
  CHECK(report.elements_lost == 0);
  const auto store = open_store(directory, *clock);
  check_blocks(*store);
  CHECK(store->position()->offset == kBlocks - 1);
  CHECK(open_reader(directory, *clock)->state()->dead_letters.kept == 3);
}

TEST_CASE("A file that was cut off is refused; repair saves the blocks that are still in it") {
  const Directory directory;
  const auto clock = filled(directory);
  const std::string bytes = bytes_of(directory.database());
  // Of whole pages, and in the middle of one.
  write_bytes(directory.database(),
              bytes.substr(0, bytes.size() / 2 / kPageSize * kPageSize + GENERATE(0, 1'000)));
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved >= kPending / 3);
  CHECK(report.elements_saved + report.elements_lost == kPending);
  check_blocks(*open_store(directory, *clock));
}

TEST_CASE("Of a file of which only the beginning is left, no loss goes unsaid") {
  const Directory directory;
  const auto clock = filled(directory);
  const std::string bytes = bytes_of(directory.database());
  // An empty database has 19 pages, one for each table and index.
  const std::size_t pages = GENERATE(1, 2, 5, 9, 14, 18);
  write_bytes(directory.database(), bytes.substr(0, pages * kPageSize + 100));
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  for (const std::string& action : report.actions) UNSCOPED_INFO(action);
  CHECK(report.elements_saved == 0);
  if (report.all_known) {
    CHECK(report.elements_lost == kPending);
  } else {
    CHECK_THAT(report.actions, Catch::VectorContains(std::string(
                                   "How many records were pending could not be read: more may be "
                                   "lost than is counted.")));
  }
}

TEST_CASE("A flipped bit in the description of a table costs no row") {
  const Directory directory;
  const auto clock = filled(directory);
  const char* const word =
      GENERATE("letters_kept", "delivered", "CREATE TABLE blocks", "settled_counts", "TABLE meta");
  const std::string bytes = bytes_of(directory.database());
  const std::size_t place = bytes.substr(0, kPageSize).find(word);
  REQUIRE(place != std::string::npos);
  std::string damaged = bytes;
  damaged[place + 3] = static_cast<char>(damaged[place + 3] ^ 0x10);
  write_bytes(directory.database(), damaged);
  CAPTURE(word);
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved == kPending);
  CHECK(report.elements_lost == 0);
  CHECK(report.all_known);
  check_blocks(*open_store(directory, *clock));
}

TEST_CASE(
    "What a run refuses of the first page, check finds and repair heals: each bit of the text") {
  const Directory sound;
  const auto clock = filled(sound);
  const std::string bytes = bytes_of(sound.database());
  const std::size_t first = bytes.substr(0, kPageSize).find("CREATE TABLE");
  REQUIRE(first != std::string::npos);
  constexpr std::size_t kVersion = 60;  // of the file format: PRAGMA user_version, 4 bytes
  std::vector<std::size_t> places = {kVersion, kVersion + 1, kVersion + 3};
  for (std::size_t place = first; place < kPageSize; place += 211) places.push_back(place);
  std::size_t refused = 0;
  for (const std::size_t place : places) {
    const Directory directory;
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << (place % 7)));
    write_bytes(directory.database(), damaged);
    CAPTURE(place);
    const auto store = Store::open(directory.path, catalog(), {}, *clock);
    if (store.ok()) continue;
    ++refused;
    CAPTURE(store.status().message());
    REQUIRE(store.status().code() == StatusCode::damaged);
    const RepairReport report = repaired(directory, *clock);
    REQUIRE(report.elements_saved == kPending);
    REQUIRE(report.elements_lost == 0);
    check_blocks(*open_store(directory, *clock));
  }
  CHECK(refused > 8);
}

TEST_CASE("An emptied file is refused, with and without a log") {
  const Directory directory;
  const auto clock = filled(directory);
  if (GENERATE(false, true)) write_bytes(directory.log(), "something");
  write_bytes(directory.database(), "");
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved == 0);
  CHECK(open_store(directory, *clock)->backlog().next_sequence == 0);
}

TEST_CASE("A damaged table of counts is refused; repair makes the counts fit the records") {
  const Directory directory;
  const auto clock = filled(directory);
  // The page with the row "trial".
  const std::size_t place = bytes_of(directory.database()).find("trial");
  REQUIRE(place != std::string::npos);
  flip(directory.database(), place / kPageSize * kPageSize, kPageSize);
  check_refused(directory, *clock);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_saved == kPending);
  const auto store = open_store(directory, *clock);
  CHECK(pending_of(*store) == kPending);
  // The name was lost with it.
  CHECK(store->catalog().mappings.back().name == "unknown_1");
  CHECK_FALSE(report.all_known);
  CHECK(std::any_of(report.actions.begin(), report.actions.end(), [](const std::string& action) {
    return action.find("unknown_1 and is not delivered") != std::string::npos;
  }));
}

TEST_CASE("A missing log is noticed when the last run did not end well") {
  const Directory directory;
  const Directory crashed;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock);
    fill(*store);
    std::filesystem::copy_file(directory.database(), crashed.database());
    std::filesystem::copy_file(directory.log(), crashed.log());
  }
  {
    const Directory with_log;
    std::filesystem::copy_file(crashed.database(), with_log.database());
    std::filesystem::copy_file(crashed.log(), with_log.log());
    CHECK(pending_of(*open_store(with_log, clock)) == kPending);
  }
  std::filesystem::remove(crashed.log());
  check_refused(crashed, clock);
  CHECK_THAT(Store::open(crashed.path, catalog(), {}, clock).status().message(),
             Catch::Contains(crashed.log()));
  repaired(crashed, clock);
  const auto store = open_store(crashed, clock);
  must(store->verify());
}

TEST_CASE("A log without its database is refused") {
  const Directory directory;
  const Directory crashed;
  const ManualClock clock;
  const auto store = open_store(directory, clock);
  fill(*store);
  std::filesystem::copy_file(directory.log(), crashed.log());
  const auto refused = Store::open(crashed.path, catalog(), {}, clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::damaged);
  CHECK_FALSE(std::filesystem::exists(crashed.database()));
}

TEST_CASE("A repair that was interrupted must be finished before the queue is opened") {
  const Directory directory;
  const auto clock = filled(directory);
  const Directory elsewhere;
  const auto other = filled(elsewhere);
  // As if it ended just before the damaged file was put aside, or just afterwards.
  std::filesystem::copy_file(elsewhere.database(), directory.database() + ".repaired");
  if (GENERATE(false, true)) {
    std::filesystem::remove(directory.database());
  } else {
    flip(directory.database(), 0, 100);
  }
  const auto refused = Store::open(directory.path, catalog(), {}, *clock);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.status().message(), Catch::Contains("interrupted"));
  CHECK(repair(directory.path, *clock).ok());
  CHECK(pending_of(*open_store(directory, *clock)) == kPending);
}

TEST_CASE("Counts that do not agree with the records are refused with the numbers, and mended") {
  const Directory directory;
  const auto clock = filled(directory);
  // By a block that vanishes without a trace in the counts: its row, and then the rest of it.
  {
    const std::string command =
        "DELETE FROM blocks WHERE sequence = 3;"
        "DELETE FROM block_data WHERE sequence = 3;"
        "DELETE FROM progress WHERE sequence = 3;";
    services::Database::Options options;
    auto database = services::Database::open(directory.database(), options);
    REQUIRE(database.ok());
    must((*database)->execute(command));
  }
  const auto refused = Store::open(directory.path, catalog(), {}, *clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::internal);
  CHECK_THAT(refused.status().message(),
             Catch::Contains("eu/trial") && Catch::Contains("leaves 177 pending, but 168 are"));
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_lost == kElements - 1);
  CHECK(pending_of(*open_store(directory, *clock)) == kPending - (kElements - 1));
}

TEST_CASE("A number of events that is not the sum of what became of them is refused, and mended") {
  const Directory directory;
  const auto clock = filled(directory);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    must((*database)->execute("UPDATE meta SET received = received + 7"));
  }
  const auto refused = Store::open(directory.path, catalog(), {}, *clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::internal);
  CHECK_THAT(refused.status().message(), Catch::Contains("events"));
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_lost == 0);
  must(open_store(directory, *clock)->verify());
}

TEST_CASE("What a run refuses, check finds and repair mends") {
  struct Defect {
    const char* sql;
    const char* refusal;
  };
  const Defect defect = GENERATE(
      Defect{"UPDATE progress SET attempts = x'0100' WHERE sequence = 5", "block 5"},
      Defect{"UPDATE meta SET next_sequence = 5", "the next would be 5"},
      Defect{"DELETE FROM destinations WHERE name = 'eu'", "destination 1, which has no name"});
  const Directory directory;
  const auto clock = filled(directory);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    must((*database)->execute(defect.sql));
  }
  // Without the destination, which the run would name again.
  const Catalog other{{{"us", {"sync"}}}, {{0, "all"}}};
  const auto refused = Store::open(directory.path, other, {}, *clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::damaged);
  CHECK_THAT(refused.status().message(), Catch::Contains(defect.refusal));
  const auto found = check(directory.path);
  REQUIRE(found.ok());
  CHECK_FALSE(found->sound);
  const RepairReport report = repaired(directory, *clock);
  CHECK(report.elements_lost == 0);
  CHECK(pending_of(*open_store(directory, *clock, {}, other)) == kPending);
}

TEST_CASE("What is lost is counted in full, also where other records are pending again") {
  const Directory directory;
  const auto clock = filled(directory);
  const bool superseded = GENERATE(false, true);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    if (superseded) {
      must((*database)->execute("UPDATE mappings SET superseded = delivered, delivered = 0"));
    }
    const auto page =
        (*database)->ask_integer("SELECT rootpage FROM sqlite_master WHERE name = 'progress'");
    REQUIRE(page.ok());
    database->reset();
    flip(directory.database(), static_cast<std::size_t>(*page - 1) * kPageSize, kPageSize);
  }
  for (const std::uint64_t lost : std::vector<std::uint64_t>{7, 9, 11})
    flip(directory.database(), place_of(directory, lost, 5));
  const RepairReport report = repaired(directory, *clock);
  // Whether the one of each that had been delivered was among them is not known.
  CHECK(report.elements_lost == std::uint64_t{3} * kElements);
  CHECK(report.elements_saved == std::uint64_t{kBlocks - 3} * kElements);
  const auto state = open_reader(directory, *clock)->state();
  REQUIRE(state.ok());
  const MappingCounts& counts = state->mappings[0].counts;
  CHECK(counts.matched == std::uint64_t{kBlocks} * kElements);
  CHECK(counts.delivered == 0);
  CHECK(counts.superseded == 0);
  REQUIRE(state->issues.size() == 1);
  CHECK(state->issues[0].code == "lost_in_damage");
  CHECK(state->issues[0].count == std::uint64_t{3} * kElements);
}

TEST_CASE("A flipped byte costs the elements that share its checksum, and no other of the block") {
  constexpr std::uint32_t kMany = 300;
  constexpr std::uint32_t kDamaged = 130;  // of the group from 128 to 191
  const Directory directory;
  const ManualClock clock;
  const auto block = make_block(0, std::vector<std::uint32_t>(kMany, 0), 500);
  {
    const auto store = open_store(directory, clock);
    Commit commit;
    append(commit, block);
    settle(commit, *block, {3, 129, 140, 299});
    commit.attempts = {{0, 130, 2}, {0, 200, 5}};
    must(store->commit(commit));
  }
  const std::string text = std::string(block->payload(block->elements[kDamaged])) + "key130";
  flip(directory.database(), bytes_of(directory.database()).find(text) + 5);
  const RepairReport report = repaired(directory, clock);
  CHECK(report.elements_lost == 64 - 2);
  CHECK(report.elements_saved == kMany - 4 - (64 - 2));
  const auto store = open_store(directory, clock);
  const auto read = store->block(0);
  REQUIRE(read.ok());
  REQUIRE(read->has_value());
  const StoredBlock& stored = **read;
  REQUIRE(stored.block->elements.size() == kMany - 64);
  for (std::uint32_t i = 0; i < kMany - 64; ++i) {
    const std::uint32_t was = i < 128 ? i : i + 64;
    REQUIRE(stored.block->payload(stored.block->elements[i]) ==
            block->payload(block->elements[was]));
    REQUIRE(stored.block->coalesce_key(stored.block->elements[i]) ==
            block->coalesce_key(block->elements[was]));
    REQUIRE(stored.settled[i] == (was == 3 || was == 299));
    REQUIRE(stored.attempts[i] == (was == 200 ? 5 : 0));
  }
}

TEST_CASE("Where it cannot be read what was delivered of a block, all of it counts as pending") {
  const Directory directory;
  const auto clock = filled(directory);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    const auto page =
        (*database)->ask_integer("SELECT rootpage FROM sqlite_master WHERE name = 'progress'");
    REQUIRE(page.ok());
    database->reset();
    flip(directory.database(), static_cast<std::size_t>(*page - 1) * kPageSize, kPageSize);
  }
  const RepairReport report = repaired(directory, *clock);
  std::string actions;
  for (const std::string& action : report.actions) actions += action + "\n";
  CHECK_THAT(actions, Catch::Contains("what was delivered of it is not known"));
  CHECK(report.elements_saved == std::uint64_t{kBlocks} * kElements);
  const auto state = open_reader(directory, *clock)->state();
  REQUIRE(state.ok());
  const MappingCounts& counts = state->mappings[0].counts;
  CHECK(counts.matched == std::uint64_t{kBlocks} * kElements);
  CHECK(counts.delivered == 0);
  // Their elements are in the queue again.
  CHECK(counts.dead_lettered == 3);
  CHECK(counts.replayed == 3);
  CHECK(state->dead_letters.kept == 0);
  CHECK(state->dead_letters.dropped == 0);
  CHECK(state->events.received == std::uint64_t{kBlocks} * kElements);
}

TEST_CASE("Damage anywhere never crashes, invents or hides: each page overwritten in turn") {
  const Directory sound;
  const auto clock = filled(sound);
  const std::string bytes = bytes_of(sound.database());
  // Every page at the beginning, where the tables are, then some of the blocks.
  for (std::size_t page = 0; page < bytes.size() / kPageSize; page += page < 30 ? 1 : 17) {
    const Directory directory;
    std::string damaged = bytes;
    std::memset(damaged.data() + page * kPageSize, 0xA5, kPageSize);
    write_bytes(directory.database(), damaged);
    INFO("page " << page);
    const auto found = check(directory.path);
    REQUIRE(found.ok());
    const RepairReport report = found->sound ? RepairReport{} : repaired(directory, *clock);
    auto store = open_store(directory, *clock);
    // Where it is not known any more what was delivered, all is sent again.
    REQUIRE(pending_of(*store) <= std::uint64_t{kBlocks} * kElements);
    if (!found->sound) REQUIRE(pending_of(*store) == report.elements_saved);
    must(store->verify());
    for (std::uint64_t from = 0; from < kBlocks; ++from) {
      const auto read = store->block(from);
      REQUIRE(read.ok());
      if (!read->has_value()) break;
      from = (*read)->block->sequence;
      REQUIRE((*read)->block->bytes == block_of(from)->bytes);
    }
  }
}

TEST_CASE("A row that contradicts itself is damage, with what to do about it") {
  const Directory directory;
  const auto clock = filled(directory);
  {
    auto database = services::Database::open(directory.database(), {});
    REQUIRE(database.ok());
    // More settled than there are: 200 of mapping 1.
    must((*database)->execute(
        "UPDATE progress SET settled_counts = x'01000000c8000000' WHERE sequence = 4"));
  }
  check_refused(directory, *clock);
  const auto state = open_reader(directory, *clock)->state();
  REQUIRE_FALSE(state.ok());
  CHECK(state.status().code() == StatusCode::damaged);
  CHECK_THAT(state.status().message(), Catch::Contains("queue repair"));
  repaired(directory, *clock);
  CHECK(pending_of(*open_store(directory, *clock)) == kPending);
}

TEST_CASE("Neither queue check nor queue repair advises itself") {
  const Directory directory;
  const auto clock = filled(directory);
  const std::size_t size = GENERATE(100, 16 * 1024);
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  const auto page = (*database)->ask_integer(
      GENERATE("SELECT 1", "SELECT rootpage FROM sqlite_master WHERE name = 'dead_letters'",
               "SELECT rootpage FROM sqlite_master WHERE name = 'reasons'"));
  REQUIRE(page.ok());
  database->reset();
  flip(directory.database(), static_cast<std::size_t>(*page - 1) * kPageSize, size);
  const auto found = check(directory.path);
  REQUIRE(found.ok());
  CHECK_FALSE(found->sound);
  for (const std::string& finding : found->findings)
    CHECK_THAT(finding, !Catch::Contains("queue repair") && !Catch::Contains("queue check"));
  for (const std::string& action : repaired(directory, *clock).actions) {
    CHECK_THAT(action, !Catch::Contains("queue repair") && !Catch::Contains("queue check") &&
                           !Catch::Contains("Nothing was changed"));
  }
}

TEST_CASE("Where the file is missing, its repair is not advised, but to put it back") {
  const Directory directory;
  const auto clock = filled(directory);
  write_bytes(directory.log(), "something");
  std::filesystem::remove(directory.database());
  const auto refused = Store::open(directory.path, catalog(), {}, *clock);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::damaged);
  CHECK_THAT(refused.status().message(), Catch::Contains("is missing") &&
                                             Catch::Contains("Put the file back") &&
                                             !Catch::Contains("queue repair"));
  // Neither finds anything to repair.
  CHECK(check(directory.path).status().message() == refused.status().message());
  CHECK(repair(directory.path, *clock).status().message() == refused.status().message());
  CHECK_FALSE(std::filesystem::exists(directory.database()));
  CHECK(bytes_of(directory.log()) == "something");
}
