// Guards parking: memory stays bounded while groups cannot send, and nothing is lost, sent twice or
// out of order for it.
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>

#include "batch_world.hpp"

using namespace std::chrono_literals;
using namespace penstock::batch_testing;
using penstock::BatchLimits;
using penstock::Block;
using penstock::LoadedBlock;
using penstock::UncertainKey;

namespace {

using Payloads = std::vector<std::string>;

}  // namespace

TEST_CASE("A parked group holds no block, and its elements stay pending until they come back") {
  World world(limits(2));
  const auto block = world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}});
  CHECK(world.batcher.held_bytes() == block->memory_bytes());
  world.batcher.pause(0, world.now + kSecond);
  CHECK(world.batcher.park(world.now) == 3);
  CHECK(world.batcher.held_bytes() == 0);
  CHECK(world.batcher.pending() == 3);
  CHECK_FALSE(world.batcher.recover_from(world.now).has_value());
  CHECK(world.batcher.next_time() == world.now + kSecond);
  world.now += kSecond;
  REQUIRE(world.batcher.recover_from(world.now) == 0U);
  world.batcher.recover(0, {block, {}, {}, 0}, world.now, world.settled);
  CHECK_FALSE(world.batcher.recover_from(world.now).has_value());
  CHECK(world.payloads(*world.next()) == Payloads{"A", "B"});
  CHECK(world.batcher.pending() == 3);
  CHECK(world.settled.empty());
}

TEST_CASE("What can be sent is not parked") {
  World world(limits(100), 1);
  world.add({{"a", "A"}, {"b", "B"}});
  CHECK(world.batcher.park(world.now) == 0);
  CHECK(world.batcher.pending() == 2);
}

TEST_CASE("Only the group that fails is parked, by its own back-off") {
  World world(limits(1));
  world.add({{"a", "A", "bad"}, {"b", "B", "good"}});
  auto batch = world.next();
  REQUIRE(batch->batch_key() == "bad");
  world.lose(std::move(batch), world.now + kSecond);
  CHECK(world.batcher.park(world.now) == 1);
  CHECK(world.next()->batch_key() == "good");
}

TEST_CASE("What comes while a group is parked waits in the queue, behind what was there before") {
  World world(limits(1));
  const auto first = world.add({{"a", "1"}});
  world.batcher.pause(0, world.now + kSecond);
  world.batcher.park(world.now);
  const auto second = world.add({{"b", "2"}});
  CHECK(world.batcher.held_bytes() == 0);
  CHECK(world.batcher.pending() == 2);
  world.batcher.resume(0);
  world.batcher.recover(0, {first, {}, {}, 0}, world.now, world.settled);
  CHECK_FALSE(world.batcher.recover_from(world.now).has_value());  // one waits: that is enough
  CHECK(world.payloads(*world.next()) == Payloads{"1"});
  REQUIRE(world.batcher.recover_from(world.now) == 1U);
  world.batcher.recover(1, {second, {}, {}, 0}, world.now, world.settled);
  const auto third = world.add({{"c", "3"}});
  CHECK(world.payloads(*world.next()) == Payloads{"2"});
  CHECK(world.payloads(*world.next()) == Payloads{"3"});
}

TEST_CASE("An element in flight stays when its group is parked, and a newer one waits for it") {
  World world(limits(1));
  const auto first = world.add({{"a", "old"}});
  auto flying = world.next();
  const auto second = world.add({{"a", "new"}});
  world.batcher.pause(0, world.now + kSecond);
  CHECK(world.batcher.park(world.now) == 1);
  CHECK(world.batcher.held_bytes() == first->memory_bytes());
  world.batcher.resume(0);
  REQUIRE(world.batcher.recover_from(world.now) == 1U);
  world.batcher.recover(1, {second, {}, {}, 0}, world.now, world.settled);
  CHECK(world.next() == nullptr);
  world.complete(std::move(flying), Verdict::Kind::delivered);
  CHECK(world.payloads(*world.next()) == Payloads{"new"});
}

