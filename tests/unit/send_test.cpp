// Guards the send stage: what reports of a plugin mean, and when something is tried again.
#include <catch2/catch.hpp>

#include "batch/batcher.hpp"
#include "send/destination_state.hpp"
#include "send/sender.hpp"

namespace {

using penstock::Block;
using penstock::Issue;
using penstock::batch::Batch;
using penstock::batch::Batcher;
using penstock::batch::Verdict;
using penstock::send::Attempt;
using penstock::send::Decision;
using penstock::send::kNanosPerMilli;

constexpr std::int64_t kNow = 1'000'000'000'000;
const std::atomic<bool> kNotCancelled{false};

// A batch of as many elements, in a batcher that keeps it alive.
class Fixture {
 public:
  explicit Fixture(std::size_t size, std::int64_t stored_ns = kNow)
      : batcher_({penstock::batch::DestinationLimits{
            1, {penstock::BatchLimits{size, 1'000'000, std::chrono::seconds(1)}}, 0}}) {
    auto block = std::make_shared<Block>();
    block->routes.push_back({0, 0, "key"});
    for (std::size_t i = 0; i < size; ++i) {
      penstock::BlockElement element;
      element.offset = static_cast<std::uint32_t>(block->bytes.size());
      element.payload_size = 1;
      block->bytes += static_cast<char>('a' + i);
      block->elements.push_back(element);
    }
    batcher_.add({block, {}, {}, stored_ns}, 0, settled_);
  }
  Attempt send(const penstock::send::SendHook& hook) {
    return penstock::send::attempt(
        hook, batcher_.next(0, true), [] { return kNow; }, kNotCancelled);
  }

 private:
  Batcher batcher_;
  penstock::batch::Settled settled_;
};

penstock_str text(std::string_view value) {
  return {value.data(), value.size()};
}

penstock_outcome outcome(std::uint32_t status, std::string_view reason = "",
                         std::int64_t retry_after_ms = -1) {
  return {sizeof(penstock_outcome), status, 0, 0, retry_after_ms, text(reason), text("said so")};
}

Decision decide(const Attempt& attempt, std::uint32_t probes = 0) {
  std::mt19937_64 random(1);
  return penstock::send::decide(attempt, {}, probes, kNow, random);
}

Decision decide_one(const penstock_outcome& reported, std::size_t size = 1) {
  Fixture fixture(size);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    for (std::uint64_t i = 0; i < batch.n; ++i) batch.report(batch.ctx, i, &reported);
    return PENSTOCK_OK;
  });
  return decide(attempt);
}

}  // namespace

TEST_CASE("A hook sees the batch as the ABI says") {
  Fixture fixture(3);
  std::string seen;
  fixture.send([&](const penstock_batch& batch, penstock_error&) {
    CHECK(batch.struct_size == sizeof(penstock_batch));
    CHECK(batch.deadline_ns == kNow + penstock::send::kSendDeadlineNs);
    CHECK(std::string_view(batch.batch_key.data, batch.batch_key.size) == "key");
    CHECK(batch.cancelled(batch.ctx) == 0);
    for (std::uint64_t i = 0; i < batch.n; ++i)
      seen.append(batch.payloads[i].data, batch.payloads[i].size);
    return PENSTOCK_OK;
  });
  CHECK(seen == "abc");
}

TEST_CASE("An element that the plugin does not report is unknown, never delivered") {
  Fixture fixture(2);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    const penstock_outcome delivered = outcome(PENSTOCK_DELIVERED);
    batch.report(batch.ctx, 1, &delivered);
    return PENSTOCK_OK;
  });
  CHECK(attempt.outcomes->status(0) == PENSTOCK_UNKNOWN);
  CHECK(attempt.outcomes->detail(0).reason == "unreported");
  CHECK(attempt.outcomes->status(1) == PENSTOCK_DELIVERED);
}

