// Guards what an attempt means beyond its elements: for their group, their destination and
// connection, and for what has grown too old.
#include <catch2/catch.hpp>

#include "send/destination_state.hpp"
#include "send/sender.hpp"

namespace {

using penstock::Block;
using penstock::Issue;
using penstock::batch::Batch;
using penstock::batch::Batcher;
using penstock::batch::Settled;
using penstock::batch::Verdict;
using penstock::send::Attempt;
using penstock::send::Decision;
using penstock::send::DestinationState;
using penstock::send::Health;
using penstock::send::kNanosPerMilli;
using penstock::send::RetryPolicy;
using Signal = penstock::send::ConcurrencyLimit::Signal;

constexpr std::int64_t kSecond = 1000 * kNanosPerMilli;
constexpr std::int64_t kNow = 1'000'000 * kSecond;
const std::atomic<bool> kNotCancelled{false};

struct Reported {
  std::uint32_t status;
  std::int32_t remote_status = 0;
  std::int64_t retry_after_ms = -1;
  std::string reason = "why";
  std::uint32_t flags = 0;
};

// Elements that go out together, again and again.
class Group {
 public:
  explicit Group(std::size_t size, std::int64_t stored_ns = kNow)
      : batcher_({{1, {penstock::BatchLimits{size, 1000, std::chrono::seconds(1)}}, 0}}) {
    auto block = std::make_shared<Block>();
    block->routes.push_back({0, 0, "key"});
    block->bytes.assign(size, 'x');
    for (std::uint32_t i = 0; i < size; ++i) block->elements.push_back({0, 0, 0, i, 1, 0});
    batcher_.add({block, {}, {}, stored_ns}, kNow, settled);
  }

  Attempt attempt(const std::vector<Reported>& reports) {
    return penstock::send::attempt(
        [&](const penstock_batch& batch, penstock_error&) {
          for (std::uint64_t i = 0; i < batch.n; ++i) {
            const Reported& report = reports[i % reports.size()];
            const std::string message = "said so";
            const penstock_outcome outcome{sizeof outcome,
                                           report.status,
                                           report.remote_status,
                                           report.flags,
                                           report.retry_after_ms,
                                           {report.reason.data(), report.reason.size()},
                                           {message.data(), message.size()}};
            batch.report(batch.ctx, i, &outcome);
          }
          return PENSTOCK_OK;
        },
        batcher_.next(now, true), [this] { return now; }, kNotCancelled);
  }
  Decision decide(const std::vector<Reported>& reports, const RetryPolicy& policy = {}) {
    Attempt made = attempt(reports);
    std::mt19937_64 random(1);
    Decision decision = penstock::send::decide(made, policy, 0, now, random);
    batcher_.complete(std::move(made.batch), decision.verdicts, now, settled);
    return decision;
  }

  std::int64_t now = kNow;
  Settled settled;

 private:
  Batcher batcher_;
};

}  // namespace

TEST_CASE("A group waits when all of a batch failed, and not when one element got through") {
  struct Case {
    std::vector<Reported> reports;
    bool waits;
  };
  const auto row = GENERATE(
      Case{{{PENSTOCK_RETRY, 503}}, true}, Case{{{PENSTOCK_UNKNOWN}}, true},
      Case{{{PENSTOCK_RETRY, 503}, {PENSTOCK_UNKNOWN}}, true},
      Case{{{PENSTOCK_RETRY, 0, 5000}}, true},  // not ready yet
      Case{{{PENSTOCK_RETRY, 503}, {PENSTOCK_DELIVERED}}, false},
      Case{{{PENSTOCK_RETRY, 503}, {PENSTOCK_REJECTED, 400}}, false},
      Case{{{PENSTOCK_SPLIT, 400}}, false}, Case{{{PENSTOCK_THROTTLED, 429, 1000}}, false},
      Case{{{PENSTOCK_AUTH, 401}}, false}, Case{{{PENSTOCK_UNKNOWN, 0, -1, "cancelled"}}, false});
  Group group(2);
  const Decision decision = group.decide(row.reports);
  CHECK((decision.verdicts.group_until_ns > kNow) == row.waits);
}

