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
#include <vector>

#include "services/state_dir.hpp"
#include "services/state_lock.hpp"
#include "services/state_place.hpp"

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

std::string read_lock(const TemporaryDirectory& directory) {
  std::ostringstream text;
  text << std::ifstream(directory.path + "/lock").rdbuf();
  return text.str();
}

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
  const std::string text = read_lock(directory);
  std::ofstream(directory.path + "/lock")
      << "pid 4194305\nstarted x\npipeline /p/gone.yaml\n" + text.substr(text.find("host "));
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

TEST_CASE("A process id is named only where it means the process that holds the lock") {
  struct Elsewhere {
    const char* line;
    const char* other;
  };
  const Elsewhere elsewhere = GENERATE(Elsewhere{"boot ", "boot 00000000-another-kernel"},
                                       Elsewhere{"pid_namespace ", "pid_namespace pid:[1]"});
  const TemporaryDirectory directory;
  const Holder holder(directory.path, "/p/a.yaml");
  std::string text = read_lock(directory);
  const std::size_t line = text.find(elsewhere.line);
  REQUIRE(line != std::string::npos);
  text.replace(line, text.find('\n', line) - line, elsewhere.other);
  const std::size_t host = text.find("host ");
  text.replace(host, text.find('\n', host) - host, "host box-7");
  std::ofstream(directory.path + "/lock") << text;
  const auto lock = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE_FALSE(lock.ok());
  INFO(lock.status().message());
  CHECK(lock.status().code() == StatusCode::unavailable);
  CHECK(lock.status().message().find("kill") == std::string::npos);
  CHECK(lock.status().message().find(std::to_string(holder.pid)) == std::string::npos);
  CHECK(lock.status().message().find("in another container or on another host (box-7)") !=
        std::string::npos);
  const auto found = StateLock::holder(directory.path);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->pid == 0);
  CHECK((*found)->host == "box-7");
  CHECK((*found)->pipeline == "/p/a.yaml");
}

TEST_CASE("A lock whose file was removed does not keep the next one out, and is noticed") {
  const TemporaryDirectory directory;
  const auto first = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE(first.ok());
  const StatePlace place(directory.path);
  CHECK(place.check().ok());
  std::filesystem::remove(directory.path + "/lock");
  const Status gone = place.check();
  CHECK(gone.code() == StatusCode::io);
  CHECK(gone.message().find(directory.path + "/lock was removed or moved away") == 0);
  CHECK(gone.message().find("Nothing is lost") != std::string::npos);
  const auto second = StateLock::acquire(directory.path, "/p/a.yaml");
  CHECK(second.ok());
  CHECK(place.check().message().find(directory.path + "/lock was replaced by another file") == 0);
}

TEST_CASE(
    "A state directory whose files were removed or moved away is noticed, with what is lost") {
  const TemporaryDirectory directory;
  const std::string state = directory.path + "/state";
  std::filesystem::create_directory(state);
  // Open, as by a run, so that no file gets the inode of one that was removed.
  std::vector<std::ifstream> open_files;
  for (const char* name : {"lock", "queue.db", "queue.db-wal", "queue.db-shm", "state.db"}) {
    std::ofstream(state + "/" + name) << name;
    open_files.emplace_back(state + "/" + name);
  }
  const StatePlace place(state);
  CHECK(place.check().ok());
  SECTION("the directory is removed") {
    std::filesystem::remove_all(state);
    CHECK(place.check().message().find(state + "/queue.db was removed") == 0);
    CHECK(place.check().message().find("Lost with it is what waited for delivery") !=
          std::string::npos);
  }
  SECTION("the directory is moved, and another one takes its place") {
    std::filesystem::rename(state, directory.path + "/moved");
    CHECK(place.check().message().find("If it was moved, move it back") != std::string::npos);
    std::filesystem::copy(directory.path + "/moved", state);
    CHECK(place.check().message().find("was replaced by another file") != std::string::npos);
    std::filesystem::remove_all(state);
    std::filesystem::rename(directory.path + "/moved", state);
    CHECK(place.check().ok());
  }
  SECTION("what plugins remember is removed") {
    std::filesystem::remove(state + "/state.db");
    CHECK(place.check().message().find("is looked up anew") != std::string::npos);
  }
  SECTION("the index of the log is removed") {
    std::filesystem::remove(state + "/queue.db-shm");
    CHECK(place.check().message().find("queue.db-shm was removed") != std::string::npos);
    CHECK(place.check().message().find("Nothing is lost") != std::string::npos);
  }
  SECTION("the log is replaced") {
    std::filesystem::remove(state + "/queue.db-wal");
    std::ofstream(directory.path + "/other") << "x";
    std::filesystem::rename(directory.path + "/other", state + "/queue.db-wal");
    CHECK(place.check().code() == StatusCode::io);
  }
}

TEST_CASE("A link in the place of the lock is refused, and what it points at is left alone") {
  const TemporaryDirectory directory;
  const std::string target = directory.path + "/precious";
  std::ofstream(target) << "content";
  REQUIRE(::chmod(target.c_str(), 0644) == 0);
  std::filesystem::create_symlink(GENERATE(true, false) ? target : directory.path + "/nothing",
                                  directory.path + "/lock");
  const auto lock = StateLock::acquire(directory.path, "/p/a.yaml");
  REQUIRE_FALSE(lock.ok());
  CHECK(lock.status().code() == StatusCode::io);
  CHECK(lock.status().message().find("is a link") != std::string::npos);
  struct stat info {};
  REQUIRE(::stat(target.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0644U);
  CHECK(info.st_size == 7);
  CHECK_FALSE(std::filesystem::exists(directory.path + "/nothing"));
}

TEST_CASE("A state directory that others can write to is refused, with what closes it") {
  const TemporaryDirectory directory;
  CHECK(refuse_shared_state_dir(directory.path).ok());
  CHECK(refuse_shared_state_dir(directory.path + "/not/made/yet").ok());
  for (const mode_t mode : {mode_t{0770}, mode_t{0707}, mode_t{01777}}) {
    REQUIRE(::chmod(directory.path.c_str(), mode) == 0);
    const Status refused = refuse_shared_state_dir(directory.path);
    CHECK(refused.code() == StatusCode::configuration);
    CHECK(refused.message().find("chmod go-w " + directory.path) != std::string::npos);
    CHECK(refused.message().find("--allow-shared-state") != std::string::npos);
  }
  REQUIRE(::chmod(directory.path.c_str(), 0755) == 0);
  CHECK(refuse_shared_state_dir(directory.path).ok());
  // Only root can give it away.
  if (::chown(directory.path.c_str(), 54321, 54321) == 0) {
    CHECK(refuse_shared_state_dir(directory.path).message().find("belongs to another user") !=
          std::string::npos);
  }
}

}  // namespace penstock::services
