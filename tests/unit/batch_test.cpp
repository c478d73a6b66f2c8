// Guards the batch stage: gathering, limits, coalescing, one element per key in flight, retries and
// splits.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "batch_world.hpp"

using namespace std::chrono_literals;
using namespace penstock::batch_testing;
using penstock::BatchLimits;
using penstock::Block;
using penstock::BlockElement;

TEST_CASE("A batch is ready as soon as it has as many elements as it may have") {
  World world(limits(2));
  world.add({{"a", "A"}});
  CHECK(world.next() == nullptr);
  world.add({{"b", "B"}, {"c", "C"}});
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A", "B"});
  CHECK(world.next() == nullptr);
}

TEST_CASE("A batch is ready when its bytes reach the limit, and never holds more of them") {
  World world(limits(100, 5));
  world.add({{"a", "AAA"}, {"b", "BBB"}});
  const auto batch = world.next();
  REQUIRE(batch != nullptr);
  CHECK(world.payloads(*batch) == std::vector<std::string>{"AAA"});
}

TEST_CASE("An element larger than a batch may be is sent alone") {
  World world(limits(100, 5));
  world.add({{"a", "AAAAAAAA"}, {"b", "B"}});
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"AAAAAAAA"});
}

TEST_CASE("An element waits for company no longer than max_age") {
  World world(limits(100));
  world.add({{"a", "A"}});
  CHECK(world.batcher.next_time() == world.now + 10 * kSecond);
  world.now += 10 * kSecond - 1;
  CHECK(world.next() == nullptr);
  world.now += 1;
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A"});
}

TEST_CASE("After flush nothing waits") {
  World world(limits(100));
  world.add({{"a", "A"}});
  world.batcher.flush();
  CHECK(world.next() != nullptr);
  world.add({{"b", "B"}});
  CHECK(world.next() != nullptr);
}

TEST_CASE("Under pressure the oldest elements go, however few") {
  World world(limits(100));
  world.add({{"a", "A", "old"}});
  world.now += kSecond;
  world.add({{"b", "B", "young"}});
  CHECK(world.batcher.next(world.now, true)->batch_key() == "old");
}

TEST_CASE("Elements of different batch keys never share a batch") {
  World world(limits(2));
  world.add({{"a", "A", "x"}, {"b", "B", "y"}, {"c", "C", "x"}, {"d", "D", "y"}});
  const auto first = world.next();
  const auto second = world.next();
  CHECK(world.payloads(*first) == std::vector<std::string>{"A", "C"});
  CHECK(world.payloads(*second) == std::vector<std::string>{"B", "D"});
}

TEST_CASE(
    "Of two waiting elements with one key only the later is sent, and the earlier is counted as "
    "superseded") {
  World world(limits(100));
  world.add({{"a", "old", "audience", 7}, {"b", "B"}});
  world.add({{"a", "new", "audience", 8}});
  world.batcher.flush();
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"new", "B"});
  CHECK(world.settled.tally.of(7).superseded == 1);
  CHECK(world.settled_elements() == 1);
}

TEST_CASE("Elements without a coalesce key are never superseded") {
  World world(limits(100));
  world.add({{"", "1"}, {"", "2"}});
  world.batcher.flush();
  CHECK(world.next()->size() == 2);
}

TEST_CASE("One key in two batch keys is two targets") {
  World world(limits(100));
  world.add({{"a", "1", "x"}, {"a", "2", "y"}});
  CHECK(world.settled.empty());
}

TEST_CASE("An element waits while an older one of its key is in flight, and goes afterwards") {
  World world(limits(1));
  world.add({{"a", "1"}});
  auto first = world.next();
  world.add({{"a", "2"}});
  CHECK(world.next() == nullptr);
  world.complete(std::move(first), Verdict::Kind::delivered);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"2"});
}

