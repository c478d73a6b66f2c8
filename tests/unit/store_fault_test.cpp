// Guards the store on a faulty disk: whichever write, sync or rename fails, no commit that said ok
// is lost, none that failed is half there, and going on ends where an undisturbed session ends.
#include <algorithm>
#include <cstdlib>

#include "faulty_disk.hpp"
#include "services/log.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::store;
using services::ManualClock;
using Fault = FaultyDisk::Fault;

namespace {

constexpr std::uint64_t kCommits = 30;

std::shared_ptr<Block> block_of(std::uint64_t sequence) {
  std::vector<std::uint32_t> mappings;
  for (std::uint32_t i = 0; i < 6 + sequence % 4; ++i) mappings.push_back(i % 3);
  return make_block(sequence, mappings, sequence % 5 == 0 ? 20'000 : 300);
}

// The n-th commit of the script: a block, what became of those before, a dead letter, an issue.
// Which one was the last is told by its position.
Commit commit_of(std::uint64_t n) {
  Commit commit;
  append(commit, block_of(n));
  commit.position = SavedPosition{{"/in", 1, 2, n + 1, 0, "", 0, ""}, {}};
  if (n > 0) {
    const auto before = block_of(n - 1);
    settle(commit, *before, {0, 2, 3});
    commit.attempts = {{n - 1, 1, 1}, {n - 1, 4, 2}};
    give_up(commit, *before, 5, n % 2 == 0 ? "refused" : "gave_up");
  }
  if (n > 2) {
    const auto earlier = block_of(n - 3);
    std::vector<std::uint32_t> rest;
    for (std::uint32_t i = 0; i < earlier->elements.size(); ++i) {
      if (i == 1 || i == 4 || i > 5) rest.push_back(i);
    }
    settle(commit, *earlier, rest, SettledElement::Kind::superseded);
  }
  commit.issues = {{Issue::Severity::warning, 0, 0, "slow", "message", n}};
  commit.destinations = {{1, "ok", "", "", 0, n, 0}};
  return commit;
}

Store::Options options() {
  Store::Options options;
  options.file_system = FaultyDisk::kName;
  options.dead_letter_max_bytes = 3'000;
  return options;
}

// Everything that the state says, as text.
std::string picture(const Directory& directory, const services::Clock& clock) {
  const auto reader = open_reader(directory, clock);
  const auto state = reader->state();
  REQUIRE(state.ok());
  std::string text;
  const auto add = [&](auto value) { text += std::to_string(value) + " "; };
  const auto add_counts = [&](const MappingCounts& counts) {
    for (const std::uint64_t count : {counts.matched, counts.delivered, counts.superseded,
                                      counts.skipped, counts.dead_lettered, counts.replayed}) {
      add(count);
    }
    text += "\n";
  };
  add(state->events.received);
  add(state->matched_events);
  add(state->queued_blocks);
  add(state->queued_bytes);
  add(state->dead_letters.kept);
  add(state->dead_letters.kept_bytes);
  add(state->dead_letters.dropped);
  for (const MappingState& mapping : state->mappings) add_counts(mapping.counts);
  for (const DestinationState& destination : state->destinations) add(destination.requests);
  for (const StoredIssue& issue : state->issues) add(issue.count);
  for (const StoredReason& reason : state->reasons) {
    text += reason.mapping + reason.reason + " ";
    add(reason.count);
  }
  const auto history = reader->history(0);
  REQUIRE(history.ok());
  for (const HistoryHour& hour : *history) add_counts(hour.counts);
  must(reader->dead_letters({}, [&](const StoredDeadLetter& letter) {
    text += letter.mapping + letter.letter.reason + letter.letter.coalesce_key + " ";
    return true;
  }));
  return text;
}

std::uint64_t done(const Store& store) {
  return store.position() ? store.position()->offset : 0;
}

// A run of the script. What fails is tried again; after `patience` failures in a row the process
// "dies" and the next one finds a disk that works.
class Session {
 public:
  explicit Session(std::uint64_t patience) : patience_(patience) {}

  void run() {
    open();
    for (std::uint64_t n = done(*store_); n < kCommits; n = done(*store_)) {
      const Status status = store_->commit(commit_of(n));
      if (status.ok()) {
        REQUIRE(done(*store_) == n + 1);
        failures_ = 0;
        continue;
      }
      INFO(status.message());
      REQUIRE(status.code() == StatusCode::io);
      REQUIRE(done(*store_) == n);
      if (++failures_ >= patience_) {
        die();
        open();
        // The one that failed may be there, but only as a whole.
        REQUIRE((done(*store_) == n || done(*store_) == n + 1));
      }
    }
    must(store_->verify());
    store_.reset();
  }

  [[nodiscard]] std::string picture_after() const {
    FaultyDisk::disarm();
    const auto report = check(directory_.path);
    REQUIRE(report.ok());
    for (const std::string& finding : report->findings) UNSCOPED_INFO(finding);
    REQUIRE(report->sound);
    return picture(directory_, clock_);
  }

 private:
  void open() {
    for (;;) {
      auto store = Store::open(directory_.path, catalog(), options(), clock_);
      if (store.ok()) {
        store_ = std::move(store).value();
        return;
      }
      INFO(store.status().message());
      REQUIRE(store.status().code() == StatusCode::io);
      if (++failures_ >= patience_) die();
    }
  }
  // Nothing more reaches the disk.
  void die() {
    store_.reset();
    FaultyDisk::disarm();
    failures_ = 0;
  }

  Directory directory_;
  ManualClock clock_;
  std::uint64_t patience_;
  std::uint64_t failures_ = 0;
  std::unique_ptr<Store> store_;
};

struct Undisturbed {
  std::string picture;
  std::uint64_t calls = 0;
};

const Undisturbed& undisturbed() {
  static const Undisturbed kUndisturbed = [] {
    FaultyDisk::install();
    FaultyDisk::disarm();
    Session session(1);
    session.run();
    const std::uint64_t calls = FaultyDisk::calls();
    return Undisturbed{session.picture_after(), calls};
  }();
  return kUndisturbed;
}

// Of a thousand calls, every so many-th fails in turn; PENSTOCK_FAULT_STEP=1 takes every single one
// (five minutes).
constexpr std::uint64_t kStep = 11;

void try_all(bool from_then, Fault fault, std::uint64_t patience) {
  const Undisturbed& expected = undisturbed();
  REQUIRE(expected.calls > 300);
  const char* const given = std::getenv("PENSTOCK_FAULT_STEP");
  const std::uint64_t step =
      given != nullptr ? std::max<std::uint64_t>(1, std::strtoull(given, nullptr, 10)) : kStep;
  services::set_log_sink([](std::string_view) {});
  for (std::uint64_t call = 0; call < expected.calls; call += step) {
    INFO("call " << call << " of " << expected.calls << " fails");
    Session session(patience);
    FaultyDisk::arm(call, from_then, fault);
    session.run();
    REQUIRE(session.picture_after() == expected.picture);
  }
  services::set_log_sink({});
}

}  // namespace

TEST_CASE("An error once: the commit says so, and the next try succeeds") {
  try_all(false, Fault::error, UINT64_MAX);
}

TEST_CASE("No room once: the commit says so, and the next try succeeds") {
  try_all(false, Fault::full, UINT64_MAX);
}

TEST_CASE("Half a write once: the commit says so, and the next try succeeds") {
  try_all(false, Fault::half_write, UINT64_MAX);
}

TEST_CASE("A disk that fails from some moment on until the process dies loses nothing") {
  try_all(true, Fault::error, 2);
}

TEST_CASE("A disk that stays full until the process dies loses nothing") {
  try_all(true, Fault::full, 2);
}

TEST_CASE("A process that dies at half a write loses nothing") {
  try_all(true, Fault::half_write, 1);
}

TEST_CASE("A disk that cannot be read for a moment is said to be that, and never to be damaged") {
  FaultyDisk::install();
  FaultyDisk::disarm();
  const Directory directory;
  const ManualClock clock;
  {
    const auto store = open_store(directory, clock, options());
    for (std::uint64_t n = 0; n < kCommits; ++n) must(store->commit(commit_of(n)));
  }
  const std::string before = bytes_of(directory.database());
  std::size_t failed = 0;
  for (std::uint64_t read = 0;; ++read) {
    const Directory copy;
    write_bytes(copy.database(), before);
    FaultyDisk::arm_read(read);
    const auto store = Store::open(copy.path, catalog(), options(), clock);
    const bool reached = FaultyDisk::reads() > read;
    FaultyDisk::arm_read(FaultyDisk::kNever);
    if (!reached) break;
    if (store.ok()) continue;
    ++failed;
    INFO("read " << read << ": " << store.status().message());
    REQUIRE(store.status().code() == StatusCode::io);
    REQUIRE(store.status().message().find("repair") == std::string::npos);
  }
  CHECK(failed > 0);
}
