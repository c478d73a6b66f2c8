// Guards that the queue loses and invents nothing: random appends, takes, settlements, failed
// attempts, losses of the process and reopenings against a model of sets. PENSTOCK_MODEL_SEEDS: how
// many of them.
#include <cstdlib>
#include <random>
#include <set>

#include "faulty_disk.hpp"
#include "queue_fixture.hpp"

namespace {

using namespace queue_fixture;  // NOLINT(google-build-using-namespace): a fixture of this test
using penstock::LoadedBlock;
using penstock::SettledElement;
using penstock::store::FaultyDisk;

// Every element is a number; input i holds the numbers i * 10 to i * 10 + 9.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) { reopen(); }

  void step() {
    const unsigned dice = random_() % 100;
    if (dice < 35) {
      append();
    } else if (dice < 60) {
      take_one();
    } else if (dice < 88) {
      settle_some();
    } else if (dice < 92) {
      fail_one();
    } else if (dice < 96) {
      REQUIRE(opened_.queue->flush().ok());
      surely_settled_ = settled_;
    } else {
      lose_process(dice >= 98);
    }
  }

  void finish() {
    while (next_input_ < kInputs) append();
    REQUIRE(opened_.queue->flush().ok());
    lose_process(true);
    while (!opened_.queue->usage().drained) take_one();
    while (!held_.empty()) settle_some();
    REQUIRE(opened_.queue->flush().ok());
    opened_.queue.reset();
    reopen();
    const penstock::MappingCounts& counts = opened_.totals.mappings().front().counts;
    CHECK(counts.matched == kInputs * kPerInput);
    CHECK(counts.pending() == 0);
    CHECK(counts.dead_lettered > 0);
    CHECK(settled_.size() + perhaps_settled_.size() == kInputs * kPerInput);
    CHECK(opened_.totals.events.received == kInputs * kPerInput);
    CHECK(opened_.queue->take()->block == nullptr);
  }

 private:
  static constexpr std::uint64_t kInputs = 120;
  static constexpr std::uint64_t kPerInput = 10;
  struct Held {
    std::uint64_t block;
    std::uint32_t element;
    std::uint64_t number;
  };

  void append() {
    if (next_input_ >= kInputs) return;
    REQUIRE(opened_.queue->append(input(next_input_ + 1, next_input_ * kPerInput, kPerInput)).ok());
    ++next_input_;
  }

  void take_one() {
    auto loaded = opened_.queue->take();
    REQUIRE(loaded.ok());
    if (loaded->block == nullptr) return;
    CHECK((last_taken_ == UINT64_MAX || loaded->block->sequence > last_taken_));
    last_taken_ = loaded->block->sequence;
    for (std::uint32_t i = 0; i < loaded->block->elements.size(); ++i) {
      const std::uint64_t number =
          std::stoull(std::string(loaded->block->payload(loaded->block->elements[i])));
      if (!loaded->done.empty() && loaded->done[i]) {
        // Nobody else can have settled it.
        CHECK(settled_.count(number) + perhaps_settled_.count(number) == 1);
        perhaps_settled_.erase(number);
        settled_.insert(number);
        came_.insert(number);
        continue;
      }
      // What was surely settled never comes again; what comes, comes once.
      CHECK(settled_.count(number) == 0);
      CHECK(came_.insert(number).second);
      CHECK(number / kPerInput < next_input_);
      perhaps_settled_.erase(number);  // that was lost with the process
      held_.push_back({loaded->block->sequence, i, number});
    }
  }

