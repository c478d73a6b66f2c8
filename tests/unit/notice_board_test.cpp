// Guards the way of plugins' notices to the issues of a run: one issue for each code, nothing lost
// between threads, and no end of codes.
#include "notice_board.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace penstock;

namespace {

services::Notice notice(const std::string& code, const std::string& message,
                        services::LogLevel level = services::LogLevel::warning) {
  return {level, code, message};
}

}  // namespace

TEST_CASE("Notices of one code are one issue with the latest message and the worst severity") {
  NoticeBoard board;
  CHECK(board.add(1, notice("audience_expired", "a", services::LogLevel::error)));
  CHECK_FALSE(board.add(1, notice("audience_expired", "b")));
  CHECK(board.add(2, notice("audience_expired", "c")));
  const std::vector<Issue> issues = board.take();
  REQUIRE(issues.size() == 2);
  CHECK(issues[0].destination == 1);
  CHECK(issues[0].mapping == Issue::kAllMappings);
  CHECK(issues[0].count == 2);
  CHECK(issues[0].message == "b");
  CHECK(issues[0].severity == Issue::Severity::error);
  CHECK(issues[1].destination == 2);
  CHECK(issues[1].severity == Issue::Severity::warning);
  CHECK(board.take().empty());
}

TEST_CASE("A code is news once in a run, also after it was taken") {
  NoticeBoard board;
  CHECK(board.add(0, notice("a", "1")));
  CHECK(board.take().size() == 1);
  CHECK_FALSE(board.add(0, notice("a", "2")));
  CHECK(board.take().at(0).count == 1);
}

TEST_CASE("A plugin that makes codes up fills one issue, and no other destination's room") {
  NoticeBoard board;
  for (std::size_t i = 0; i < 10'000; ++i) board.add(0, notice("code_" + std::to_string(i), "m"));
  CHECK(board.add(1, notice("mine", "m")));
  std::uint64_t counted = 0;
  const std::vector<Issue> issues = board.take();
  CHECK(issues.size() == NoticeBoard::kMaxCodes + 2);
  for (const Issue& issue : issues) counted += issue.count;
  CHECK(counted == 10'001);
}

TEST_CASE("Of notices that many threads raise while they are taken, each is counted once") {
  NoticeBoard board;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) board.add(0, notice("a", "m"));
    });
  }
  std::uint64_t counted = 0;
  const auto count = [&] {
    for (const Issue& issue : board.take()) counted += issue.count;
  };
  while (counted < 1'000) count();
  for (std::thread& thread : threads) thread.join();
  count();
  CHECK(counted == 4'000);
}
