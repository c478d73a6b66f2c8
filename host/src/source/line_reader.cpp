#include "source/line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "model/event.hpp"
#include "source/file_form.hpp"
#include "source/file_identity.hpp"

namespace penstock::source {

LineReader::LineReader(FileDescriptor fd, std::string name, FilePosition begin,
                       std::uint32_t generation, const std::atomic<bool>& stopped)
    : fd_(std::move(fd)),
      name_(std::move(name)),
      stopped_(stopped),
      position_{begin.offset, generation},
      file_(std::move(begin)),
      examined_(position_.offset > 0) {}

LineReader::LineReader(FileDescriptor fd, std::string name, int stop_fd,
                       const std::atomic<bool>& stopped)
    : fd_(std::move(fd)), name_(std::move(name)), stop_fd_(stop_fd), stopped_(stopped) {}

void LineReader::start_again(FilePosition begin, std::uint32_t generation) {
  position_ = {begin.offset, generation};
  file_ = std::move(begin);
  recent_.clear();
  carry_.clear();
  carry_has_lines_ = false;
  skipped_ = 0;
  examined_ = false;
}

// 0 at the end of what there is, or after a stop.
Result<std::size_t> LineReader::read_some(char* buffer, std::size_t size) {
  while (!stopped()) {
    if (!is_file()) {
      pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0 && errno != EINTR) {
        return Status(StatusCode::io,
                      "Could not wait for input from " + name_ + ": " + std::strerror(errno));
      }
      if (fds[1].revents != 0) break;
      if (fds[0].revents == 0) continue;
    }
    const ssize_t count = is_file() ? ::pread(fd_.get(), buffer, size, static_cast<off_t>(here()))
                                    : ::read(fd_.get(), buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR || errno == EAGAIN) continue;
    const int error = errno;
    std::string what = "Could not read " + name_ + " at byte " + std::to_string(here()) + ": " +
                       std::strerror(error);
    if (error == EIO) what += ". Check the disk, or the server, that it is on";
    if (error == ESTALE) what += ". It was removed on the file server while it was being read";
    return Status(StatusCode::io, std::move(what));
  }
  return std::size_t{0};
}

// Refuses what has no events at all before it becomes as many dead letters as it has lines.
Status LineReader::examine(std::string_view beginning) {
  const FileForm form = form_of(beginning);
  if (form == FileForm::lines) return {};
  return {StatusCode::bad_input, is_file() ? "The event file " + describe(form, name_)
                                           : "What comes from " + describe(form, name_)};
}

void LineReader::begin_chunk(Chunk& chunk, std::size_t capacity) const {
  if (chunk.capacity < capacity || chunk.capacity > 2 * (kReadBytes + kMaxEventBytes)) {
    chunk.bytes = std::make_unique<char[]>(capacity + kEventPadding);
    chunk.capacity = capacity;
  }
  chunk.oversized_line = false;
}

// The position moves to `end`; the last bytes before it are these.
Status LineReader::move_on(const Position& end, std::string_view bytes) {
  position_ = end;
  examined_ = true;
  if (!is_file()) return {};
  if (bytes.size() >= kFingerprintBytes) {
    recent_.assign(bytes.substr(bytes.size() - kFingerprintBytes));
  } else {
    recent_.append(bytes);
    if (recent_.size() > kFingerprintBytes) recent_.erase(0, recent_.size() - kFingerprintBytes);
  }
  file_.offset = end.offset;
  file_.tail_size = recent_.size();
  ASSIGN_OR_RETURN(file_.tail, checksum(recent_));
  // A file that was short when it was opened is told from others by more, once there is more.
  if (file_.fingerprint_size < kFingerprintBytes && file_.fingerprint_size < end.offset)
    return extend_fingerprint(fd_.get(), end.offset, file_);
  return {};
}

Status LineReader::finish_chunk(Chunk& chunk, std::size_t size) {
  if (is_file()) chunk.before = file_;
  chunk.size = size;
  std::memset(chunk.bytes.get() + size, 0, kEventPadding);
  chunk.begin = position_;
  chunk.end = {position_.offset + size, position_.generation};
  return move_on(chunk.end, {chunk.bytes.get(), size});
}

