// Guards the queue on a disk that refuses: nothing is passed over, and how long it is waited for.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <numeric>

#include "faulty_disk.hpp"
#include "queue_fixture.hpp"

using namespace queue_fixture;  // NOLINT(google-build-using-namespace): a fixture of this test
using penstock::LoadedBlock;
using penstock::StatusCode;
using penstock::queue::Queue;
using penstock::store::FaultyDisk;

namespace {

Opened open_faulty(const Directory& directory, Changes& changes,
                   std::chrono::milliseconds patience = Queue::kFlushPatience) {
  FaultyDisk::install();
  return open(directory.path(), changes, true, 1ULL << 30U, catalog(), FaultyDisk::kName, patience);
}

// Until the storing thread has been refused once more.
void wait_for_refusal(Changes& changes) {
  changes.wait_until([] { return FaultyDisk::calls() > 0; });
}

// No file of this process grows beyond a size, as on a volume that is full.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~SizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// False after a time in which anything happens that should.
template <typename Condition>
bool comes_true(Changes& changes, Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  bool met = false;
  changes.wait_until(
      [&] { return (met = condition()) || std::chrono::steady_clock::now() > limit; });
  return met;
}

}  // namespace

TEST_CASE("What was appended after a refused transaction is not stored before it") {
  const Directory directory;
  {
    Changes changes;
    const Opened opened = open_faulty(directory, changes);
    FaultyDisk::arm(0, false, FaultyDisk::Fault::full);  // the next call alone
    REQUIRE(opened.queue->append(input(100, 0, 3)).ok());
    wait_for_refusal(changes);
    REQUIRE(opened.queue->append(input(200, 3, 2)).ok());
    // Ends within the second in which the first transaction waits to be tried again.
  }
  FaultyDisk::disarm();
  Changes changes;
  const Opened opened = open_faulty(directory, changes);
  const std::map<std::uint64_t, std::uint64_t> elements_up_to = {{0, 0}, {100, 3}, {200, 5}};
  REQUIRE(elements_up_to.count(opened.position) == 1);
  std::uint64_t pending = 0;
  for (const auto& [mapping, count] : opened.queue->untaken_by_mapping()) pending += count;
  CHECK(pending == elements_up_to.at(opened.position));
  CHECK(opened.totals.events.received == pending);
}

TEST_CASE("However long a disk has refused, the end of a run waits for it anew") {
  const Directory directory;
  Changes changes;
  constexpr std::chrono::milliseconds kPatience{1'500};
  const Opened opened = open_faulty(directory, changes, kPatience);
  FaultyDisk::arm(0, true, FaultyDisk::Fault::full);
  REQUIRE(opened.queue->append(input(100, 0, 3)).ok());
  wait_for_refusal(changes);
  CHECK(opened.queue->flush().code() == StatusCode::io);  // its patience is over now
  FaultyDisk::disarm();
  CHECK(opened.queue->flush().ok());
}

TEST_CASE(
    "However much waits for a disk that refuses, what was settled is taken and nobody waits") {
  const Directory directory;
  Changes changes;
  const Opened opened = open_faulty(directory, changes);
  constexpr std::size_t kElements = 100'000;
  std::vector<penstock::queue::Progress> outcomes;
  std::size_t taken = 0;
  while (taken <= Queue::kUnstoredSettlements) {
    REQUIRE(opened.queue->append(input(taken + 1, taken, kElements)).ok());
    const LoadedBlock loaded = take(*opened.queue, changes);
    std::vector<std::uint32_t> elements(loaded.block->elements.size());
    std::iota(elements.begin(), elements.end(), 0U);
    taken += elements.size();
    outcomes.push_back(delivered(loaded.block->sequence, elements));
  }
  REQUIRE(opened.queue->append(input(taken + 1, taken, 1)).ok());
  const LoadedBlock last = take(*opened.queue, changes);
  FaultyDisk::arm(0, true, FaultyDisk::Fault::full);
  REQUIRE(opened.queue->settle(delivered(last.block->sequence, {0})).ok());
  wait_for_refusal(changes);
  CHECK_FALSE(opened.queue->usage().behind);
  for (penstock::queue::Progress& outcome : outcomes)
    REQUIRE(opened.queue->settle(std::move(outcome)).ok());
  CHECK(opened.queue->usage().behind);
  // As attempts that were under way come back: this must not wait.
  penstock::queue::Progress attempt;
  attempt.issues.push_back(
      {penstock::Issue::Severity::warning, 0, penstock::Issue::kAllMappings, "late", "late", 1});
  REQUIRE(opened.queue->settle(std::move(attempt)).ok());
  FaultyDisk::disarm();
  changes.wait_until([&] { return !opened.queue->usage().behind; });
  CHECK(opened.queue->flush().ok());
}

TEST_CASE("On a full volume what was delivered is stored alone, and makes room for what was read") {
  const Directory directory;
  Changes changes;
  const Opened opened = open(directory.path(), changes);
  constexpr std::size_t kPadding = 1'000;
  constexpr std::size_t kFirst = 2'000;
  constexpr std::size_t kSecond = 2'500;
  REQUIRE(opened.queue->append(input(100, 0, kFirst, 0, kPadding)).ok());
  std::vector<penstock::queue::Progress> outcomes;
  for (std::size_t taken = 0; taken < kFirst;) {
    const LoadedBlock loaded = take(*opened.queue, changes);
    std::vector<std::uint32_t> elements(loaded.block->elements.size());
    std::iota(elements.begin(), elements.end(), 0U);
    taken += elements.size();
    outcomes.push_back(delivered(loaded.block->sequence, elements));
  }
  const std::string reserve = directory.path() + "/reserve";
  CHECK(std::filesystem::exists(reserve));

  // Both parts have no room in it at once, each alone has.
  const SizeLimit limit(4ULL * 1024 * 1024);
  REQUIRE(opened.queue->append(input(200, kFirst, kSecond, 0, kPadding)).ok());
  REQUIRE(comes_true(changes, [&] { return opened.queue->usage().no_room; }));
  CHECK_FALSE(std::filesystem::exists(reserve));
  for (penstock::queue::Progress& outcome : outcomes)
    REQUIRE(opened.queue->settle(std::move(outcome)).ok());
  std::size_t taken = 0;
  CHECK(comes_true(changes, [&] {
    const auto loaded = opened.queue->take();
    if (loaded.ok() && loaded->block != nullptr) taken += loaded->block->elements.size();
    return taken == kSecond;
  }));
  CHECK_FALSE(opened.queue->usage().no_room);
  CHECK(opened.queue->flush().ok());
}
