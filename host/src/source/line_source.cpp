#include "source/line_source.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "model/event.hpp"

namespace penstock::source {

LineSource::LineSource(FileDescriptor fd, FileDescriptor stop_fd, std::string name,
                       std::optional<OpenedFile> file, bool follow, Notify notify)
    : fd_(std::move(fd)),
      stop_fd_(std::move(stop_fd)),
      name_(std::move(name)),
      notify_(std::move(notify)) {
  if (!file) return;
  identities_.push_back(std::move(file->identity));
  position_.offset = file->offset;
  within_line_ = file->within_line;
  if (!follow) return;
  follower_ = std::make_unique<Follower>(name_, stop_fd_.get(), stopped_);
  follower_->watch(fd_.get());
}

void LineSource::notify(Notice::Weight weight, std::string text) const {
  if (notify_) notify_({weight, std::move(text)});
}

void LineSource::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // An eventfd write of 1 can fail only when its counter is at its maximum, and then it is readable
  // already.
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_.get(), &one, sizeof one);
}

std::uint64_t LineSource::known_bytes() const {
  struct stat info {};
  // Standard input may be a file, too.
  if (::fstat(fd_.get(), &info) == 0 && S_ISREG(info.st_mode))
    return static_cast<std::uint64_t>(info.st_size);
  return here();
}

std::optional<SavedPosition> LineSource::saved(const Position& position) const {
  const std::lock_guard lock(identity_mutex_);
  if (position.generation >= identities_.size()) return std::nullopt;
  return saved_position(identities_[position.generation], position.offset);
}

// The file in hand is at its end, and the source follows it. False: it will not grow any more, or
// stop() was called.
Result<bool> LineSource::wait_at_end() {
  ASSIGN_OR_RETURN(const Follower::Found found,
                   follower_->wait_at_end(fd_.get(), identities_.back(), here()));
  if (found == Follower::Found::more) return true;
  if (found == Follower::Found::emptied) {
    std::string text = name_ + " was cut off or written anew after " + std::to_string(here()) +
                       " bytes of it had been read; it is now read from its start";
    if (!carry_.empty()) {
      text += ". Its last " + std::to_string(carry_.size()) +
              " bytes were a line without a newline and are no event";
    }
    notify(Notice::Weight::warning, std::move(text));
    emptied_ = true;
    carry_.clear();
  }
  return false;
}

// 0 at the end of the file or stream in hand, or after stop().
Result<std::size_t> LineSource::read_some(char* buffer, std::size_t size) {
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (!is_file()) {
      pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0 && errno != EINTR) {
        return Status(StatusCode::io,
                      "Could not wait for input from " + name_ + ": " + std::strerror(errno));
      }
      if (fds[1].revents != 0) break;
      if (fds[0].revents == 0) continue;
    }
    const ssize_t count = ::read(fd_.get(), buffer, size);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) {
      if (follower_ == nullptr) return std::size_t{0};
      ASSIGN_OR_RETURN(const bool more, wait_at_end());
      if (!more) return std::size_t{0};
      continue;
    }
    if (errno == EINTR || errno == EAGAIN) continue;
    return Status(StatusCode::io, "Could not read " + name_ + " at byte " + std::to_string(here()) +
                                      ": " + std::strerror(errno));
  }
  return std::size_t{0};
}

void LineSource::begin_file(FileIdentity identity) {
  const std::lock_guard lock(identity_mutex_);
  identities_.push_back(std::move(identity));
  position_ = {0, position_.generation + 1};
  ended_ = false;
  emptied_ = false;
  within_line_ = false;
  carry_.clear();
}

