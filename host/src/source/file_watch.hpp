// FileWatch: waits until something may have happened to a file that is followed.
#pragma once

#include <chrono>
#include <string>

#include "model/status.hpp"
#include "source/file_descriptor.hpp"

namespace penstock::source {

// By inotify on the file and on its directory. Where that is not to be had, or the file system does
// not report (network file systems), wait() simply lasts as long as it may. One thread.
class FileWatch {
 public:
  // The path that is followed: whatever happens to its directory's names ends a wait.
  explicit FileWatch(const std::string& path);
  // From now on this open file is watched. Of those before only the last one still is.
  void watch(int fd);
  // Returns after any change, after `longest`, or as soon as stop_fd can be read.
  [[nodiscard]] Status wait(int stop_fd, std::chrono::milliseconds longest);

 private:
  FileDescriptor inotify_;
  int file_watch_ = -1;
  int former_watch_ = -1;
};

}  // namespace penstock::source
