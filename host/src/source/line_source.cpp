#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "model/event.hpp"
#include "source/source.hpp"

namespace penstock::source {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Lines from a file descriptor. What follows the last newline of a read waits in carry_ for the
// next.
class LineSource final : public Source {
 public:
  LineSource(int fd, int stop_fd, std::string name, bool may_wait)
      : fd_(fd), stop_fd_(stop_fd), name_(std::move(name)), may_wait_(may_wait) {}

  Result<bool> next(Chunk& chunk) override;
  void stop() override;
  [[nodiscard]] std::uint64_t known_bytes() const override;
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  Result<std::size_t> read_some(char* buffer, std::size_t size);
  Result<bool> skip_oversized_line(Chunk& chunk);
  void begin_chunk(Chunk& chunk, std::size_t capacity) const;
  void finish_chunk(Chunk& chunk, std::size_t size);

  FileDescriptor fd_;
  FileDescriptor stop_fd_;
  std::string name_;
  bool may_wait_;  // a pipe or terminal: reads can block for ever
  std::atomic<bool> stopped_{false};
  bool ended_ = false;
  std::uint64_t sequence_ = 0;
  Position position_;
  std::string carry_;
};

void LineSource::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // An eventfd write of 1 can fail only when its counter is at its maximum, and then it is readable
  // already.
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_.get(), &one, sizeof one);
}

std::uint64_t LineSource::known_bytes() const {
  struct stat info {};
  if (!may_wait_ && ::fstat(fd_.get(), &info) == 0) return static_cast<std::uint64_t>(info.st_size);
  return position_.offset + carry_.size();
}

// 0 at the end of the input or after stop().
Result<std::size_t> LineSource::read_some(char* buffer, std::size_t size) {
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (may_wait_) {
      pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0 && errno != EINTR) {
        return Status(StatusCode::io,
                      "Could not wait for input from " + name_ + ": " + std::strerror(errno));
      }
      if (fds[1].revents != 0) break;
      if (fds[0].revents == 0) continue;
    }
    const ssize_t count = ::read(fd_.get(), buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR || errno == EAGAIN) continue;
    return Status(StatusCode::io, "Could not read " + name_ + " at byte " +
                                      std::to_string(position_.offset) + ": " +
                                      std::strerror(errno));
  }
  return std::size_t{0};
}

void LineSource::begin_chunk(Chunk& chunk, std::size_t capacity) const {
  if (chunk.capacity < capacity || chunk.capacity > 2 * (kReadBytes + kMaxEventBytes)) {
    chunk.bytes = std::make_unique<char[]>(capacity + kEventPadding);
    chunk.capacity = capacity;
  }
  chunk.sequence = sequence_;
  chunk.begin = position_;
  chunk.oversized_line = false;
}

void LineSource::finish_chunk(Chunk& chunk, std::size_t size) {
  chunk.size = size;
  std::memset(chunk.bytes.get() + size, 0, kEventPadding);
  position_.offset += size;
  chunk.end = position_;
  ++sequence_;
}

// carry_ holds more than an event may have, without a newline: read on to the end of that line,
// keeping nothing.
Result<bool> LineSource::skip_oversized_line(Chunk& chunk) {
  begin_chunk(chunk, kReadBytes);
  chunk.oversized_line = true;
  position_.offset += carry_.size();
  carry_.clear();
  for (;;) {
    ASSIGN_OR_RETURN(const std::size_t count, read_some(chunk.bytes.get(), kReadBytes));
    if (count == 0) {
      ended_ = true;
      break;
    }
    const char* newline = static_cast<const char*>(std::memchr(chunk.bytes.get(), '\n', count));
    if (newline != nullptr) {
      const auto used = static_cast<std::size_t>(newline + 1 - chunk.bytes.get());
      position_.offset += used;
      carry_.assign(newline + 1, count - used);
      break;
    }
    position_.offset += count;
  }
  chunk.size = 0;
  chunk.end = position_;
  ++sequence_;
  return true;
}

Result<bool> LineSource::next(Chunk& chunk) {
  for (;;) {
    if (stopped_.load(std::memory_order_relaxed)) return false;
    if (ended_) {
      if (carry_.empty()) return false;
      // The last line of a finished input counts without its newline.
      begin_chunk(chunk, std::max(carry_.size(), kReadBytes));
      std::memcpy(chunk.bytes.get(), carry_.data(), carry_.size());
      const std::size_t size = carry_.size();
      carry_.clear();
      finish_chunk(chunk, size);
      return true;
    }
    if (carry_.size() > kMaxEventBytes && carry_.find('\n') == std::string::npos) {
      return skip_oversized_line(chunk);
    }
    const std::size_t carried = carry_.size();
    begin_chunk(chunk, carried + kReadBytes);
    std::memcpy(chunk.bytes.get(), carry_.data(), carried);
    ASSIGN_OR_RETURN(const std::size_t count, read_some(chunk.bytes.get() + carried, kReadBytes));
    if (count == 0) {
      if (stopped_.load(std::memory_order_relaxed)) return false;
      ended_ = true;
      continue;
    }
    const std::size_t filled = carried + count;
    const char* last = static_cast<const char*>(::memrchr(chunk.bytes.get(), '\n', filled));
    if (last == nullptr) {
      carry_.assign(chunk.bytes.get(), filled);
      continue;
    }
    const auto size = static_cast<std::size_t>(last + 1 - chunk.bytes.get());
    carry_.assign(last + 1, filled - size);
    finish_chunk(chunk, size);
    return true;
  }
}

}  // namespace

Result<std::unique_ptr<Source>> open(const SourceConfig& config) {
  int fd = STDIN_FILENO;
  std::string name = "standard input";
  if (config.type == SourceConfig::Type::file) {
    name = config.path;
    fd = ::open(config.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      const int error = errno;
      std::string what =
          "Could not open the event file " + config.path + ": " + std::strerror(error);
      if (error == ENOENT) what += ". Check source.path in " + config.location.text();
      if (error == EINTR) what += ". A signal came while it waited for somebody to write to it";
      if (error == EACCES) what += ". Make it readable for the user who runs penstock";
      return Status(StatusCode::io, what);
    }
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    const std::string reason = std::strerror(errno);
    if (fd != STDIN_FILENO) ::close(fd);
    return Status(StatusCode::io, "Could not read " + name + ": " + reason);
  }
  if (S_ISDIR(info.st_mode)) {
    if (fd != STDIN_FILENO) ::close(fd);
    return Status(
        StatusCode::io,
        "The event file " + name +
            " is a directory. source.path names one file of events, a JSON object a line");
  }
  const int stop_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) {
    const std::string reason = std::strerror(errno);
    if (fd != STDIN_FILENO) ::close(fd);
    return Status(StatusCode::io, "Could not make an event descriptor: " + reason);
  }
  if (S_ISREG(info.st_mode)) ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<Source>(
      std::make_unique<LineSource>(fd, stop_fd, name, !S_ISREG(info.st_mode)));
}

}  // namespace penstock::source