TEST_CASE("A dead letter is overtaken also by a newer element that its parked group forgot") {
  for (const bool newer_before_parking : {true, false}) {
    World world(limits(1));
    world.add({{"a", "old"}, {"b", "other"}});
    auto flying = world.next();
    if (newer_before_parking) world.add({{"a", "new"}});
    world.batcher.pause(0, world.now + kSecond);
    world.batcher.park(world.now);
    if (!newer_before_parking) world.add({{"a", "new"}});
    world.complete(std::move(flying), Verdict::Kind::dead_letter);
    REQUIRE(world.settled.tally.dead_letters.size() == 1);
    CHECK(world.settled.tally.dead_letters[0].overtaken);
  }
}

TEST_CASE("A newer element that comes back supersedes an older one that failed meanwhile") {
  World world(limits(1));
  world.add({{"a", "old"}});
  auto flying = world.next();
  const auto second = world.add({{"a", "new"}});
  world.batcher.pause(0, world.now + kSecond);
  world.batcher.park(world.now);
  world.complete(std::move(flying), Verdict::Kind::retry, world.now);
  world.batcher.resume(0);
  world.batcher.recover(1, {second, {}, {}, 0}, world.now, world.settled);
  CHECK(world.settled.tally.of(0).superseded == 1);
  CHECK(world.payloads(*world.next()) == Payloads{"new"});
  CHECK(world.next() == nullptr);
}

TEST_CASE("A group that has earlier blocks to read is not given a later one before them") {
  World world(limits(1), 4, 2);
  const auto first = world.add({{"a", "A1", "x", 0, 0}});
  const auto second = world.add({{"a", "A2", "x", 0, 0}, {"b", "B1", "x", 0, 1}});
  world.batcher.pause(0, world.now + 10 * kSecond);
  world.batcher.pause(1, world.now + kSecond);
  CHECK(world.settled.tally.of(0).superseded == 1);  // A1 by A2
  CHECK(world.batcher.park(world.now) == 2);
  const auto third = world.add({{"c", "A3", "x", 0, 0}});
  world.now += kSecond;
  REQUIRE(world.batcher.recover_from(world.now) == 1U);
  world.batcher.recover(1, {second, {}, {}, 0}, world.now, world.settled);
  CHECK(world.payloads(*world.next()) == Payloads{"B1"});
  REQUIRE(world.batcher.recover_from(world.now) == 2U);  // destination 1 may have more there
  world.batcher.resume(0);
  world.batcher.recover(2, {third, {}, {}, 0}, world.now, world.settled);
  REQUIRE(world.batcher.recover_from(world.now) == 1U);
  CHECK(world.next() == nullptr);
  world.batcher.recover(1, {second, {}, {}, 0}, world.now, world.settled);
  CHECK(world.payloads(*world.next()) == Payloads{"A2"});
  world.batcher.recover(2, {third, {}, {}, 0}, world.now, world.settled);
  CHECK(world.payloads(*world.next()) == Payloads{"A3"});
}

TEST_CASE("A group is parked no more when the queue has nothing left of what it forgot") {
  World world(limits(1));
  world.add({{"a", "A"}, {"b", "B", "bad"}});
  auto good = world.next();
  world.lose(world.next(), world.now + kSecond);
  world.batcher.park(world.now);
  world.now += kSecond;
  REQUIRE(world.batcher.recover_from(world.now) == 0U);
  world.batcher.recover(0, {}, world.now, world.settled);
  CHECK_FALSE(world.batcher.recover_from(world.now).has_value());
  world.add({{"c", "C", "bad"}});
  CHECK(world.payloads(*world.next()) == Payloads{"C"});
}

TEST_CASE("Parts of a split batch that cannot go are parked like what waits, and come back whole") {
  World world(limits(6), 1);
  const auto block =
      world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {"e", "E"}, {"f", "F"}});
  world.complete(world.next(), Verdict::Kind::split);
  const auto newer = world.add({{"c", "C2"}});
  world.lose(world.next(), world.now + kSecond);  // A and B; the other parts wait
  CHECK(world.batcher.park(world.now) == 7);
  CHECK(world.batcher.held_bytes() == 0);
  CHECK(world.batcher.pending() == 7);
  world.now += kSecond;
  CHECK(world.next() == nullptr);
  REQUIRE(world.batcher.recover_from(world.now) == 0U);
  world.batcher.recover(0, {block, {}, {}, 0}, world.now, world.settled);
  world.batcher.recover(1, {newer, {}, {}, 0}, world.now, world.settled);
  CHECK(world.payloads(*world.next()) == Payloads{"A", "B", "C2", "D", "E", "F"});
  CHECK(world.settled.tally.of(0).superseded == 1);
}

