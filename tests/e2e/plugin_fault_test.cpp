// Guards operators against what plugins do: a plugin may end the process, hang or break the
// contract, and it is named, nothing is lost, and no exit code says that all is well.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "bad_plugin.hpp"

namespace penstock::e2e {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // its runtime reports fatal signals itself
#else
constexpr bool kSanitized = false;
#endif

nlohmann::json counts_of(const Finished& finished, const std::string& destination) {
  return finished.json()["destinations"][destination]["mappings"]["m"];
}

const nlohmann::json* issue_of(const nlohmann::json& report, const std::string& code) {
  for (const nlohmann::json& issue : report["issues"]) {
    if (issue["code"] == code) return &issue;
  }
  return nullptr;
}

struct World {
  explicit World(const std::vector<BadDestination>& destinations, const std::string& events,
                 const std::string& source = "{type: file, path: events.ndjson}")
      : pipeline(write_bad_pipeline(workspace, destinations, source)) {
    workspace.write("events.ndjson", events);
  }
  [[nodiscard]] Finished run() const {
    return run_bad(workspace, {"run", pipeline, "--format", "json"});
  }
  [[nodiscard]] std::string status() const { return run_bad(workspace, {"status", pipeline}).out; }
  [[nodiscard]] nlohmann::json status_json() const {
    return run_bad(workspace, {"status", pipeline, "--format", "json"}).json();
  }

