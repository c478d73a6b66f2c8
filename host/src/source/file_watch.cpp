#include "source/file_watch.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace penstock::source {

// That inotify cannot be had (too many instances, no such kernel support) is no error: the wait
// then ends by time.
FileWatch::FileWatch(const std::string& path)
    : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (!inotify_.open()) return;
  const std::string directory = std::filesystem::path(path).parent_path().string();
  ::inotify_add_watch(inotify_.get(), directory.empty() ? "." : directory.c_str(),
                      IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
}

void FileWatch::watch(int fd) {
  if (!inotify_.open()) return;
  if (former_watch_ >= 0) ::inotify_rm_watch(inotify_.get(), former_watch_);
  former_watch_ = file_watch_;
  // By descriptor: the path may name another file by now.
  const std::string file = "/proc/self/fd/" + std::to_string(fd);
  file_watch_ = ::inotify_add_watch(inotify_.get(), file.c_str(), IN_MODIFY | IN_ATTRIB);
}

Status FileWatch::wait(int stop_fd, std::chrono::milliseconds longest) {
  // poll() passes over a descriptor below 0.
  pollfd fds[2] = {{stop_fd, POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
  if (::poll(fds, 2, static_cast<int>(longest.count())) < 0 && errno != EINTR) {
    return {StatusCode::io,
            std::string("Could not wait for a file to change: ") + std::strerror(errno)};
  }
  // What the reports say does not matter: the file is looked at anew after each.
  alignas(inotify_event) std::array<char, 4096> reports{};
  while (inotify_.open() && ::read(inotify_.get(), reports.data(), reports.size()) > 0) {
  }
  return {};
}

}  // namespace penstock::source
