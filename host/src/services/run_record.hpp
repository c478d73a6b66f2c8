// RunRecord: how the latest run of a state directory went, for `status`. Nothing else is decided by
// it: counts and positions are the store's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/status.hpp"

namespace penstock::services {

// Written by a run. The file is replaced when a run begins and added to when it ends, in whatever
// way, so that one that was killed leaves the beginning alone.
class RunRecord {
 public:
  static constexpr char kFile[] = "last_run";

  // Requires the lock of the directory. [control-thread]
  [[nodiscard]] static Result<RunRecord> begin(const std::string& state_dir, std::int64_t now_ms);
  RunRecord(RunRecord&& other) noexcept;
  RunRecord& operator=(RunRecord&&) = delete;
  RunRecord(const RunRecord&) = delete;
  RunRecord& operator=(const RunRecord&) = delete;
  ~RunRecord();

  // The run ended by itself. The message of the exit code, "" for none, goes through the gate.
  [[nodiscard]] Status end(std::int64_t now_ms, int exit_code, std::string_view message);

 private:
  explicit RunRecord(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// Adds to the record of the run that goes on in this process, if there is one, that it ended in a
// fault: one line without its end. Async-signal-safe.
void record_fault(const char* line, std::size_t size) noexcept;

// What the record says.
struct LastRun {
  std::int64_t started_ms = 0;
  bool by_itself = false;  // it came to its end, with this exit code
  std::int64_t ended_ms = 0;
  int exit_code = 0;
  bool fault = false;   // a plugin, or a fault of Penstock, ended the process
  std::string message;  // of either
};

// Nothing where no run was recorded, or nothing that can be read. [any-thread]
[[nodiscard]] std::optional<LastRun> last_run(const std::string& state_dir);

// The same of the file's text, as far as it is one. [any-thread]
[[nodiscard]] std::optional<LastRun> parse_last_run(std::string_view text);

}  // namespace penstock::services