TEST_CASE("Of several elements that wait for one in flight only the last goes") {
  World world(limits(1));
  world.add({{"a", "1"}});
  auto first = world.next();
  world.add({{"a", "2"}, {"a", "3"}});
  CHECK(world.settled.tally.of(0).superseded == 1);
  world.complete(std::move(first), Verdict::Kind::delivered);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"3"});
}

TEST_CASE("A failed element that comes back is superseded by a newer one of its key") {
  World world(limits(1));
  world.add({{"a", "1"}});
  auto first = world.next();
  world.add({{"a", "2"}});
  world.complete(std::move(first), Verdict::Kind::retry, world.now + kSecond);
  CHECK(world.settled.tally.of(0).superseded == 1);
  CHECK(world.next() == nullptr);
  world.now += kSecond;
  const auto again = world.next();
  CHECK(world.payloads(*again) == std::vector<std::string>{"2"});
  CHECK(world.next() == nullptr);
}

TEST_CASE(
    "A retried element goes at its time, with its attempt counted, and does not wait for company") {
  World world(limits(100));
  world.add({{"a", "A"}});
  world.batcher.flush();
  auto batch = world.next();
  CHECK(batch->attempt() == 0);
  world.complete(std::move(batch), Verdict::Kind::retry, world.now + 3 * kSecond);
  CHECK(world.batcher.next_time() == world.now + 3 * kSecond);
  CHECK(world.next() == nullptr);
  world.now += 3 * kSecond;
  batch = world.next();
  REQUIRE(batch != nullptr);
  CHECK(batch->attempt() == 1);
}

TEST_CASE("Elements that are retried together leave in the order in which they came") {
  World world(limits(3));
  world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}});
  world.complete(world.next(), Verdict::Kind::retry, world.now);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A", "B", "C"});
}

TEST_CASE("A split batch goes again in thirds, and the poison is found alone") {
  World world(limits(8));
  std::vector<Item> items;
  for (char c = 'a'; c < 'i'; ++c) items.push_back({std::string(1, c), std::string(1, c)});
  world.add(items);
  int requests = 0;
  std::vector<std::string> delivered;
  std::vector<std::string> dead;
  while (auto batch = world.next()) {
    ++requests;
    const auto all = world.payloads(*batch);
    const bool poisoned = std::find(all.begin(), all.end(), "f") != all.end();
    if (!poisoned) delivered.insert(delivered.end(), all.begin(), all.end());
    if (poisoned && all.size() == 1) dead = all;
    world.complete(std::move(batch), !poisoned         ? Verdict::Kind::delivered
                                     : all.size() == 1 ? Verdict::Kind::dead_letter
                                                       : Verdict::Kind::split);
  }
  CHECK(delivered.size() == 7);
  CHECK(dead == std::vector<std::string>{"f"});
  CHECK(requests == 7);  // 1, then 3 of three or two elements, then 3 of one
  CHECK(world.batcher.pending() == 0);
}

TEST_CASE("Elements of a split batch are in flight still: a newer one of a key waits") {
  World world(limits(2));
  world.add({{"a", "1"}, {"b", "B"}});
  world.complete(world.next(), Verdict::Kind::split);
  world.add({{"a", "2"}, {"c", "C"}});
  auto half = world.next();
  CHECK(world.payloads(*half) == std::vector<std::string>{"1"});
  world.batcher.flush();
  std::vector<std::string> others;
  for (auto batch = world.next(); batch != nullptr; batch = world.next()) {
    for (const auto& payload : world.payloads(*batch)) others.push_back(payload);
    world.complete(std::move(batch), Verdict::Kind::delivered);
  }
  CHECK(std::find(others.begin(), others.end(), "2") == others.end());
  world.complete(std::move(half), Verdict::Kind::delivered);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"2"});
}