TEST_CASE("Of two reports for one element the worse stays, and the plugin is found at fault") {
  Fixture fixture(1);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    const penstock_outcome retry = outcome(PENSTOCK_RETRY, "later");
    const penstock_outcome delivered = outcome(PENSTOCK_DELIVERED);
    batch.report(batch.ctx, 0, &retry);
    batch.report(batch.ctx, 0, &delivered);
    return PENSTOCK_OK;
  });
  CHECK(attempt.outcomes->status(0) == PENSTOCK_RETRY);
  CHECK(attempt.outcomes->faults() == 1);
}

TEST_CASE("What a plugin says of delivered elements is kept, each way once") {
  Fixture fixture(3);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    const penstock_outcome added = outcome(PENSTOCK_DELIVERED, "added");
    const penstock_outcome plain = outcome(PENSTOCK_DELIVERED);
    batch.report(batch.ctx, 0, &added);
    batch.report(batch.ctx, 1, &plain);
    batch.report(batch.ctx, 2, &added);
    return PENSTOCK_OK;
  });
  CHECK(attempt.outcomes->faults() == 0);
  const Decision decision = decide(attempt);
  CHECK(decision.verdicts.delivered_as == std::vector<std::string>{"added"});
  CHECK(decision.verdicts.elements[0].refusal == 0);
  CHECK(decision.verdicts.elements[1].refusal == UINT32_MAX);
  CHECK(decision.verdicts.elements[2].refusal == 0);
}

TEST_CASE("Delivered first and rejected later is rejected") {
  Fixture fixture(1);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    const penstock_outcome delivered = outcome(PENSTOCK_DELIVERED);
    const penstock_outcome rejected = outcome(PENSTOCK_REJECTED, "no");
    batch.report(batch.ctx, 0, &delivered);
    batch.report(batch.ctx, 0, &rejected);
    return PENSTOCK_OK;
  });
  CHECK(attempt.outcomes->status(0) == PENSTOCK_REJECTED);
  CHECK(attempt.outcomes->detail(0).reason == "no");
}

TEST_CASE(
    "A report for an element that is not in the batch, or with an unknown code, is a fault and "
    "delivers nothing") {
  Fixture fixture(1);
  const Attempt attempt = fixture.send([&](const penstock_batch& batch, penstock_error&) {
    const penstock_outcome delivered = outcome(PENSTOCK_DELIVERED);
    const penstock_outcome strange = outcome(77);
    batch.report(batch.ctx, 5, &delivered);
    batch.report(batch.ctx, 0, &strange);
    return PENSTOCK_OK;
  });
  CHECK(attempt.outcomes->status(0) == PENSTOCK_UNKNOWN);
  CHECK(attempt.outcomes->faults() == 2);
}

TEST_CASE("The error that a hook returns is the outcome of what it did not report") {
  struct Case {
    std::int32_t code;
    std::uint32_t status;
  };
  const auto expected = GENERATE(
      Case{PENSTOCK_ERR_AUTH, PENSTOCK_AUTH}, Case{PENSTOCK_ERR_CONNECT, PENSTOCK_RETRY},
      Case{PENSTOCK_ERR_TRANSPORT, PENSTOCK_UNKNOWN}, Case{PENSTOCK_ERR_TIMEOUT, PENSTOCK_UNKNOWN},
      Case{PENSTOCK_ERR_INVALID, PENSTOCK_BLOCKED}, Case{PENSTOCK_ERR_INTERNAL, PENSTOCK_UNKNOWN},
      Case{-99, PENSTOCK_UNKNOWN});
  Fixture fixture(1);
  const Attempt attempt =
      fixture.send([&](const penstock_batch&, penstock_error&) { return expected.code; });
  CHECK(attempt.outcomes->status(0) == expected.status);
  CHECK_FALSE(attempt.outcomes->detail(0).message.empty());
}

