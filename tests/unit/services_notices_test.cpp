// Guards the notices of plugins (penstock.notices/1): where they go, and that nothing personal goes
// with them.
#include <penstock/ext/notices.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "services/destination_services.hpp"

using namespace penstock::services;

namespace {

const penstock_notices& notices_of(const DestinationServices& services) {
  const penstock_host* host = services.table();
  const void* table = host->extension(host->ctx, PENSTOCK_EXT_NOTICES);
  REQUIRE(table != nullptr);
  return *static_cast<const penstock_notices*>(table);
}

void raise(const DestinationServices& services, std::int32_t level, const std::string& code,
           const std::string& message) {
  const penstock_notices& notices = notices_of(services);
  notices.raise(notices.ctx, level, {code.data(), code.size()}, {message.data(), message.size()});
}

}  // namespace

TEST_CASE("A notice goes to the sink of its owner, masked as the log is and cut to its limits") {
  ManualClock clock;
  DestinationServices services("linkedin_eu", nullptr, nullptr, clock);
  std::vector<Notice> seen;
  services.set_notice_sink([&](Notice notice) { seen.push_back(std::move(notice)); });
  raise(services, PENSTOCK_LOG_WARNING, "audience_archived", "The audience of jane@example.com");
  raise(services, PENSTOCK_LOG_ERROR, std::string(100, 'k'), std::string(1023, 'm') + "\xC3\xA9");
  raise(services, 77, "", "");
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].level == LogLevel::warning);
  CHECK(seen[0].code == "audience_archived");
  CHECK(seen[0].message == "The audience of [e-mail]");
  CHECK(seen[1].level == LogLevel::error);
  CHECK(seen[1].code == std::string(64, 'k'));
  CHECK(seen[1].message == std::string(1023, 'm'));
  CHECK(seen[2].level == LogLevel::error);
  CHECK(seen[2].code == "notice");
}

TEST_CASE("Without a sink a notice is a line of the log under the destination's name") {
  ManualClock clock;
  DestinationServices services("linkedin_eu", nullptr, nullptr, clock);
  std::vector<std::string> lines;
  set_log_sink([&](std::string_view line) { lines.emplace_back(line); });
  raise(services, PENSTOCK_LOG_WARNING, "audience_archived", "It is archived.");
  set_log_sink({});
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::Contains("warning linkedin_eu: audience_archived: It is archived."));
}

TEST_CASE("Threads may raise notices while the sink is taken away, and none comes after that") {
  ManualClock clock;
  DestinationServices services("eu", nullptr, nullptr, clock);
  set_log_sink([](std::string_view) {});
  std::atomic<int> counted{0};
  std::atomic<bool> gone{false};
  std::atomic<int> after{0};
  services.set_notice_sink([&](const Notice&) { gone ? ++after : ++counted; });
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) raise(services, PENSTOCK_LOG_WARNING, "a", "b");
    });
  }
  while (counted < 100) std::this_thread::yield();
  services.set_notice_sink({});
  gone = true;
  stop = true;
  for (std::thread& thread : threads) thread.join();
  set_log_sink({});
  CHECK(after == 0);
}
