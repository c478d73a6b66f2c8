#include "services/state_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "services/log.hpp"

namespace penstock::services {

namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kOthers = 0077;

Status refused(const std::string& what, const std::string& path, int error, const char* advice) {
  return {StatusCode::io,
          what + " " + path + ": " + std::generic_category().message(error) + ". " + advice};
}

Status make_directories(const std::filesystem::path& path) {
  if (path.has_parent_path() && path.parent_path() != path) {
    std::error_code error;
    if (!std::filesystem::exists(path.parent_path(), error)) {
      RETURN_IF_ERROR(make_directories(path.parent_path()));
    }
  }
  // EEXIST: another process was faster; what is there is checked afterwards.
  if (mkdir(path.c_str(), kPrivateDirectory) != 0 && errno != EEXIST) {
    return refused("cannot make the state directory", path.string(), errno,
                   "Check state_dir and the rights on the directory above it.");
  }
  return {};
}

}  // namespace

Status prepare_state_dir(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) {
      return refused("cannot look at the state directory", path, errno,
                     "Check state_dir and the rights on the directories above it.");
    }
    std::filesystem::path directory(path);
    if (!directory.has_filename()) directory = directory.parent_path();  // "state/"
    RETURN_IF_ERROR(make_directories(directory));
    if (stat(path.c_str(), &status) != 0) {
      return refused("cannot look at the state directory", path, errno,
                     "It was there a moment ago.");
    }
  }
  if (!S_ISDIR(status.st_mode)) {
    return {StatusCode::configuration,
            "state_dir " + path + " is not a directory. Name another one, or move that file away."};
  }
  // Not mended here: a directory that others share may be meant to be shared.
  if ((status.st_mode & kOthers) != 0) {
    log(LogLevel::warning, "state",
        path +
            " is open to other users of this machine, and names and titles of people are kept in "
            "it. Close it: chmod 700 " +
            path);
  }
  return {};
}

Status prepare_private_file(const std::string& path) {
  const int file = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, kPrivateFile);
  if (file >= 0) {
    close(file);
    return {};
  }
  if (errno != EEXIST) {
    return refused("cannot make", path, errno,
                   "Check the rights on its directory and the space on its disk.");
  }
  // By name: closing a descriptor of a database that is open elsewhere in this process would drop
  // its locks.
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return refused("cannot look at", path, errno, "Check the rights on its directory.");
  }
  if ((status.st_mode & kOthers) != 0 && chmod(path.c_str(), kPrivateFile) != 0) {
    return refused("others may read or write it, and this cannot be changed:", path, errno,
                   "Let its owner run: chmod 600 on it.");
  }
  return {};
}

}  // namespace penstock::services
