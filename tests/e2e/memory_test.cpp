// Guards that the memory of a run stays within bounds when each event becomes much.
#include <catch2/catch.hpp>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;

// What a run may take. A sanitizer takes several times as much.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kMostMib = 0;
#else
constexpr std::uint64_t kMostMib = 80;
#endif

constexpr std::size_t kDestinations = 20;
constexpr std::size_t kMappings = 10;  // of each
constexpr std::size_t kEvents = 400;

// All mappings want all events, and keep each as a whole: 1.2 KiB become 240, and a chunk 50 MiB.
std::string write_pipeline(const Workspace& workspace, const std::string& queue) {
  std::string yaml = "version: 1\nname: many\nstate_dir: state\nqueue: " + queue +
                     "\nsource: {type: file, path: events.ndjson}\ndestinations:\n";
  for (std::size_t d = 0; d < kDestinations; ++d) {
    const std::string name = std::to_string(d);
    yaml += "  d" + name + ":\n    plugin: jsonl_file\n    settings: {path: \"" +
            workspace.path("out" + name) + "\"}\n    mappings:\n";
    for (std::size_t m = 0; m < kMappings; ++m)
      yaml += "      m" + std::to_string(m) + ": {action: append}\n";
  }
  return workspace.write("pipeline.yaml", yaml);
}

struct Run {
  Finished finished;
  std::uint64_t peak_kib = 0;
};

Run run(const Workspace& workspace, const std::string& manifest) {
  Process process(workspace, penstock_arguments({"run", manifest, "--format", "json"}));
  Run run;
  // Nothing can be asked of a process that has ended.
  while (!process.ends_within(10ms))
    run.peak_kib = std::max(run.peak_kib, process.peak_resident_kib());
  run.finished = process.wait();
  return run;
}

}  // namespace

TEST_CASE("Events that hundreds of mappings want as a whole do not gather in memory") {
  const std::string queue = GENERATE("{type: disk}", "{type: memory}");
  CAPTURE(queue);
  const Workspace workspace;
  std::string events;
  for (std::size_t i = 0; i < kEvents; ++i) {
    events += R"({"type":"track","messageId":")" + std::to_string(i) + R"(","text":")" +
              std::string(1'200, 'x') + "\"}\n";
  }
  workspace.write("events.ndjson", events);
  const Run ran = run(workspace, write_pipeline(workspace, queue));
  INFO(ran.finished.out << ran.finished.err);
  REQUIRE(ran.finished.exit_code == 0);
  const auto report = ran.finished.json();
  CHECK(report.at("events").at("received") == kEvents);
  for (std::size_t d = 0; d < kDestinations; ++d) {
    const auto& destination = report.at("destinations").at("d" + std::to_string(d));
    for (std::size_t m = 0; m < kMappings; ++m) {
      CHECK(destination.at("mappings").at("m" + std::to_string(m)).at("delivered") == kEvents);
    }
  }
  INFO("peak memory " << ran.peak_kib / 1024 << " MiB");
  REQUIRE(ran.peak_kib > 0);
  if (kMostMib > 0) CHECK(ran.peak_kib < kMostMib * 1024);
}

}  // namespace penstock::e2e
