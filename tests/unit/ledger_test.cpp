// Guards the accounting: counts add up, a breach is noticed, reasons and issues are gathered.
#include <catch2/catch.hpp>

#include "ledger/ledger.hpp"

namespace penstock::ledger {
namespace {

Ledger make_ledger() {
  return Ledger({{0, "eu", "trial"}, {0, "eu", "churn"}}, {});
}

Tally mapped(std::uint32_t mapping, std::uint64_t matched) {
  Tally tally;
  tally.events.received = matched;
  tally.matched_events = matched;
  tally.of(mapping).matched = matched;
  return tally;
}

}  // namespace

TEST_CASE("Counts that add up with what is pending are accepted") {
  auto ledger = make_ledger();
  ledger.apply(mapped(0, 5));
  Tally settled;
  settled.of(0) = {0, 2, 1, 0, 1};
  ledger.apply(settled);
  CHECK(ledger.verify({1, 0}).ok());
  CHECK(ledger.snapshot().mappings[0].pending() == 1);
}

TEST_CASE("A record that is nowhere is a breach that names the mapping and the numbers") {
  auto ledger = make_ledger();
  ledger.apply(mapped(1, 5));
  const Status status = ledger.verify({0, 4});
  CHECK(status.code() == StatusCode::internal);
  CHECK(status.message().find("eu.churn: matched 5, but delivered 0 + superseded 0 + skipped 0 + "
                              "dead-lettered 0 + pending 4") != std::string::npos);
}

TEST_CASE("A record counted twice is a breach, too") {
  auto ledger = make_ledger();
  ledger.apply(mapped(0, 1));
  Tally settled;
  settled.of(0).delivered = 2;
  ledger.apply(settled);
  CHECK_FALSE(ledger.verify({0, 0}).ok());
}

TEST_CASE("An event that is neither matched, unmatched nor invalid is a breach") {
  auto ledger = make_ledger();
  Tally tally;
  tally.events.received = 2;
  tally.events.invalid = 1;
  ledger.apply(tally);
  CHECK(ledger.verify({}).message().find("events: received 2") != std::string::npos);
}

TEST_CASE(
    "Reasons are counted by mapping, code and message, and a flood of messages does not grow") {
  auto ledger = make_ledger();
  for (int i = 0; i < 100; ++i) {
    Tally tally;
    tally.reason(ReasonCount::Kind::dead_letter, 0, "invalid_record", {},
                 "message " + std::to_string(i));
    ledger.apply(tally);
  }
  const Snapshot snapshot = ledger.snapshot();
  REQUIRE(snapshot.reasons.size() == kMaxMessages + 1);
  CHECK(snapshot.reasons.front().count == 1);
  CHECK(snapshot.reasons.back().message == kFurtherMessages);
  CHECK(snapshot.reasons.back().count == 100 - kMaxMessages);
  std::uint64_t total = 0;
  for (const ReasonCount& reason : snapshot.reasons) total += reason.count;
  CHECK(total == 100);
}

TEST_CASE(
    "Issues of one code are counted together, with the latest message and the higher severity") {
  auto ledger = make_ledger();
  Issue issue{Issue::Severity::error, 0, 1, "throttled", "first", 3};
  ledger.apply({issue});
  issue.severity = Issue::Severity::warning;
  issue.message = "second";
  ledger.apply({issue});
  const Snapshot snapshot = ledger.snapshot();
  REQUIRE(snapshot.issues.size() == 1);
  CHECK(snapshot.issues[0].count == 6);
  CHECK(snapshot.issues[0].message == "second");
  CHECK(snapshot.issues[0].severity == Issue::Severity::error);
}

}  // namespace penstock::ledger