// `used` of the bytes in hand complete the line that is too long, the others come after it.
Status LineReader::finish_oversized(Chunk& chunk, const char* bytes, std::size_t used,
                                    std::size_t filled) {
  if (is_file()) chunk.before = file_;
  chunk.oversized_line = true;
  chunk.size = 0;
  chunk.begin = position_;
  chunk.end = {position_.offset + skipped_ + used, position_.generation};
  skipped_ = 0;
  carry_.assign(bytes + used, filled - used);
  carry_has_lines_ = carry_.find('\n') != std::string::npos;
  recent_.clear();
  if (!is_file()) return move_on(chunk.end, {});
  // Not all of it is in memory.
  const std::size_t tail = std::min<std::uint64_t>(kFingerprintBytes, chunk.end.offset);
  ASSIGN_OR_RETURN(const std::string last,
                   bytes_at(fd_.get(), name_, chunk.end.offset - tail, tail));
  return move_on(chunk.end, last);
}

Result<bool> LineReader::read(Chunk& chunk) {
  while (!stopped()) {
    const std::size_t carried = carry_.size();
    begin_chunk(chunk, carried + kReadBytes);
    char* const bytes = chunk.bytes.get();
    std::size_t filled = carried;
    // Lines that were read with the end of one that is too long are handed on without waiting.
    if (!carry_has_lines_) {
      ASSIGN_OR_RETURN(const std::size_t count, read_some(bytes + carried, kReadBytes));
      if (count == 0) return false;
      filled += count;
    }
    carry_has_lines_ = false;
    std::memcpy(bytes, carry_.data(), carried);
    if (skipped_ > 0) {
      const auto* newline = static_cast<const char*>(std::memchr(bytes, '\n', filled));
      if (newline == nullptr) {
        skipped_ += filled;
        continue;
      }
      const auto used = static_cast<std::size_t>(newline + 1 - bytes);
      RETURN_IF_ERROR(finish_oversized(chunk, bytes, used, filled));
      return true;
    }
    if (!examined_) RETURN_IF_ERROR(examine({bytes, filled}));
    // Where a file was emptied under a writer that keeps its place, the system puts NULs: up to
    // gigabytes of them, before the first line.
    std::size_t zeros = 0;
    while (zeros < filled && bytes[zeros] == '\0') ++zeros;
    if (zeros > 0) {
      position_.offset += zeros;
      recent_.clear();  // does not stand before the next lines any more
      filled -= zeros;
      std::memmove(bytes, bytes + zeros, filled);
    }
    const auto* last = static_cast<const char*>(::memrchr(bytes, '\n', filled));
    if (last != nullptr) {
      const auto size = static_cast<std::size_t>(last + 1 - bytes);
      carry_.assign(last + 1, filled - size);
      RETURN_IF_ERROR(finish_chunk(chunk, size));
      return true;
    }
    if (filled > kMaxEventBytes) {
      skipped_ = filled;
      carry_.clear();
    } else {
      carry_.assign(bytes, filled);
    }
  }
  return false;
}

Result<bool> LineReader::read_rest(Chunk& chunk) {
  const std::size_t size = carry_.size();
  if (rest_size() == 0) return false;
  begin_chunk(chunk, std::max(size, kReadBytes));
  std::memcpy(chunk.bytes.get(), carry_.data(), size);
  carry_.clear();
  if (skipped_ > 0) {
    RETURN_IF_ERROR(finish_oversized(chunk, chunk.bytes.get(), 0, 0));
  } else {
    RETURN_IF_ERROR(finish_chunk(chunk, size));
  }
  return true;
}

bool LineReader::rest_is_half_a_line() const {
  // A line that is too long will not become shorter.
  if (skipped_ > 0 || carry_.find_first_not_of(" \t\r") == std::string::npos) return false;
  std::string padded = carry_;
  padded.reserve(padded.size() + kEventPadding);
  return !EventParser().parse(padded).ok();
}

}  // namespace penstock::source
