// What stands under "Examples:" in each command's help.
#pragma once

namespace penstock::cli::examples {

inline constexpr char kExitCodes[] =
    "Exit codes: 0 ok, 1 a check failed, 64 usage, 65 bad input, 69 destination unavailable,\n"
    "70 internal, 74 I/O, 75 stopped with records pending, 77 authorisation needed,\n"
    "78 configuration";

inline constexpr char kPenstock[] =
    "  penstock validate pipeline.yaml\n"
    "  penstock try pipeline.yaml --input events.ndjson\n"
    "  penstock run pipeline.yaml\n"
    "  penstock status pipeline.yaml\n"
    "  penstock plugin describe linkedin_audiences\n\n";

inline constexpr char kRun[] =
    "  penstock run pipeline.yaml\n"
    "  penstock run pipeline.yaml --set source.path=today.ndjson --format json > report.json\n"
    "  tail -F events.ndjson | penstock run pipeline.yaml --set 'source={type: stdin}' "
    "--drain-timeout 10s\n\n";

inline constexpr char kValidate[] =
    "  penstock validate pipeline.yaml\n"
    "  penstock validate pipelines/*.yaml --format json\n"
    "  penstock validate pipeline.yaml --connect";

inline constexpr char kImportSegment[] =
    "  penstock import segment subscriptions.json > linkedin.yaml\n"
    "  penstock validate linkedin.yaml\n\n"
    "The file holds what GET /destinations/ID and GET /destinations/ID/subscriptions of Segment's\n"
    "Public API answer, alone or as {\"destination\": {...}, \"subscriptions\": [...]}.";

inline constexpr char kTry[] =
    "  penstock try pipeline.yaml --input events.ndjson\n"
    "  head -3 events.ndjson | penstock try pipeline.yaml --input - --format json\n\n"
    "The output shows resolved fields, personal data included: treat it like the events "
    "themselves.";

inline constexpr char kStatus[] =
    "  penstock status pipeline.yaml --fail-on volume,pending-older=1h,destination\n"
    "  penstock status pipeline.yaml\n"
    "  penstock status pipeline.yaml --watch\n"
    "  penstock status pipeline.yaml --history 24\n"
    "  penstock status pipeline.yaml --format json | jq '.dead_letters.by_reason'\n\n"
    "Works while a run is going on and when none is. Of the manifest only the names and state_dir\n"
    "are read: neither plugins nor credentials are needed.\n"
    "Exit codes: 65 the pipeline has never run, 70 the counts do not add up. With --fail-on: 74 "
    "the\n"
    "volume of state_dir is full, 77 a destination needs a login, 69 one is unavailable or\n"
    "blocked, 75 a record is pending for longer, 1 dead letters are kept; the first of these that\n"
    "holds.";

inline constexpr char kAudiences[] =
    "  penstock audiences pipeline.yaml\n"
    "  penstock audiences pipeline.yaml --format json | jq '.destinations[].audiences[]'\n"
    "  penstock audiences rename pipeline.yaml trial_users \"Trial users, Europe\"\n\n"
    "Asks the destinations, and changes nothing. Works while a run is going on and when none is.\n"
    "Exit codes: 1 a destination would not tell, 69 it could not be reached, 77 it needs a login;\n"
    "the others are shown.";

inline constexpr char kAudiencesList[] =
    "  penstock audiences list pipeline.yaml\n"
    "  penstock audiences list pipeline.yaml --all\n"
    "  penstock audiences list pipeline.yaml --all --format json | jq "
    "'.destinations[].audiences[]'\n\n"
    "Asks the destinations, and changes nothing. Works while a run is going on and when none is.";

inline constexpr char kAudiencesTest[] =
    "  penstock audiences test pipeline.yaml trial_users --email me@example.com\n"
    "  penstock audiences test pipeline.yaml trial_users --email me@example.com --remove\n\n"
    "Works while a run is going on and when none is; it uses the pipeline's login and neither its\n"
    "queue nor its counts. SIGINT and SIGTERM wait until the person is out again. Exit codes: 0 "
    "they\n"
    "were put in and taken out, 1 the destination refused, 69 it could not be reached, 77 it needs "
    "a\n"
    "login.";

inline constexpr char kAudiencesRename[] =
    "  penstock audiences rename pipeline.yaml trial_users \"Trial users, Europe\"\n"
    "  penstock audiences rename pipeline.yaml linkedin_eu.trial_users \"Trial users\"\n\n"
    "Works while a run is going on and when none is. The name in the pipeline is only used when "
    "an\n"
    "audience is created.";

inline constexpr char kDeadLetters[] =
    "  penstock dead-letters list pipeline.yaml\n"
    "  penstock dead-letters show pipeline.yaml 17\n"
    "  penstock dead-letters replay pipeline.yaml --reason rejected\n"
    "  penstock dead-letters export pipeline.yaml > dead-letters.ndjson\n"
    "  penstock dead-letters discard pipeline.yaml --until 30d";

inline constexpr char kDeadLettersList[] =
    "  penstock dead-letters list pipeline.yaml\n"
    "  penstock dead-letters list pipeline.yaml --mapping linkedin_eu.trial_users --since 2h\n"
    "  penstock dead-letters list pipeline.yaml --reason no_identifier --limit 500\n"
    "  penstock dead-letters list pipeline.yaml --since 2026-10-03T08:00 --format json";

inline constexpr char kDeadLettersShow[] =
    "  penstock dead-letters show pipeline.yaml 17\n"
    "  penstock dead-letters show pipeline.yaml 17 18 --format json\n\n"
    "An element is shown as it would be sent: treat the output like the events themselves.";

inline constexpr char kDeadLettersReplay[] =
    "  penstock dead-letters replay pipeline.yaml --reason rejected\n"
    "  penstock dead-letters replay pipeline.yaml --id 17 --id 18\n"
    "  penstock dead-letters replay pipeline.yaml --all\n\n"
    "They are marked; the run that is going on, or the next, sends them. Records that never "
    "became\n"
    "an element cannot be replayed: mend the mapping, then feed their events again.\n"
    "What is replayed counts as the newest of its person and audience, and takes the place of "
    "what\n"
    "was said about that person since.";

inline constexpr char kDeadLettersDiscard[] =
    "  penstock dead-letters export pipeline.yaml --until 30d > old.ndjson\n"
    "  penstock dead-letters discard pipeline.yaml --until 30d\n\n"
    "They are gone for good, so export them first. Those marked for replay are left alone while a\n"
    "run is going on. The counts do not change: what was discarded stays counted as a dead letter.";

inline constexpr char kDeadLettersExport[] =
    "  penstock dead-letters export pipeline.yaml > dead-letters.ndjson\n"
    "  penstock dead-letters export pipeline.yaml --reason no_identifier | jq .message\n\n"
    "One JSON object a line, contents included: treat it like the events themselves.";

inline constexpr char kAuth[] =
    "  penstock auth login pipeline.yaml --open\n"
    "  penstock auth status pipeline.yaml\n"
    "  penstock auth set pipeline.yaml linkedin < tokens.json";

inline constexpr char kAuthLogin[] =
    "  penstock auth login pipeline.yaml --open\n"
    "  penstock auth login pipeline.yaml linkedin --paste\n\n"
    "The browser comes back to connections.NAME.redirect_uri, which must be registered for the "
    "app\n"
    "as it stands there. One on this machine (http://127.0.0.1:PORT/PATH) is answered by the\n"
    "command; with any other the address that the browser ends at is pasted. Works while run runs.";

inline constexpr char kAuthSet[] =
    "  penstock auth set pipeline.yaml --access-token-file access --refresh-token-file refresh\n"
    "  penstock auth set pipeline.yaml --from-env\n"
    "  penstock auth set pipeline.yaml < tokens.json\n\n"
    "Standard input holds a reply of the token endpoint as JSON, or the access token in one line\n"
    "and the refresh token in the next. Tokens are never taken from the command line, which other\n"
    "users of the machine can see.";

inline constexpr char kAuthStatus[] =
    "  penstock auth status pipeline.yaml\n"
    "  penstock auth status pipeline.yaml --warn-days 14 --format json\n\n"
    "Exit codes: 0 nothing to do, 77 somebody has to log in, now or within --warn-days.";

inline constexpr char kAuthRefresh[] =
    "  penstock auth refresh pipeline.yaml\n\n"
    "run does this by itself. Never at once with a run: one waits for the other.";

inline constexpr char kAuthLogout[] =
    "  penstock auth logout pipeline.yaml linkedin\n\n"
    "Tokens that the manifest gives are in force again. The service still accepts what was\n"
    "forgotten until it ends or is revoked there.";

inline constexpr char kQueue[] =
    "  penstock queue check pipeline.yaml\n"
    "  penstock queue repair pipeline.yaml";

inline constexpr char kQueueCheck[] =
    "  penstock queue check pipeline.yaml\n"
    "  penstock queue check pipeline.yaml --format json\n\n"
    "Reads all of the queue and changes nothing.\n"
    "Exit codes: 0 sound, 1 something is wrong, 65 the pipeline has never run, 74 unreadable.";

inline constexpr char kQueueRepair[] =
    "  penstock queue repair pipeline.yaml\n\n"
    "Puts damaged files aside and makes a queue of all that can still be read. Refused while a\n"
    "run is going on.";

inline constexpr char kPluginList[] =
    "  penstock plugin list\n"
    "  penstock plugin list --plugin-dir ./plugins --format json";

inline constexpr char kPluginDescribe[] =
    "  penstock plugin describe linkedin_audiences\n"
    "  penstock plugin describe linkedin_audiences --format markdown > linkedin.md\n"
    "  penstock plugin describe ./my_plugin.yaml";

}  // namespace penstock::cli::examples
