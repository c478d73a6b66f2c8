// Guards the queue between mapping and sending: order, bounds, and that what it has accepted is
// there after the process is gone, with what became of it.
#include <thread>

#include "queue_fixture.hpp"

using namespace queue_fixture;  // NOLINT(google-build-using-namespace): a fixture of this test
using penstock::LoadedBlock;
using penstock::StatusCode;

TEST_CASE("Blocks are taken in the order in which they were appended, each once") {
  for (const bool on_disk : {true, false}) {
    Directory directory;
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk);
    std::uint64_t seen = 0;
    for (std::uint64_t i = 0; i < 3; ++i) {
      REQUIRE(opened.queue->append(input(i + 1, i, 1)).ok());
    }
    while (seen < 3) {
      const LoadedBlock loaded = take(*opened.queue, changes);
      for (const auto& element : loaded.block->elements)
        CHECK(loaded.block->payload(element) == std::to_string(seen++));
    }
    CHECK(opened.queue->take()->block == nullptr);
    changes.wait_until([&] { return opened.queue->usage().drained; });
  }
}

TEST_CASE(
    "On disk, what was appended is there after the process is gone, and what was settled is not") {
  Directory directory;
  Changes changes;
  {
    const Opened opened = open(directory.path(), changes);
    REQUIRE(opened.queue->append(input(100, 0, 4)).ok());
    const LoadedBlock loaded = take(*opened.queue, changes);
    REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {1, 2})).ok());
    REQUIRE(opened.queue->flush().ok());
  }
  const Opened opened = open(directory.path(), changes);
  CHECK(opened.position == 100);
  CHECK(opened.totals.mappings().front().counts.delivered == 2);
  CHECK(opened.queue->untaken_by_mapping() == std::map<std::uint32_t, std::uint64_t>{{0, 2}});
  const LoadedBlock loaded = take(*opened.queue, changes);
  CHECK(loaded.done == std::vector<bool>{false, true, true, false});
  CHECK(loaded.block->payload(loaded.block->elements[3]) == "3");
}

TEST_CASE("In memory, the position stops before the first block with an unsettled element") {
  Directory directory;
  Changes changes;
  {
    const Opened opened = open(directory.path(), changes, false);
    for (std::uint64_t i = 0; i < 3; ++i)
      REQUIRE(opened.queue->append(input((i + 1) * 100, 10 * i, 2)).ok());
    REQUIRE(opened.queue->settle(delivered(1, {0, 1})).ok());
    REQUIRE(opened.queue->settle(delivered(0, {0})).ok());
    REQUIRE(opened.queue->flush().ok());
  }
  {
    const Opened opened = open(directory.path(), changes, false);
    CHECK(opened.position == 0);
    CHECK(opened.totals.events.received == 0);  // they will be read and counted again
    REQUIRE(opened.queue->append(input(100, 0, 1)).ok());
    const LoadedBlock loaded = take(*opened.queue, changes);
    REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {0})).ok());
    REQUIRE(opened.queue->flush().ok());
  }
  const Opened opened = open(directory.path(), changes, false);
  CHECK(opened.position == 100);
  CHECK(opened.totals.events.received == 1);
}

TEST_CASE("In memory, outcomes are stored together with the counts of what they are outcomes of") {
  Directory directory;
  Changes changes;
  {
    const Opened opened = open(directory.path(), changes, false);
    // One piece of the source that made two blocks, of which only the first is settled.
    penstock::queue::Input two = input(100, 0, 2);
    two.blocks.push_back(input(100, 10, 2).blocks.front());
    two.tally.of(0).matched = 4;
    REQUIRE(opened.queue->append(std::move(two)).ok());
    REQUIRE(opened.queue->settle(delivered(0, {0, 1})).ok());
    REQUIRE(opened.queue->flush().ok());
  }
  // Counts that do not add up would be refused.
  const Opened opened = open(directory.path(), changes, false);
  CHECK(opened.position == 0);
  CHECK(opened.totals.events.received == 0);
}