  void settle_some() {
    if (held_.empty()) return;
    penstock::queue::Progress progress;
    const std::size_t count = 1 + random_() % std::min<std::size_t>(held_.size(), 25);
    for (std::size_t n = 0; n < count; ++n) {
      std::swap(held_[random_() % held_.size()], held_.back());
      const Held held = held_.back();
      held_.pop_back();
      const auto kind = static_cast<SettledElement::Kind>(random_() % 3);
      progress.settlements.push_back({held.block, {{held.element, 0, kind}}});
      if (kind == SettledElement::Kind::dead_lettered) {
        progress.tally.reason(penstock::ReasonCount::Kind::dead_letter, 0, "refused", {}, "no");
        penstock::DeadLetter letter;
        letter.mapping = 0;
        letter.reason = "refused";
        letter.message = "no";
        letter.form = penstock::DeadLetter::Form::element;
        letter.content = std::to_string(held.number);
        letter.block = held.block;
        letter.route = {0, 0, "audience 0"};
        progress.tally.dead_letters.push_back(std::move(letter));
      }
      CHECK(settled_.insert(held.number).second);
    }
    REQUIRE(opened_.queue->settle(std::move(progress)).ok());
  }

  void fail_one() {
    if (held_.empty()) return;
    const Held& held = held_[random_() % held_.size()];
    penstock::queue::Progress progress;
    progress.attempts.push_back({held.block, held.element, 1});
    REQUIRE(opened_.queue->settle(std::move(progress)).ok());
  }

  // In order (all is stored) or not (what was not stored yet is lost).
  void lose_process(bool in_order) {
    if (in_order) {
      REQUIRE(opened_.queue->flush().ok());
      surely_settled_ = settled_;
    } else {
      // Else the queue would store all that it has gathered before it goes.
      FaultyDisk::arm(0, true, FaultyDisk::Fault::error);
      for (const std::uint64_t number : settled_) {
        if (surely_settled_.count(number) == 0) perhaps_settled_.insert(number);
      }
      settled_ = surely_settled_;
    }
    opened_.queue.reset();
    FaultyDisk::disarm();
    reopen();
  }

  void reopen() {
    FaultyDisk::install();
    opened_ = open(directory_.path(), changes_, true, 1ULL << 30U, catalog(), FaultyDisk::kName);
    held_.clear();
    came_.clear();
    last_taken_ = UINT64_MAX;
    CHECK(opened_.position <= next_input_);
    next_input_ = opened_.position;  // the source is read again from there
    const std::uint64_t stored = next_input_ * kPerInput;
    CHECK(opened_.totals.events.received == stored);
    std::uint64_t waiting = 0;
    for (const auto& [mapping, count] : opened_.queue->untaken_by_mapping()) waiting += count;
    // All that was stored and never settled waits; what was surely settled does not.
    const auto below = [&](const std::set<std::uint64_t>& numbers) {
      return static_cast<std::uint64_t>(
          std::distance(numbers.begin(), numbers.lower_bound(stored)));
    };
    CHECK(waiting >= stored - below(settled_) - below(perhaps_settled_));
    CHECK(waiting <= stored - below(surely_settled_));
    settled_.erase(settled_.lower_bound(stored), settled_.end());
    perhaps_settled_.erase(perhaps_settled_.lower_bound(stored), perhaps_settled_.end());
  }

  Directory directory_;
  Changes changes_;
  Opened opened_;
  std::mt19937 random_;
  std::uint64_t next_input_ = 0;
  std::vector<Held> held_;                  // given out, not settled
  std::set<std::uint64_t> came_;            // given out since the queue was opened
  std::set<std::uint64_t> settled_;         // handed to settle()
  std::set<std::uint64_t> surely_settled_;  // and stored
  // Handed to settle() by a process that was lost: stored, or it comes again.
  std::set<std::uint64_t> perhaps_settled_;
  std::uint64_t last_taken_ = UINT64_MAX;
};

}  // namespace

TEST_CASE("Nothing is lost or settled twice over random crashes, and the counts always add up") {
  const char* const text = std::getenv("PENSTOCK_MODEL_SEEDS");
  const unsigned long seeds = text != nullptr ? std::strtoul(text, nullptr, 10) : 12;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    for (int i = 0; i < 250; ++i) world.step();
    world.finish();
  }
}
