// Guards the sequencer: chunks that wait for an earlier one are bounded by their bytes.
#include <future>

#include "queue_fixture.hpp"
#include "sequencer.hpp"

using namespace queue_fixture;  // NOLINT(google-build-using-namespace): a fixture of this test
using penstock::MappedChunk;
using penstock::Sequencer;

namespace {

std::unique_ptr<MappedChunk> chunk(std::uint64_t sequence, std::size_t bytes) {
  auto made = std::make_unique<MappedChunk>();
  made->sequence = sequence;
  made->end.offset = sequence + 1;
  penstock::queue::Input content = input(sequence + 1, sequence, 1, 0, bytes);
  made->blocks = std::move(content.blocks);
  made->tally = std::move(content.tally);
  made->saved_end = std::move(content.position);
  return made;
}

}  // namespace

TEST_CASE("A chunk waits outside while too many bytes wait for an earlier chunk") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  penstock::ledger::Ledger ledger({{0, "eu", "trial"}}, {0});
  Sequencer sequencer(*opened.queue, ledger, 100, {});
  constexpr std::size_t kLarge = Sequencer::kWaitingBytes * 2 / 3;
  REQUIRE(sequencer.push(chunk(1, kLarge)).ok());
  auto late = std::async(std::launch::async, [&] { return sequencer.push(chunk(2, kLarge)); });
  // Whoever is not held back is through in microseconds.
  CHECK(late.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout);
  REQUIRE(sequencer.push(chunk(0, kLarge)).ok());
  REQUIRE(late.get().ok());
  CHECK(sequencer.accepted().offset == 3);
}

TEST_CASE("Parts of a chunk go on in their order, and the next chunk behind the last of them") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  penstock::ledger::Ledger ledger({{0, "eu", "trial"}}, {0});
  Sequencer sequencer(*opened.queue, ledger, 100, {});
  const auto part = [](std::uint64_t sequence, std::uint32_t number, bool last, std::uint64_t end) {
    auto made = chunk(sequence, 100);
    made->part = number;
    made->ends_chunk = last;
    made->end.offset = end;
    return made;
  };
  REQUIRE(sequencer.push(part(1, 0, true, 40)).ok());
  REQUIRE(sequencer.push(part(0, 0, false, 10)).ok());
  CHECK(sequencer.accepted().offset == 10);
  REQUIRE(sequencer.push(part(0, 1, false, 20)).ok());
  CHECK(sequencer.accepted().offset == 20);
  REQUIRE(sequencer.push(part(0, 2, true, 30)).ok());
  CHECK(sequencer.accepted().offset == 40);
}

TEST_CASE("Parts of a chunk whose turn it is not are bounded like chunks") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  penstock::ledger::Ledger ledger({{0, "eu", "trial"}}, {0});
  Sequencer sequencer(*opened.queue, ledger, 100, {});
  constexpr std::size_t kLarge = Sequencer::kWaitingBytes * 2 / 3;
  const auto part = [&](std::uint32_t number, bool last) {
    auto made = chunk(1, kLarge);
    made->part = number;
    made->ends_chunk = last;
    return made;
  };
  REQUIRE(sequencer.push(part(0, false)).ok());
  auto late = std::async(std::launch::async, [&] { return sequencer.push(part(1, true)); });
  CHECK(late.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout);
  REQUIRE(sequencer.push(chunk(0, 100)).ok());
  REQUIRE(late.get().ok());
  CHECK(sequencer.accepted().offset == 2);
}

TEST_CASE("After a chunk that a plugin's fault cut short, nothing is taken any more") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  penstock::ledger::Ledger ledger({{0, "eu", "trial"}}, {0});
  Sequencer sequencer(*opened.queue, ledger, 100, {});
  auto faulty = chunk(1, 100);
  faulty->fault = penstock::mapping::PluginFault{0, 2, "its mapping hook misbehaved"};
  REQUIRE(sequencer.push(chunk(2, 100)).ok());  // mapped before the fault was known
  REQUIRE(sequencer.push(std::move(faulty)).ok());
  CHECK_FALSE(sequencer.fault());
  CHECK(sequencer.push(chunk(0, 100)).code() == penstock::StatusCode::pending);
  REQUIRE(sequencer.fault());
  CHECK(sequencer.fault()->message == "its mapping hook misbehaved");
  CHECK(sequencer.accepted().offset == 2);
  CHECK_FALSE(sequencer.push(chunk(3, 100)).ok());
  CHECK(sequencer.accepted().offset == 2);
}