namespace {

// The batcher, the queue that it is fed from, and destinations that fail in every way: also by
// carrying out a request some time after it was given up.
class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) { restart(); }

  void run() {
    for (int step = 0; step < 300; ++step) {
      if (chance(3)) append();
      if (chance(8)) toggle_outage();
      if (chance(40)) restart();
      turn();
      if (chance(2) && !flying_.empty()) complete_one();
      if (chance(3)) commit();
      advance(static_cast<std::int64_t>(random_() % 400) * 1'000'000);
    }
    failing_groups_.clear();
    auth_[0] = auth_[1] = false;
    calm_ = true;
    batcher_->flush();
    for (int step = 0; pending() > 0; ++step) {
      REQUIRE(step < 20'000);
      turn();
      while (!flying_.empty()) complete_one();
      advance(kSecond);
    }
    CHECK(batcher_->pending() == 0);
    CHECK(batcher_->unconfirmed() == 0);
    CHECK(batcher_->held_bytes() == 0);
    advance(2 * kWindow);
    for (const std::string& name : refused_) {  // what was refused is not known to be there
      newest_.erase(name);
      carried_out_.erase(name);
    }
    CHECK(carried_out_ == newest_);
    CHECK(parked_ > 0);
    CHECK(recovered_ > 0);
  }
  std::uint64_t confirmed() const { return confirmed_; }
  std::uint64_t late() const { return late_count_; }

 private:
  static constexpr std::uint64_t kMaxHeld = 4000;
  // No request is carried out later than this after it was given up.
  static constexpr std::int64_t kWindow = 6 * kSecond;
  struct Stored {
    std::shared_ptr<const Block> block;
    std::vector<bool> done;
    std::vector<std::uint32_t> attempts;
    std::size_t left = 0;
  };

  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  void append() {
    std::vector<Item> items;
    for (unsigned n = 1 + random_() % 8; n > 0; --n) {
      const std::uint32_t destination = random_() % 2;
      const std::string audience(1, static_cast<char>('p' + random_() % 3));
      std::string key(1, static_cast<char>('a' + random_() % 6));
      if (chance(10)) key = "";
      std::string name = std::to_string(destination) + audience + key;
      if (key.empty()) name += "#" + std::to_string(version_ + 1);  // each of them counts
      items.push_back(
          {key, name + "=" + std::to_string(++version_), audience, destination, destination});
      newest_[name] = version_;
    }
    stored_.push_back(fresh(blocks_.block_of(items)));
  }

  void toggle_outage() {
    if (chance(3)) {
      auth_[random_() % 2] = chance(2);
      return;
    }
    const std::string group =
        std::to_string(random_() % 2) + static_cast<char>('p' + random_() % 3);
    if (!failing_groups_.erase(group)) failing_groups_.insert(group);
  }

  // A crash: what was in flight may arrive, nothing of it is known, and what was not stored yet is
  // forgotten. Or an orderly end, with all of that known.
  void restart() {
    const bool crash = batcher_ == nullptr || chance(2);
    while (!flying_.empty() && !crash) give_up_one();
    if (!crash) commit();
    for (const auto& batch : flying_) {
      for (std::size_t i = 0; i < batch->size(); ++i) may_carry_out(*batch, i);
    }
    flying_.clear();
    in_flight_.clear();
    restore();
    const BatchLimits five{5, 1000, 1s};
    batcher_ = std::make_unique<Batcher>(std::vector<DestinationLimits>{
        {3, {five}, 0, kWindow}, {3, {five}, chance(2) ? 0U : 1U, kWindow}});
    std::vector<UncertainKey> known;
    for (const auto& [place, key] : uncertain_) known.push_back(key);
    batcher_->recall(known, now_);
    if (crash) batcher_->suspect(stored_.size(), now_);
    next_to_add_ = 0;
  }

  // What is on the disk.
  void commit() {
    committed_ = stored_;
    committed_uncertain_ = uncertain_;
  }
  void restore() {
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      // Blocks are given out only when they are stored.
      if (i >= committed_.size()) committed_.push_back(fresh(stored_[i].block));
    }
    stored_ = committed_;
    uncertain_ = committed_uncertain_;
  }
  static Stored fresh(std::shared_ptr<const Block> block) {
    const std::size_t size = block->elements.size();
    return {std::move(block), std::vector<bool>(size), std::vector<std::uint32_t>(size), size};
  }

  // A request that nobody waits for: carried out now, later, or never.
  void may_carry_out(const Batch& batch, std::size_t index) {
    const std::string payload(batch.payload(index));
    const std::string name = name_of(batch, index);
    const int version = std::stoi(payload.substr(payload.find('=') + 1));
    if (chance(3)) return;
    if (chance(3)) {
      carried_out_[name] = version;
      return;
    }
    ++late_count_;
    late_.emplace(now_ + static_cast<std::int64_t>(random_() % (kWindow / 1'000'000)) * 1'000'000,
                  std::pair(name, version));
  }
  void advance(std::int64_t time) {
    now_ += time;
    while (!late_.empty() && late_.begin()->first <= now_) {
      const auto& [name, version] = late_.begin()->second;
      carried_out_[name] = version;
      late_.erase(late_.begin());
    }
  }

  LoadedBlock loaded(const Stored& stored) const {
    return {stored.block, stored.done, stored.attempts, now_};
  }
  // The first stored block with at least this sequence; blocks without anything left are gone.
  const Stored* find(std::uint64_t sequence) const {
    for (; sequence < stored_.size(); ++sequence) {
      if (stored_[sequence].left > 0) return &stored_[sequence];
    }
    return nullptr;
  }

  void turn() {
    while (batcher_->held_bytes() < kMaxHeld) {
      const auto from = batcher_->recover_from(now_);
      if (!from) break;
      const Stored* stored = find(*from);
      batcher_->recover(*from, stored != nullptr ? loaded(*stored) : LoadedBlock{}, now_, settled_);
      ++recovered_;
      settle();
    }
    while (const Stored* stored = find(next_to_add_)) {
      if (batcher_->held_bytes() >= kMaxHeld) {
        const std::size_t forgotten = batcher_->park(now_);
        parked_ += forgotten;
        if (forgotten == 0) break;
        continue;
      }
      next_to_add_ = stored->block->sequence + 1;
      batcher_->add(loaded(*stored), now_, settled_);
      settle();
    }
    CHECK(batcher_->held_bytes() < kMaxHeld + 2000);
    const bool pressure = batcher_->held_bytes() >= kMaxHeld;
    while (auto batch = batcher_->next(now_, pressure || calm_)) {
      for (std::size_t i = 0; i < batch->size(); ++i) {
        const std::string name = name_of(*batch, i);
        REQUIRE(in_flight_.insert(name).second);
      }
      flying_.push_back(std::move(batch));
    }
  }

  static std::string name_of(const Batch& batch, std::size_t index) {
    const std::string payload(batch.payload(index));
    return payload.substr(0, payload.find('='));
  }
  void note_sent(const Batch& batch, std::optional<std::size_t> only = {}) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (only && *only != i) continue;
      const std::string payload(batch.payload(i));
      carried_out_[name_of(batch, i)] = std::stoi(payload.substr(payload.find('=') + 1));
    }
  }

  void complete_one() {
    std::swap(flying_[random_() % flying_.size()], flying_.back());
    std::unique_ptr<Batch> batch = std::move(flying_.back());
    flying_.pop_back();
    for (std::size_t i = 0; i < batch->size(); ++i) in_flight_.erase(name_of(*batch, i));
    const std::uint32_t destination = batch->destination();
    Verdicts verdicts;
    verdicts.refusals.push_back({"no", "", 0});
    const bool lost = failing_groups_.count(std::to_string(destination) + batch->batch_key()) > 0 ||
                      (!calm_ && chance(12));
    const bool split = !calm_ && !lost && batch->size() > 1 && chance(8);
    for (std::size_t i = 0; i < batch->size(); ++i) {
      if (auth_[destination]) {
        verdicts.elements.push_back({Verdict::Kind::retry, false, 0, now_});
      } else if (lost) {
        may_carry_out(*batch, i);
        verdicts.elements.push_back({Verdict::Kind::retry, true, 0, now_, now_ + kWindow});
      } else if (split) {
        verdicts.elements.push_back({Verdict::Kind::split, true, 0, 0});
      } else if (calm_ || !chance(4)) {
        note_sent(*batch, i);
        const bool refused = chance(30);
        if (refused) refused_.insert(name_of(*batch, i));
        verdicts.elements.push_back(
            {refused ? Verdict::Kind::dead_letter : Verdict::Kind::delivered, true, 0, 0});
      } else {
        verdicts.elements.push_back({Verdict::Kind::retry, true, 0,
                                     now_ + static_cast<std::int64_t>(random_() % 3) * kSecond});
      }
    }
    if (auth_[destination]) {
      batcher_->pause(destination, now_ + 3 * kSecond);
    } else if (lost) {
      verdicts.group_until_ns = now_ + (1 + static_cast<std::int64_t>(random_() % 5)) * kSecond;
    }
    batcher_->set_probing(destination, auth_[destination]);
    batcher_->complete(std::move(batch), verdicts, now_, settled_);
    settle();
  }

  // At an orderly end: the request is cancelled, and may be carried out all the same.
  void give_up_one() {
    std::unique_ptr<Batch> batch = std::move(flying_.back());
    flying_.pop_back();
    for (std::size_t i = 0; i < batch->size(); ++i) {
      in_flight_.erase(name_of(*batch, i));
      may_carry_out(*batch, i);
    }
    Verdicts verdicts;
    verdicts.elements.assign(batch->size(), {Verdict::Kind::retry, true, 0, now_, now_ + kWindow});
    batcher_->complete(std::move(batch), verdicts, now_, settled_);
    settle();
  }

  void settle() {
    confirmed_ += settled_.tally.of(0).confirmed + settled_.tally.of(1).confirmed;
    for (const UncertainKey& key : settled_.uncertain)
      uncertain_[{key.destination, key.action, key.key}] = key;
    for (const auto& settlement : settled_.settlements) {
      Stored& stored = stored_[settlement.block];
      for (const auto& element : settlement.elements) {
        REQUIRE_FALSE(stored.done[element.element]);
        stored.done[element.element] = true;
        --stored.left;
      }
    }
    for (const auto& attempt : settled_.attempts)
      stored_[attempt.block].attempts[attempt.element] = attempt.attempts;
    settled_.clear();
  }

  std::uint64_t pending() const {
    std::uint64_t left = 0;
    for (const Stored& stored : stored_) left += stored.left;
    return left;
  }

  std::mt19937 random_;
  World blocks_{BatchLimits{1, 1, 1s}};  // makes blocks only
  std::int64_t now_ = 100 * kSecond;
  std::vector<Stored> stored_;
  std::uint64_t next_to_add_ = 0;
  std::unique_ptr<Batcher> batcher_;
  Settled settled_;
  std::vector<std::unique_ptr<Batch>> flying_;
  std::set<std::string> in_flight_;
  std::set<std::string> failing_groups_;
  bool auth_[2] = {false, false};
  bool calm_ = false;
  int version_ = 0;
  std::vector<Stored> committed_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, UncertainKey> uncertain_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, UncertainKey>
      committed_uncertain_;
  std::multimap<std::int64_t, std::pair<std::string, int>> late_;
  std::map<std::string, int> newest_;
  std::map<std::string, int> carried_out_;  // the last version of each
  std::set<std::string> refused_;
  std::uint64_t confirmed_ = 0;
  std::uint64_t late_count_ = 0;
  std::uint64_t parked_ = 0;
  std::uint64_t recovered_ = 0;
};

}  // namespace

TEST_CASE(
    "Random outages, retries, restarts, requests carried out late: with bounded memory each "
    "element is settled once, no key is twice in flight, and the last of each key stays") {
  std::uint64_t confirmed = 0;
  std::uint64_t late = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Simulation simulation(seed);
    simulation.run();
    confirmed += simulation.confirmed();
    late += simulation.late();
  }
  CHECK(confirmed > 300);
  CHECK(late > 3000);
}