TEST_CASE("No more batches of a destination are in flight than its concurrency") {
  World world(limits(1), 2);
  world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}});
  auto first = world.next();
  auto second = world.next();
  CHECK(world.next() == nullptr);
  world.complete(std::move(first), Verdict::Kind::delivered);
  CHECK(world.next() != nullptr);
  world.complete(std::move(second), Verdict::Kind::delivered);
}

TEST_CASE("A paused destination gets nothing until its time, and others go on") {
  World world(limits(1), 4, 2);
  world.batcher.pause(0, world.now + 5 * kSecond);
  world.add({{"a", "A", "x", 0, 0}, {"b", "B", "x", 1, 1}});
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"B"});
  CHECK(world.next() == nullptr);
  CHECK(world.batcher.next_time() == world.now + 5 * kSecond);
  world.now += 5 * kSecond;
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A"});
}

TEST_CASE("Destinations take turns") {
  World world(limits(1), 4, 2);
  world.add({{"a", "A1", "x", 0, 0}, {"b", "A2", "y", 0, 0}, {"c", "B1", "x", 1, 1}});
  std::vector<std::uint32_t> order;
  for (auto batch = world.next(); batch != nullptr; batch = world.next()) {
    order.push_back(batch->destination());
    world.complete(std::move(batch), Verdict::Kind::delivered);
  }
  CHECK(order == std::vector<std::uint32_t>{0, 1, 0});
}

TEST_CASE(
    "Random histories: the last element of each key is the last delivered, no key is twice in "
    "flight, counts add up") {
  const auto seed = GENERATE(range(0U, 40U));
  std::mt19937 random(seed);
  World world(BatchLimits{5, 1000, 1s}, 3, 2);
  std::map<std::string, int> newest;  // by destination and key
  std::map<std::string, int> last_delivered;
  std::multiset<std::string> in_flight;
  std::vector<std::unique_ptr<Batch>> out;
  int version = 0;
  std::uint64_t added = 0;
  const auto complete_one = [&](bool finally) {
    if (out.empty()) return;
    std::swap(out[random() % out.size()], out.back());
    std::unique_ptr<Batch> batch = std::move(out.back());
    out.pop_back();
    Verdicts all;
    std::vector<Verdict>& verdicts = all.elements;
    const bool split = !finally && batch->size() > 1 && random() % 8 == 0;
    for (std::size_t i = 0; i < batch->size(); ++i) {
      const std::string payload(batch->payload(i));  // "destination:key=version"
      const std::string key = payload.substr(0, payload.find('='));
      if (split) {
        verdicts.push_back({Verdict::Kind::split, true, 0, 0});
        continue;
      }
      in_flight.erase(in_flight.find(key));
      if (finally || random() % 3 != 0) {
        last_delivered[key] = std::stoi(payload.substr(payload.find('=') + 1));
        verdicts.push_back({Verdict::Kind::delivered, true, 0, 0});
      } else {
        verdicts.push_back({Verdict::Kind::retry, true, 0,
                            world.now + static_cast<std::int64_t>(random() % 3) * kSecond});
      }
    }
    if (split) {
      for (std::size_t i = 0; i < batch->size(); ++i) {
        const std::string payload(batch->payload(i));
        in_flight.erase(in_flight.find(payload.substr(0, payload.find('='))));
      }
    }
    world.batcher.complete(std::move(batch), all, world.now, world.settled);
  };
  const auto take = [&] {
    while (auto batch = world.batcher.next(world.now, random() % 10 == 0)) {
      CHECK(batch->size() <= 5);
      for (std::size_t i = 0; i < batch->size(); ++i) {
        const std::string payload(batch->payload(i));
        const std::string key = payload.substr(0, payload.find('='));
        REQUIRE(in_flight.count(key) == 0);
        in_flight.insert(key);
      }
      out.push_back(std::move(batch));
    }
  };
  for (int step = 0; step < 400; ++step) {
    std::vector<Item> items;
    for (unsigned n = random() % 4; n > 0; --n) {
      const std::uint32_t destination = random() % 2;
      const std::string key = std::string(1, static_cast<char>('a' + random() % 6));
      const std::string name = std::to_string(destination) + ":" + key;
      items.push_back(
          {key, name + "=" + std::to_string(++version), "audience", destination, destination});
      newest[name] = version;
      ++added;
    }
    world.add(items);
    take();
    if (random() % 2 == 0) complete_one(false);
    world.now += static_cast<std::int64_t>(random() % 500) * 1'000'000;
  }
  world.batcher.flush();
  while (world.batcher.pending() > 0) {
    take();
    complete_one(true);
    world.now += kSecond;
  }
  CHECK(last_delivered == newest);
  std::uint64_t counted = 0;
  for (std::uint32_t mapping : {0U, 1U}) {
    counted +=
        world.settled.tally.of(mapping).delivered + world.settled.tally.of(mapping).superseded;
  }
  CHECK(counted == added);
  CHECK(world.settled_elements() == added);
}

