// Guards operators against hooks that do not return: they are named in time, and not all the time.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "plugin/watchdog.hpp"

using namespace penstock::plugin;
using namespace std::chrono_literals;

namespace {

// This thread's hook, as others see it.
std::vector<RunningHook> mine() {
  return running_hooks();
}

}  // namespace

TEST_CASE("A hook is named once it has lasted its limit, and then once a minute") {
  const HookPlace& place = hook_place("acme", "eu", "send", 130s);
  CHECK(&place == &hook_place("acme", "eu", "send", 130s));
  HangDetector detector;
  const NowIn now(place);
  CHECK(now_in() == &place);
  CHECK(detector.look(mine(), 100s).empty());
  CHECK(detector.look(mine(), 229s).empty());
  const auto named = detector.look(mine(), 230s);
  REQUIRE(named.size() == 1);
  CHECK_THAT(named[0], Catch::StartsWith(
                           "plugin acme, destination eu, hook send has not returned for 130 s"));
  CHECK(detector.look(mine(), 231s).empty());
  CHECK(detector.look(mine(), 289s).empty());
  REQUIRE(detector.look(mine(), 290s).size() == 1);
}

TEST_CASE("A hook that is left and entered again does not hang") {
  const HookPlace& place = hook_place("acme", "eu", "mapping", 30s);
  HangDetector detector;
  for (int second = 0; second < 100; ++second) {
    const NowIn now(place);
    CHECK(detector.look(mine(), std::chrono::seconds(second)).empty());
  }
  CHECK(now_in() == nullptr);
  CHECK(mine().empty());
}

TEST_CASE("Hooks of several threads are distinguished, and none is left when a thread ends") {
  const HookPlace& place = hook_place("acme", "eu", "check", 30s);
  std::promise<void> inside;
  std::promise<void> leave;
  std::thread other([&] {
    const NowIn now(place);
    inside.set_value();
    leave.get_future().wait();
  });
  inside.get_future().wait();
  HangDetector detector;
  CHECK(detector.look(mine(), 0s).empty());
  {
    const NowIn now(place);
    CHECK(mine().size() == 2);
    CHECK(detector.look(mine(), 20s).empty());
    CHECK(detector.look(mine(), 31s).size() == 1);  // the other thread's alone
  }
  leave.set_value();
  other.join();
  CHECK(mine().empty());
}

TEST_CASE("The watchdog looks by itself, and ends when it is no longer wanted") {
  const HookPlace& place = hook_place("acme", "eu", "slow", 0s);
  const NowIn now(place);
  std::promise<std::string> said;
  std::atomic<bool> first{true};
  const Watchdog watchdog([&](const std::string& sentence) {
    if (first.exchange(false)) said.set_value(sentence);
  });
  auto sentence = said.get_future();
  REQUIRE(sentence.wait_for(30s) == std::future_status::ready);
  CHECK_THAT(sentence.get(), Catch::StartsWith("plugin acme, destination eu, hook slow has not"));
}