TEST_CASE("A group that loses batch after batch waits longer, up to a minute") {
  Group group(2);
  std::int64_t longest = 0;
  for (int i = 0; i < 30; ++i) {
    const std::int64_t until = group.decide({{PENSTOCK_RETRY, 503}}).verdicts.group_until_ns;
    const std::int64_t bound = std::min<std::int64_t>(250LL << std::min(i, 20), 60'000);
    CHECK(until - group.now <= bound * kNanosPerMilli);
    longest = std::max(longest, until - group.now);
    group.now = until;
  }
  CHECK(longest > 5 * kSecond);
}

TEST_CASE("Whatever has no certain answer may be carried out late, and nothing else") {
  struct Case {
    Reported reported;
    bool uncertain;
  };
  const auto [reported, uncertain] =
      GENERATE(Case{{PENSTOCK_UNKNOWN}, true}, Case{{PENSTOCK_UNKNOWN, 0, -1, "cancelled"}, true},
               Case{{PENSTOCK_RETRY, 500}, true}, Case{{PENSTOCK_RETRY, 504, 1000}, true},
               Case{{PENSTOCK_REJECTED, 501}, true}, Case{{PENSTOCK_BLOCKED, 503}, true},
               Case{{PENSTOCK_RETRY, 0, -1, "connect_failed"}, false},
               Case{{PENSTOCK_RETRY, 408}, false}, Case{{PENSTOCK_THROTTLED, 429}, false},
               Case{{PENSTOCK_REJECTED, 400}, false}, Case{{PENSTOCK_AUTH, 401}, false},
               Case{{PENSTOCK_SPLIT, 413}, false}, Case{{PENSTOCK_DELIVERED}, false});
  CAPTURE(reported.status, reported.remote_status);
  Group group(2);
  RetryPolicy policy;
  policy.confirm_after_ns = 60 * kSecond;
  std::mt19937_64 random(1);
  Attempt attempt = group.attempt({reported});
  CHECK(decide(attempt, policy, 0, kNow, random).verdicts.elements[0].uncertain_until_ns ==
        (uncertain ? kNow + 60 * kSecond : 0));
  attempt.begun = false;  // it was cancelled before anything was sent
  if (reported.status == PENSTOCK_UNKNOWN) {
    CHECK(decide(attempt, policy, 0, kNow, random).verdicts.elements[0].uncertain_until_ns == 0);
  }
  attempt.begun = true;
  policy.confirm_after_ns = 0;
  CHECK(decide(attempt, policy, 0, kNow, random).verdicts.elements[0].uncertain_until_ns == 0);
}

TEST_CASE("What is older than give_up_after and fails is given up, and nothing else is") {
  struct Case {
    Reported report;
    std::int64_t age_s;
    Verdict::Kind kind;
  };
  using Kind = Verdict::Kind;
  const auto row = GENERATE(Case{{PENSTOCK_RETRY, 503}, 3601, Kind::dead_letter},
                            Case{{PENSTOCK_UNKNOWN}, 3601, Kind::dead_letter},
                            Case{{PENSTOCK_THROTTLED, 429}, 3601, Kind::dead_letter},
                            Case{{PENSTOCK_AUTH, 401}, 3601, Kind::dead_letter},
                            Case{{PENSTOCK_BLOCKED, 403}, 3601, Kind::dead_letter},
                            Case{{PENSTOCK_RETRY, 503}, 3600, Kind::retry},
                            Case{{PENSTOCK_AUTH, 401}, 10, Kind::retry},
                            Case{{PENSTOCK_DELIVERED}, 999'999, Kind::delivered},
                            Case{{PENSTOCK_SPLIT, 400}, 999'999, Kind::split},
                            Case{{PENSTOCK_UNKNOWN, 0, -1, "cancelled"}, 999'999, Kind::retry});
  RetryPolicy policy;
  policy.give_up_after_ns = 3600 * kSecond;
  Group group(2, kNow - row.age_s * kSecond);
  CHECK(group.decide({row.report}, policy).verdicts.elements[0].kind == row.kind);
}

TEST_CASE("What is given up says after how long, and what happened last") {
  RetryPolicy policy;
  policy.give_up_after_ns = 3600 * kSecond;
  Group group(2, kNow - 5 * 3600 * kSecond - 7);
  const Decision decision = group.decide({{PENSTOCK_RETRY, 503, -1, "unavailable"}}, policy);
  REQUIRE(decision.verdicts.refusals.size() == 1);
  CHECK(decision.verdicts.refusals[0].reason == "gave_up");
  CHECK(decision.verdicts.refusals[0].remote_status == 503);
  CHECK(decision.verdicts.refusals[0].message ==
        "Given up after 5 hours (give_up_after); the last attempt ended with unavailable: said so");
  CHECK(group.settled.tally.dead_letters.size() == 2);
  CHECK(decision.verdicts.group_until_ns > kNow);  // its neighbours wait all the same
}

TEST_CASE("Nothing is given up by default, however old") {
  Group group(1, -kNow);
  CHECK(group.decide({{PENSTOCK_RETRY, 503}}).verdicts.elements[0].kind == Verdict::Kind::retry);
}

TEST_CASE("Each outcome says what it means for the load on the connection") {
  struct Case {
    Reported report;
    Signal load;
  };
  const auto row = GENERATE(
      Case{{PENSTOCK_DELIVERED}, Signal::success}, Case{{PENSTOCK_REJECTED, 400}, Signal::none},
      Case{{PENSTOCK_RETRY, 503}, Signal::overloaded}, Case{{PENSTOCK_RETRY, 409}, Signal::none},
      Case{{PENSTOCK_UNKNOWN}, Signal::overloaded},
      Case{{PENSTOCK_THROTTLED, 429}, Signal::overloaded},
      Case{{PENSTOCK_RETRY, 0, 5000}, Signal::none}, Case{{PENSTOCK_AUTH, 401}, Signal::none},
      Case{{PENSTOCK_UNKNOWN, 0, -1, "cancelled"}, Signal::none});
  Group group(1);
  CHECK(group.decide({row.report}).load == row.load);
}

TEST_CASE("A service that is unavailable for a time that it names is asked for nothing meanwhile") {
  const auto effect_of = [](const Reported& reported) { return Group(1).decide({reported}); };
  const Decision named = effect_of({PENSTOCK_RETRY, 503, 60'000});
  CHECK(named.effect == Decision::Effect::throttle);
  CHECK(named.until_ns >= kNow + 60 * kSecond);
  CHECK(named.failed);
  CHECK(effect_of({PENSTOCK_RETRY, 503}).effect == Decision::Effect::none);
  CHECK(effect_of({PENSTOCK_RETRY, 500, 60'000}).effect == Decision::Effect::none);
}

TEST_CASE("A group that goes on failing says nothing new about the load that others share") {
  Group group(1);
  CHECK(group.decide({{PENSTOCK_RETRY, 503}}).load == Signal::overloaded);
  group.now += 60 * kSecond;
  CHECK(group.decide({{PENSTOCK_RETRY, 503}}).load == Signal::none);
}

TEST_CASE(
    "Three attempts in a row that an answer such as 503 ended make a destination unavailable") {
  DestinationState state;
  Group group(2);
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(state.update(group.decide({{PENSTOCK_RETRY, 503}}), group.now).has_value());
    group.now += 60 * kSecond;
  }
  CHECK(state.health() == Health::ok);
  const auto news = state.update(group.decide({{PENSTOCK_RETRY, 503}}), group.now);
  REQUIRE(news.has_value());
  CHECK(news->message == "It answers 503: said so (will be tried again)");
  CHECK(state.health() == Health::unavailable);
  CHECK(state.retrying_helps());
  CHECK_FALSE(state.probing());
  group.now += 60 * kSecond;
  CHECK(state.update(group.decide({{PENSTOCK_DELIVERED}}), group.now)->good);
  CHECK(state.health() == Health::ok);
}

TEST_CASE("Failures with deliveries in between leave a destination ok") {
  DestinationState state;
  for (int i = 0; i < 10; ++i) {
    Group group(1);
    const std::uint32_t status = i % 3 == 2 ? PENSTOCK_DELIVERED : PENSTOCK_RETRY;
    CHECK_FALSE(state.update(group.decide({{status, 503}}), kNow).has_value());
  }
  CHECK(state.health() == Health::ok);
}

TEST_CASE("A destination on which a person has to act is probed, at once when that is asked for") {
  DestinationState state;
  Group group(1);
  REQUIRE(state.update(group.decide({{PENSTOCK_AUTH, 401}}), kNow).has_value());
  CHECK(state.probing());
  CHECK(state.paused_until_ns() == kNow + 60 * kSecond);
  state.probe_now();
  CHECK(state.paused_until_ns() <= kNow);
  CHECK(state.probing());
  CHECK(state.health() == Health::authorization_needed);
  const auto news = state.update(group.decide({{PENSTOCK_DELIVERED}}), kNow + 1);
  REQUIRE(news.has_value());
  CHECK(news->good);
  CHECK_FALSE(state.probing());
}

TEST_CASE("An attempt knows when it began and ended") {
  Group group(1);
  const Attempt attempt = group.attempt({{PENSTOCK_DELIVERED}});
  CHECK(attempt.begin_ns == kNow);
  CHECK(attempt.end_ns == kNow);
}

TEST_CASE("What is blocked for one batch key holds up its group, as rarely asked as a paused one") {
  Group group(2);
  const Reported blocked{PENSTOCK_BLOCKED, 429, -1, "limit", PENSTOCK_OUTCOME_BATCH_KEY_ONLY};
  const Decision decision = group.decide({blocked});
  CHECK(decision.effect == Decision::Effect::none);
  CHECK(decision.verdicts.group_refused);
  CHECK(decision.verdicts.group_until_ns == kNow + 60 * kSecond);
  CHECK_FALSE(decision.verdicts.elements[0].failed);
  CHECK_FALSE(decision.lost);
  REQUIRE(decision.issues.size() == 1);
  CHECK(decision.issues[0].severity == Issue::Severity::error);
  CHECK(decision.issues[0].mapping == 0);
  DestinationState state;
  CHECK_FALSE(state.update(decision, kNow));
  CHECK(state.health() == Health::ok);
}
