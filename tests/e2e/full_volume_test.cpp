// Guards real runs whose state directory is on a volume that becomes full: nothing is lost, what is
// delivered can be noted, and people are told what to do.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "process.hpp"

namespace penstock::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool write_text(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return file.good();
}

// This process, and all that it starts, in a namespace of mounts of its own.
bool can_mount() {
  static const bool possible = [] {
    const uid_t user = ::getuid();
    const gid_t group = ::getgid();
    if (::unshare(CLONE_NEWNS) != 0) {
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
      const bool mapped = write_text("/proc/self/setgroups", "deny") &&
                          write_text("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") &&
                          write_text("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
      if (!mapped) return false;
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }();
  return possible;
}

// A small file system in memory.
class SmallVolume {
 public:
  SmallVolume(std::string path, const std::string& size) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = can_mount() &&
               ::mount("tmpfs", path_.c_str(), "tmpfs", 0, ("mode=0700,size=" + size).c_str()) == 0;
  }
  ~SmallVolume() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallVolume(const SmallVolume&) = delete;
  SmallVolume& operator=(const SmallVolume&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::uint64_t free_bytes() const {
    struct statvfs found {};
    REQUIRE(::statvfs(path_.c_str(), &found) == 0);
    return found.f_bavail * found.f_frsize;
  }
  // As somebody else's files do: to the last byte.
  void fill() const {
    std::ofstream file(path_ + "/filler", std::ios::binary | std::ios::app);
    const std::string page(4096, 'x');
    while (file.good()) file << page << std::flush;
  }
  void make_room() const { fs::remove(path_ + "/filler"); }

 private:
  const std::string path_;
  bool mounted_ = false;
};

constexpr std::size_t kPadding = 150;

// Events with numbers from `first`.
std::string events(std::size_t first, std::size_t count) {
  std::string text;
  for (std::size_t i = first; i < first + count; ++i) {
    text += R"({"type":"track","event":"e","userId":"u)" + std::to_string(i) + R"(","pad":")" +
            std::string(kPadding, 'x') + "\"}\n";
  }
  return text;
}

// A pipeline that copies events to a file, with its state on a small volume. As long as the file's
// directory is missing, the destination is blocked.
class Copying {
 public:
  explicit Copying(const std::string& size, bool follow = false)
      : volume_(workspace_.path("small"), size) {
    manifest_ =
        workspace_.write("pipeline.yaml",
                         "version: 1\nname: copy\nstate_dir: small/state\nsource: {type: file, "
                         "path: events" +
                             std::string(follow ? ", follow: true" : "") +
                             "}\ndestinations:\n  copy:\n    plugin: jsonl_file\n    settings: "
                             "{path: \"" +
                             workspace_.path("out/copy.jsonl") +
                             "\"}\n    mappings:\n      everything: {action: append}\n");
  }
  void let_through() const { fs::create_directory(workspace_.path("out")); }
  void append(const std::string& text) const {
    std::ofstream file(workspace_.path("events"), std::ios::binary | std::ios::app);
    file << text;
    file.close();
    REQUIRE(file.good());
  }
  [[nodiscard]] Finished run() const {
    return run_penstock(workspace_, {"run", manifest_, "--drain-timeout", "1s"});
  }
  [[nodiscard]] Finished status(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"status", manifest_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_penstock(workspace_, std::move(arguments));
  }
  [[nodiscard]] std::unique_ptr<Process> start() const {
    return std::make_unique<Process>(workspace_, penstock_arguments({"run", manifest_}));
  }
  // The events that were delivered, each once however often it was.
  [[nodiscard]] std::set<std::string> delivered() const {
    std::ifstream file(workspace_.path("out/copy.jsonl"));
    std::set<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.insert(line);
    return lines;
  }
  void wait_for(const Process& run, const std::string& words) const {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (!contains(run.err(), words)) {
      INFO(run.err());
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(10ms);
    }
  }
  void wait_for_delivered(std::size_t count) const {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (delivered().size() < count) {
      INFO(delivered().size());
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(20ms);
    }
  }

  Workspace workspace_;
  SmallVolume volume_;
  std::string manifest_;
};

#define SKIP_UNLESS_MOUNTED(copying)                                     \
  if (!(copying).volume_.mounted()) {                                    \
    WARN("This machine lets nobody mount, so this is not tested on it"); \
    return;                                                              \
  }

}  // namespace