TEST_CASE("What was settled in an earlier run is not taken in, wherever its route leads") {
  World world(limits(1), 4, 1);
  auto block = std::make_shared<Block>(*world.block_of({{"a", "A"}, {"b", "B", "gone", 5, 9}}));
  world.batcher.add({block, {false, true}, {}, world.now}, world.now, world.settled);
  CHECK(world.batcher.pending() == 1);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A"});
  CHECK(world.next() == nullptr);
}

TEST_CASE("Attempts of an earlier run count, and failed ones are told of") {
  World world(limits(2));
  const auto block = world.block_of({{"a", "A"}, {"b", "B"}});
  world.batcher.add({block, {}, {0, 4}, world.now - 7}, world.now, world.settled);
  auto batch = world.next();
  CHECK(batch->attempt() == 4);
  CHECK(batch->attempt(0) == 0);
  CHECK(batch->stored_ns(0) == world.now - 7);
  world.complete(std::move(batch), Verdict::Kind::retry, world.now);
  REQUIRE(world.settled.attempts.size() == 2);
  CHECK(world.settled.attempts[0].attempts == 1);
  CHECK(world.settled.attempts[1].element == 1);
  CHECK(world.settled.attempts[1].attempts == 5);
  CHECK(world.settled.settlements.empty());
}

TEST_CASE("The element that takes the place of a failed one has no attempts of its own") {
  World world(limits(1));
  world.add({{"a", "1"}});
  auto batch = world.next();
  world.add({{"a", "2"}});
  world.complete(std::move(batch), Verdict::Kind::retry, world.now);
  CHECK(world.settled.attempts.empty());
  CHECK(world.next()->attempt() == 0);
}

TEST_CASE("A dead letter keeps the element, where it was to go, and why it did not") {
  World world(limits(1));
  world.add({{"person", "payload", "audience", 3}});
  Verdicts verdicts;
  verdicts.elements.push_back({Verdict::Kind::dead_letter, true, 1, 0});
  verdicts.refusals = {{"other", "", 0}, {"bad_email", "It is no address", 400}};
  world.batcher.complete(world.next(), verdicts, world.now, world.settled);
  REQUIRE(world.settled.tally.dead_letters.size() == 1);
  const penstock::DeadLetter& letter = world.settled.tally.dead_letters[0];
  CHECK(letter.form == penstock::DeadLetter::Form::element);
  CHECK(letter.mapping == 3);
  CHECK(letter.reason == "bad_email");
  CHECK(letter.message == "It is no address");
  CHECK(letter.remote_status == 400);
  CHECK(letter.attempts == 1);
  CHECK(letter.content == "payload");
  CHECK(letter.coalesce_key == "person");
  CHECK(letter.route.batch_key == "audience");
  REQUIRE(world.settled.tally.reasons().size() == 1);
  CHECK(world.settled.tally.reasons()[0].count == 1);
  CHECK(world.settled.tally.of(3).dead_lettered == 1);
  CHECK(world.settled.settlements[0].elements[0].kind ==
        penstock::SettledElement::Kind::dead_lettered);
}

