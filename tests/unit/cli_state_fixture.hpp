// What the tests of commands about a pipeline's state share: a manifest beside a state that a real
// Store wrote, and commands run as the command line would.
#pragma once

#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "store_fixture.hpp"

namespace penstock::cli {

// Neither its plugin nor its variable exists.
inline constexpr char kManifest[] = R"(version: 1
name: sample
state_dir: state
source: {type: file, path: events.ndjson}
connections:
  linkedin: {plugin: no_such_plugin, access_token: "${env:PENSTOCK_TEST_IS_NOT_SET}"}
destinations:
  eu:
    plugin: no_such_plugin
    connection: linkedin
    mappings:
      trial: {action: sync}
      paid: {action: stream}
      unused: {action: sync}
  off: {plugin: no_such_plugin, enabled: false, mappings: {some: {action: sync}}}
)";

struct SamplePipeline {
  store::Directory directory;
  services::ManualClock clock;

  SamplePipeline() {
    store::write_bytes(manifest(), kManifest);
    std::filesystem::create_directory(state_dir());
    std::filesystem::permissions(state_dir(), std::filesystem::perms::owner_all);
  }
  [[nodiscard]] std::string manifest() const { return directory.path + "/pipeline.yaml"; }
  [[nodiscard]] std::string state_dir() const { return directory.path + "/state"; }
  [[nodiscard]] std::unique_ptr<store::Store> open() const {
    auto store = store::Store::open(state_dir(), store::catalog(), {}, clock);
    INFO(store.status().message());
    REQUIRE(store.ok());
    return std::move(store).value();
  }
  [[nodiscard]] store::State state() const {
    auto reader = store::Reader::open(state_dir(), clock);
    REQUIRE(reader.ok());
    auto state = (*reader)->state();
    REQUIRE(state.ok());
    return std::move(state).value();
  }
};

// Dead letters 1 (eu.trial refused), 2 (eu.paid gave_up), an hour later 3 (us.all refused) and 4, a
// line that is no event; one record of eu.trial is delivered, one pending.
inline void fill(SamplePipeline& pipeline) {
  const auto store = pipeline.open();
  const auto block = store::make_block(0, {0, 1, 2, 0, 0});
  store::Commit commit;
  store::append(commit, block);
  store::give_up(commit, *block, 0, "refused");
  store::give_up(commit, *block, 1, "gave_up");
  store::settle(commit, *block, {3});
  store::DestinationStatus status;
  status.state = "throttled";
  status.code = "rate_limited";
  status.message = "asked for a pause";
  status.requests = 7;
  status.throttled_requests = 2;
  commit.destinations.push_back(status);
  commit.issues.push_back({Issue::Severity::error, 0, 0, "not_permitted", "no right to write", 3});
  store::must(store->commit(commit));

  pipeline.clock.advance(std::chrono::hours(1));
  store::Commit later;
  store::give_up(later, *block, 2, "refused");
  later.tally.events.received = 2;
  later.tally.events.invalid = 1;
  later.tally.events.unmatched = 1;
  DeadLetter line;
  line.reason = "invalid_event";
  line.message = "it is not valid JSON";
  line.form = DeadLetter::Form::masked_text;
  line.content = "{xxxx\x1b[2J";
  line.source_offset = 17;
  line.source_size = 9;
  later.tally.dead_letters.push_back(line);
  later.tally.reason(ReasonCount::Kind::dead_letter, ReasonCount::kNoMapping, "invalid_event", "",
                     line.message);
  store::must(store->commit(later));
}

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Redirects a file descriptor to a file for as long as it lives.
class Redirected {
 public:
  Redirected(int descriptor, const std::string& path)
      : descriptor_(descriptor), kept_(dup(descriptor)) {
    const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    REQUIRE(dup2(file, descriptor) >= 0);
    close(file);
  }
  ~Redirected() {
    dup2(kept_, descriptor_);
    close(kept_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int descriptor_;
  int kept_;
};

inline std::variant<Arguments, Answer> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "penstock");
  std::vector<const char*> argv;
  argv.reserve(words.size());
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_arguments(static_cast<int>(argv.size()), argv.data());
}

inline Ran run_command_line(const store::Directory& directory,
                            const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    return {answer->exit_code, "", answer->text};
  }
  const auto& arguments = std::get<Arguments>(parsed);
  Ran ran;
  const std::string out = directory.path + "/stdout";
  const std::string err = directory.path + "/stderr";
  std::fflush(stdout);
  std::fflush(stderr);
  {
    const Redirected redirected_out(STDOUT_FILENO, out);
    const Redirected redirected_err(STDERR_FILENO, err);
    switch (arguments.command) {
      case Command::status:
        ran.exit_code = status_command(arguments);
        break;
      case Command::queue_check:
        ran.exit_code = queue_check_command(arguments);
        break;
      case Command::queue_repair:
        ran.exit_code = queue_repair_command(arguments);
        break;
      default:
        ran.exit_code = dead_letters_command(arguments);
    }
    std::fflush(stderr);
  }
  ran.out = store::bytes_of(out);
  ran.err = store::bytes_of(err);
  return ran;
}

}  // namespace penstock::cli