TEST_CASE("A queue that filled its volume is delivered on a full volume, and then the rest is") {
  const Copying copying("24m");
  SKIP_UNLESS_MOUNTED(copying);
  constexpr std::size_t kEvents = 100'000;  // more than fit
  copying.append(events(0, kEvents));
  const Finished full = copying.run();
  INFO(full.err);
  // 75: what was refused fitted after all, once the log had been taken over, just before the end.
  CHECK((full.exit_code == 74 || full.exit_code == 75));
  CHECK(contains(full.err, "there is no room left for the queue's database"));
  CHECK(contains(full.err, copying.workspace_.path("small/state/queue.db")));
  CHECK(contains(full.err, "at least 8 MiB should be free"));
  copying.volume_.fill();

  copying.let_through();
  const Finished drained = copying.run();
  INFO(drained.err);
  CHECK(drained.exit_code == 0);
  CHECK(copying.delivered().size() == kEvents);
  const auto status = copying.status({"--format", "json"}).json();
  CHECK(status["destinations"]["copy"]["mappings"]["everything"]["delivered"] == kEvents);
  CHECK(status["destinations"]["copy"]["mappings"]["everything"]["pending"] == 0);
}

TEST_CASE(
    "A run whose volume becomes full says so at once and goes on by itself when there is room") {
  const Copying copying("48m", true);
  SKIP_UNLESS_MOUNTED(copying);
  copying.let_through();
  copying.append(events(0, 10));
  const auto run = copying.start();
  copying.wait_for_delivered(10);
  copying.volume_.fill();
  constexpr std::size_t kMore = 60'000;
  copying.append(events(10, kMore));
  copying.wait_for(*run, "is full: the reserve of 4 MiB is given up");
  copying.volume_.fill();  // what was given up, others take
  copying.wait_for(*run, "Nothing is lost: reading waits");
  CHECK(copying.delivered().size() < 10 + kMore);
  const Finished status = copying.status();
  INFO(status.out << status.err);
  CHECK(status.exit_code == 0);
  CHECK(contains(status.out, "is full, or nearly: 0.0 MiB of 48.0 MiB are free"));
  CHECK(copying.status({"--fail-on", "volume"}).exit_code == 74);

  copying.volume_.make_room();
  copying.wait_for_delivered(10 + kMore);
  copying.wait_for(*run, "storing works again");
  run->signal(SIGTERM);
  CHECK(run->wait().exit_code == 0);
  CHECK(copying.status({"--fail-on", "volume"}).exit_code == 0);
}

TEST_CASE("status reads the state of a run that ended, on a volume without a free byte") {
  const Copying copying("24m");
  SKIP_UNLESS_MOUNTED(copying);
  copying.let_through();
  copying.append(events(0, 10));
  REQUIRE(copying.run().exit_code == 0);
  copying.volume_.fill();
  REQUIRE(copying.volume_.free_bytes() == 0);
  const Finished status = copying.status();
  INFO(status.out << status.err);
  CHECK(status.exit_code == 0);
  CHECK(contains(status.out, "10 events: 10 matched"));
  CHECK(contains(status.out, "is full, or nearly: 0.0 MiB of 24.0 MiB are free"));
  CHECK(copying.status().exit_code == 0);  // whatever the first one left behind
}

TEST_CASE(
    "A run that begins on a full volume delivers, thanks to the reserve that the last one left") {
  const Copying copying("24m");
  SKIP_UNLESS_MOUNTED(copying);
  copying.let_through();
  copying.append(events(0, 10));
  REQUIRE(copying.run().exit_code == 0);
  copying.volume_.fill();
  copying.append(events(10, 10));
  const Finished run = copying.run();
  INFO(run.err);
  CHECK(run.exit_code == 0);
  CHECK(contains(run.err, "nearly full"));
  CHECK(copying.delivered().size() == 20);
  CHECK(fs::file_size(copying.workspace_.path("small/state/reserve")) > 3U * 1024 * 1024);
}

TEST_CASE("A first run on a full volume says what it needs and where") {
  const Copying copying("24m");
  SKIP_UNLESS_MOUNTED(copying);
  copying.append(events(0, 10));
  copying.volume_.fill();
  const Finished run = copying.run();
  INFO(run.err);
  CHECK(run.exit_code == 74);
  CHECK(contains(run.err, "small/state"));
  CHECK((contains(run.err, "no room left") || contains(run.err, "No space left")));
}

}  // namespace penstock::e2e
