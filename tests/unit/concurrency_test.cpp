// Guards the adaptive limit on requests under way: when it grows, when it shrinks, and its bounds.
#include <catch2/catch.hpp>

#include "send/concurrency.hpp"

namespace {

using penstock::send::ConcurrencyLimit;
using Signal = ConcurrencyLimit::Signal;

constexpr std::int64_t kMilli = 1'000'000;

// Attempts one after the other, each as long as `latency_ms`, with all places used.
class Attempts {
 public:
  Attempts(std::uint64_t least, std::uint64_t most) : limit(least, most) {}
  void make(int count, Signal signal = Signal::success, std::int64_t latency_ms = 100) {
    for (int i = 0; i < count; ++i) {
      const std::int64_t end_ns = now_ns_ + latency_ms * kMilli;
      limit.update(signal, now_ns_, end_ns, limit.value());
      now_ns_ = end_ns;
    }
  }
  ConcurrencyLimit limit;

 private:
  std::int64_t now_ns_ = 0;
};

}  // namespace

TEST_CASE("The limit begins at four, or at the nearest bound") {
  CHECK(ConcurrencyLimit(1, 16).value() == 4);
  CHECK(ConcurrencyLimit(1, 2).value() == 2);
  CHECK(ConcurrencyLimit(8, 16).value() == 8);
  CHECK(ConcurrencyLimit(1, 1).value() == 1);
}

TEST_CASE("A window of successes allows one more, up to the most") {
  Attempts attempts(1, 6);
  attempts.make(3);
  CHECK(attempts.limit.value() == 4);
  attempts.make(1);
  CHECK(attempts.limit.value() == 5);
  attempts.make(5);
  CHECK(attempts.limit.value() == 6);
  attempts.make(100);
  CHECK(attempts.limit.value() == 6);
}

TEST_CASE("Successes while places are free allow no more") {
  ConcurrencyLimit limit(1, 16);
  for (int i = 0; i < 100; ++i) limit.update(Signal::success, i, i + kMilli, 3);
  CHECK(limit.value() == 4);
}

TEST_CASE("Overload halves the limit, down to the least") {
  Attempts attempts(2, 32);
  attempts.make(400);
  REQUIRE(attempts.limit.value() > 16);
  const auto before = attempts.limit.value();
  attempts.make(1, Signal::overloaded);
  CHECK(attempts.limit.value() == before / 2);
  attempts.make(10, Signal::overloaded);
  CHECK(attempts.limit.value() == 2);
}

TEST_CASE("Requests that were under way together halve the limit once") {
  ConcurrencyLimit limit(1, 16);
  for (int i = 0; i < 4; ++i) limit.update(Signal::overloaded, 10, 100 + i, 4);
  CHECK(limit.value() == 2);
  limit.update(Signal::overloaded, 200, 300, 2);
  CHECK(limit.value() == 1);
}

TEST_CASE("Answers that become slow lower the limit gently, and it recovers") {
  Attempts attempts(1, 16);
  attempts.make(200);
  REQUIRE(attempts.limit.value() == 16);
  attempts.make(5, Signal::success, 1000);
  const auto slowed = attempts.limit.value();
  CHECK(slowed < 16);
  CHECK(slowed >= 9);  // 0.9 to the fifth
  attempts.make(300);
  CHECK(attempts.limit.value() == 16);
}

TEST_CASE("Differences of a few milliseconds lower nothing") {
  Attempts attempts(1, 16);
  attempts.make(200, Signal::success, 1);
  attempts.make(100, Signal::success, 8);
  CHECK(attempts.limit.value() == 16);
}

TEST_CASE("An attempt that says nothing about load changes nothing") {
  Attempts attempts(1, 16);
  attempts.make(100, Signal::none);
  CHECK(attempts.limit.value() == 4);
}
