#include "process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

extern char** environ;

namespace penstock::e2e {
namespace {

std::atomic<int> processes{0};

std::vector<std::string> merged_environment(const Process::Environment& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (changes.count(text.substr(0, text.find('='))) == 0) all.push_back(text);
  }
  for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Workspace::Workspace() {
  std::string name = (std::filesystem::temp_directory_path() / "penstock_e2e_XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  root_ = name;
}

Workspace::~Workspace() {
  std::error_code ignored;  // a leftover directory fails no test
  std::filesystem::remove_all(root_, ignored);
}

std::string Workspace::write(const std::string& name, const std::string& content) const {
  std::ofstream file(path(name), std::ios::binary);
  file << content;
  file.close();
  REQUIRE(file.good());
  return path(name);
}

std::string Workspace::read(const std::string& name) const {
  return read_file(path(name));
}

nlohmann::json Finished::json() const {
  nlohmann::json parsed = nlohmann::json::parse(out, nullptr, false);
  INFO("exit code " << exit_code << "\nstdout: " << out << "\nstderr: " << err);
  REQUIRE_FALSE(parsed.is_discarded());
  return parsed;
}

Process::Process(const Workspace& workspace, std::vector<std::string> arguments,
                 const Environment& environment, int input)
    : workspace_(workspace), name_("process" + std::to_string(processes++)) {
  std::vector<std::string> variables = merged_environment(environment);
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(variables);
  const std::string out = workspace_.path(name_ + ".out");
  const std::string err = workspace_.path(name_ + ".err");
  posix_spawn_file_actions_t actions;
  REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (input >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  const int result = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (input >= 0) ::close(input);
  INFO("starting " << arguments[0] << ": " << std::strerror(result));
  REQUIRE(result == 0);
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  REQUIRE(::kill(pid_, number) == 0);
}

bool Process::ends_within(std::chrono::microseconds time) const {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  REQUIRE(fd >= 0);
  pollfd ended{fd, POLLIN, 0};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec limit{seconds.count(), std::chrono::nanoseconds(time - seconds).count()};
  const int ready = ::ppoll(&ended, 1, &limit, nullptr);
  ::close(fd);
  return ready == 1;
}

std::string Process::err() const {
  return workspace_.read(name_ + ".err");
}

std::uint64_t Process::peak_resident_kib() const {
  const std::string path = "/proc/" + std::to_string(pid_) + "/status";
  std::ifstream status(path);
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::uint64_t kib = 0;
    status >> kib;
    return kib;
  }
  return 0;  // it has ended
}

Finished Process::wait(std::chrono::seconds limit) {
  const bool ready = ends_within(limit);
  if (!ready) ::kill(pid_, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  Finished finished;
  finished.out = workspace_.read(name_ + ".out");
  finished.err = workspace_.read(name_ + ".err");
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  INFO("stdout: " << finished.out << "\nstderr: " << finished.err);
  REQUIRE(ready);
  return finished;
}

std::vector<std::string> penstock_arguments(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), PENSTOCK_BINARY);
  arguments.insert(arguments.end(), {"--plugin-dir", PENSTOCK_PLUGIN_DIR});
  return arguments;
}

Finished run_penstock(const Workspace& workspace, std::vector<std::string> arguments,
                      const Process::Environment& environment) {
  return Process(workspace, penstock_arguments(std::move(arguments)), environment).wait();
}

std::string data_path(const std::string& name) {
  return std::string(PENSTOCK_SOURCE_DIR) + "/tests/data/" + name;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO("reading " << path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace penstock::e2e
