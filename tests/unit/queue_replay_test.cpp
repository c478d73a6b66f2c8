// Guards the replay of dead letters: what people ask for is sent before a run ends, and never
// undoes what came later.
#include "queue/replayable_keys.hpp"
#include "queue_fixture.hpp"
#include "store/reader.hpp"

using namespace queue_fixture;  // NOLINT(google-build-using-namespace): a fixture of this test
using penstock::LoadedBlock;
using penstock::queue::Input;
using penstock::queue::Progress;
using penstock::queue::ReplayableKeys;

namespace {

constexpr char kAudience[] = "audience 0";

// One element about a person.
Input about(const std::string& person, const std::string& payload) {
  Input made = input(1, 0, 1);
  penstock::Block& block = made.blocks.front();
  penstock::BlockElement& element = block.elements.front();
  block.bytes = payload + person;
  element.payload_size = static_cast<std::uint32_t>(payload.size());
  element.key_size = static_cast<std::uint32_t>(person.size());
  element.key_hash = penstock::coalesce_hash(person);
  return made;
}

// The only element of the block is refused for good.
Progress refused(const LoadedBlock& loaded, bool overtaken = false) {
  const penstock::Block& block = *loaded.block;
  Progress progress;
  progress.settlements.push_back(
      {block.sequence, {{0, 0, penstock::SettledElement::Kind::dead_lettered}}});
  progress.tally.reason(penstock::ReasonCount::Kind::dead_letter, 0, "refused", {}, "no");
  penstock::DeadLetter letter;
  letter.mapping = 0;
  letter.reason = "refused";
  letter.message = "no";
  letter.form = penstock::DeadLetter::Form::element;
  letter.content = block.payload(block.elements.front());
  letter.coalesce_key = block.coalesce_key(block.elements.front());
  letter.route = block.routes.front();
  letter.block = block.sequence;
  letter.overtaken = overtaken;
  progress.tally.dead_letters.push_back(std::move(letter));
  return progress;
}

penstock::store::Reader::Marked mark_all(const Directory& directory) {
  static const penstock::services::SystemClock clock;
  auto reader = penstock::store::Reader::open(directory.path(), clock);
  REQUIRE(reader.ok());
  auto marked = (*reader)->request_replay({});
  REQUIRE(marked.ok());
  return *marked;
}

// A queue that has one dead letter about the person, and is closed again.
void leave_dead_letter(const Directory& directory, bool on_disk) {
  Changes changes;
  const Opened opened = open(directory.path(), changes, on_disk);
  REQUIRE(opened.queue->append(about("ann", "old")).ok());
  REQUIRE(opened.queue->settle(refused(take(*opened.queue, changes))).ok());
  REQUIRE(opened.queue->flush().ok());
}

// Until the queue says so; nothing may come any more.
void end(const Opened& opened, Changes& changes) {
  changes.wait_until([&] {
    REQUIRE(opened.queue->take()->block == nullptr);
    return opened.queue->close_if_drained();
  });
}

}  // namespace

TEST_CASE("A queue does not end before it has given out the replays that were asked for") {
  // Which thread is first is a matter of luck: several times, so that it is seen.
  for (int round = 0; round < 20; ++round) {
    const bool on_disk = round % 2 == 0;
    const Directory directory;
    leave_dead_letter(directory, on_disk);
    REQUIRE(mark_all(directory).marked == 1);
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk);
    LoadedBlock loaded;
    while (!opened.queue->close_if_drained() && loaded.block == nullptr)
      loaded = *opened.queue->take();
    REQUIRE(loaded.block != nullptr);
    CHECK(loaded.block->payload(loaded.block->elements.front()) == "old");
    REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {0})).ok());
    end(opened, changes);
    CHECK(opened.queue->flush().ok());
  }
}

TEST_CASE("What is appended about the same person overtakes a dead letter, in this run or later") {
  for (const bool on_disk : {true, false}) {
    const Directory directory;
    leave_dead_letter(directory, on_disk);
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk);
    REQUIRE(opened.queue->append(about("bob", "other")).ok());
    REQUIRE(opened.queue->append(about("ann", "new")).ok());
    REQUIRE(opened.queue->flush().ok());
    const auto marked = mark_all(directory);
    CHECK(marked.marked == 0);
    CHECK(marked.overtaken == 1);
  }
}

