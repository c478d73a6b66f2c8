#include "source/rotation.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "source/file_identity.hpp"

namespace penstock::source {

Result<Resemblance> compare(int fd, const std::string& path, const SavedPosition& saved) {
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Status(StatusCode::io, "Could not look at " + path + ": " + std::strerror(errno));
  const bool same_file = info.st_dev == saved.device && info.st_ino == saved.inode;
  const bool long_enough = static_cast<std::uint64_t>(info.st_size) >= saved.offset;
  ASSIGN_OR_RETURN(const bool same_beginning,
                   begins_as(fd, path, saved.fingerprint_size, saved.fingerprint));
  if (same_file && !long_enough) return Resemblance::shorter;
  if (same_file) return same_beginning ? Resemblance::same : Resemblance::rewritten;
  // Nothing but a beginning tells that it is the same; without one nothing does.
  const bool is_copy = same_beginning && long_enough && saved.fingerprint_size > 0;
  return is_copy ? Resemblance::copy : Resemblance::other;
}

MovedFile find_moved(const std::string& path, const SavedPosition& saved) {
  MovedFile moved;
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  // A directory that cannot be listed holds nothing that could be found.
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat info {};
    if (::lstat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_dev != saved.device || info.st_ino != saved.inode || entry->path() == path) {
      continue;
    }
    FileDescriptor fd(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.open()) continue;
    const auto resemblance = compare(fd.get(), entry->path().string(), saved);
    if (!resemblance.ok() || *resemblance != Resemblance::same) continue;
    moved.fd = std::move(fd);
    moved.path = entry->path().string();
    moved.unread_bytes = static_cast<std::uint64_t>(info.st_size) - saved.offset;
    break;
  }
  return moved;
}

}  // namespace penstock::source