TEST_CASE("Each outcome leads to its verdict") {
  CHECK(decide_one(outcome(PENSTOCK_DELIVERED)).verdicts.elements[0].kind ==
        Verdict::Kind::delivered);
  CHECK(decide_one(outcome(PENSTOCK_REJECTED, "no")).verdicts.elements[0].kind ==
        Verdict::Kind::dead_letter);
  CHECK(decide_one(outcome(PENSTOCK_RETRY)).verdicts.elements[0].kind == Verdict::Kind::retry);
  CHECK(decide_one(outcome(PENSTOCK_UNKNOWN)).verdicts.elements[0].kind == Verdict::Kind::retry);
  CHECK(decide_one(outcome(PENSTOCK_SPLIT), 2).verdicts.elements[0].kind == Verdict::Kind::split);
}

TEST_CASE("A refused element that is alone is a dead letter with the plugin's reason") {
  const Decision decision = decide_one(outcome(PENSTOCK_SPLIT, "payload_too_large"), 1);
  CHECK(decision.verdicts.elements[0].kind == Verdict::Kind::dead_letter);
  REQUIRE(decision.verdicts.refusals.size() == 1);
  CHECK(decision.verdicts.refusals[0].reason == "payload_too_large");
}

TEST_CASE("RETRY with a time waits at least that long") {
  const Decision decision = decide_one(outcome(PENSTOCK_RETRY, "not_ready", 5000));
  CHECK(decision.verdicts.elements[0].not_before_ns >= kNow + 5000 * kNanosPerMilli);
  CHECK(decision.verdicts.elements[0].not_before_ns <= kNow + 5500 * kNanosPerMilli);
  CHECK(decision.effect == Decision::Effect::none);
}

