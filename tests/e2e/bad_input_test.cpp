// Guards what a user sees when something is wrong: a clear error each, the right exit code, no
// crash, nothing lost silently.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A pipeline that appends each event to a file.
std::string write_file_pipeline(const Workspace& workspace, const std::string& events) {
  return workspace.write(
      "pipeline.yaml",
      "version: 1\nname: copy\nstate_dir: state\nsource: {type: file, path: \"" + events +
          "\"}\ndestinations:\n  copy:\n    plugin: jsonl_file\n    settings: {path: \"" +
          workspace.path("out.jsonl") + "\"}\n    mappings:\n      everything: {action: append}\n");
}

std::size_t lines_of(const Workspace& workspace, const std::string& name) {
  const std::string text = workspace.read(name);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("A plugin directory that does not exist is named") {
  const Workspace workspace;
  const std::string pipeline = write_file_pipeline(workspace, workspace.write("events", "{}\n"));
  const Finished run =
      Process(workspace, {PENSTOCK_BINARY, "run", pipeline, "--plugin-dir", "/nonexistent/plugins"})
          .wait();
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "/nonexistent/plugins"));
}

TEST_CASE("An unknown plugin lists where it was looked for and what was meant") {
  const Workspace workspace;
  const std::string pipeline = write_file_pipeline(workspace, workspace.write("events", "{}\n"));
  const Finished run = run_penstock(
      workspace, {"validate", pipeline, "--set", "destinations.copy.plugin=json_file"});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "jsonl_file"));
  CHECK(contains(run.err, std::filesystem::path(PENSTOCK_PLUGIN_DIR).string()));
}

TEST_CASE("A manifest with ten faults shows all ten at once, each with its place") {
  const Workspace workspace;
  const std::string path = workspace.write("pipeline.yaml", R"(version: 2
nmae: engage
state_dir: state
state_dir: again
source: {type: fil, path: events.ndjson}
connections:
  linkedin: {plugin: linkedin_audiences, access_token: "${env:PENSTOCK_TEST_UNSET}"}
destinations:
  eu:
    plugin: linkedin_audiences
    connection: linkedni
    enabled: maybe
    settings: {ad_account_id: "12x", send_emial: true}
    mappings:
      trial:
        action: sync_to_dmp_segmnt
        fields: {personas_audience_key: trial}
      other:
        action: sync_to_dmp_segment
        trigger: 'evnt = "x"'
        fields: {personas_audience_key: '$.properties.audience_key'}
)");
  const Finished run = run_penstock(workspace, {"validate", path});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  std::size_t errors = 0;
  for (std::size_t at = run.err.find(": error: "); at != std::string::npos;
       at = run.err.find(": error: ", at + 1))
    ++errors;
  CHECK(errors >= 10);
  for (const char* place :
       {":1:", ":2:", ":4:", ":5:", ":7:", ":11:", ":12:", ":13:", ":16:", ":20:", ":21:"})
    CHECK(contains(run.err, path + place));
  CHECK(contains(run.err, "did you mean"));
}

TEST_CASE("A trigger that is wrong is shown with a caret under the place") {
  const Workspace workspace;
  const std::string pipeline = write_file_pipeline(workspace, workspace.write("events", "{}\n"));
  const Finished run = run_penstock(
      workspace,
      {"validate", pipeline, "--set", "destinations.copy.mappings.everything.trigger=evnt = 1"});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "did you mean \"event\"?"));
}

TEST_CASE("A setting that only the plugin can judge is refused with its reason") {
  const Workspace workspace;
  linkedin_sandbox::Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  SampleOptions options;
  options.extra_settings = "      send_email: false\n      send_google_advertising_id: false";
  const Finished run =
      run_penstock(workspace, {"validate", write_sample_pipeline(workspace, sandbox, options)});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "send_google_advertising_id"));
}

TEST_CASE("What plugins refuse of several destinations is shown at once") {
  const Workspace workspace;
  const std::string nobody =
      ": {plugin: linkedin_audiences, connection: linkedin, settings: {ad_account_id: \"5123\", "
      "send_email: false, send_google_advertising_id: false}, "
      "mappings: {a: {action: sync_to_dmp_segment, fields: {personas_audience_key: a}}}}\n";
  const std::string path = workspace.write(
      "pipeline.yaml",
      "version: 1\nname: refused\nstate_dir: state\nsource: {type: stdin}\n"
      "connections: {linkedin: {plugin: linkedin_audiences, access_token: \"${env:HOME}\"}}\n"
      "destinations:\n  one" +
          nobody + "  two" + nobody);
  const Finished run = run_penstock(workspace, {"validate", path});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "of destination one"));
  CHECK(contains(run.err, "of destination two"));
}

