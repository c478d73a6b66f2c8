// Guards how real runs read event files: half lines, files that others put in their place, rotation
// under a run that is killed, forms that hold no events, and descriptors that are closed.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "process.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A pipeline that copies the events of "events" to "out.jsonl".
class Copying {
 public:
  enum class Kind : std::uint8_t { file, followed, standard_input };
  explicit Copying(Kind kind = Kind::file) {
    std::string source = "{type: stdin}";
    if (kind != Kind::standard_input) {
      source = "{type: file, path: \"" + events() + "\"" +
               (kind == Kind::followed ? ", follow: true}" : "}");
    }
    manifest_ = workspace_.write(
        "pipeline.yaml",
        "version: 1\nname: copy\nstate_dir: state\nsource: " + source +
            "\ndestinations:\n  copy:\n    plugin: jsonl_file\n    settings: {path: \"" +
            workspace_.path("out.jsonl") +
            "\"}\n    mappings:\n      everything: {action: append}\n");
  }
  [[nodiscard]] std::string events() const { return workspace_.path("events"); }
  void append(const std::string& text, const std::string& name = "events") const {
    std::ofstream file(workspace_.path(name), std::ios::binary | std::ios::app);
    file << text;
    file.close();
    REQUIRE(file.good());
  }
  [[nodiscard]] Finished run(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"run", manifest_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_penstock(workspace_, std::move(arguments));
  }
  // By a shell, in which $RUN is the command.
  [[nodiscard]] Finished run_by(const std::string& script) const {
    return Process(workspace_, {"/bin/bash", "-c", script},
                   {{"RUN", std::string(PENSTOCK_BINARY) + " run " + manifest_ + " --plugin-dir " +
                                PENSTOCK_PLUGIN_DIR}})
        .wait();
  }
  [[nodiscard]] std::unique_ptr<Process> start() const {
    return std::make_unique<Process>(workspace_, penstock_arguments({"run", manifest_}));
  }
  // How often this stands in what was delivered.
  [[nodiscard]] std::size_t delivered(const std::string& part) const {
    std::ifstream file(workspace_.path("out.jsonl"));
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) count += contains(line, part) ? 1 : 0;
    return count;
  }
  void wait_for(const std::string& part) const {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (delivered(part) == 0) {
      INFO(part);
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(10ms);
    }
  }

  Workspace workspace_;
  std::string manifest_;
};

std::string event(const std::string& value) {
  return "{\"v\":\"" + value + "\"}\n";
}

}  // namespace

TEST_CASE("Half an event at the end of a file is delivered by the run that finds it whole") {
  const Copying copying;
  copying.append(event("one") + "{\"v\":\"tw");
  const Finished first = copying.run();
  INFO(first.err);
  CHECK(first.exit_code == 0);
  CHECK(contains(first.err, "The last 8 bytes of " + copying.events()));
  CHECK(contains(first.err, "left unread"));
  copying.append("o\"}\n");
  const Finished second = copying.run();
  CHECK(second.exit_code == 0);
  CHECK(copying.delivered("one") == 1);
  CHECK(copying.delivered("two") == 1);
}

TEST_CASE("A snapshot that begins like the one before is delivered whole, and this is said") {
  const Copying copying;
  const std::string head = event(std::string(5'000, 'h'));
  copying.append(head);
  for (int i = 0; i < 500; ++i) copying.append(event("old" + std::to_string(i)));
  REQUIRE(copying.run().exit_code == 0);
  const std::string next = GENERATE("snapshot", "events");
  std::ofstream(copying.workspace_.path(next), std::ios::binary) << head;
  for (int i = 0; i < 511; ++i) copying.append(event("new" + std::to_string(i)), next);
  if (next == "snapshot") fs::rename(copying.workspace_.path(next), copying.events());
  const Finished second = copying.run();
  INFO(second.err);
  CHECK(second.exit_code == 0);
  CHECK(copying.delivered("new") == 511);
  CHECK(contains(second.err, "warning"));
  CHECK(contains(second.err, "It is read from its start"));
}

TEST_CASE("Lines that come late to a renamed file are delivered, once, over a restart as well") {
  const Copying copying(Copying::Kind::followed);
  copying.append(event("one"));
  {
    const auto run = copying.start();
    copying.wait_for("one");
    fs::rename(copying.events(), copying.events() + ".1");
    copying.append(event("two"));
    copying.wait_for("two");
    std::this_thread::sleep_for(1500ms);  // the situation: later than the old program waited
    copying.append(event("late"), "events.1");
    copying.wait_for("late");
    run->signal(SIGTERM);
    CHECK(run->wait(20s).exit_code == 0);
  }
  copying.append(event("later"), "events.1");
  copying.append(event("three"));
  {
    const auto run = copying.start();
    copying.wait_for("later");
    copying.wait_for("three");
    run->signal(SIGTERM);
    CHECK(run->wait(20s).exit_code == 0);
  }
  for (const char* value : {"\"one\"", "\"two\"", "\"late\"", "\"later\"", "\"three\""}) {
    INFO(value);
    CHECK(copying.delivered(value) == 1);
  }
}

TEST_CASE("A compressed event file ends with 65, says what to do, and counts no line") {
  const Copying copying;
  copying.append(std::string("\x1F\x8B\x08\x00 some\nbytes\nof it\n", 22));
  const Finished run = copying.run({"--format", "json"});
  INFO(run.err);
  CHECK(run.exit_code == 65);
  CHECK(contains(run.err, "is compressed with gzip"));
  CHECK(contains(run.err, "zcat FILE | penstock run"));
  CHECK(run.json()["events"]["received"] == 0);
}

TEST_CASE("A standard input that is closed ends with 74 and nothing is read in its place") {
  const Copying copying(Copying::Kind::standard_input);
  const Finished run = copying.run_by("exec $RUN <&-");
  INFO(run.err << run.out);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, "Standard input is closed"));
  CHECK(copying.delivered("") == 0);
}