TEST_CASE("THROTTLED slows the whole destination down and is a warning") {
  const Decision decision = decide_one(outcome(PENSTOCK_THROTTLED, "throttled", 60'000), 3);
  CHECK(decision.effect == Decision::Effect::throttle);
  CHECK(decision.until_ns >= kNow + 60'000 * kNanosPerMilli);
  REQUIRE(decision.issues.size() == 1);
  CHECK(decision.issues[0].count == 3);
  CHECK(decision.issues[0].severity == Issue::Severity::warning);
}

TEST_CASE("AUTH and BLOCKED pause the destination, are errors, and do not count as attempts") {
  for (const std::uint32_t status : {PENSTOCK_AUTH, PENSTOCK_BLOCKED}) {
    const Decision decision = decide_one(outcome(status, "why"));
    CHECK(decision.effect == (status == PENSTOCK_AUTH ? Decision::Effect::pause_authorization
                                                      : Decision::Effect::pause_blocked));
    CHECK_FALSE(decision.verdicts.elements[0].failed);
    CHECK(decision.until_ns == kNow + 60'000 * kNanosPerMilli);
    CHECK(decision.issues[0].severity == Issue::Severity::error);
  }
}

TEST_CASE(
    "Back-off grows with the attempt, up to its ceiling, and is jittered over the whole range") {
  struct Case {
    std::uint32_t attempt;
    double random;
    std::int64_t retry_after_ms;
    std::int64_t expected_ms;
  };
  const auto row = GENERATE(Case{0, 0.0, -1, 0}, Case{0, 0.5, -1, 125}, Case{1, 0.5, -1, 250},
                            Case{4, 0.5, -1, 2000}, Case{7, 0.5, -1, 16'000},
                            Case{8, 0.5, -1, 30'000}, Case{4'000'000'000U, 0.5, -1, 30'000},
                            Case{9, 0.0, 1000, 1000}, Case{0, 0.5, 1000, 1050}, Case{0, 0.0, 0, 0});
  CHECK(penstock::send::backoff_ns({}, row.attempt, row.random, row.retry_after_ms) ==
        row.expected_ms * kNanosPerMilli);
}

TEST_CASE(
    "A paused destination is probed after one minute, then twice as long, up to half an hour") {
  const std::int64_t minutes[] = {1, 2, 4, 8, 16, 30, 30};
  for (std::uint32_t i = 0; i < 7; ++i)
    CHECK(penstock::send::probe_delay_ns(i) == minutes[i] * 60'000 * kNanosPerMilli);
  CHECK(penstock::send::probe_delay_ns(4'000'000'000U) == 30 * 60'000 * kNanosPerMilli);
}

TEST_CASE("A destination that fails without an answer is unavailable until it delivers something") {
  penstock::send::DestinationState state;
  Decision failure;
  failure.failed = true;
  failure.issues.push_back({Issue::Severity::warning, 0, 0, "connect_failed", "nobody listens", 1});
  REQUIRE(state.update(failure, kNow).has_value());
  CHECK_FALSE(state.update(failure, kNow).has_value());  // said once
  CHECK(state.health() == penstock::send::Health::unavailable);
  CHECK_FALSE(state.retrying_helps());  // it has never said a word
  Decision answer;
  answer.answered = true;
  CHECK_FALSE(state.update(answer, kNow).has_value());  // an answer such as 500 accepts nothing
  CHECK(state.health() == penstock::send::Health::unavailable);
  CHECK(state.retrying_helps());
  answer.delivered = true;
  REQUIRE(state.update(answer, kNow).has_value());
  CHECK(state.health() == penstock::send::Health::ok);
}

TEST_CASE("A destination that refuses an element is as well as one that takes it") {
  using penstock::send::Health;
  Decision throttle = decide_one(outcome(PENSTOCK_THROTTLED, "slow_down"));
  Decision unreachable = decide_one(outcome(PENSTOCK_RETRY, "connect_failed"));
  const Decision refusal = decide_one(outcome(PENSTOCK_REJECTED, "no_such_person"));
  for (const Decision* trouble : {&throttle, &unreachable}) {
    penstock::send::DestinationState state;
    (void)state.update(*trouble, kNow);
    REQUIRE(state.health() != Health::ok);
    CHECK(state.update(refusal, trouble->until_ns + kNow).has_value());
    CHECK(state.health() == Health::ok);
    CHECK(state.code().empty());
  }
  // Whether a person has acted shows only when something is accepted.
  penstock::send::DestinationState blocked;
  CHECK(blocked.update(decide_one(outcome(PENSTOCK_BLOCKED, "blocked")), kNow).has_value());
  CHECK_FALSE(blocked.update(refusal, blocked.paused_until_ns()).has_value());
  CHECK(blocked.health() == Health::blocked);
}

TEST_CASE("Requests that were under way together when a destination is paused count as one pause") {
  penstock::send::DestinationState state;
  Decision pause;
  pause.effect = Decision::Effect::pause_authorization;
  pause.until_ns = kNow + 100;
  pause.pause_message = "log in";
  CHECK(state.update(pause, kNow).has_value());
  CHECK_FALSE(state.update(pause, kNow + 1).has_value());
  CHECK(state.probes() == 1);
  CHECK_FALSE(state.retrying_helps());
  Decision delivered;  // a slower request of before the pause
  delivered.delivered = true;
  CHECK_FALSE(state.update(delivered, kNow + 2).has_value());
  CHECK(state.health() == penstock::send::Health::authorization_needed);
  CHECK(state.update(delivered, kNow + 100).has_value());
  CHECK(state.probes() == 0);
}

TEST_CASE("A throttle does not hide that a person has to act") {
  penstock::send::DestinationState state;
  Decision pause;
  pause.effect = Decision::Effect::pause_blocked;
  pause.until_ns = kNow + 100;
  CHECK(state.update(pause, kNow).has_value());
  Decision throttle;
  throttle.effect = Decision::Effect::throttle;
  throttle.until_ns = kNow + 50;
  throttle.issues.push_back({Issue::Severity::warning, 0, 0, "throttled", "slow down", 1});
  CHECK_FALSE(state.update(throttle, kNow + 1).has_value());
  CHECK(state.health() == penstock::send::Health::blocked);
  CHECK(state.paused_until_ns() == kNow + 100);
}
