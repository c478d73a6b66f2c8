// Guards that one process at a time runs with a state directory, and that a crash leaves no lock
// behind.
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "services/state_lock.hpp"

namespace penstock::services {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock_lock_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path;
};

// Another process that holds the lock until it is killed.
class Holder {
 public:
  Holder(const std::string& state_dir, const std::string& pipeline) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const auto lock = StateLock::acquire(state_dir, pipeline);
      const char said = lock.ok() ? 'y' : 'n';
      if (::write(ready[1], &said, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char said = 0;
    const ssize_t count = ::read(ready[0], &said, 1);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE(count == 1);
    REQUIRE(said == 'y');
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  void kill() {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = -1;
  }
  pid_t pid = -1;
};

}  // namespace

TEST_CASE("A state directory that another process runs with is refused, with who that is") {
  const TemporaryDirectory directory;
  const Holder holder(directory.path, "/p/a.yaml");
  const std::string number = std::to_string(holder.pid);
  const auto same = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE_FALSE(same.ok());
  CHECK(same.status().code() == StatusCode::unavailable);
  INFO(same.status().message());
  CHECK(same.status().message().find("cannot use the state directory " + directory.path +
                                     ": another penstock runs with it, process " + number +
                                     " since 2") == 0);
  CHECK(same.status().message().find("End it first (kill " + number + ")") != std::string::npos);
  const auto other = StateLock::acquire(directory.path, "/p/b.yaml");
  REQUIRE_FALSE(other.ok());
  CHECK(other.status().message().find("with the pipeline /p/a.yaml. Give each pipeline a state_dir "
                                      "of its own") != std::string::npos);
}

TEST_CASE("The lock of a process that was killed is free at once") {
  const TemporaryDirectory directory;
  Holder holder(directory.path, "/p/a.yaml");
  REQUIRE_FALSE(StateLock::acquire(directory.path, "/p/a.yaml").ok());
  holder.kill();
  const auto lock = StateLock::acquire(directory.path, "/p/a.yaml");
  INFO(lock.status().message());
  CHECK(lock.ok());
}

TEST_CASE("Whoever looks learns who holds a state directory, and does not take it") {
  const TemporaryDirectory directory;
  CHECK_FALSE(StateLock::holder(directory.path)->has_value());  // never taken
  Holder holder(directory.path, "/p/a.yaml");
  for (int i = 0; i < 2; ++i) {
    const auto found = StateLock::holder(directory.path);
    REQUIRE(found.ok());
    REQUIRE(found->has_value());
    CHECK((*found)->pid == holder.pid);
    CHECK((*found)->pipeline == "/p/a.yaml");
    CHECK((*found)->started_at.size() == std::string("2026-11-23T18:20:15Z").size());
  }
  holder.kill();
  CHECK_FALSE(StateLock::holder(directory.path)->has_value());
  CHECK(StateLock::acquire(directory.path, "/p/a.yaml").ok());
}

TEST_CASE("A lock lives as long as the object that it was moved to") {
  const TemporaryDirectory directory;
  {
    auto first = StateLock::acquire(directory.path, "/p/a.yaml");
    REQUIRE(first.ok());
    const StateLock kept = std::move(first).value();
    // Also against another one in the same process.
    CHECK_FALSE(StateLock::acquire(directory.path, "/p/a.yaml").ok());
  }
  CHECK(StateLock::acquire(directory.path, "/p/a.yaml").ok());
}

TEST_CASE("The lock file is for its owner only") {
  const TemporaryDirectory directory;
  const auto lock = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE(lock.ok());
  struct stat info {};
  REQUIRE(::stat((directory.path + "/lock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600U);
}

TEST_CASE("What a crashed process left in the lock file is not said of its successor") {
  const TemporaryDirectory directory;
  const Holder holder(directory.path, "/p/a.yaml");
  // As if the holder had not come to write it yet: a process that is gone.
  std::ofstream(directory.path + "/lock") << "pid 4194305\nstarted x\npipeline /p/gone.yaml\n";
  const auto lock = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE_FALSE(lock.ok());
  CHECK(lock.status().message().find("4194305") == std::string::npos);
  CHECK(lock.status().message().find("gone.yaml") == std::string::npos);
}

TEST_CASE("A directory in which no file can be made is an I/O error") {
  const auto lock = StateLock::acquire("/nonexistent/state", "/p/a.yaml");
  REQUIRE_FALSE(lock.ok());
  CHECK(lock.status().code() == StatusCode::io);
}

}  // namespace penstock::services