TEST_CASE("What was in the queue before a dead letter was made overtakes it when it is taken") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  REQUIRE(opened.queue->append(about("ann", "old")).ok());
  const LoadedBlock older = take(*opened.queue, changes);
  REQUIRE(opened.queue->append(about("ann", "new")).ok());
  REQUIRE(opened.queue->settle(refused(older)).ok());
  REQUIRE(opened.queue->flush().ok());
  REQUIRE(mark_all(directory).marked == 1);
  const LoadedBlock newer = take(*opened.queue, changes);
  CHECK(newer.block->payload(newer.block->elements.front()) == "new");
  REQUIRE(opened.queue->settle(delivered(newer.block->sequence, {0})).ok());
  end(opened, changes);
  REQUIRE(opened.queue->flush().ok());
  CHECK(opened.queue->untaken_by_mapping().empty());
  CHECK(mark_all(directory).overtaken == 1);
}

TEST_CASE("A dead letter that was overtaken when it was made cannot be replayed") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  REQUIRE(opened.queue->append(about("ann", "old")).ok());
  REQUIRE(opened.queue->settle(refused(take(*opened.queue, changes), true)).ok());
  REQUIRE(opened.queue->flush().ok());
  CHECK(mark_all(directory).overtaken == 1);
}

TEST_CASE("A replayed element that is refused again at once is a dead letter like the first") {
  for (const bool on_disk : {true, false}) {
    const Directory directory;
    leave_dead_letter(directory, on_disk);
    REQUIRE(mark_all(directory).marked == 1);
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk);
    REQUIRE(opened.queue->settle(refused(take(*opened.queue, changes))).ok());
    REQUIRE(opened.queue->flush().ok());
    CHECK(mark_all(directory).marked == 1);
  }
}

TEST_CASE("In memory, a dead letter that waits for what stands before it can be overtaken") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes, false);
  REQUIRE(opened.queue->append(about("bob", "first")).ok());
  REQUIRE(opened.queue->append(about("ann", "old")).ok());
  const LoadedBlock first = take(*opened.queue, changes);
  REQUIRE(opened.queue->settle(refused(take(*opened.queue, changes))).ok());
  REQUIRE(opened.queue->append(about("ann", "new")).ok());
  const LoadedBlock newer = take(*opened.queue, changes);
  REQUIRE(opened.queue->settle(delivered(newer.block->sequence, {0})).ok());
  REQUIRE(opened.queue->flush().ok());
  REQUIRE(opened.queue->settle(delivered(first.block->sequence, {0})).ok());
  REQUIRE(opened.queue->flush().ok());
  CHECK(mark_all(directory).overtaken == 1);
}

TEST_CASE("The filter of keys stays of use with as many dead letters as are kept at most") {
  ReplayableKeys keys;
  const penstock::Route route{1, 2, kAudience};
  constexpr int kKeys = 700'000;
  for (int i = 0; i < kKeys; ++i) keys.add(route, std::to_string(i));
  int missed = 0;
  int wrong = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::uint64_t hash = penstock::coalesce_hash(std::to_string(i));
    missed += keys.may_have(ReplayableKeys::hash_of(route), hash) ? 0 : 1;
    wrong += keys.may_have(ReplayableKeys::hash_of({2, 1, kAudience}), hash) ? 1 : 0;
  }
  CHECK(missed == 0);
  CHECK(wrong < kKeys / 10);
}

TEST_CASE("The filter of keys never misses one that was added, and seldom finds another") {
  ReplayableKeys keys;
  const penstock::Route route{1, 2, kAudience};
  CHECK(!keys.may_have(ReplayableKeys::hash_of(route), penstock::coalesce_hash("0")));
  for (int i = 0; i < 10'000; ++i) keys.add(route, std::to_string(i));
  int wrong = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t hash = penstock::coalesce_hash(std::to_string(i));
    REQUIRE(keys.may_have(ReplayableKeys::hash_of(route), hash));
    wrong += keys.may_have(ReplayableKeys::hash_of({2, 1, kAudience}), hash) ? 1 : 0;
  }
  CHECK(wrong < 100);
}
