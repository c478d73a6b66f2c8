// StateLock: one runner per state directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/status.hpp"

namespace penstock::services {

// Who runs with a state directory, as far as it has written it down.
struct LockHolder {
  std::int64_t pid = 0;    // 0: not known, or of another host or PID namespace, where this number
                           // means another process
  std::string pipeline;    // path of its manifest; may be empty
  std::string started_at;  // such as 2026-11-23T18:20:15Z; may be empty
  std::string host;        // its host's name where that is another host or container, else empty
};

// Held as long as the object lives. The kernel frees it when the process ends, however it ends, so
// there is nothing to clean up after a crash. The file, state_dir/lock (0600), stays: who removed
// it would let a second one in. Children that the process starts hold it too
// until they start another program. [any-thread]
class StateLock {
 public:
  // state_dir must exist. StatusCode::unavailable when another process holds it: the message says
  // which one and what to do. StatusCode::io when the file system refuses.
  [[nodiscard]] static Result<StateLock> acquire(const std::string& state_dir,
                                                 const std::string& pipeline);
  // Who holds it now; nothing when nobody does, or when it was never taken. For commands that only
  // look.
  [[nodiscard]] static Result<std::optional<LockHolder>> holder(const std::string& state_dir);

  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) noexcept;
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace penstock::services