TEST_CASE("An audience key that is not a literal is refused by validate, which says why") {
  const Workspace workspace;
  linkedin_sandbox::Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Finished run = run_penstock(
      workspace,
      {"validate", write_sample_pipeline(workspace, sandbox), "--set",
       "destinations.linkedin_eu.mappings.trial_users.fields.personas_audience_key=$.event"});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "literal"));
}

TEST_CASE("A library for another ABI is refused before it is loaded, and says both versions") {
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("plugins"));
  std::string manifest = read_file(std::string(PENSTOCK_PLUGIN_DIR) + "/jsonl_file.yaml");
  const std::size_t claim = manifest.find("abi: \"1.0\"");
  REQUIRE(claim != std::string::npos);
  workspace.write("plugins/jsonl_file.yaml", manifest.replace(claim, 10, "abi: \"2.0\""));
  workspace.write("plugins/jsonl_file.so", "not even a library");
  const std::string pipeline = write_file_pipeline(workspace, workspace.write("events", "{}\n"));
  const Finished run = Process(workspace, {PENSTOCK_BINARY, "run", pipeline, "--plugin-dir",
                                           workspace.path("plugins")})
                           .wait();
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, "2.0"));
  CHECK(contains(run.err, "1.0"));
}

TEST_CASE("An event file that may not be read is an I/O error") {
  const Workspace workspace;
  const std::string pipeline = write_file_pipeline(workspace, workspace.path("missing.ndjson"));
  const Finished run = run_penstock(workspace, {"run", pipeline});
  INFO(run.err);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, "missing.ndjson"));
}

TEST_CASE(
    "Lines that are no events are counted with their reasons, and their neighbours are delivered") {
  const Workspace workspace;
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const std::string events =
      workspace.write("events", "{\"type\":\"track\",\"n\":1}\n\xff\xfe{}\n" + deep +
                                    "\n[1]\n{\"half\":\n\n   \n{\"type\":\"track\",\"n\":2}");
  const Finished run =
      run_penstock(workspace, {"run", write_file_pipeline(workspace, events), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  const auto report = run.json();
  CHECK(report["events"]["received"] == 6);
  CHECK(report["events"]["invalid"] == 4);
  CHECK(report["destinations"]["copy"]["mappings"]["everything"]["delivered"] == 2);
  CHECK(workspace.read("out.jsonl") ==
        "{\"type\":\"track\",\"n\":1}\n{\"type\":\"track\",\"n\":2}\n");
}

TEST_CASE("A line of 2 GB is one invalid event, and the next line is delivered") {
  const Workspace workspace;
  // Sparse: the file takes no room on the disk.
  const std::string path = workspace.write("events", "{\"n\":1}\nx");
  std::filesystem::resize_file(path, 2'000'000'000);
  std::ofstream(path, std::ios::app | std::ios::binary) << "\n{\"n\":2}\n";
  const Finished run =
      run_penstock(workspace, {"run", write_file_pipeline(workspace, path), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.json()["events"] == nlohmann::json{{"received", 3}, {"unmatched", 0}, {"invalid", 1}});
  CHECK(lines_of(workspace, "out.jsonl") == 2);
}

TEST_CASE("A report that cannot be written is an I/O error, and the deliveries have happened") {
  const Workspace workspace;
  const std::string pipeline =
      write_file_pipeline(workspace, workspace.write("events", "{\"n\":1}\n"));
  const std::string script = "exec \"$0\" run \"$1\" --plugin-dir \"$2\" > /dev/full";
  const Finished run =
      Process(workspace, {"/bin/sh", "-c", script, PENSTOCK_BINARY, pipeline, PENSTOCK_PLUGIN_DIR})
          .wait();
  INFO(run.err);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, "No space left on device"));
  CHECK(lines_of(workspace, "out.jsonl") == 1);
}

TEST_CASE("A limit on the size of files is an error that loses nothing, and no signal") {
  const Workspace workspace;
  std::string events;
  for (int i = 0; i < 400; ++i) events += "{\"n\":\"" + std::string(1'000, 'x') + "\"}\n";
  const std::string pipeline = write_file_pipeline(workspace, workspace.write("events", events));
  // In blocks of 512 bytes: less than the 400 KB that are to be written.
  const std::string script =
      "ulimit -f 500; exec \"$0\" run \"$1\" --plugin-dir \"$2\" --drain-timeout 1s";
  const Finished limited =
      Process(workspace, {"/bin/sh", "-c", script, PENSTOCK_BINARY, pipeline, PENSTOCK_PLUGIN_DIR})
          .wait();
  INFO(limited.out << limited.err);
  CHECK(limited.exit_code > 0);
  CHECK(limited.exit_code < 128);
  CHECK(!limited.err.empty());
  CHECK(run_penstock(workspace, {"run", pipeline}).exit_code == 0);
  CHECK(lines_of(workspace, "out.jsonl") >= 400);
}

TEST_CASE("An event file that is a directory is an I/O error") {
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("events"));
  const Finished run =
      run_penstock(workspace, {"run", write_file_pipeline(workspace, workspace.path("events"))});
  INFO(run.err);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, workspace.path("events")));
}

