#include "services/state_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <ctime>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "services/log.hpp"
#include "services/state_dir.hpp"

namespace penstock::services {
namespace {

std::string path_in(const std::string& state_dir) {
  return state_dir + "/lock";
}

Status refused(const std::string& what, const std::string& path, int error) {
  return {StatusCode::io, what + " " + path + ": " + std::generic_category().message(error) +
                              ". state_dir must be on a file system with locks, and writable"};
}

// A lock on the whole file that belongs to the open file, not to the process: closing another
// descriptor of the file does not free it, and it works over network file systems.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Whether the path names the open file.
bool is_at(int fd, const std::string& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(fd, &open_file) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

// What stands behind "NAME " in a line of its own.
std::string_view entry(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // still being written
    const std::string_view line = text.substr(0, end);
    if (line.size() > name.size() && line.substr(0, name.size()) == name &&
        line[name.size()] == ' ') {
      return line.substr(name.size() + 1);
    }
    text.remove_prefix(end + 1);
  }
  return {};
}

// Where a process runs: a process id means something only there.
struct Whereabouts {
  std::string host;               // for people
  std::string boot;               // of the kernel that runs; "": not known
  std::string namespace_of_pids;  // "": not known

  static Whereabouts here() {
    Whereabouts found;
    utsname names{};
    if (::uname(&names) == 0) found.host = names.nodename;
    std::ifstream boot_id("/proc/sys/kernel/random/boot_id");
    std::getline(boot_id, found.boot);
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink("/proc/self/ns/pid", target.data(), target.size());
    if (size > 0) found.namespace_of_pids.assign(target.data(), static_cast<std::size_t>(size));
    return found;
  }
  [[nodiscard]] bool shares_pids(const Whereabouts& other) const {
    return !boot.empty() && boot == other.boot && !namespace_of_pids.empty() &&
           namespace_of_pids == other.namespace_of_pids;
  }
};

LockHolder read_holder(int fd) {
  // A path has at most 4096 bytes, the rest less than five hundred.
  std::string text(8192, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  LockHolder holder;
  const std::string_view pid = entry(text, "pid");
  std::from_chars(pid.data(), pid.data() + pid.size(), holder.pid);
  if (holder.pid <= 0) return {};
  const Whereabouts there{std::string(entry(text, "host")), std::string(entry(text, "boot")),
                          std::string(entry(text, "pid_namespace"))};
  if (there.boot.empty()) return {};  // of an older Penstock: it cannot be told whose number it is
  if (there.shares_pids(Whereabouts::here())) {
    // Left by one that crashed, and not yet written over by who holds the lock now.
    const bool gone = ::kill(static_cast<pid_t>(holder.pid), 0) != 0 && errno == ESRCH;
    if (gone) return {};
  } else {
    holder.pid = 0;
    holder.host = there.host;
  }
  holder.pipeline = entry(text, "pipeline");
  holder.started_at = entry(text, "started");
  return holder;
}

Status held_by(const LockHolder& holder, const std::string& state_dir, const std::string& pipeline,
               const std::string& path) {
  std::string what =
      "cannot use the state directory " + state_dir + ": another penstock runs with it";
  if (holder.pid != 0) what += ", process " + std::to_string(holder.pid);
  if (!holder.host.empty())
    what += ", in another container or on another host (" + holder.host + ")";
  if (!holder.started_at.empty()) what += " since " + holder.started_at;
  if (!holder.pipeline.empty() && holder.pipeline != pipeline)
    what += ", with the pipeline " + holder.pipeline;
  what += ". ";
  const std::string who = holder.pid != 0        ? "kill " + std::to_string(holder.pid)
                          : !holder.host.empty() ? "there: process ids of there mean others here"
                                                 : "the process that fuser " + path + " shows";
  if (!holder.pipeline.empty() && holder.pipeline != pipeline) {
    what += "Give each pipeline a state_dir of its own, or end that one first (" + who + ")";
  } else {
    what += "End it first (" + who + "), or let it go on: penstock status shows what it does";
  }
  return {StatusCode::unavailable, std::move(what)};
}

// Only for messages, so that a full disk does not keep a pipeline from starting.
void write_holder(int fd, const std::string& pipeline, const std::string& path) {
  const Whereabouts here = Whereabouts::here();
  const std::string text = "pid " + std::to_string(::getpid()) + "\nstarted " + now_text() +
                           "\npipeline " + pipeline + "\nhost " + here.host + "\nboot " +
                           here.boot + "\npid_namespace " + here.namespace_of_pids + "\n";
  if (::ftruncate(fd, 0) == 0 &&
      ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    return;
  }
  log(LogLevel::warning, "state",
      "cannot write into " + path + ": " + std::generic_category().message(errno) +
          ". The state directory is locked, but a second penstock could not say by whom");
}

}  // namespace

Result<StateLock> StateLock::acquire(const std::string& state_dir, const std::string& pipeline) {
  const std::string path = path_in(state_dir);
  // Somebody may remove the file between opening and locking it. Whoever does so all the time is
  // refused in the end.
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    RETURN_IF_ERROR(prepare_private_file(path));
    StateLock lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (lock.fd_ < 0 && errno == ENOENT) continue;
    if (lock.fd_ < 0) return refused("cannot open", path, errno);
    struct flock wanted = whole_file();
    if (::fcntl(lock.fd_, F_OFD_SETLK, &wanted) != 0) {
      if (errno == EAGAIN || errno == EACCES)
        return held_by(read_holder(lock.fd_), state_dir, pipeline, path);
      return refused("cannot lock", path, errno);
    }
    if (!is_at(lock.fd_, path)) continue;
    write_holder(lock.fd_, pipeline, path);
    return lock;
  }
  return Status{StatusCode::io, path +
                                    " is removed again and again while it is being locked. Find "
                                    "out by whom: nobody needs to remove it"};
}

Result<std::optional<LockHolder>> StateLock::holder(const std::string& state_dir) {
  const std::string path = path_in(state_dir);
  const StateLock look(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (look.fd_ < 0) {
    if (errno == ENOENT) return std::optional<LockHolder>();
    return refused("cannot open", path, errno);
  }
  // Asks only, so that nobody who starts in this moment is refused.
  struct flock found = whole_file();
  if (::fcntl(look.fd_, F_OFD_GETLK, &found) != 0) return refused("cannot look at", path, errno);
  if (found.l_type == F_UNLCK) return std::optional<LockHolder>();
  return std::optional(read_holder(look.fd_));
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace penstock::services
