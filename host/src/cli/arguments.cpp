#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

#include "cli/examples.hpp"
#include "gate/shapes.hpp"
#include "model/diagnostics.hpp"
#include "model/node.hpp"
#include "model/status.hpp"
#include "version.hpp"

namespace penstock::cli {
namespace {

const std::map<std::string, Format> kFormats = {{"text", Format::text}, {"json", Format::json}};
const std::map<std::string, Format> kDescribeFormats = {
    {"text", Format::text}, {"json", Format::json}, {"markdown", Format::markdown}};
const std::map<std::string, services::LogFormat> kLogFormats = {
    {"text", services::LogFormat::text}, {"json", services::LogFormat::json}};

const std::map<std::string, services::LogLevel> kLogLevels = {
    {"debug", services::LogLevel::debug},
    {"info", services::LogLevel::info},
    {"warning", services::LogLevel::warning},
    {"error", services::LogLevel::error}};
const std::map<std::string, bool> kProgress = {{"auto", true}, {"off", false}};

// Hourly counts are kept for 90 days.
constexpr int kMostHistoryHours = 90 * 24;
// No login lasts ten years.
constexpr int kMostWarnDays = 3660;

// An option that takes one of these words. `shown` lists them.
template <typename Value>
CLI::Option& add_choice(CLI::App& app, const std::string& option, Value& value,
                        const std::map<std::string, Value>& words, const std::string& shown,
                        const std::string& description) {
  CLI::Option* added = app.add_option_function<std::string>(
      option,
      [option, &value, &words, shown](const std::string& word) {
        const auto found = words.find(CLI::detail::to_lower(word));
        if (found == words.end())
          throw CLI::ValidationError(option + ": " + in_quotes(word) + " is not one of " + shown);
        value = found->second;
      },
      description);
  added->type_name(shown);
  return *added;
}

// "10s", "500ms", "2m" as milliseconds.
std::chrono::milliseconds parse_duration(const std::string& text) {
  std::size_t used = 0;
  unsigned long long number = 0;
  try {
    // It would take a minus sign for a very large number.
    if (!text.empty() && text.front() >= '0' && text.front() <= '9')
      number = std::stoull(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  // Whoever needs more wants no end; and it is far from what nanoseconds in 64 bits can hold.
  constexpr unsigned long long kMostMilliseconds = 365ULL * 24 * 3600 * 1000;
  const std::pair<const char*, unsigned long long> units[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  for (const auto& [name, milliseconds] : units) {
    if (used == 0 || unit != name) continue;
    if (number <= kMostMilliseconds / milliseconds)
      return std::chrono::milliseconds(number * milliseconds);
    throw CLI::ValidationError("\"" + text + "\" is too long; a year (8760h) is the most");
  }
  throw CLI::ValidationError("\"" + text + "\" is no duration; write 500ms, 10s, 2m or 1h");
}

constexpr char kDelivering[] = "Deliver";
constexpr char kLookingBack[] = "Look at what was delivered";
constexpr char kPlugins[] = "Plugins";

// As it was written, before it is known to be right.
struct Raw {
  std::vector<std::string> sets;
  std::string drain_timeout;
  std::string login_timeout;
  std::string confirm_after;
  bool verbose = false;
  std::string pipeline;
  std::string since;
  std::string until;
};

// The commands and their options, which write to `arguments` and `raw`.
class Commands {
 public:
  Commands(CLI::App& app, Arguments& arguments, Raw& raw)
      : app_(app), arguments_(arguments), raw_(raw) {
    add_run();
    add_validate();
    add_try();
    add_status();
    add_audiences();
    add_dead_letters();
    add_auth();
    add_queue();
    add_import();
    add_plugin();
  }

 private:
  CLI::App& command(CLI::App& parent, Command command, const char* name, const char* description,
                    const std::string& examples,
                    const std::map<std::string, Format>& formats = kFormats) {
    CLI::App& app = *parent.add_subcommand(name, description);
    app.footer("Examples:\n" + examples);
    app.callback([this, command] { arguments_.command = command; });
    add_common_options(app, formats);
    return app;
  }

  // A command about one pipeline.
  CLI::App& pipeline_command(CLI::App& parent, Command command, const char* name,
                             const char* description, const std::string& examples) {
    CLI::App& app = this->command(parent, command, name, description, examples);
    app.add_option("PIPELINE", raw_.pipeline, "The pipeline's manifest")->required();
    add_set_option(app);
    add_shared_state_option(app);
    return app;
  }

  void add_shared_state_option(CLI::App& app) {
    app.add_flag("--allow-shared-state", arguments_.allow_shared_state,
                 "Use a state_dir that other users of this machine can write to");
  }

  void add_common_options(CLI::App& app, const std::map<std::string, Format>& formats) {
    app.add_option("--plugin-dir", arguments_.plugin_dirs,
                   "Directory with plugins (NAME.yaml beside NAME.so). Repeatable. Searched before "
                   "$PENSTOCK_PLUGIN_PATH and "
                   "PREFIX/lib/penstock/plugins")
        ->type_name("DIR")
        ->allow_extra_args(false);
    add_choice(app, "--format", arguments_.format, formats,
               formats.size() == 2 ? "text|json" : "text|markdown|json",
               "Form of the result on stdout");
    add_choice(app, "--log-format", arguments_.log_format, kLogFormats, "text|json",
               "Form of the log on stderr");
    CLI::Option* verbose = app.add_flag("-v,--verbose", raw_.verbose, "Log details as well");
    CLI::Option* quiet =
        app.add_flag("-q,--quiet", arguments_.quiet, "Log errors only, and show no progress");
    add_choice(app, "--log-level", arguments_.log_level, kLogLevels, "debug|info|warning|error",
               "The least weight that is logged (default info; progress lines have that)")
        .excludes(verbose)
        ->excludes(quiet);
  }

  void add_set_option(CLI::App& app) {
    app.add_option(
           "--set", raw_.sets,
           "Override a value of the pipeline, such as --set source.path=today.ndjson. Repeatable")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
  }

  void add_run() {
    CLI::App& run = pipeline_command(
        app_, Command::run, "run",
        "Deliver the events of a pipeline's source, until it ends or a signal comes",
        std::string(examples::kRun) + examples::kExitCodes);
    run.group(kDelivering);
    run.add_option("--drain-timeout", raw_.drain_timeout,
                   "How long to go on delivering after SIGINT or SIGTERM, or when nothing that is "
                   "pending can be delivered "
                   "(default 60s)")
        ->type_name("DURATION");
    run.add_option("--workers", arguments_.workers, "Threads that map events (default: one a core)")
        ->check(CLI::Range(1, 256))
        ->type_name("N");
    run.add_flag("--fail-on-dead-letters", arguments_.fail_on_dead_letters,
                 "End with exit code 1 if a record was dead-lettered");
    add_choice(run, "--progress", arguments_.shows_progress, kProgress, "auto|off",
               "auto: a line that is renewed on a terminal, else a log line every 10 s; off: none");
    run.add_flag("--from-start", arguments_.from_start,
                 "Read the event file from its start, whatever was read of it before");
  }

  void add_validate() {
    CLI::App& validate =
        command(app_, Command::validate, "validate",
                "Check pipelines as strictly as can be, and start nothing", examples::kValidate);
    validate.group(kDelivering);
    validate.add_option("PIPELINE", arguments_.pipelines, "Manifests of pipelines")->required();
    add_set_option(validate);
    add_shared_state_option(validate);
    validate.add_flag("--connect", arguments_.connect,
                      "Ask the destinations, too, whether deliveries would be accepted");
  }

  void add_try() {
    CLI::App& try_events = pipeline_command(
        app_, Command::try_events, "try",
        "Show what every mapping makes of every event. Nothing is sent or stored", examples::kTry);
    try_events.group(kDelivering);
    try_events
        .add_option("--input", arguments_.input,
                    "File with events, one JSON object a line; - reads standard input")
        ->required()
        ->type_name("EVENTS");
  }

  void add_status() {
    CLI::App& status =
        pipeline_command(app_, Command::status, "status",
                         "Show what became of all records since the state was made, what is "
                         "pending, and what needs attention",
                         examples::kStatus);
    status.group(kLookingBack);
    status.add_flag("--watch", arguments_.watch, "Show it anew every 2 seconds, until SIGINT");
    status
        .add_option("--history", arguments_.history_hours,
                    "Show the counts of each of the last hours as well")
        ->check(CLI::Range(1, kMostHistoryHours))
        ->type_name("HOURS");
    status
        .add_option("--fail-on", arguments_.fail_on,
                    "For cron: end with an exit code other than 0 in these states, such as "
                    "pending-older=1h,destination,dead-letters=1d")
        ->check([](const std::string& states) {
          return states.empty() ? "names no state; is a variable empty?" : std::string();
        })
        ->type_name("STATES");
  }

  void add_audiences() {
    CLI::App& audiences =
        command(app_, Command::audiences_list, "audiences",
                "Show the audiences that a pipeline fills, as the destinations see them",
                examples::kAudiences);
    audiences.group(kLookingBack);
    // Its own callback runs after that of `rename`.
    audiences.callback([this, &audiences] {
      if (!audiences.get_subcommands().empty()) return;
      if (raw_.pipeline.empty()) throw CLI::RequiredError("PIPELINE");
      arguments_.command = Command::audiences_list;
    });
    audiences.add_option("PIPELINE", raw_.pipeline, "The pipeline's manifest");
    add_set_option(audiences);
    add_shared_state_option(audiences);
    CLI::App& list = pipeline_command(audiences, Command::audiences_list, "list",
                                      "The same; with --all every audience of the account",
                                      examples::kAudiencesList);
    list.add_flag(
        "--all", arguments_.all_audiences,
        "Every audience of the account at the destination, with its id, whoever fills it");
    add_audiences_test(audiences);
    CLI::App& rename =
        pipeline_command(audiences, Command::audiences_rename, "rename",
                         "Give an audience another name at its destination. Its key and its "
                         "members stay",
                         examples::kAudiencesRename);
    rename
        .add_option("MAPPING", arguments_.mapping,
                    "The mapping that fills it: MAPPING or DESTINATION.MAPPING")
        ->required();
    rename.add_option("NAME", arguments_.new_name, "The new name")->required();
  }

  void add_audiences_test(CLI::App& audiences) {
    CLI::App& test = pipeline_command(
        audiences, Command::audiences_test, "test",
        "Put one person into an audience for real, show what was sent and answered, and take them "
        "out again",
        examples::kAudiencesTest);
    test.add_option("MAPPING", arguments_.mapping,
                    "The mapping that fills it: MAPPING or DESTINATION.MAPPING")
        ->required();
    test.add_option("--email", arguments_.email,
                    "The person's e-mail address; it is hashed before it is sent. Take one of your "
                    "own: whoever is a member already is none afterwards")
        ->required();
    test.add_flag("--remove", arguments_.remove_only,
                  "Only take the person out, as after a test that was cut off");
    test.add_option("--confirm-after", raw_.confirm_after,
                    "Where the answer to putting them in was lost, take them out once more after "
                    "so long (default 60s)");
  }

  void add_dead_letters() {
    CLI::App& group = *app_.add_subcommand(
        "dead-letters", "Look at records that were not delivered, and have them sent again");
    group.group(kLookingBack);
    group.require_subcommand(1);
    group.footer("Examples:\n" + std::string(examples::kDeadLetters));
    CLI::App& list = pipeline_command(group, Command::dead_letters_list, "list",
                                      "List them, oldest first, and count them by reason",
                                      examples::kDeadLettersList);
    add_selection(list);
    add_limit(list, "Show at most so many (default 50); all are counted");
    CLI::App& show = pipeline_command(group, Command::dead_letters_show, "show",
                                      "Show everything of some", examples::kDeadLettersShow);
    show.add_option("ID,--id", arguments_.selection.ids, "Which; list tells them")->required();
    CLI::App& replay = pipeline_command(group, Command::dead_letters_replay, "replay",
                                        "Have them sent again", examples::kDeadLettersReplay);
    add_selection(replay);
    add_limit(replay, "Mark at most so many, the oldest");
    replay.add_flag("--all", arguments_.selection.all, "All of them");
    CLI::App& discard = pipeline_command(group, Command::dead_letters_discard, "discard",
                                         "Delete them for good", examples::kDeadLettersDiscard);
    add_selection(discard);
    add_limit(discard, "Delete at most so many, the oldest");
    discard.add_flag("--all", arguments_.selection.all, "All of them");
    CLI::App& written = pipeline_command(group, Command::dead_letters_export, "export",
                                         "Write them out with all they hold, a JSON object a line",
                                         examples::kDeadLettersExport);
    add_selection(written);
    add_limit(written, "Write at most so many, the oldest");
  }

  void add_selection(CLI::App& app) {
    DeadLetterSelection& selection = arguments_.selection;
    app.add_option("--reason", selection.reason, "Only with this reason code")->type_name("REASON");
    app.add_option("--mapping", selection.mapping,
                   "Only of this mapping: MAPPING or DESTINATION.MAPPING")
        ->type_name("NAME");
    app.add_option("--destination", selection.destination, "Only of this destination")
        ->type_name("NAME");
    app.add_option(
           "--since", raw_.since,
           "Only from then on: 2h or 3d ago, or a time such as 2026-10-03T14:05 (UTC unless "
           "an offset follows)")
        ->type_name("TIME");
    app.add_option("--until", raw_.until, "Only from before then")->type_name("TIME");
    app.add_option("--id", selection.ids, "Only this one. Repeatable")
        ->type_name("ID")
        ->allow_extra_args(false);
  }

  void add_limit(CLI::App& app, const char* description) {
    app.add_option("--limit", arguments_.selection.limit, description)
        ->check([](const std::string& number) {
          const bool positive = number.find_first_not_of("0123456789") == std::string::npos &&
                                number.find_first_not_of('0') != std::string::npos;
          return positive ? std::string()
                          : "expected a whole number from 1 on, found " + in_quotes(number);
        })
        ->type_name("N");
  }

  CLI::App& auth_command(CLI::App& group, Command command, const char* name,
                         const char* description, const char* examples) {
    CLI::App& app = pipeline_command(group, command, name, description, examples);
    app.add_option("CONNECTION", arguments_.connection,
                   "The connection's name; may be left out where there is one");
    return app;
  }

  void add_auth() {
    CLI::App& group =
        *app_.add_subcommand("auth", "Log in to destinations, and see how long it lasts");
    group.group(kDelivering);
    group.require_subcommand(1);
    group.footer("Examples:\n" + std::string(examples::kAuth));
    CLI::App& login = auth_command(group, Command::auth_login, "login", "Log in over a browser",
                                   examples::kAuthLogin);
    login.add_flag("--open", arguments_.open_browser, "Open the browser, with xdg-open");
    login.add_flag("--paste", arguments_.paste,
                   "Read the address that the browser ends at, or its code, from standard input");
    login
        .add_option("--timeout", raw_.login_timeout,
                    "How long to wait for the browser (default 5m)")
        ->type_name("DURATION");
    CLI::App& set = auth_command(group, Command::auth_set, "set",
                                 "Take tokens that were made elsewhere", examples::kAuthSet);
    CLI::Option* access = set.add_option("--access-token-file", arguments_.access_token_file,
                                         "File with the access token")
                              ->type_name("FILE");
    CLI::Option* refresh = set.add_option("--refresh-token-file", arguments_.refresh_token_file,
                                          "File with the refresh token")
                               ->type_name("FILE");
    set.add_flag("--from-env", arguments_.tokens_from_env,
                 "Take PENSTOCK_ACCESS_TOKEN and PENSTOCK_REFRESH_TOKEN")
        ->excludes(access)
        ->excludes(refresh);
    CLI::App& status =
        auth_command(group, Command::auth_status, "status",
                     "Show what is logged in, until when, and what to do", examples::kAuthStatus);
    status
        .add_option("--warn-days", arguments_.warn_days,
                    "End with exit code 77 when a login ends within so many days (default 30)")
        ->check(CLI::Range(0, kMostWarnDays))
        ->type_name("N");
    auth_command(group, Command::auth_refresh, "refresh", "Renew the access token now",
                 examples::kAuthRefresh);
    auth_command(group, Command::auth_logout, "logout", "Forget the stored tokens",
                 examples::kAuthLogout);
  }

  void add_queue() {
    CLI::App& queue =
        *app_.add_subcommand("queue", "Check what waits on the disk, and repair it after damage");
    queue.group(kLookingBack);
    queue.require_subcommand(1);
    queue.footer("Examples:\n" + std::string(examples::kQueue));
    pipeline_command(queue, Command::queue_check, "check",
                     "Read all of the queue, and say what is wrong with it", examples::kQueueCheck);
    pipeline_command(queue, Command::queue_repair, "repair",
                     "Save what can be read of a damaged "
                     "queue",
                     examples::kQueueRepair);
  }

  void add_import() {
    CLI::App& import =
        *app_.add_subcommand("import", "Make a pipeline of what another program exports");
    import.group(kDelivering);
    import.require_subcommand(1);
    import.footer("Examples:\n" + std::string(examples::kImportSegment));
    command(import, Command::import_segment, "segment",
            "Print a pipeline with the mappings of Segment's LinkedIn Audiences. What cannot be "
            "carried over is named",
            examples::kImportSegment)
        .add_option(
            "FILE", arguments_.export_file,
            "JSON as Segment's Public API answers: a destination, its subscriptions or both")
        ->required();
  }

  void add_plugin() {
    CLI::App& plugin = *app_.add_subcommand("plugin", "Look at plugins");
    plugin.group(kPlugins);
    plugin.require_subcommand(1);
    plugin.footer("Examples:\n" + std::string(examples::kPluginList) + "\n" +
                  examples::kPluginDescribe);
    command(plugin, Command::plugin_list, "list", "Show the plugins that are found, and where",
            examples::kPluginList);
    CLI::App& describe = command(plugin, Command::plugin_describe, "describe",
                                 "Show a plugin's settings, actions and fields",
                                 examples::kPluginDescribe, kDescribeFormats);
    describe
        .add_option("PLUGIN", arguments_.plugin,
                    "A plugin's name, or the path of a plugin manifest")
        ->required();
  }

  CLI::App& app_;
  Arguments& arguments_;
  Raw& raw_;
};

std::optional<Moment> read_moment(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto moment = parse_moment(text);
  if (moment) return moment;
  throw CLI::ValidationError(std::string(option) + ": \"" + text +
                             "\" is no time; write how long ago, such as 2h or 3d, or a time such "
                             "as 2026-10-03 or 2026-10-03T14:05");
}

// What CLI11 cannot say.
void complete(Arguments& arguments, const Raw& raw) {
  if (!raw.drain_timeout.empty()) arguments.drain_timeout = parse_duration(raw.drain_timeout);
  if (!raw.confirm_after.empty()) arguments.confirm_after = parse_duration(raw.confirm_after);
  if (!raw.login_timeout.empty()) arguments.login_timeout = parse_duration(raw.login_timeout);
  for (const std::string& set : raw.sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw CLI::ValidationError("--set takes PATH=VALUE, such as source.path=today.ndjson; \"" +
                                 set + "\" has no \"=\"");
    }
    arguments.overrides.emplace_back(set.substr(0, equals), set.substr(equals + 1));
  }
  if (!arguments.fail_on.empty() && arguments.watch) {
    throw CLI::ValidationError("--fail-on looks once; leave out --watch");
  }
  DeadLetterSelection& selection = arguments.selection;
  selection.since = read_moment("--since", raw.since);
  selection.until = read_moment("--until", raw.until);
  const bool discards = arguments.command == Command::dead_letters_discard;
  if (discards || arguments.command == Command::dead_letters_replay) {
    if (selection.all && selection.selects()) {
      throw CLI::ValidationError("--all means all of them; leave it out, or what else selects");
    }
    if (!selection.all && !selection.selects()) {
      throw CLI::ValidationError(
          std::string("say which: by --reason, --mapping, --destination, --since, --until or --id, "
                      "or --all of them") +
          (discards ? ". They are gone for good: export them first" : ""));
    }
  }
  if (arguments.pipelines.empty() && !raw.pipeline.empty()) {
    arguments.pipelines.push_back(raw.pipeline);
  }
  if (raw.verbose) arguments.log_level = services::LogLevel::debug;
  if (arguments.quiet) arguments.log_level = services::LogLevel::error;
}

// The innermost command that was found, with the words of the command line that name it.
struct Place {
  const CLI::App* app;
  std::string path;
  int words;
};

Place place_in(const CLI::App& app) {
  Place place{&app, app.get_name(), 1};
  for (auto chosen = app.get_subcommands(); !chosen.empty();
       chosen = place.app->get_subcommands()) {
    place.app = chosen.front();
    place.path += " " + place.app->get_name();
    ++place.words;
  }
  return place;
}

// `"rnu" is no command; did you mean "run"?` where that is what is wrong.
std::string wrong_command(const Place& place, int argc, const char* const* argv) {
  const auto commands = place.app->get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty() || place.words >= argc || argv[place.words][0] == '-') return {};
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  const std::string word = argv[place.words];
  return "\"" + word + "\" is no command of " + place.path + "; " + suggestion(word, names);
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
  app.footer("Examples:\n" + std::string(examples::kPenstock) + examples::kExitCodes);
  const Commands commands(app, arguments, raw);

  try {
    app.parse(argc, argv);
    complete(arguments, raw);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream problem;
    const bool is_answer = app.exit(error, out, problem) == 0;
    if (is_answer) return Answer{out.str(), false, 0};
    const Place place = place_in(app);
    const std::string wrong = wrong_command(place, argc, argv);
    // Who gives a secret as an argument that is not known must not find it in a log.
    return Answer{
        "penstock: " + gate::mask_shapes(wrong.empty() ? std::string(error.what()) : wrong) +
            "\nSee: " + place.path + " --help\n",
        true, exit_code(StatusCode::usage)};
  }
  return arguments;
}

}  // namespace penstock::cli