TEST_CASE("plugin describe finds what is wrong with the defaults of a manifest") {
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("plugins"));
  const std::string path = workspace.write("plugins/bad.yaml", R"(manifest: 1
name: bad
title: Bad
version: 0.1.0
abi: "1.0"
library: bad.so
hooks: {init: b_init, settings: b_settings, mapping: b_mapping, send: b_send}
actions:
  put:
    title: Put
    default_trigger: 'properties.key = "{key}" and evnt = "a"'
    fields:
      key: {label: Key, type: string, required: true, literal: true}
      value: {label: Value, type: string, default: {'@pth': '$.x'}}
)");
  const Finished run = run_penstock(workspace, {"plugin", "describe", path});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.err, path + ":11:52: error"));
  CHECK(contains(run.err, "there is no directive \"@pth\""));
  CHECK_FALSE(contains(run.err, "is required"));
}

TEST_CASE("An unknown command, option or value is a usage error that points at the help") {
  const Workspace workspace;
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"rnu"},
                                             {"run"},
                                             {"run", "x", "--wrong"},
                                             {"plugin"},
                                             {"run", "x", "--format", "xml"},
                                             {"run", "x", "--drain-timeout", "5"}}) {
    const Finished run = run_penstock(workspace, arguments);
    INFO(arguments.back() << ": " << run.err);
    CHECK(run.exit_code == 64);
    CHECK(contains(run.err, "--help"));
  }
}

TEST_CASE("Help and version go to stdout and end with 0") {
  const Workspace workspace;
  const Finished help = Process(workspace, {PENSTOCK_BINARY, "--help"}).wait();
  CHECK(help.exit_code == 0);
  CHECK(contains(help.out, "Examples:"));
  const Finished version = Process(workspace, {PENSTOCK_BINARY, "--version"}).wait();
  CHECK(version.exit_code == 0);
  CHECK(contains(version.out, "plugin ABI 1.0"));
}

TEST_CASE("plugin list shows the plugins of a directory, and what is wrong with a broken one") {
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("plugins"));
  workspace.write("plugins/broken.yaml", "manifest: 1\nname: broken\n");
  const Finished run =
      run_penstock(workspace, {"plugin", "list", "--plugin-dir", workspace.path("plugins")});
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.out, "linkedin_audiences"));
  CHECK(contains(run.out, "jsonl_file"));
  CHECK(contains(run.err, "broken.yaml"));
}

TEST_CASE("plugin list says of a plugin for another ABI that it cannot be used") {
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("plugins"));
  std::string manifest = read_file(std::string(PENSTOCK_PLUGIN_DIR) + "/jsonl_file.yaml");
  const std::size_t claim = manifest.find("abi: \"1.0\"");
  REQUIRE(claim != std::string::npos);
  workspace.write("plugins/jsonl_file.yaml", manifest.replace(claim, 10, "abi: \"2.0\""));
  workspace.write("plugins/jsonl_file.so", "");
  const Finished run = Process(workspace, {PENSTOCK_BINARY, "plugin", "list", "--plugin-dir",
                                           workspace.path("plugins")})
                           .wait();
  INFO(run.err);
  CHECK(run.exit_code == 78);
  CHECK(contains(run.out, "broken"));
  CHECK(contains(run.err, "needs plugin ABI 2.0"));
}

TEST_CASE("Words of a command line, and names in an export, steer no terminal") {
  const Workspace workspace;
  const std::string steering = "x\x1b[31m\xc2\x9b\xe2\x80\xae";
  const std::vector<std::vector<std::string>> commands = {
      {steering},
      {"run", "--" + steering},
      {"run", "pipeline.yaml", "--workers", steering},
      {"dead-letters", "list", "pipeline.yaml", "--since", steering},
      {"run", "pipeline.yaml", "--set", steering + "=1"},
      {"validate", steering + ".yaml"},
      {"import", "segment", steering}};
  for (const std::vector<std::string>& command : commands) {
    const Finished run = run_penstock(workspace, command);
    CAPTURE(run.err);
    CHECK(run.exit_code != 0);
    CHECK_FALSE(run.err.empty());
    for (const char* raw : {"\x1b", "\xc2\x9b", "\xe2\x80\xae"}) {
      CHECK_FALSE(contains(run.err, raw));
      CHECK_FALSE(contains(run.out, raw));
    }
  }
}

}  // namespace penstock::e2e
