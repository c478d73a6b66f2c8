// Guards how the commands about a pipeline's state take their arguments.
#include "cli/arguments.hpp"

#include "cli_state_fixture.hpp"

namespace penstock::cli {
namespace {

Arguments accepted(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  if (const auto* answer = std::get_if<Answer>(&parsed)) FAIL(answer->text);
  return std::get<Arguments>(parsed);
}

std::string refused(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  const auto* answer = std::get_if<Answer>(&parsed);
  REQUIRE(answer != nullptr);
  CHECK(answer->exit_code == 64);
  CHECK(answer->to_stderr);
  return answer->text;
}

}  // namespace

TEST_CASE("Options of status arrive") {
  const Arguments plain = accepted({"status", "p.yaml"});
  CHECK(plain.command == Command::status);
  CHECK(plain.pipelines == std::vector<std::string>{"p.yaml"});
  CHECK_FALSE(plain.watch);
  CHECK(plain.history_hours == 0);
  const Arguments all = accepted({"status", "p.yaml", "--watch", "--history", "24", "--format",
                                  "json", "--set", "state_dir=other", "--plugin-dir", "here"});
  CHECK(all.watch);
  CHECK(all.history_hours == 24);
  CHECK(all.format == Format::json);
  CHECK(all.overrides == std::vector<std::pair<std::string, std::string>>{{"state_dir", "other"}});
}

TEST_CASE("Options of the log and the progress arrive") {
  const Arguments plain = accepted({"run", "p.yaml"});
  CHECK(plain.shows_progress);
  CHECK(plain.log_level == services::LogLevel::info);
  const Arguments set = accepted({"run", "p.yaml", "--progress", "off", "--log-level", "warning"});
  CHECK_FALSE(set.shows_progress);
  CHECK(set.log_level == services::LogLevel::warning);
  CHECK(accepted({"run", "p.yaml", "--progress", "auto"}).shows_progress);
  CHECK(accepted({"status", "p.yaml", "-v"}).log_level == services::LogLevel::debug);
  CHECK_FALSE(refused({"run", "p.yaml", "--progress", "on"}).empty());
  CHECK_FALSE(refused({"run", "p.yaml", "--log-level", "info", "-q"}).empty());
}

TEST_CASE("status --fail-on arrives, and not together with --watch") {
  CHECK(accepted({"status", "p", "--fail-on", "destination"}).fail_on == "destination");
  CHECK(refused({"status", "p", "--fail-on", "destination", "--watch"}).find("leave out --watch") !=
        std::string::npos);
}

TEST_CASE("A --fail-on that an empty variable left without a state is refused") {
  CHECK(refused({"status", "p", "--fail-on", ""}).find("names no state") != std::string::npos);
}

TEST_CASE("A word that an option does not take is refused with those that it takes") {
  CHECK_THAT(refused({"status", "p", "--format", "yaml"}),
             Catch::Contains("--format: \"yaml\" is not one of text|json"));
  CHECK_THAT(refused({"run", "p", "--progress", "no"}),
             Catch::Contains("--progress: \"no\" is not one of auto|off"));
  CHECK_THAT(refused({"dead-letters", "list", "p", "--limit", "0"}),
             Catch::Contains("expected a whole number from 1 on, found \"0\""));
  CHECK(accepted({"status", "p", "--format", "JSON"}).format == Format::json);
}

TEST_CASE("A token that is given as an argument is not shown") {
  constexpr char kToken[] = "AQXdSP_W41_UPs5ioT_t8HESyODB4FqbkJ8LrV_mKqs";
  CHECK_THAT(refused({"run", "p", "--access-token", kToken}), !Catch::Contains("AQXdSP"));
  CHECK_THAT(refused({"run", "p", std::string("--access-token=") + kToken}),
             !Catch::Contains("AQXdSP"));
}

TEST_CASE("Each dead-letters and queue command is told from the others") {
  struct Row {
    std::vector<std::string> words;
    Command command;
  };
  for (const Row& row :
       {Row{{"dead-letters", "list", "p"}, Command::dead_letters_list},
        Row{{"dead-letters", "show", "p", "1"}, Command::dead_letters_show},
        Row{{"dead-letters", "replay", "p", "--all"}, Command::dead_letters_replay},
        Row{{"dead-letters", "discard", "p", "--all"}, Command::dead_letters_discard},
        Row{{"dead-letters", "export", "p"}, Command::dead_letters_export},
        Row{{"queue", "check", "p"}, Command::queue_check},
        Row{{"queue", "repair", "p"}, Command::queue_repair}}) {
    const Arguments arguments = accepted(row.words);
    CHECK(arguments.command == row.command);
    CHECK(arguments.pipelines == std::vector<std::string>{"p"});
  }
}

TEST_CASE("What selects dead letters arrives") {
  const DeadLetterSelection selection =
      accepted({"dead-letters", "list", "p", "--reason", "refused", "--mapping", "eu.trial",
                "--destination", "eu", "--since", "2h", "--until", "2026-10-03", "--id", "3",
                "--id", "4", "--limit", "7"})
          .selection;
  CHECK(selection.reason == "refused");
  CHECK(selection.mapping == "eu.trial");
  CHECK(selection.destination == "eu");
  REQUIRE(selection.since);
  CHECK(selection.since->at(7'200'000) == 0);
  REQUIRE(selection.until);
  CHECK_FALSE(selection.until->ago);
  CHECK(selection.ids == std::vector<std::int64_t>{3, 4});
  CHECK(selection.limit == 7);
  CHECK_FALSE(selection.all);
}

TEST_CASE("show takes several ids after the pipeline") {
  CHECK(accepted({"dead-letters", "show", "p", "17", "18"}).selection.ids ==
        std::vector<std::int64_t>{17, 18});
  CHECK(accepted({"dead-letters", "show", "p", "--id", "17"}).selection.ids ==
        std::vector<std::int64_t>{17});
  refused({"dead-letters", "show", "p"});
  refused({"dead-letters", "show", "p", "first"});
}

TEST_CASE("Replaying and discarding ask which ones are meant") {
  for (const std::string command : {"replay", "discard"}) {
    CHECK(refused({"dead-letters", command, "p"}).find("--all") != std::string::npos);
    CHECK(refused({"dead-letters", command, "p", "--limit", "5"}).find("--all") !=
          std::string::npos);
    refused({"dead-letters", command, "p", "--all", "--reason", "refused"});
  }
  CHECK(refused({"dead-letters", "discard", "p"}).find("export them first") != std::string::npos);
}

TEST_CASE("A wrong time, limit or number of hours is a usage error") {
  CHECK(refused({"dead-letters", "list", "p", "--since", "yesterday"})
            .find("--since: \"yesterday\"") != std::string::npos);
  refused({"dead-letters", "list", "p", "--limit", "0"});
  refused({"dead-letters", "list", "p", "--id", "x"});
  refused({"status", "p", "--history", "0"});
  refused({"status"});
}

TEST_CASE("A misspelt command gets a suggestion, and its help is named") {
  CHECK(refused({"statsu", "p"}).find("did you mean \"status\"?") != std::string::npos);
  const std::string inner = refused({"dead-letters", "replya", "p"});
  CHECK(inner.find("did you mean \"replay\"?") != std::string::npos);
  CHECK(inner.find("penstock dead-letters --help") != std::string::npos);
  CHECK(refused({"queue"}).find("penstock queue --help") != std::string::npos);
}

TEST_CASE("The help of every command about the state has examples") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                {"dead-letters"},
                                                {"dead-letters", "list"},
                                                {"dead-letters", "show"},
                                                {"dead-letters", "replay"},
                                                {"dead-letters", "discard"},
                                                {"dead-letters", "export"},
                                                {"queue"},
                                                {"queue", "check"},
                                                {"queue", "repair"}}) {
    std::vector<std::string> with_help = words;
    with_help.emplace_back("--help");
    const auto parsed = parse(with_help);
    const auto* answer = std::get_if<Answer>(&parsed);
    REQUIRE(answer != nullptr);
    CHECK(answer->exit_code == 0);
    CHECK(answer->text.find("Examples:") != std::string::npos);
  }
}

}  // namespace penstock::cli