TEST_CASE("A block that is taken again says what was settled meanwhile, stored or not") {
  Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  REQUIRE(opened.queue->append(input(1, 0, 3)).ok());
  const LoadedBlock loaded = take(*opened.queue, changes);
  REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {1})).ok());
  const auto again = opened.queue->take_again(0);
  REQUIRE(again.ok());
  REQUIRE(again->block != nullptr);
  CHECK(again->block->sequence == loaded.block->sequence);
  CHECK(again->done == std::vector<bool>{false, true, false});
  CHECK(opened.queue->take_again(loaded.block->sequence + 1)->block == nullptr);
}

TEST_CASE(
    "Elements of a mapping that the pipeline has no more stay pending and are not given out") {
  Directory directory;
  Changes changes;
  {
    const Opened opened = open(directory.path(), changes);
    REQUIRE(opened.queue->append(input(1, 0, 2, 0)).ok());
    REQUIRE(opened.queue->append(input(2, 2, 3, 1)).ok());
    REQUIRE(opened.queue->flush().ok());
  }
  penstock::Catalog smaller = catalog();
  smaller.mappings.pop_back();
  const Opened opened = open(directory.path(), changes, true, 1ULL << 30U, smaller);
  const LoadedBlock loaded = take(*opened.queue, changes);
  CHECK(loaded.done == std::vector<bool>{false, false, true, true, true});
  CHECK(opened.queue->untaken_by_mapping() == std::map<std::uint32_t, std::uint64_t>{{1, 3}});
  changes.wait_until([&] { return opened.queue->usage().drained; });
}

TEST_CASE("An append to a full queue waits until elements are settled") {
  for (const bool on_disk : {true, false}) {
    Directory directory;
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk, 5'000);
    REQUIRE(opened.queue->append(input(1, 0, 1, 0, 4'000)).ok());
    const LoadedBlock loaded = take(*opened.queue, changes);
    std::atomic<bool> appended{false};
    std::thread producer([&] {
      const auto status = opened.queue->append(input(2, 1, 1, 0, 4'000));
      appended = status.ok();
    });
    changes.wait_until([&] { return opened.queue->usage().full; });
    CHECK_FALSE(appended);
    REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {0})).ok());
    producer.join();
    CHECK(appended);
  }
}

TEST_CASE("In memory, what is held back behind an element that nobody takes is bounded, too") {
  const Directory directory;
  Changes changes;
  constexpr std::uint64_t kAppends = 500;
  const Opened opened = open(directory.path(), changes, false, 20'000);
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kAppends; ++i)
      CHECK(opened.queue->append(input(i + 1, i, 1, 0, 10)).ok());
  });
  std::vector<std::uint64_t> taken;
  const auto settle_all = [&] {
    for (LoadedBlock loaded = *opened.queue->take(); loaded.block != nullptr;
         loaded = *opened.queue->take()) {
      taken.push_back(loaded.block->sequence);
      if (taken.size() == 1) continue;  // this one is still under way
      REQUIRE(opened.queue->settle(delivered(taken.back(), {0})).ok());
    }
    return opened.queue->usage().full || taken.size() == kAppends;
  };
  changes.wait_until(settle_all);
  CHECK(taken.size() > 10);
  CHECK(taken.size() < kAppends);
  REQUIRE(opened.queue->settle(delivered(taken.front(), {0})).ok());
  changes.wait_until([&] { return settle_all() && taken.size() == kAppends; });
  producer.join();
  REQUIRE(opened.queue->flush().ok());
}

TEST_CASE("A queue is full for a large append that waits, whatever a smaller one would find") {
  Directory directory;
  Changes changes;
  constexpr std::size_t kMebibyte = 1024 * 1024;
  const Opened opened = open(directory.path(), changes, true, 6 * kMebibyte);
  REQUIRE(opened.queue->append(input(1, 0, 1, 0, 3 * kMebibyte)).ok());
  REQUIRE(opened.queue->flush().ok());
  const LoadedBlock loaded = take(*opened.queue, changes);
  // As one event makes it for many mappings.
  std::thread producer(
      [&] { CHECK(opened.queue->append(input(2, 1, 1, 0, 3 * kMebibyte + 1000)).ok()); });
  changes.wait_until([&] { return opened.queue->usage().full; });
  REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {0})).ok());
  producer.join();
  CHECK_FALSE(opened.queue->usage().full);
}

