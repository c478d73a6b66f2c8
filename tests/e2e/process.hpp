// The penstock program as its users start it: a real process with real files.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace penstock::e2e {

// A directory of the test's own, removed with everything in it.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return root_ + "/" + name; }
  // Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& content) const;
  [[nodiscard]] std::string read(const std::string& name) const;

 private:
  std::string root_;
};

struct Finished {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;

  // stdout as JSON; fails the test with all that was printed when it is none.
  [[nodiscard]] nlohmann::json json() const;
};

// A child process with stdout and stderr in files of the workspace.
class Process {
 public:
  using Environment = std::map<std::string, std::string>;
  // `input`: -1 for /dev/null, else a descriptor that becomes its standard input (and is closed
  // here).
  Process(const Workspace& workspace, std::vector<std::string> arguments,
          const Environment& environment = {}, int input = -1);
  ~Process();  // kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  [[nodiscard]] pid_t id() const { return pid_; }
  // Whether it ends in this time. It still has to be waited for.
  [[nodiscard]] bool ends_within(std::chrono::microseconds time) const;
  // What it has written to stderr until now.
  [[nodiscard]] std::string err() const;
  // The most memory that it had resident at a time until now, in KiB.
  [[nodiscard]] std::uint64_t peak_resident_kib() const;
  // Kills it and fails the test when it takes longer.
  Finished wait(std::chrono::seconds limit = std::chrono::seconds(120));

 private:
  const Workspace& workspace_;
  std::string name_;
  pid_t pid_ = -1;
};

// Runs penstock with these arguments to its end. Plugins of the build are found.
[[nodiscard]] Finished run_penstock(const Workspace& workspace, std::vector<std::string> arguments,
                                    const Process::Environment& environment = {});

// The arguments with the program in front and the build's plugin directory behind.
[[nodiscard]] std::vector<std::string> penstock_arguments(std::vector<std::string> arguments);

// tests/data/NAME, and its content.
[[nodiscard]] std::string data_path(const std::string& name);
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace penstock::e2e
