#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

#include "model/status.hpp"
#include "version.hpp"

namespace penstock::cli {
namespace {

const std::map<std::string, Format> kFormats = {{"text", Format::text}, {"json", Format::json}};
const std::map<std::string, Format> kDescribeFormats = {
    {"text", Format::text}, {"json", Format::json}, {"markdown", Format::markdown}};
const std::map<std::string, services::LogFormat> kLogFormats = {
    {"text", services::LogFormat::text}, {"json", services::LogFormat::json}};

// "10s", "500ms", "2m" as milliseconds.
std::chrono::milliseconds parse_duration(const std::string& text) {
  std::size_t used = 0;
  unsigned long long number = 0;
  try {
    number = std::stoull(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  constexpr unsigned long long kMost =
      24ULL * 3600 * 1000;  // a day in milliseconds; also keeps hours in range
  if (used > 0 && number <= kMost) {
    if (unit == "ms") return std::chrono::milliseconds(number);
    if (unit == "s") return std::chrono::seconds(number);
    if (unit == "m") return std::chrono::minutes(number);
    if (unit == "h") return std::chrono::hours(number);
  }
  throw CLI::ValidationError("\"" + text + "\" is no duration; write 500ms, 10s, 2m or 1h");
}

struct Raw {
  std::vector<std::string> sets;
  std::string drain_timeout;
  bool verbose = false;
  std::string pipeline;
};

void add_common_options(CLI::App& app, Arguments& arguments, Raw& raw,
                        const std::map<std::string, Format>& formats) {
  app.add_option("--plugin-dir", arguments.plugin_dirs,
                 "Directory with plugins (NAME.yaml beside NAME.so). Repeatable. Searched before "
                 "$PENSTOCK_PLUGIN_PATH and "
                 "PREFIX/lib/penstock/plugins")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_option("--format", arguments.format, "Form of the result on stdout")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->type_name(formats.size() == 2 ? "text|json" : "text|markdown|json");
  app.add_option("--log-format", arguments.log_format, "Form of the log on stderr")
      ->transform(CLI::CheckedTransformer(kLogFormats, CLI::ignore_case).description(""))
      ->type_name("text|json");
  app.add_flag("-v,--verbose", raw.verbose, "Log details as well");
  app.add_flag("-q,--quiet", arguments.quiet, "Log errors only, and show no progress");
}

void add_set_option(CLI::App& app, Raw& raw) {
  app.add_option(
         "--set", raw.sets,
         "Override a value of the pipeline, such as --set source.path=today.ndjson. Repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

void examples(CLI::App& app, const std::string& text) {
  app.footer("Examples:\n" + text);
}

std::string exit_codes() {
  return "Exit codes: 0 ok, 1 a check failed, 64 usage, 65 bad input, 69 destination unavailable,\n"
         "70 internal, 74 I/O, 75 stopped with records pending, 77 authorisation needed, 78 "
         "configuration";
}

}  // namespace

std::variant<Arguments, Answer> parse_arguments(int argc, const char* const* argv) {
  Arguments arguments;
  Raw raw;
  CLI::App app(
      "Penstock delivers customer events to destinations through plugins, and says what became of "
      "each.",
      "penstock");
  app.require_subcommand(1);
  app.set_version_flag("--version",
                       "penstock " + std::string(kVersion) + " (plugin ABI " + kAbiVersion + ")");
  app.failure_message(CLI::FailureMessage::help);
  examples(app,
           "  penstock validate pipeline.yaml\n"
           "  penstock try pipeline.yaml --input events.ndjson\n"
           "  penstock run pipeline.yaml\n"
           "  penstock plugin describe linkedin_audiences\n\n" +
               exit_codes());

  CLI::App* run = app.add_subcommand(
      "run", "Deliver the events of a pipeline's source, until it ends or a signal comes");
  run->add_option("PIPELINE", raw.pipeline, "The pipeline's manifest")->required();
  add_common_options(*run, arguments, raw, kFormats);
  add_set_option(*run, raw);
  run->add_option("--drain-timeout", raw.drain_timeout,
                  "How long to go on delivering after SIGINT or SIGTERM, or when nothing that is "
                  "pending can be delivered "
                  "(default 60s)")
      ->type_name("DURATION");
  run->add_option("--workers", arguments.workers, "Threads that map events (default: one a core)")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  run->add_flag("--fail-on-dead-letters", arguments.fail_on_dead_letters,
                "End with exit code 1 if a record was dead-lettered");
  run->add_flag("--from-start", arguments.from_start,
                "Read the event file from its start, whatever was read of it before");
  examples(
      *run,
      "  penstock run pipeline.yaml\n"
      "  penstock run pipeline.yaml --set source.path=today.ndjson --format json > report.json\n"
      "  tail -F events.ndjson | penstock run pipeline.yaml --set 'source={type: stdin}' "
      "--drain-timeout 10s\n\n" +
          exit_codes());

  CLI::App* validate =
      app.add_subcommand("validate", "Check pipelines as run would, and start nothing");
  validate->add_option("PIPELINE", arguments.pipelines, "Manifests of pipelines")->required();
  add_common_options(*validate, arguments, raw, kFormats);
  add_set_option(*validate, raw);
  validate->add_flag("--connect", arguments.connect,
                     "Ask the destinations, too, whether deliveries would be accepted");
  examples(*validate,
           "  penstock validate pipeline.yaml\n"
           "  penstock validate pipelines/*.yaml --format json\n"
           "  penstock validate pipeline.yaml --connect");

  CLI::App* try_events = app.add_subcommand(
      "try", "Show what every mapping makes of every event. Nothing is sent or stored");
  try_events->add_option("PIPELINE", raw.pipeline, "The pipeline's manifest")->required();
  try_events
      ->add_option("--input", arguments.input,
                   "File with events, one JSON object a line; - reads standard input")
      ->required()
      ->type_name("EVENTS");
  add_common_options(*try_events, arguments, raw, kFormats);
  add_set_option(*try_events, raw);
  examples(*try_events,
           "  penstock try pipeline.yaml --input events.ndjson\n"
           "  head -3 events.ndjson | penstock try pipeline.yaml --input - --format json\n\n"
           "The output shows resolved fields, personal data included: treat it like the events "
           "themselves.");

  CLI::App* plugin = app.add_subcommand("plugin", "Look at plugins");
  plugin->require_subcommand(1);
  CLI::App* list = plugin->add_subcommand("list", "Show the plugins that are found, and where");
  add_common_options(*list, arguments, raw, kFormats);
  examples(*list,
           "  penstock plugin list\n  penstock plugin list --plugin-dir ./plugins --format json");
  CLI::App* describe =
      plugin->add_subcommand("describe", "Show a plugin's settings, actions and fields");
  describe
      ->add_option("PLUGIN", arguments.plugin, "A plugin's name, or the path of a plugin manifest")
      ->required();
  add_common_options(*describe, arguments, raw, kDescribeFormats);
  examples(*describe,
           "  penstock plugin describe linkedin_audiences\n"
           "  penstock plugin describe linkedin_audiences --format markdown > linkedin.md\n"
           "  penstock plugin describe ./my_plugin.yaml");

  try {
    app.parse(argc, argv);
    if (!raw.drain_timeout.empty()) arguments.drain_timeout = parse_duration(raw.drain_timeout);
    for (const std::string& set : raw.sets) {
      const std::size_t equals = set.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw CLI::ValidationError("--set takes PATH=VALUE, such as source.path=today.ndjson; \"" +
                                   set + "\" has no \"=\"");
      }
      arguments.overrides.emplace_back(set.substr(0, equals), set.substr(equals + 1));
    }
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream problem;
    const bool is_answer = app.exit(error, out, problem) == 0;
    if (is_answer) return Answer{out.str(), false, 0};
    const CLI::App* at = &app;
    for (const CLI::App* deeper = at; deeper != nullptr;) {
      at = deeper;
      const auto chosen = deeper->get_subcommands();
      deeper = chosen.empty() ? nullptr : chosen.front();
    }
    std::string path = at->get_name();
    for (const CLI::App* parent = at->get_parent(); parent != nullptr;
         parent = parent->get_parent()) {
      path.insert(0, parent->get_name() + " ");
    }
    return Answer{"penstock: " + std::string(error.what()) + "\nSee: " + path + " --help\n", true,
                  exit_code(StatusCode::usage)};
  }

  if (arguments.pipelines.empty() && !raw.pipeline.empty())
    arguments.pipelines.push_back(raw.pipeline);
  if (raw.verbose) arguments.log_level = services::LogLevel::debug;
  if (arguments.quiet) arguments.log_level = services::LogLevel::error;
  if (run->parsed()) arguments.command = Command::run;
  if (validate->parsed()) arguments.command = Command::validate;
  if (try_events->parsed()) arguments.command = Command::try_events;
  if (list->parsed()) arguments.command = Command::plugin_list;
  if (describe->parsed()) arguments.command = Command::plugin_describe;
  return arguments;
}

}  // namespace penstock::cli
