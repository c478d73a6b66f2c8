// LineReader: one file or stream, in chunks of whole lines.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "source/file_descriptor.hpp"
#include "source/source.hpp"

namespace penstock::source {

// What follows the last newline of a read waits in carry_ for the next. One thread.
class LineReader {
 public:
  // An open regular file, read from begin.offset on. `stopped` ends read() early and must outlive
  // this.
  LineReader(FileDescriptor fd, std::string name, FilePosition begin, std::uint32_t generation,
             const std::atomic<bool>& stopped);
  // A stream. stop_fd becomes readable when `stopped` has become true.
  LineReader(FileDescriptor fd, std::string name, int stop_fd, const std::atomic<bool>& stopped);

  // The same open file from here on: its start, after it was emptied.
  void start_again(FilePosition begin, std::uint32_t generation);
  // Fills the chunk with the next whole lines; all but its sequence, `reached` and `saved` is set.
  // False: there is no whole line for now (a stream has ended), or it was stopped.
  [[nodiscard]] Result<bool> read(Chunk& chunk);
  // The same with what follows the last newline. False: nothing does.
  [[nodiscard]] Result<bool> read_rest(Chunk& chunk);
  // Whether what follows the last newline is less than an event: neither whole nor blank.
  [[nodiscard]] bool rest_is_half_a_line() const;

  [[nodiscard]] bool is_file() const { return stop_fd_ < 0; }
  [[nodiscard]] bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  // Where the next chunk begins.
  [[nodiscard]] const Position& position() const { return position_; }
  // The same, to go on there in another process. Of a file only.
  [[nodiscard]] const FilePosition& file() const { return file_; }
  // How far it was read, in part beyond the position.
  [[nodiscard]] std::uint64_t here() const { return position_.offset + skipped_ + carry_.size(); }
  [[nodiscard]] std::uint64_t rest_size() const { return skipped_ + carry_.size(); }

 private:
  [[nodiscard]] Result<std::size_t> read_some(char* buffer, std::size_t size);
  [[nodiscard]] Status examine(std::string_view beginning);
  void begin_chunk(Chunk& chunk, std::size_t capacity) const;
  [[nodiscard]] Status finish_chunk(Chunk& chunk, std::size_t size);
  [[nodiscard]] Status finish_oversized(Chunk& chunk, const char* bytes, std::size_t used,
                                        std::size_t filled);
  [[nodiscard]] Status move_on(const Position& end, std::string_view bytes);

  FileDescriptor fd_;
  std::string name_;
  int stop_fd_ = -1;  // of a stream
  const std::atomic<bool>& stopped_;
  Position position_;
  FilePosition file_;
  std::string recent_;  // the last kFingerprintBytes before the position, as far as they were read
  std::string carry_;
  bool carry_has_lines_ = false;  // a newline is in carry_
  std::uint64_t skipped_ = 0;     // of a line that is too long, whose end was not found yet
  bool examined_ = false;         // what begins the file or stream was looked at
};

}  // namespace penstock::source
