// Follower: what to do at the end of a file that is followed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "model/status.hpp"
#include "source/file_descriptor.hpp"
#include "source/file_identity.hpp"
#include "source/file_watch.hpp"

namespace penstock::source {

// How often a followed file is looked at where the file system reports no changes.
inline constexpr std::chrono::milliseconds kLookEvery{1'000};
// A file that was replaced is read until nothing came for this long: who writes it may not have
// noticed yet.
inline constexpr std::chrono::milliseconds kReplacedQuiet{1'000};

// One thread.
class Follower {
 public:
  enum class Found : std::uint8_t {
    more,      // there is more to read
    emptied,   // the file was cut off or written anew
    replaced,  // the path names another file, and this one has come to its end
    stopped,
  };

  // stop_fd becomes readable when `stopped` has become true; both must outlive this.
  Follower(std::string path, int stop_fd, const std::atomic<bool>& stopped);

  // [may-block] Called when the file was read to its end, at the offset `here`.
  [[nodiscard]] Result<Found> wait_at_end(int fd, const FileIdentity& identity, std::uint64_t here);
  // [may-block] The file that the path names now, as soon as there is one; not open after stop().
  [[nodiscard]] Result<FileDescriptor> open_successor();
  // From now on this file is followed.
  void watch(int fd);

 private:
  using Time = std::chrono::steady_clock::time_point;
  [[nodiscard]] Result<bool> was_emptied(int fd, const FileIdentity& identity, std::uint64_t here,
                                         std::uint64_t size) const;
  [[nodiscard]] bool was_replaced(const FileIdentity& identity) const;

  std::string path_;
  int stop_fd_;
  const std::atomic<bool>& stopped_;
  FileWatch watch_;
  // When the file in hand was seen to be replaced or last grew after that.
  Time replaced_at_{};
};

}  // namespace penstock::source