  Workspace workspace;
  std::string pipeline;
};

bool contains(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "A plugin that ends the process is named, the exit code is 70, and the next run goes on") {
  struct Case {
    const char* rule;
    const char* what;
    const char* hook;
    bool unseen_by_sanitizers;
  };
  const auto one =
      GENERATE(Case{"me", "exit() was called", "mapping", false},
               Case{"se", "exit() was called", "send", false},
               Case{"mq", "exit() was called", "mapping", false},
               Case{"mx", "_exit() was called", "mapping", true},
               Case{"mX", "_Exit() was called", "mapping", true},
               Case{"sx", "_exit() was called", "send", true},
               Case{"mp", "internal error", "mapping", false},
               Case{"mt", "SIGTRAP", "mapping", true}, Case{"so", "SIGSEGV", "send", true},
               Case{"ma", "SIGABRT", "mapping", true}, Case{"ms", "SIGSEGV", "mapping", true},
               Case{"ss", "SIGSEGV", "send", true}, Case{"mo", "SIGSEGV", "mapping", true});
  if (one.unseen_by_sanitizers && kSanitized) return;
  const World world({{"bad", "ends_process"}}, rule_event("fine") + rule_event(one.rule));
  const Finished ended = world.run();
  CAPTURE(one.rule, ended.err);
  CHECK(ended.exit_code == 70);
  CHECK(contains(ended.err, std::string("penstock: ") + one.what));
  CHECK(contains(ended.err, std::string("in plugin bad, destination bad, hook ") + one.hook));
  const std::string status = world.status();
  INFO(status);
  CHECK(contains(status, "was ended by a fault: " + std::string(one.what)));
  const nlohmann::json last = world.status_json()["last_run"];
  CHECK(last["how"] == "fault");
  CHECK(contains(last["message"], std::string("hook ") + one.hook));
  // Somebody repairs the plugin.
  install_bad_plugin(world.workspace, {"bad", "emits"});
  const Finished again = world.run();
  CHECK(again.exit_code == 0);
  const nlohmann::json now = world.status_json();
  CHECK(now["destinations"]["bad"]["mappings"]["m"]["delivered"] == 2);
  CHECK(now["last_run"]["how"] == "ended");
  CHECK(now["last_run"]["exit_code"] == 0);
}

TEST_CASE("A copy of the process that a plugin makes may end as it likes") {
  const std::string way = GENERATE("c", "C", "d");
  if (kSanitized && way != "c") return;  // its runtime has words of its own for a copy
  const World world({{"bad", "ends_process"}}, rule_event("m" + way) + rule_event("s" + way));
  const Finished finished = world.run();
  CAPTURE(way, finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(counts_of(finished, "bad")["delivered"] == 2);
  CHECK_FALSE(contains(finished.err, "fault"));
  CHECK(world.status_json()["last_run"]["how"] == "ended");
}

TEST_CASE("A fatal signal and an exception leave a core file where the limits allow one") {
  const std::string pattern = read_file("/proc/sys/kernel/core_pattern");
  const bool in_workspace = !pattern.empty() && pattern[0] != '|' && pattern[0] != '/';
  if (kSanitized || !in_workspace) {
    WARN("core files of this machine do not go to the working directory");
    return;
  }
  const std::string rule = GENERATE("ms", "throw", "me");
  const bool allowed = GENERATE(true, false);
  const World world({{"bad", rule == "throw" ? "throws" : "ends_process"}}, rule_event(rule));
  std::vector<std::string> arguments = {
      "/bin/sh", "-c",
      std::string("cd \"$0\" && ulimit -c ") + (allowed ? "unlimited" : "0") + " && exec \"$@\"",
      world.workspace.path("")};
  for (std::string& argument : bad_arguments(world.workspace, {"run", world.pipeline}))
    arguments.push_back(std::move(argument));
  const Finished ended =
      Process(world.workspace, arguments, {{"BAD_PLUGIN_THROWS", "mapping"}}).wait();
  CAPTURE(rule, allowed, ended.err);
  CHECK(ended.exit_code == 70);
  CHECK(contains(ended.err, "destination bad, hook mapping"));
  bool core = false;
  for (const auto& entry : std::filesystem::directory_iterator(world.workspace.path(""))) {
    if (entry.path().filename().string().rfind("core", 0) == 0) core = true;
  }
  CHECK(core == (allowed && rule != "me"));
}

TEST_CASE("An exception that leaves a hook names the hook and not what the exception says") {
  const std::string hook =
      GENERATE("init", "settings", "check", "mapping", "send", "quiesce", "destroy");
  const World world({{"bad", "throws"}}, rule_event("fine"));
  std::string manifest = world.workspace.read("bad.yaml");
  manifest.replace(manifest.find("hooks: {"), 8, "hooks: {check: plugin_check, ");
  world.workspace.write("bad.yaml", manifest);
  const Finished ended = run_bad(world.workspace, {"run", world.pipeline, "--format", "json"},
                                 {{"BAD_PLUGIN_THROWS", hook}});
  CAPTURE(hook, ended.err);
  CHECK(ended.exit_code == 70);
  CHECK(contains(ended.err,
                 "internal error: std::logic_error, which was thrown out of "
                 "a hook, in plugin bad, destination bad, hook " +
                     hook));
  CHECK_FALSE(contains(ended.err, "jane@"));
  const std::string status = world.status();
  INFO(status);
  const bool reads = hook != "init" && hook != "settings";
  CHECK(contains(status, "was ended by a fault: internal error: std::logic_error") == reads);
  const Finished again = world.run();
  CHECK(again.exit_code == 0);
  CHECK(world.status_json()["destinations"]["bad"]["mappings"]["m"]["delivered"] == 1);
}

TEST_CASE(
    "A hook that hangs is named while it hangs, and a run that was killed is not taken for one "
    "that ended") {
  const World world({{"bad", "ends_process"}}, rule_event("mh"));
  Process run(world.workspace, bad_arguments(world.workspace, {"run", world.pipeline}));
  const std::string named = "plugin bad, destination bad, hook mapping has not returned for 30 s";
  for (int i = 0; i < 120 && !contains(run.err(), named); ++i)
    CHECK_FALSE(run.ends_within(std::chrono::milliseconds(500)));
  CHECK(contains(run.err(), named));
  run.signal(SIGKILL);
  CHECK(run.wait().exit_code == 128 + SIGKILL);
  CHECK(contains(world.status(), "did not come to its end"));
  CHECK(world.status_json()["last_run"]["how"] == "killed");
}

TEST_CASE("A hook that hangs is named at a second SIGTERM, though its plugin ignores the signal") {
  const std::string rule = GENERATE("mh", "sh");
  const World world({{"bad", "ends_process"}}, rule_event(rule));
  Process run(world.workspace, bad_arguments(world.workspace, {"run", world.pipeline, "--quiet"}));
  CHECK_FALSE(run.ends_within(std::chrono::milliseconds(700)));
  const bool third = GENERATE(false, true);
  run.signal(SIGTERM);
  CHECK_FALSE(run.ends_within(std::chrono::milliseconds(300)));
  run.signal(SIGTERM);
  if (third) {
    CHECK_FALSE(run.ends_within(std::chrono::milliseconds(300)));
    run.signal(SIGTERM);
  }
  const Finished ended = run.wait(std::chrono::seconds(third ? 5 : 30));
  INFO(ended.err);
  CHECK(ended.exit_code == 70);
  CHECK(contains(ended.err,
                 std::string("destination bad, hook ") + (rule == "mh" ? "mapping" : "send")));
  CHECK(world.status_json()["last_run"]["how"] == "fault");
}

TEST_CASE("A plugin that hangs while it is loaded is named when a signal ends the process") {
  const World world({{"bad", "ends_process"}}, rule_event("fine"));
  Process run(world.workspace, bad_arguments(world.workspace, {"run", world.pipeline}),
              {{"BAD_PLUGIN_HANGS", "1"}});
  CHECK_FALSE(run.ends_within(std::chrono::milliseconds(700)));
  run.signal(SIGTERM);
  const Finished ended = run.wait(std::chrono::seconds(30));
  INFO(ended.err);
  CHECK(ended.exit_code == 128 + SIGTERM);
  CHECK(contains(ended.err, "plugin bad, destination bad, hook init had not returned"));
}

TEST_CASE("A plugin cannot switch SIGTERM off, nor take it: the run ends in order") {
  const std::string rule = GENERATE("fine", "mu", "su", "mi", "mU");
  const World world({{"bad", "ends_process"}}, rule_event("fine") + rule_event(rule),
                    "{type: file, path: events.ndjson, follow: true}");
  Process run(world.workspace,
              bad_arguments(world.workspace, {"run", world.pipeline, "--format", "json"}));
  CHECK_FALSE(run.ends_within(std::chrono::milliseconds(2500)));
  run.signal(SIGTERM);
  const Finished ended = run.wait(std::chrono::seconds(30));
  CAPTURE(rule, ended.err);
  CHECK(ended.exit_code == 0);
  CHECK(counts_of(ended, "bad")["delivered"] == 2);
}

TEST_CASE(
    "A plugin that breaks the contract in mapping loses nothing: reading stops before the event, "
    "and once the plugin is repaired all is delivered") {
  const std::string rule = GENERATE("nothing", "twice", "long key", "error", "99", "pointer");
  const World world({{"bad", "mapping_misbehaves"}, {"good", "emits"}},
                    rule_event("fine") + rule_event(rule) + rule_event("fine"));
  for (int i = 0; i < 2; ++i) {  // a second run meets the same
    const Finished ended = world.run();
    CAPTURE(rule, i, ended.err, ended.out);
    CHECK(ended.exit_code == 70);
    CHECK(contains(ended.err, "the plugin bad is at fault: its mapping hook"));
    const nlohmann::json report = ended.json();
    CHECK(report["destinations"]["bad"]["state"] == "blocked");
    CHECK(report["destinations"]["good"]["state"] == "ok");
    CHECK(counts_of(ended, "bad")["delivered"] == (i == 0 ? 1 : 0));
    CHECK(counts_of(ended, "good")["delivered"] == (i == 0 ? 1 : 0));
    CHECK(counts_of(ended, "bad")["dead_lettered"] == 0);
    const nlohmann::json* issue = issue_of(report, "plugin_fault");
    REQUIRE(issue != nullptr);
    CHECK((*issue)["severity"] == "error");
    CHECK((*issue)["destination"] == "bad");
    CHECK(contains((*issue)["message"], "its mapping hook"));
  }
  const nlohmann::json blocked = world.status_json();
  CHECK(blocked["destinations"]["bad"]["code"] == "plugin_fault");
  CHECK(blocked["events"]["received"] == 1);
  install_bad_plugin(world.workspace, {"bad", "emits"});
  const Finished repaired = world.run();
  CHECK(repaired.exit_code == 0);
  const nlohmann::json status = world.status_json();
  CHECK(status["events"]["received"] == 3);
  for (const char* destination : {"bad", "good"}) {
    const nlohmann::json& counts = status["destinations"][destination]["mappings"]["m"];
    CHECK(counts["matched"] == 3);
    CHECK(counts["delivered"] == 3);
    CHECK(status["destinations"][destination]["state"] == "ok");
  }
}

TEST_CASE(
    "With a plugin at fault disabled, the others go on where reading stopped, and what it missed "
    "is said until it is read again") {
  const World world({{"bad", "mapping_misbehaves"}, {"good", "emits"}},
                    rule_event("fine") + rule_event("twice") + rule_event("fine"));
  const Finished stopped = world.run();
  CHECK(stopped.exit_code == 70);
  CHECK(contains(stopped.err, "--set destinations.bad.enabled=false"));
  CHECK(contains(stopped.err, "--from-start"));
  for (int i = 0; i < 2; ++i) {
    const Finished without = run_bad(world.workspace, {"run", world.pipeline, "--format", "json",
                                                       "--set", "destinations.bad.enabled=false"});
    CHECK(without.exit_code == 0);
    CHECK(counts_of(without, "good")["delivered"] == (i == 0 ? 2 : 0));
    const nlohmann::json bad = world.status_json()["destinations"]["bad"];
    CHECK(bad["code"] == "not_mapped");
    CHECK(contains(bad["message"], "not mapped for it"));
    CHECK(contains(bad["message"], "--from-start"));
    CHECK(contains(bad["message"], "its mapping hook"));
  }
  install_bad_plugin(world.workspace, {"bad", "emits"});
  const bool again_at_once = GENERATE(true, false);
  if (!again_at_once) {
    const Finished repaired = world.run();
    INFO(repaired.err);
    CHECK(repaired.exit_code == 1);
    CHECK(contains(repaired.err, "not mapped for it"));
    const nlohmann::json report = repaired.json();
    const nlohmann::json* issue = issue_of(report, "not_mapped");
    REQUIRE(issue != nullptr);
    CHECK((*issue)["severity"] == "error");
    CHECK((*issue)["destination"] == "bad");
    CHECK(contains((*issue)["message"], "--from-start"));
    CHECK(contains((*issue)["message"], "its mapping hook"));
    CHECK(world.status_json()["destinations"]["bad"]["state"] == "ok");
  }
  const Finished all =
      run_bad(world.workspace, {"run", world.pipeline, "--format", "json", "--from-start"});
  INFO(all.err);
  CHECK(all.exit_code == 0);
  CHECK(issue_of(all.json(), "not_mapped") == nullptr);
  CHECK(counts_of(all, "bad")["delivered"] == 3);
  CHECK(counts_of(all, "good")["delivered"] == 3);
  CHECK(issue_of(world.run().json(), "not_mapped") == nullptr);
}

TEST_CASE(
    "A fault on standard input, while following and with the queue in memory, ends with 70, too") {
  const World world({{"bad", "mapping_misbehaves"}}, rule_event("fine") + rule_event("twice"));
  const std::string set = GENERATE("source.follow=true", "queue.type=memory");
  const Finished ended =
      run_bad(world.workspace, {"run", world.pipeline, "--format", "json", "--set", set});
  INFO(ended.err);
  CHECK(ended.exit_code == 70);
  CHECK(counts_of(ended, "bad")["delivered"] == 1);

  const World piped({{"bad", "mapping_misbehaves"}}, "", "{type: stdin}");
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string lines = rule_event("fine") + rule_event("twice") + rule_event("fine");
  REQUIRE(::write(ends[1], lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()));
  ::close(ends[1]);
  Process run(piped.workspace, bad_arguments(piped.workspace, {"run", piped.pipeline}), {},
              ends[0]);
  const Finished unread = run.wait();
  CHECK(unread.exit_code == 70);
  CHECK(contains(unread.err, std::to_string(lines.size() - rule_event("fine").size()) +
                                 " bytes of input were read and not mapped"));
}

TEST_CASE("What a plugin prints to stdout goes to stderr, and the report is whole") {
  const World world({{"bad", "prints"}}, rule_event("fine"));
  const Finished finished = world.run();
  CHECK(finished.exit_code == 0);
  CHECK(counts_of(finished, "bad")["delivered"] == 1);  // the report is JSON
  CHECK(contains(finished.err, "the plugin prints"));
}

TEST_CASE("An element that a plugin splits for ever is a dead letter with a reason") {
  const World world({{"bad", "splits"}}, rule_event("a") + rule_event("b") + rule_event("c"));
  const Finished finished = world.run();
  CHECK(finished.exit_code == 0);
  const nlohmann::json counts = counts_of(finished, "bad");
  CHECK(counts["dead_lettered"] == 3);
  CHECK(counts["reasons"]["refused_alone"] == 3);
}

}  // namespace penstock::e2e