// After the end of a followed file: itself once more if it was emptied, else its successor.
Status LineSource::take_next_file() {
  if (emptied_) {
    if (::lseek(fd_.get(), 0, SEEK_SET) != 0) {
      return {StatusCode::io,
              "Could not go back to the start of " + name_ + ": " + std::strerror(errno)};
    }
  } else {
    ASSIGN_OR_RETURN(FileDescriptor successor, follower_->open_successor());
    if (!successor.open()) return {};  // stopped
    notify(Notice::Weight::info, name_ +
                                     " names a new file, which is now read; the one before was "
                                     "read to its end, " +
                                     std::to_string(here()) + " bytes");
    fd_ = std::move(successor);
  }
  ASSIGN_OR_RETURN(FileIdentity identity, identify(fd_.get(), name_));
  follower_->watch(fd_.get());
  begin_file(std::move(identity));
  return {};
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

// A file that was short when it was opened is told from others by more, once there is more.
Status LineSource::learn_beginning() {
  if (!is_file() || identities_.back().fingerprint_size >= kFingerprintBytes ||
      identities_.back().fingerprint_size >= position_.offset) {
    return {};
  }
  FileIdentity identity = identities_.back();
  RETURN_IF_ERROR(extend_fingerprint(fd_.get(), position_.offset, identity));
  const std::lock_guard lock(identity_mutex_);
  identities_.back() = std::move(identity);
  return {};
}

Status LineSource::finish_chunk(Chunk& chunk, std::size_t size) {
  chunk.size = size;
  std::memset(chunk.bytes.get() + size, 0, kEventPadding);
  position_.offset += size;
  chunk.end = position_;
  ++sequence_;
  return learn_beginning();
}

void LineSource::report_passed() {
  constexpr std::uint64_t kLineEnd = 2;  // \r\n, which completes the line and changes nothing
  if (passed_bytes_ > kLineEnd) {
    notify(Notice::Weight::warning,
           name_ + ": the last line had no newline when it was read as an event, and " +
               std::to_string(passed_bytes_) +
               " bytes were appended to it since then. They are "
               "passed over, up to byte " +
               std::to_string(position_.offset) +
               ": half a line is no event. Should that line have been half an event, it is among "
               "the dead letters as invalid_event");
  }
  passed_bytes_ = 0;
}

// The source began behind a line that had no newline: what was appended to that line is no event.
void LineSource::pass_rest_of_line(const char* bytes, std::size_t size) {
  const char* newline = static_cast<const char*>(std::memchr(bytes, '\n', size));
  const std::size_t passed =
      newline != nullptr ? static_cast<std::size_t>(newline + 1 - bytes) : size;
  position_.offset += passed;
  passed_bytes_ += passed;
  if (newline == nullptr) return;
  within_line_ = false;
  carry_.assign(newline + 1, size - passed);
  carry_has_lines_ = carry_.find('\n') != std::string::npos;
  report_passed();
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
    // Stopped within the line: it is read again by whoever goes on from here.
    if (stopped_.load(std::memory_order_relaxed)) return false;
    if (count == 0) {
      ended_ = true;
      break;
    }
    const char* newline = static_cast<const char*>(std::memchr(chunk.bytes.get(), '\n', count));
    if (newline != nullptr) {
      const auto used = static_cast<std::size_t>(newline + 1 - chunk.bytes.get());
      position_.offset += used;
      carry_.assign(newline + 1, count - used);
      carry_has_lines_ = carry_.find('\n') != std::string::npos;
      break;
    }
    position_.offset += count;
  }
  chunk.size = 0;
  chunk.end = position_;
  ++sequence_;
  RETURN_IF_ERROR(learn_beginning());
  return true;
}

Result<bool> LineSource::next(Chunk& chunk) {
  for (;;) {
    if (stopped_.load(std::memory_order_relaxed)) return false;
    if (ended_) {
      if (carry_.empty()) {
        if (within_line_ && passed_bytes_ > 0) report_passed();
        if (follower_ == nullptr) return false;
        RETURN_IF_ERROR(take_next_file());
        continue;
      }
      // The last line of a finished input counts without its newline.
      begin_chunk(chunk, std::max(carry_.size(), kReadBytes));
      std::memcpy(chunk.bytes.get(), carry_.data(), carry_.size());
      const std::size_t size = carry_.size();
      carry_.clear();
      RETURN_IF_ERROR(finish_chunk(chunk, size));
      return true;
    }
    if (!carry_has_lines_ && carry_.size() > kMaxEventBytes) return skip_oversized_line(chunk);
    const std::size_t carried = carry_.size();
    begin_chunk(chunk, carried + kReadBytes);
    std::size_t filled = carried;
    if (carry_has_lines_) {
      // Handed on without waiting for more.
      carry_has_lines_ = false;
      std::memcpy(chunk.bytes.get(), carry_.data(), carried);
    } else {
      ASSIGN_OR_RETURN(const std::size_t count, read_some(chunk.bytes.get() + carried, kReadBytes));
      if (count == 0) {
        ended_ = !stopped_.load(std::memory_order_relaxed);
        continue;
      }
      if (within_line_) {
        pass_rest_of_line(chunk.bytes.get(), count);
        continue;
      }
      std::memcpy(chunk.bytes.get(), carry_.data(), carried);
      filled += count;
    }
    const char* last = static_cast<const char*>(::memrchr(chunk.bytes.get(), '\n', filled));
    if (last == nullptr) {
      carry_.assign(chunk.bytes.get(), filled);
      continue;
    }
    const auto size = static_cast<std::size_t>(last + 1 - chunk.bytes.get());
    carry_.assign(last + 1, filled - size);
    RETURN_IF_ERROR(finish_chunk(chunk, size));
    return true;
  }
}

}  // namespace penstock::source
