// measure: runs a command and writes what it alone cost, so that a benchmark needs no further
// package and leaves out what the commands beside it used.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace {

constexpr int kUsage = 64;
constexpr int kCannotWrite = 74;
constexpr int kCommandNotFound = 127;  // as shells have it
constexpr int kSignalBase = 128;       // as shells have it

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

// measure RESULT COMMAND [ARGUMENT...]
// RESULT gets {"wall_s":N,"user_s":N,"system_s":N,"max_rss_kib":N}; the exit code is the command's.
int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: measure RESULT COMMAND [ARGUMENT...]\n");
    return kUsage;
  }
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) {
    std::fprintf(stderr, "measure: cannot start a process: %s\n", std::strerror(errno));
    return 1;
  }
  if (child == 0) {
    ::execvp(argv[2], argv + 2);
    std::fprintf(stderr, "measure: cannot run %s: %s\n", argv[2], std::strerror(errno));
    ::_exit(kCommandNotFound);
  }
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, 0, &used) < 0) {
    if (errno == EINTR) continue;
    std::fprintf(stderr, "measure: cannot wait for %s: %s\n", argv[2], std::strerror(errno));
    return 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;

  std::FILE* const file = std::fopen(argv[1], "w");
  const bool written =
      file != nullptr &&
      std::fprintf(
          file, "{\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"max_rss_kib\":%ld}\n",
          wall.count(), seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss) > 0;
  if (file == nullptr || std::fclose(file) != 0 || !written) {
    std::fprintf(stderr, "measure: cannot write %s: %s\n", argv[1], std::strerror(errno));
    return kCannotWrite;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
}
