#include "source/rotation.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "source/file_identity.hpp"

namespace penstock::source {

namespace fs = std::filesystem;

namespace {

// Where the file may have been moved to, each directory once.
std::vector<fs::path> directories_for(const std::string& path, const FilePosition& saved) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  std::vector<fs::path> directories;
  for (const fs::path& file : {fs::path(path), target, fs::path(saved.path)}) {
    fs::path directory = file.parent_path();
    if (directory.empty()) continue;
    const bool known =
        std::find(directories.begin(), directories.end(), directory) != directories.end();
    if (!known) directories.push_back(std::move(directory));
  }
  return directories;
}

MovedFile find_in(const fs::path& directory, const FilePosition& saved) {
  MovedFile moved;
  std::error_code error;
  // A directory that cannot be listed holds nothing that could be found.
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat info {};
    if (::lstat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_dev != saved.device || info.st_ino != saved.inode) {
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

// Looks at links only: a file on a server that does not answer must not stop this.
bool is_open_in(const fs::path& process, const std::string& name) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat link {};
    std::error_code unreadable;
    if (fs::read_symlink(entry->path(), unreadable).string() == name &&
        ::lstat(entry->path().c_str(), &link) == 0 && (link.st_mode & S_IWUSR) != 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<Resemblance> compare(int fd, const std::string& path, const FilePosition& saved) {
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return Status(StatusCode::io, "Could not look at " + path + ": " + std::strerror(errno));
  const bool same_file = info.st_dev == saved.device && info.st_ino == saved.inode;
  const bool long_enough = static_cast<std::uint64_t>(info.st_size) >= saved.offset;
  if (!long_enough) return same_file ? Resemblance::shorter : Resemblance::other;
  ASSIGN_OR_RETURN(bool same_bytes, begins_as(fd, saved));
  if (same_bytes) {
    ASSIGN_OR_RETURN(same_bytes, continues_as(fd, saved));
  }
  if (same_file) return same_bytes ? Resemblance::same : Resemblance::rewritten;
  // Nothing but what it holds tells that it is the same; where nothing was read nothing does.
  return same_bytes && saved.fingerprint_size > 0 ? Resemblance::copy : Resemblance::other;
}

MovedFile find_moved(const std::string& path, const FilePosition& saved) {
  for (const fs::path& directory : directories_for(path, saved)) {
    MovedFile moved = find_in(directory, saved);
    if (moved.fd.open()) return moved;
  }
  return {};
}

std::string present_name(int fd) {
  std::error_code error;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), error).string();
}

// /proc shows of each descriptor which file it is and, as the rights of its link, how it was
// opened. Processes of others, and of other containers, cannot be looked at.
bool open_for_writing(int fd) {
  const std::string name = present_name(fd);
  if (name.empty()) return false;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string process = entry->path().filename().string();
    if (process.find_first_not_of("0123456789") == std::string::npos &&
        is_open_in(entry->path(), name)) {
      return true;
    }
  }
  return false;
}

}  // namespace penstock::source
