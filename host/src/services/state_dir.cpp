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
constexpr mode_t kOthersWrite = 0022;

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
  // Not changed here: a directory that others share may be meant to be shared.
  if ((status.st_mode & kOthers) != 0) {
    log(LogLevel::warning, "state",
        path +
            " is open to other users of this machine, and names and titles of people are kept in "
            "it. Close it: chmod 700 " +
            path);
  }
  return {};
}

Status refuse_shared_state_dir(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};  // made later, or refused with its own words
  const bool foreign = status.st_uid != geteuid() && status.st_uid != 0;
  if (!foreign && (status.st_mode & kOthersWrite) == 0) return {};
  const std::string who =
      foreign ? "belongs to another user of this machine (id " + std::to_string(status.st_uid) + ")"
              : "can be written to by other users of this machine";
  const std::string what = foreign
                               ? "Run every penstock of this pipeline as that user, or give the "
                                 "directory to this one: chown -R " +
                                     std::to_string(geteuid()) + " " + path
                               : "Close it: chmod go-w " + path;
  return {
      StatusCode::configuration,
      "state_dir " + path + " " + who +
          ". They could have Penstock write to files that are not its own, or log in to another "
          "account. " +
          what + ". Where they are trusted: --allow-shared-state"};
}

Status check_token_dir(const std::string& state_dir, const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return refused("cannot look at", path, errno, "Check the rights on the state directory.");
  }
  if (!S_ISDIR(status.st_mode)) {
    return {StatusCode::io, path +
                                " holds the tokens of logins and must be a directory, not a link "
                                "or a file. Find out who put it there, remove it, and log in "
                                "again"};
  }
  struct stat above {};
  const bool ours = status.st_uid == geteuid() ||
                    (stat(state_dir.c_str(), &above) == 0 && status.st_uid == above.st_uid);
  if (!ours) {
    return {StatusCode::io, path +
                                " holds the tokens of logins, but belongs to another user of this "
                                "machine. Find out who made it, remove it, and log in again"};
  }
  if ((status.st_mode & kOthersWrite) != 0) {
    return {StatusCode::io, path +
                                " holds the tokens of logins, but other users of this machine can "
                                "write to it. Look whether its files are yours, then close it: "
                                "chmod 700 " +
                                path};
  }
  return {};
}

Status prepare_token_dir(const std::string& state_dir, const std::string& path) {
  // EEXIST: what is there is looked at.
  if (mkdir(path.c_str(), kPrivateDirectory) != 0 && errno != EEXIST) {
    return refused("cannot make", path, errno, "Check the rights on the state directory.");
  }
  RETURN_IF_ERROR(check_token_dir(state_dir, path));
  return prepare_state_dir(path);
}

Status refuse_link(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT
               ? Status()
               : refused("cannot look at", path, errno, "Check the rights on its directory.");
  }
  if (S_ISREG(status.st_mode)) return {};
  return {StatusCode::io,
          path + " is " + (S_ISLNK(status.st_mode) ? "a link" : "no plain file") +
              ", and Penstock writes only to files of its own. Nothing was changed. "
              "Find out who put it there, and remove it"};
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
  RETURN_IF_ERROR(refuse_link(path));
  // Not opened where it need not be: closing a descriptor of a database that is open elsewhere in
  // this process would drop its locks.
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    return refused("cannot look at", path, errno, "Check the rights on its directory.");
  }
  if ((status.st_mode & kOthers) == 0) return {};
  // Of the file that is open, whatever the path names by then; and never through a link.
  const int open_file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const int error = open_file < 0 || fchmod(open_file, kPrivateFile) != 0 ? errno : 0;
  if (open_file >= 0) close(open_file);
  if (error == 0) return {};
  return refused("others may read or write it, and this cannot be changed:", path, error,
                 "Let its owner run: chmod 600 on it.");
}

}  // namespace penstock::services