TEST_CASE("A dead letter is overtaken when a newer element of its key waits behind it") {
  World world(limits(1));
  world.add({{"ann", "old"}, {"bob", "only"}});
  auto ann = world.next();
  auto bob = world.next();
  world.add({{"ann", "new"}});
  world.complete(std::move(ann), Verdict::Kind::dead_letter);
  world.complete(std::move(bob), Verdict::Kind::dead_letter);
  const auto& letters = world.settled.tally.dead_letters;
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].overtaken);
  CHECK(!letters[1].overtaken);
}

TEST_CASE("An element that is given up while a newer one of its key waits is superseded") {
  World world(limits(1));
  world.add({{"ann", "old"}});
  auto batch = world.next();
  world.add({{"ann", "new"}});
  Verdicts verdicts;
  verdicts.elements.resize(1);
  verdicts.elements[0].kind = Verdict::Kind::dead_letter;
  verdicts.elements[0].refusal = 0;
  verdicts.refusals.push_back({penstock::batch::kGaveUp, "too old", 503});
  world.batcher.complete(std::move(batch), verdicts, world.now, world.settled);
  CHECK(world.settled.tally.dead_letters.empty());
  CHECK(world.settled.tally.of(0).superseded == 1);
  const auto next = world.next();
  REQUIRE(next != nullptr);
  CHECK(world.payloads(*next) == std::vector<std::string>{"new"});
}

TEST_CASE("What was done with delivered elements is counted by mapping, where the plugin said it") {
  World world(limits(4));
  world.add({{"a", "1", "audience", 0}, {"b", "2", "audience", 1}, {"c", "3", "audience", 1}});
  world.add({{"d", "4", "audience", 1}});
  Verdicts verdicts;
  verdicts.delivered_as = {"added", "removed"};
  for (const std::uint32_t as : {0U, 1U, 1U, UINT32_MAX})
    verdicts.elements.push_back({Verdict::Kind::delivered, true, as, 0});
  world.batcher.complete(world.next(), verdicts, world.now, world.settled);
  const auto& reasons = world.settled.tally.reasons();
  REQUIRE(reasons.size() == 2);
  CHECK(reasons[0].reason == "added");
  CHECK(reasons[0].mapping == 0);
  CHECK(reasons[0].count == 1);
  CHECK(reasons[1].reason == "removed");
  CHECK(reasons[1].mapping == 1);
  CHECK(reasons[1].count == 2);
  CHECK(reasons[1].kind == penstock::ReasonCount::Kind::delivered);
  CHECK(world.settled.tally.of(1).delivered == 3);
}

TEST_CASE("A group that lost a batch as a whole waits, in order, while other groups go on") {
  World world(limits(2));
  world.add(
      {{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {"e", "E", "other"}, {"f", "F", "other"}});
  auto lost = world.next();
  world.lose(std::move(lost), world.now + 5 * kSecond);
  CHECK(world.next()->batch_key() == "other");
  CHECK(world.next() == nullptr);
  CHECK(world.batcher.next_time() == world.now + 5 * kSecond);
  world.now += 5 * kSecond;
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"A", "B"});
}