TEST_CASE("A standard output or error that is closed has nothing else written over") {
  const Copying copying;
  copying.append(event("one"));
  const std::string closed = GENERATE(">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-");
  const Finished run = copying.run_by("exec $RUN --verbose " + closed);
  INFO(closed << run.err << run.out);
  CHECK(run.exit_code == 0);
  CHECK(copying.delivered("one") == 1);
  CHECK_FALSE(contains(copying.workspace_.read("state/lock"), "matched"));
  const Finished sound = run_penstock(copying.workspace_, {"queue", "check", copying.manifest_});
  INFO(sound.err << sound.out);
  CHECK(sound.exit_code == 0);
}

TEST_CASE("A followed file that does not exist yet is waited for") {
  const Copying copying(Copying::Kind::followed);
  const auto run = copying.start();
  while (!contains(run->err(), copying.events() + " does not exist")) {
    REQUIRE_FALSE(run->ends_within(10ms));
  }
  copying.append(event("one"));
  copying.wait_for("one");
  run->signal(SIGTERM);
  CHECK(run->wait(20s).exit_code == 0);
}

TEST_CASE("A run that is asked for no progress logs none, and else logs it at its level") {
  Copying copying(Copying::Kind::followed);
  copying.append(event("one"));
  const std::string option = GENERATE("--progress auto", "--progress off", "--log-level warning");
  // Longer than a progress line needs to come.
  const Finished run = copying.run_by("timeout -s TERM 12 $RUN " + option);
  INFO(run.err);
  CHECK(copying.delivered("one") == 1);
  CHECK(contains(run.err, " info progress: ") == (option == "--progress auto"));
}

TEST_CASE("Too few descriptors end a run with words that name them, and nothing is lost") {
  const Copying copying;
  copying.append(event("one"));
  const Finished few = copying.run_by("ulimit -n 8; exec $RUN");
  INFO(few.err);
  CHECK(few.exit_code == 74);
  CHECK(contains(few.err, "8 files open at once"));
  CHECK(contains(few.err, "ulimit -n"));
  CHECK(copying.run().exit_code == 0);
  CHECK(copying.delivered("one") == 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// The sanitizers need more addresses than the limit leaves.
TEST_CASE("A thread that the system refuses ends a run with words, and nothing is lost") {
  const Copying copying;
  copying.append(event("one"));
  // Each thread is to have a stack of 4 GB, and the process 5 GB of addresses.
  const Finished refused = copying.run_by("ulimit -s 4000000; ulimit -v 5000000; exec $RUN");
  INFO(refused.err);
  CHECK(refused.exit_code == 74);
  CHECK(contains(refused.err, "the system made no further thread"));
  CHECK(copying.run().exit_code == 0);
  CHECK(copying.delivered("one") == 1);
}
#endif

TEST_CASE(
    "On a read-only mount a state that was closed can be read, and a run says why it cannot") {
  const Copying copying;
  copying.append(event("one"));
  REQUIRE(copying.run().exit_code == 0);
  const std::string state = copying.workspace_.path("state");
  const std::string in_mount =
      "mount --bind " + state + " " + state + " && mount -o remount,bind,ro " + state + " && ";
  const auto inner = [&](const std::string& command) {
    return in_mount + "exec " + std::string(PENSTOCK_BINARY) + " " + command + " " +
           copying.manifest_ + " --plugin-dir " + PENSTOCK_PLUGIN_DIR;
  };
  const auto in_namespace = [&](const std::string& script) {
    return Process(copying.workspace_,
                   {"/usr/bin/unshare", "--map-root-user", "--mount", "/bin/bash", "-c", script})
        .wait();
  };
  if (in_namespace(in_mount + "true").exit_code != 0) {
    WARN("This machine lets nobody mount, so this is not tested on it");
    return;
  }
  const Finished status = in_namespace(inner("status"));
  INFO(status.out << status.err);
  CHECK(status.exit_code == 0);
  CHECK(contains(status.out, "1 event: 1 matched"));
  const Finished run = in_namespace(inner("run"));
  INFO(run.err);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, "ead-only"));
}

}  // namespace penstock::e2e
