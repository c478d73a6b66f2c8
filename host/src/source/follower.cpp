#include "source/follower.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::source {

Follower::Follower(std::string path, int stop_fd, const std::atomic<bool>& stopped)
    : path_(std::move(path)), stop_fd_(stop_fd), stopped_(stopped), watch_(path_) {}

void Follower::watch(int fd) {
  watch_.watch(fd);
  replaced_at_ = {};
}

// A file that was cut off may have grown again beyond where it was read to; its beginning tells.
Result<bool> Follower::was_emptied(int fd, const FileIdentity& identity, std::uint64_t here,
                                   std::uint64_t size) const {
  if (size < here) return true;
  ASSIGN_OR_RETURN(const bool same,
                   begins_as(fd, identity.path, identity.fingerprint_size, identity.fingerprint));
  return !same;
}

// A path that names nothing for the moment does not count: the new file is still to come.
bool Follower::was_replaced(const FileIdentity& identity) const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return false;
  return info.st_dev != identity.device || info.st_ino != identity.inode;
}

Result<Follower::Found> Follower::wait_at_end(int fd, const FileIdentity& identity,
                                              std::uint64_t here) {
  for (;;) {
    if (stopped_.load(std::memory_order_relaxed)) return Found::stopped;
    // Before the file itself: what was written to it until it was replaced is then seen.
    const bool replaced = was_replaced(identity);
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      return Status(StatusCode::io,
                    "Could not look at " + identity.path + ": " + std::strerror(errno));
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    ASSIGN_OR_RETURN(const bool emptied, was_emptied(fd, identity, here, size));
    if (emptied) return Found::emptied;
    const Time now = std::chrono::steady_clock::now();
    if (size > here) {
      if (replaced) replaced_at_ = now;
      return Found::more;
    }
    std::chrono::milliseconds longest = kLookEvery;
    if (!replaced) {
      replaced_at_ = {};
    } else if (replaced_at_ == Time{}) {
      replaced_at_ = now;
    } else {
      const auto quiet = std::chrono::floor<std::chrono::milliseconds>(now - replaced_at_);
      if (quiet >= kReplacedQuiet) return Found::replaced;
      longest = kReplacedQuiet - quiet;
    }
    RETURN_IF_ERROR(watch_.wait(stop_fd_, longest));
  }
}

Result<FileDescriptor> Follower::open_successor() {
  while (!stopped_.load(std::memory_order_relaxed)) {
    // Non-blocking, so that a pipe in the file's place is refused rather than waited for.
    FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.open()) {
      struct stat info {};
      if (::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode)) return fd;
      return Status(StatusCode::io, "The event file " + path_ +
                                        " was replaced by something that is no regular file, so "
                                        "it cannot be followed. Put a file there and start again");
    }
    if (errno != ENOENT && errno != EINTR) {
      return Status(StatusCode::io,
                    "Could not open the file that took the place of the event file " + path_ +
                        ": " + std::strerror(errno) +
                        ". Make it readable for the user who runs penstock");
    }
    RETURN_IF_ERROR(watch_.wait(stop_fd_, kLookEvery));
  }
  return FileDescriptor();
}

}  // namespace penstock::source
