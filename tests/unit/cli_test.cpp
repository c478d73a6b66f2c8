// Guards what people read: tables, progress, the report in both forms, and how arguments are taken.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/last_words.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

std::variant<Arguments, Answer> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "penstock");
  return parse_arguments(static_cast<int>(words.size()), words.data());
}

struct Sample {
  Sample() {
    config.name = "sample";
    config.destinations.resize(1);
    config.destinations[0].name = "eu";
    report.mappings = {{0, "eu", "trial"}};
    report.pending_before = {0};
    report.pending = {0};
    report.destinations.resize(1);
    report.destinations[0].requests = 1234;
    report.counts.events = {10, 2, 1};
    report.counts.matched_events = 7;
    report.counts.mappings = {{10, 4, 1, 3, 2}};
    report.counts.reasons = {
        {ReasonCount::Kind::dead_letter, 0, "no_identifier", "", "nobody", 2},
        {ReasonCount::Kind::skipped, 0, "no_identifier", "", "nobody", 3},
        {ReasonCount::Kind::dead_letter, ReasonCount::kNoMapping, "invalid_event", "", "no JSON",
         1},
        {ReasonCount::Kind::warning, 0, "attribute_omitted", "country", "", 3}};
    report.duration_s = 1.5;
  }
  PipelineConfig config;
  RunReport report;
};

struct Ended {
  int exit_code = -1;
  std::string err;
};

