// Guards the in-memory queue: order, bounds, and a committed position that never runs ahead of what
// is settled.
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "queue/memory_queue.hpp"

namespace {

using penstock::Block;
using penstock::BlockElement;
using penstock::Tally;
using penstock::queue::MemoryQueue;

std::shared_ptr<const Block> block(std::uint64_t sequence, std::size_t elements, std::uint64_t end,
                                   std::size_t bytes = 10) {
  auto content = std::make_shared<Block>();
  content->sequence = sequence;
  content->end.offset = end;
  content->bytes.assign(bytes, 'x');
  content->elements.resize(elements);
  for (BlockElement& element : content->elements) element.mapping = 3;
  return content;
}

penstock::Status append(MemoryQueue& queue, std::shared_ptr<const Block> content) {
  std::vector<std::shared_ptr<const Block>> blocks;
  blocks.push_back(std::move(content));
  return queue.append(std::move(blocks), Tally());
}

penstock::Status settle(MemoryQueue& queue, std::uint64_t sequence,
                        const std::vector<std::uint32_t>& elements) {
  penstock::Settlement settlement{sequence, {}};
  for (const std::uint32_t element : elements) {
    settlement.elements.push_back({element, 3, penstock::SettledElement::Kind::delivered});
  }
  return queue.settle({settlement}, Tally());
}

void nothing() {}

}  // namespace

TEST_CASE("Blocks are taken in the order in which they were appended, each once") {
  MemoryQueue queue(1'000'000, nothing);
  for (std::uint64_t i = 0; i < 3; ++i) REQUIRE(append(queue, block(i, 1, i)).ok());
  for (std::uint64_t i = 0; i < 3; ++i) CHECK((*queue.take())->sequence == i);
  CHECK(*queue.take() == nullptr);
}

TEST_CASE("The committed position stops before the first block with an unsettled element") {
  MemoryQueue queue(1'000'000, nothing);
  for (std::uint64_t i = 0; i < 3; ++i) REQUIRE(append(queue, block(i, 2, (i + 1) * 100)).ok());
  CHECK(queue.committed().offset == 0);
  REQUIRE(settle(queue, 1, {0, 1}).ok());
  CHECK(queue.committed().offset == 0);
  REQUIRE(settle(queue, 0, {0}).ok());
  CHECK(queue.committed().offset == 0);
  REQUIRE(settle(queue, 0, {1}).ok());
  CHECK(queue.committed().offset == 200);
}

TEST_CASE("A block without elements moves the committed position and is not taken") {
  MemoryQueue queue(1'000'000, nothing);
  REQUIRE(append(queue, block(0, 0, 50)).ok());
  CHECK(queue.committed().offset == 50);
  REQUIRE(append(queue, block(1, 1, 60)).ok());
  CHECK((*queue.take())->sequence == 1);
}

TEST_CASE("Settling an element twice is an error, not a wrong count") {
  MemoryQueue queue(1'000'000, nothing);
  REQUIRE(append(queue, block(0, 1, 10)).ok());
  REQUIRE(append(queue, block(1, 1, 20)).ok());
  REQUIRE(settle(queue, 1, {0}).ok());
  CHECK(settle(queue, 1, {0}).code() == penstock::StatusCode::internal);
}

TEST_CASE("An append to a full queue waits until elements are settled") {
  std::mutex mutex;
  std::condition_variable changed;
  int changes = 0;
  MemoryQueue queue(1500, [&] {
    const std::lock_guard lock(mutex);
    ++changes;
    changed.notify_all();
  });
  REQUIRE(append(queue, block(0, 1, 10, 1000)).ok());
  std::atomic<bool> appended{false};
  std::thread producer([&] {
    REQUIRE(append(queue, block(1, 1, 20, 1000)).ok());
    appended = true;
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return changes >= 2; });  // the second says that the append waits
  }
  CHECK_FALSE(appended);
  REQUIRE(settle(queue, 0, {0}).ok());
  producer.join();
  CHECK(appended);
}

TEST_CASE("A block larger than the whole queue passes when the queue is empty") {
  MemoryQueue queue(100, nothing);
  CHECK(append(queue, block(0, 1, 10, 1000)).ok());
}

TEST_CASE("close() ends an append that waits, which then took nothing") {
  std::mutex mutex;
  std::condition_variable changed;
  int changes = 0;
  MemoryQueue queue(1500, [&] {
    const std::lock_guard lock(mutex);
    ++changes;
    changed.notify_all();
  });
  REQUIRE(append(queue, block(0, 1, 10, 1000)).ok());
  penstock::Status status;
  std::thread producer([&] { status = append(queue, block(1, 1, 20, 1000)); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return changes >= 2; });
  }
  queue.close();
  producer.join();
  CHECK(status.code() == penstock::StatusCode::pending);
  CHECK(queue.untaken_by_mapping() == std::map<std::uint32_t, std::uint64_t>{{3, 1}});
}