TEST_CASE(
    "In memory, dead letters that wait behind an unsettled block fill the queue as blocks do") {
  Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes, false, 20'000);
  REQUIRE(opened.queue->append(input(1, 0, 1)).ok());
  const LoadedBlock loaded = take(*opened.queue, changes);
  constexpr std::uint64_t kLines = 10;
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= kLines; ++i) {
      penstock::queue::Input line;
      line.tally.events.received = 1;
      line.tally.events.invalid = 1;
      penstock::DeadLetter letter;
      letter.reason = "invalid_event";
      letter.content = std::string(4'000, 'x');
      line.tally.reason(penstock::ReasonCount::Kind::dead_letter, letter.mapping, letter.reason, {},
                        {});
      line.tally.dead_letters.push_back(std::move(letter));
      line.position = penstock::SavedPosition{{"/events", 1, 2, i + 1, 0, "", 0, ""}, {}};
      CHECK(opened.queue->append(std::move(line)).ok());
    }
  });
  changes.wait_until([&] { return opened.queue->usage().full; });
  REQUIRE(opened.queue->settle(delivered(loaded.block->sequence, {0})).ok());
  producer.join();
  REQUIRE(opened.queue->flush().ok());
  CHECK_FALSE(opened.queue->usage().full);
}

TEST_CASE("What is larger than the whole queue passes when the queue is empty") {
  for (const bool on_disk : {true, false}) {
    Directory directory;
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk, 100);
    CHECK(opened.queue->append(input(1, 0, 1, 0, 4'000)).ok());
  }
}

TEST_CASE("close() ends an append that waits, which then took nothing") {
  Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes, true, 5'000);
  REQUIRE(opened.queue->append(input(1, 0, 1, 0, 4'000)).ok());
  REQUIRE(opened.queue->flush().ok());
  penstock::Status status;
  std::thread producer([&] { status = opened.queue->append(input(2, 1, 1, 0, 4'000)); });
  changes.wait_until([&] { return opened.queue->usage().full; });
  opened.queue->close();
  producer.join();
  CHECK(status.code() == StatusCode::pending);
  CHECK(opened.queue->untaken_by_mapping() == std::map<std::uint32_t, std::uint64_t>{{0, 1}});
}

TEST_CASE("Settling an element twice is an error, not a wrong count") {
  for (const bool on_disk : {true, false}) {
    Directory directory;
    Changes changes;
    const Opened opened = open(directory.path(), changes, on_disk);
    REQUIRE(opened.queue->append(input(1, 0, 2)).ok());
    const std::uint64_t block = take(*opened.queue, changes).block->sequence;
    REQUIRE(opened.queue->settle(delivered(block, {0, 1})).ok());
    REQUIRE(opened.queue->flush().ok());
    penstock::Status status = opened.queue->settle(delivered(block, {1}));
    if (status.ok()) status = opened.queue->flush();
    CHECK(status.code() == StatusCode::internal);
  }
}

TEST_CASE("A backlog of any size comes back in order, more of it than stays in memory") {
  Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  constexpr std::uint64_t kInputs = 40;
  constexpr std::size_t kElements = 1'000;
  for (std::uint64_t i = 0; i < kInputs; ++i)
    REQUIRE(opened.queue->append(input(i + 1, i * kElements, kElements, 0, 200)).ok());
  REQUIRE(opened.queue->flush().ok());
  std::uint64_t seen = 0;
  while (seen < kInputs * kElements) {
    const LoadedBlock loaded = take(*opened.queue, changes);
    for (const auto& element : loaded.block->elements)
      REQUIRE(std::stoull(std::string(loaded.block->payload(element))) == seen++);
  }
}