// A process of its own whose second thread throws.
template <class Exception>
Ended end_by(const Exception& exception) {
  int out[2] = {-1, -1};
  REQUIRE(::pipe(out) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(out[1], STDERR_FILENO);
    say_last_words();
    std::thread([&] { throw exception; }).join();
    ::_exit(0);
  }
  ::close(out[1]);
  Ended ended;
  char bytes[1024];
  for (ssize_t n = 0; (n = ::read(out[0], bytes, sizeof bytes)) > 0;)
    ended.err.append(bytes, static_cast<std::size_t>(n));
  ::close(out[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
  return ended;
}

}  // namespace

TEST_CASE("An exception on a thread ends the process with 70 and a line without its text") {
  const Ended broken = end_by(std::logic_error("jane@example.com"));
  CHECK(broken.exit_code == 70);
  CHECK_THAT(broken.err, Catch::StartsWith("penstock: internal error: std::logic_error."));
  CHECK_THAT(broken.err, !Catch::Contains("jane"));
  const Ended full = end_by(std::bad_alloc());
  CHECK(full.exit_code == 70);
  CHECK_THAT(full.err, Catch::StartsWith("penstock: the system gave no more memory."));
}

TEST_CASE("Numbers are grouped by thousands") {
  CHECK(with_separators(0) == "0");
  CHECK(with_separators(999) == "999");
  CHECK(with_separators(1000) == "1,000");
  CHECK(with_separators(1234567890) == "1,234,567,890");
}

TEST_CASE("A table aligns by characters, not bytes, and wraps its last column") {
  Table table({"n", "name", "note"}, {Table::Align::right, Table::Align::left, Table::Align::left});
  table.row({"1", "Yılmaz", "short"});
  table.row({"22", "Bo", std::string(60, 'a') + " " + std::string(60, 'b')});
  CHECK(table.text("") == " n  name    note\n 1  Yılmaz  short\n22  Bo      " +
                              std::string(60, 'a') + "\n            " + std::string(60, 'b') +
                              "\n");
}

TEST_CASE("The progress line names all that is going on") {
  CHECK(progress_line({12345, 12000, 345, 7, 1}, 4115.7) ==
        "12,345 events (4,115/s), 12,000 delivered, 345 pending, 7 requests, 1 answered 429");
}

TEST_CASE("The JSON report has the documented shape") {
  const Sample sample;
  const auto json = nlohmann::json::parse(json_report(sample.config, sample.report));
  CHECK(json["events"] == nlohmann::json{{"received", 10}, {"unmatched", 2}, {"invalid", 1}});
  const auto& eu = json["destinations"]["eu"];
  CHECK(eu["state"] == "ok");
  CHECK(eu["requests"] == 1234);
  CHECK(eu["mappings"]["trial"] == nlohmann::json{{"matched", 10},
                                                  {"delivered", 4},
                                                  {"superseded", 1},
                                                  {"skipped", 3},
                                                  {"dead_lettered", 2},
                                                  {"pending", 0},
                                                  {"pending_before", 0},
                                                  {"replayed", 0},
                                                  {"confirmed", 0},
                                                  {"reasons", {{"no_identifier", 5}}},
                                                  {"skipped_reasons", {{"no_identifier", 3}}}});
  REQUIRE(json["issues"].size() == 3);
  CHECK(json["issues"][0]["code"] == "invalid_event");
  CHECK(json["issues"][0]["destination"].is_null());
  CHECK(json["issues"][2]["severity"] == "warning");
  CHECK(json["issues"][2]["field"] == "country");
  CHECK(json["duration_s"] == 1.5);
}

TEST_CASE("The text report says what was not delivered and why") {
  const Sample sample;
  const std::string text = text_report(sample.config, sample.report);
  CHECK(text.find("10 events in 1.5 s: 7 matched, 2 wanted by no mapping, 1 invalid") !=
        std::string::npos);
  CHECK(text.find("eu.trial  no_identifier  nobody") != std::string::npos);
  CHECK(text.find("eu: ok, 1,234 requests") != std::string::npos);
}

TEST_CASE("What was sent once more is in both reports, in the text only if there is any") {
  Sample sample;
  CHECK(text_report(sample.config, sample.report).find("sent once more") == std::string::npos);
  sample.report.counts.mappings[0].confirmed = 1'200;
  CHECK(text_report(sample.config, sample.report).find("1,200 records were sent once more") !=
        std::string::npos);
  const auto json = nlohmann::json::parse(json_report(sample.config, sample.report));
  CHECK(json["destinations"]["eu"]["mappings"]["trial"]["confirmed"] == 1'200);
}

TEST_CASE("A report survives text that is not UTF-8") {
  Sample sample;
  sample.report.counts.reasons[0].message = "half \xc3";
  CHECK_NOTHROW(nlohmann::json::parse(json_report(sample.config, sample.report)));
}

TEST_CASE("Options of run arrive") {
  const auto parsed = parse({"run", "p.yaml", "--set", "a.b=c=d", "--set", "x=", "--drain-timeout",
                             "2m", "--workers", "3", "--plugin-dir", "one", "--plugin-dir", "two",
                             "--format", "json", "-q"});
  const auto* arguments = std::get_if<Arguments>(&parsed);
  REQUIRE(arguments != nullptr);
  CHECK(arguments->command == Command::run);
  CHECK(arguments->pipelines == std::vector<std::string>{"p.yaml"});
  CHECK(arguments->overrides ==
        std::vector<std::pair<std::string, std::string>>{{"a.b", "c=d"}, {"x", ""}});
  CHECK(arguments->drain_timeout == std::chrono::minutes(2));
  CHECK(arguments->workers == 3);
  CHECK(arguments->plugin_dirs == std::vector<std::string>{"one", "two"});
  CHECK(arguments->format == Format::json);
  CHECK(arguments->log_level == services::LogLevel::error);
}

TEST_CASE("A duration that is negative is no duration, and not a very long one") {
  const auto parsed = parse({"run", "p", "--drain-timeout=-1s"});
  const auto* answer = std::get_if<Answer>(&parsed);
  REQUIRE(answer != nullptr);
  CHECK_THAT(answer->text, Catch::Contains("is no duration"));
}

TEST_CASE("A wrong command line is a usage error with a hint where to look") {
  for (const std::vector<const char*>& words : {std::vector<const char*>{},
                                                {"rnu"},
                                                {"run"},
                                                {"run", "p", "--drain-timeout", "10"},
                                                {"run", "p", "--drain-timeout", "2600000h"},
                                                {"run", "p", "--set", "x"},
                                                {"run", "p", "--workers", "0"},
                                                {"plugin", "describe"}}) {
    const auto parsed = parse(words);
    const auto* answer = std::get_if<Answer>(&parsed);
    REQUIRE(answer != nullptr);
    CHECK(answer->exit_code == 64);
    CHECK(answer->to_stderr);
    CHECK(answer->text.find("--help") != std::string::npos);
  }
}

TEST_CASE("Every command's help has examples") {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"--help"},
                                                {"run", "--help"},
                                                {"validate", "--help"},
                                                {"try", "--help"},
                                                {"plugin", "list", "--help"},
                                                {"plugin", "describe", "--help"}}) {
    const auto parsed = parse(words);
    const auto* answer = std::get_if<Answer>(&parsed);
    REQUIRE(answer != nullptr);
    CHECK(answer->exit_code == 0);
    CHECK(answer->text.find("Examples:") != std::string::npos);
  }
}

}  // namespace penstock::cli
