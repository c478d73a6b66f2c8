// Guards pacing: never more requests in a window than the rate says, and no longer waits than that
// needs.
#include "services/rate_limit.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

#include "services/clock.hpp"
#include "services/pacer.hpp"

using namespace penstock;
using namespace penstock::services;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Whether no window of `per` (both ends included) holds more than `requests` of the places.
bool within(std::vector<std::int64_t> places, Rate rate) {
  std::sort(places.begin(), places.end());
  const std::int64_t per = std::chrono::nanoseconds(rate.per).count();
  for (std::size_t i = rate.requests; i < places.size(); ++i) {
    if (places[i] - places[i - rate.requests] <= per) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("As many as the rate allows go at once, the next one window later") {
  RateLimiter limiter({3, std::chrono::seconds(10)});
  for (int i = 0; i < 3; ++i) CHECK(limiter.reserve(kSecond) == kSecond);
  const std::int64_t next = limiter.reserve(kSecond);
  CHECK(next > 11 * kSecond);
  CHECK(next <= 11 * kSecond + kSecond / 4);  // the margin: a fiftieth
}

TEST_CASE("A place that is given back goes to the next request") {
  RateLimiter limiter({2, std::chrono::seconds(10)});
  CHECK(limiter.reserve(kSecond) == kSecond);
  CHECK(limiter.reserve(kSecond) == kSecond);
  const std::int64_t late = limiter.reserve(kSecond);
  limiter.give_back(late);
  CHECK(limiter.reserve(kSecond) == late);
  limiter.give_back(late);
  limiter.give_back(kSecond);
  CHECK(limiter.reserve(kSecond) == kSecond);
}

TEST_CASE("A place that was never handed out cannot be given back") {
  RateLimiter limiter({1, std::chrono::seconds(10)});
  CHECK(limiter.reserve(kSecond) == kSecond);
  limiter.give_back(kSecond + 1);
  CHECK(limiter.reserve(kSecond) > 11 * kSecond);
}

TEST_CASE("In no window, wherever it starts, are there more requests than the rate says") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const Rate rate{1 + random() % 20, std::chrono::milliseconds(1 + random() % 1000)};
    const std::int64_t per = std::chrono::nanoseconds(rate.per).count();
    RateLimiter limiter(rate);
    ManualClock clock;
    std::vector<std::int64_t> used;
    std::vector<std::int64_t> waiting;
    for (int step = 0; step < 400; ++step) {
      if (random() % 3 != 0)
        clock.advance(std::chrono::nanoseconds(random() % (2 * per / rate.requests + 1)));
      const std::int64_t now = clock.monotonic_ns();
      const std::int64_t place = limiter.reserve(now);
      REQUIRE(place >= now);
      waiting.push_back(place);
      if (random() % 4 == 0) {  // somebody who waits gives up
        const std::size_t index = random() % waiting.size();
        if (waiting[index] > now) {
          limiter.give_back(waiting[index]);
          waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(index));
        }
      }
    }
    CAPTURE(seed, rate.requests, rate.per.count());
    CHECK(within(waiting, rate));
  }
}

TEST_CASE("A steady stream gets all but the margin of its rate") {
  RateLimiter limiter({600, std::chrono::seconds(60)});
  std::int64_t now = kSecond;
  const std::int64_t start = now;
  for (int i = 0; i < 6'000; ++i) now = std::max(now, limiter.reserve(now));
  CHECK(now - start < 9 * 62 * kSecond);
}

TEST_CASE("Threads share a rate without exceeding it") {
  const Rate rate{50, std::chrono::seconds(1)};
  RateLimiter limiter(rate);
  std::vector<std::vector<std::int64_t>> places(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < places.size(); ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<std::uint32_t>(i));
      for (int n = 0; n < 200; ++n) {
        const std::int64_t now = kSecond + n * 1'000'000;
        const std::int64_t place = limiter.reserve(now);
        if (random() % 5 == 0) {
          limiter.give_back(place);
        } else {
          places[i].push_back(place);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::int64_t> all;
  for (const auto& some : places) all.insert(all.end(), some.begin(), some.end());
  CHECK(within(all, rate));
}

TEST_CASE("A wait that is cancelled gives its place back") {
  ManualClock clock;
  Pacer pacer({{"users", {1, std::chrono::seconds(10)}}}, clock);
  const std::int64_t deadline = clock.monotonic_ns() + 3600 * kSecond;
  REQUIRE(pacer.knows("users"));
  REQUIRE_FALSE(pacer.knows("user"));
  CHECK(pacer.wait("users", deadline, [] { return false; }) == Pacer::Outcome::go);
  CHECK(pacer.wait("users", deadline, [] { return true; }) == Pacer::Outcome::cancelled);
  CHECK(pacer.wait("users", clock.monotonic_ns() + kSecond, [] { return false; }) ==
        Pacer::Outcome::too_late);
  clock.advance(std::chrono::seconds(11));
  CHECK(pacer.wait("users", deadline, [] { return false; }) == Pacer::Outcome::go);
}
