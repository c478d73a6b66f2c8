#include "source/follower.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "source/file_identity.hpp"

namespace penstock::source {

// A path that names nothing for the moment does not count: the new file is still to come.
bool Follower::was_replaced(const FilePosition& file) const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return false;
  return info.st_dev != file.device || info.st_ino != file.inode;
}

Result<Follower::Found> Follower::look(int fd, const FilePosition& file, std::uint64_t here) const {
  // Before the file itself: what was written to it until it was replaced is then seen.
  const bool replaced = was_replaced(file);
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Status(StatusCode::io, "Could not look at " + path_ + ": " + std::strerror(errno));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < here) return Found::emptied;
  // A file that was cut off may have grown again beyond where it was read to; what it holds tells.
  ASSIGN_OR_RETURN(const bool begins, begins_as(fd, file));
  if (!begins) return Found::emptied;
  ASSIGN_OR_RETURN(const bool continues, continues_as(fd, file));
  if (!continues) return Found::emptied;
  if (size > here) return Found::more;
  return replaced ? Found::replaced : Found::nothing;
}

Result<FileDescriptor> Follower::open_file() const {
  // Non-blocking, so that a pipe in the file's place is refused rather than waited for.
  FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.open()) {
    struct stat info {};
    if (::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode)) return fd;
    return Status(StatusCode::io, "The event file " + path_ +
                                      " was replaced by something that is no regular file, so "
                                      "it cannot be followed. Put a file there and start again");
  }
  if (errno == ENOENT || errno == EINTR) return FileDescriptor();
  return Status(StatusCode::io, "Could not open the file that took the place of the event file " +
                                    path_ + ": " + std::strerror(errno) +
                                    ". Make it readable for the user who runs penstock");
}

}  // namespace penstock::source
