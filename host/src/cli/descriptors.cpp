#include "cli/descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace penstock::cli {
namespace {

// A run has three streams, its lock, two databases of three files each, the source with what
// watches it, and a plugin's library while it is loaded: about 20, and one for each connection.
constexpr rlim_t kLeastFiles = 32;
// 64 connections, each with a file of its own besides, and as many again.
constexpr rlim_t kEnoughFiles = 256;

}  // namespace

void replace_closed_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number, which is this one. Write-only for all three: nothing can be read.
    // Nobody could be shown a message.
    if (::open("/dev/null", O_WRONLY) != fd) ::_exit(exit_code(StatusCode::io));
  }
}

Status allow_enough_files() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnoughFiles) return {};
  limit.rlim_cur = std::min(limit.rlim_max, kEnoughFiles);
  const bool raised = ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
  if (!raised && ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  if (limit.rlim_cur >= kLeastFiles) return {};
  return {StatusCode::io, "This process may have " + std::to_string(limit.rlim_cur) +
                              " files open at once, and Penstock needs " +
                              std::to_string(kLeastFiles) + " or more, better " +
                              std::to_string(kEnoughFiles) +
                              ". Allow more: ulimit -n, or LimitNOFILE= of the service"};
}

}  // namespace penstock::cli
