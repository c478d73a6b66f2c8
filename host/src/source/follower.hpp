// Follower: what became of a followed file, and waiting until something may become of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "model/source_position.hpp"
#include "model/status.hpp"
#include "source/file_descriptor.hpp"
#include "source/file_watch.hpp"

namespace penstock::source {

// How often a followed file is looked at where the file system reports no changes.
inline constexpr std::chrono::milliseconds kLookEvery{1'000};

// One thread.
class Follower {
 public:
  enum class Found : std::uint8_t {
    nothing,   // the file is as it was
    more,      // there is more to read
    emptied,   // it was cut off or written anew
    replaced,  // the path names another file, and this one was read to its end
  };

  // stop_fd ends a wait when it becomes readable.
  Follower(std::string path, int stop_fd)
      : path_(std::move(path)), stop_fd_(stop_fd), watch_(path_) {}

  // Called when the file was read to its end, at the offset `here`.
  [[nodiscard]] Result<Found> look(int fd, const FilePosition& file, std::uint64_t here) const;
  // The regular file that the path names now; not open while it names none.
  [[nodiscard]] Result<FileDescriptor> open_file() const;
  // [may-block] Until a watched file or its directory changed, or for kLookEvery at most.
  [[nodiscard]] Status wait() { return watch_.wait(stop_fd_, kLookEvery); }
  // From now on this file is watched, besides the one before it.
  void watch(int fd) { watch_.watch(fd); }

 private:
  [[nodiscard]] bool was_replaced(const FilePosition& file) const;

  std::string path_;
  int stop_fd_;
  FileWatch watch_;
};

}  // namespace penstock::source
