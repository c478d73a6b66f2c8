// Guards the log: one line a message whatever is in it, and nothing of a person or a secret in what
// plugins log.
#include "services/log.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "services/destination_services.hpp"

using namespace penstock::services;

namespace {

// Collects the lines of a test, and puts the log back as it was.
struct Captured {
  std::vector<std::string> lines;
  Captured(LogFormat format, LogLevel lowest) {
    start_log(format, lowest);
    set_log_sink([this](std::string_view line) { lines.emplace_back(line); });
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() {
    set_log_sink({});
    start_log(LogFormat::text, LogLevel::info);
  }
};

// Without the time.
std::string text_of(const std::string& line) {
  return line.substr(line.find(' ') + 1);
}

}  // namespace

TEST_CASE("A text line is time in UTC to the millisecond, level, component and message") {
  Captured log_lines(LogFormat::text, LogLevel::debug);
  log(LogLevel::warning, "linkedin_eu", "slow answer");
  REQUIRE(log_lines.lines.size() == 1);
  CHECK_THAT(
      log_lines.lines[0],
      Catch::Matches("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warning "
                     "linkedin_eu: slow answer"));
}

TEST_CASE("Messages below the level are not shown") {
  Captured log_lines(LogFormat::text, LogLevel::warning);
  log(LogLevel::debug, "a", "1");
  log(LogLevel::info, "a", "2");
  log(LogLevel::warning, "a", "3");
  log(LogLevel::error, "a", "4");
  REQUIRE(log_lines.lines.size() == 2);
  CHECK(text_of(log_lines.lines[0]) == "warning a: 3");
  CHECK(text_of(log_lines.lines[1]) == "error a: 4");
  CHECK(log_enabled(LogLevel::warning));
  CHECK_FALSE(log_enabled(LogLevel::info));
}

TEST_CASE("No message can forge a line or steer a terminal") {
  Captured log_lines(LogFormat::text, LogLevel::info);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\nb\r\tc", "a\\nb\\r\\tc"},
      {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
      {std::string("nul\0nul", 7), "nul\\x00nul"},
      {"\xc2\x9b"
       "31m",
       "\\u009b31m"},
      {"\xe2\x80\xa8 \xe2\x80\xae \xe2\x81\xa6", "\\u2028 \\u202e \\u2066"},
      {"cut \xe2\x82", "cut \\xe2\\x82"},
      {"\xc0\xaf \xed\xa0\x80", "\\xc0\\xaf \\xed\\xa0\\x80"},
      {"Grüße €𝄞", "Grüße €𝄞"},
  };
  for (const auto& [message, shown] : cases) {
    log(LogLevel::info, "x\n", message);
    CHECK(text_of(log_lines.lines.back()) == "info x\\n: " + shown);
  }
}

TEST_CASE("A JSON line is well formed, and its message is the one that was logged") {
  Captured log_lines(LogFormat::json, LogLevel::info);
  const std::vector<std::string> messages = {"plain", "quote \" and \\ back",
                                             "line\nend\t\x01\x1f\x7f", "€𝄞", "\xc2\x85 next line"};
  for (const std::string& message : messages) {
    log(LogLevel::error, "destination \"x\"", message);
    CHECK(log_lines.lines.back().find('\n') == std::string::npos);
    const auto line = nlohmann::json::parse(log_lines.lines.back());
    CHECK(line.at("message") == message);
    CHECK(line.at("component") == "destination \"x\"");
    CHECK(line.at("level") == "error");
    CHECK(line.at("time").get<std::string>().size() == 24);
  }
  log(LogLevel::error, "x", "no UTF-8: \xff");
  CHECK(nlohmann::json::parse(log_lines.lines.back()).at("message") == "no UTF-8: \\xff");
}

TEST_CASE("Lines of many threads do not mix") {
  Captured log_lines(LogFormat::text, LogLevel::info);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) log(LogLevel::info, "t", "message");
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(log_lines.lines.size() == 200);
  for (const std::string& line : log_lines.lines) CHECK(text_of(line) == "info t: message");
}

TEST_CASE("What a plugin logs stands under its destination's name, masked and cut") {
  Captured log_lines(LogFormat::text, LogLevel::info);
  ManualClock clock;
  const DestinationServices services("linkedin_eu", nullptr, nullptr, clock);
  const penstock_host* host = services.table();
  const auto say = [&](std::int32_t level, std::string_view text) {
    host->log(host->ctx, level, {text.data(), text.size()});
  };
  CHECK(host->log_enabled(host->ctx, PENSTOCK_LOG_DEBUG) == 0);
  CHECK(host->log_enabled(host->ctx, PENSTOCK_LOG_ERROR) == 1);
  say(PENSTOCK_LOG_DEBUG, "not shown");
  say(PENSTOCK_LOG_WARNING, "refused jane@example.com");
  say(99, "of an unknown level");
  host->log(host->ctx, PENSTOCK_LOG_INFO, {nullptr, 0});
  say(PENSTOCK_LOG_INFO, std::string(20'000, 'x'));
  REQUIRE(log_lines.lines.size() == 4);
  CHECK(text_of(log_lines.lines[0]) == "warning linkedin_eu: refused [e-mail]");
  CHECK(text_of(log_lines.lines[1]) == "error linkedin_eu: of an unknown level");
  CHECK(text_of(log_lines.lines[2]) == "info linkedin_eu: ");
  CHECK(log_lines.lines[3].size() < 9'000);
  CHECK_THAT(log_lines.lines[3], Catch::EndsWith("[cut]"));
}