TEST_CASE(
    "What waits for a person is counted, goes when somebody may have acted, and is free again") {
  World world(limits(1));
  world.add({{"a", "1", "full"}, {"b", "2", "full"}, {"c", "3", "fine"}});
  auto refused = world.next();
  REQUIRE(world.payloads(*refused) == std::vector<std::string>{"1"});
  Verdicts verdicts;
  verdicts.elements.push_back({Verdict::Kind::retry, false, 0, 0});
  verdicts.group_until_ns = world.now + 60 * kSecond;
  verdicts.group_refused = true;
  world.batcher.complete(std::move(refused), verdicts, world.now, world.settled);
  CHECK(world.batcher.refused_of_destination(0) == 2);
  CHECK(world.payloads(*world.next()) == std::vector<std::string>{"3"});
  CHECK(world.next() == nullptr);
  world.batcher.retry_refused(world.now);
  auto again = world.next();
  REQUIRE(again != nullptr);
  CHECK(world.batcher.refused_of_destination(0) == 2);
  world.complete(std::move(again), Verdict::Kind::delivered);
  CHECK(world.batcher.refused_of_destination(0) == 0);
  CHECK(world.next() != nullptr);
}

TEST_CASE("After its back-off a group sends one batch, and the others when that is delivered") {
  World world(limits(1));
  world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}});
  world.lose(world.next(), world.now + kSecond);
  world.now += kSecond;
  auto probe = world.next();
  REQUIRE(probe != nullptr);
  CHECK(probe->group_failures() == 1);
  CHECK(world.next() == nullptr);
  world.complete(std::move(probe), Verdict::Kind::delivered);
  CHECK(world.next() != nullptr);
  CHECK(world.next() != nullptr);
}

TEST_CASE("Batches of a group that are lost together are one failure in its back-off") {
  World world(limits(1));
  world.add({{"a", "A"}, {"b", "B"}, {"c", "C"}});
  auto first = world.next();
  auto second = world.next();
  world.lose(std::move(first), world.now + kSecond);
  world.lose(std::move(second), world.now + 2 * kSecond);
  world.now += kSecond;
  CHECK(world.next() == nullptr);  // the longer back-off counts
  world.now += kSecond;
  auto probe = world.next();
  CHECK(probe->group_failures() == 1);
  world.lose(std::move(probe), world.now + kSecond);
  world.now += kSecond;
  CHECK(world.next()->group_failures() == 2);
}

TEST_CASE("Halves of a split batch wait for their group's back-off, too") {
  World world(limits(2));
  world.add({{"a", "A"}, {"b", "B"}});
  world.complete(world.next(), Verdict::Kind::split);
  world.lose(world.next(), world.now + kSecond);
  CHECK(world.next() == nullptr);
  CHECK(world.batcher.next_time() == world.now + kSecond);
  world.now += kSecond;
  CHECK(world.next() != nullptr);
}

TEST_CASE("While a destination is probed one of its batches is in flight, and others go on") {
  World world(limits(1), 4, 2);
  world.add({{"a", "A"}, {"b", "B"}, {"c", "C", "x", 0, 1}, {"d", "D", "x", 0, 1}});
  world.batcher.set_probing(0, true);
  std::map<std::uint32_t, int> batches;
  std::vector<std::unique_ptr<Batch>> out;
  while (auto batch = world.next()) {
    ++batches[batch->destination()];
    out.push_back(std::move(batch));
  }
  CHECK(batches == std::map<std::uint32_t, int>{{0, 1}, {1, 2}});
  world.batcher.set_probing(0, false);
  CHECK(world.next() != nullptr);
}

TEST_CASE("Destinations of one connection share its limit, which may change at any time") {
  const BatchLimits one = limits(1);
  Batcher batcher({{2, {one}, 0}, {2, {one}, 0}});
  World world(one, 1, 2);
  batcher.add(
      {world.block_of({{"a", "A"}, {"b", "B"}, {"c", "C", "x", 0, 1}, {"d", "D", "x", 0, 1}}),
       {},
       {},
       0},
      0, world.settled);
  CHECK(batcher.next(0, false) != nullptr);
  CHECK(batcher.next(0, false) != nullptr);
  CHECK(batcher.next(0, false) == nullptr);
  CHECK(batcher.in_flight(0) == 2);
  batcher.set_concurrency(0, 3);
  CHECK(batcher.next(0, false) != nullptr);
  CHECK(batcher.next(0, false) == nullptr);
}
