// LineSource: lines from a file or stream; what source::open() makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "source/file_descriptor.hpp"
#include "source/file_identity.hpp"
#include "source/follower.hpp"
#include "source/source.hpp"

namespace penstock::source {

// A regular file, and where to begin in it.
struct OpenedFile {
  FileIdentity identity;
  std::uint64_t offset = 0;
  // The byte before the offset ends no line: what is up to the next newline belongs to a line that
  // was read before.
  bool within_line = false;
};

// What follows the last newline of a read waits in carry_ for the next.
class LineSource final : public Source {
 public:
  // `fd` stands at the file's offset. Without a file it is a stream. Only files can be followed.
  // stop_fd: an eventfd.
  LineSource(FileDescriptor fd, FileDescriptor stop_fd, std::string name,
             std::optional<OpenedFile> file, bool follow, Notify notify);

  Result<bool> next(Chunk& chunk) override;
  void stop() override;
  [[nodiscard]] std::uint64_t known_bytes() const override;
  [[nodiscard]] Position position() const override { return position_; }
  [[nodiscard]] std::optional<SavedPosition> saved(const Position& position) const override;
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  Result<std::size_t> read_some(char* buffer, std::size_t size);
  Result<bool> wait_at_end();
  Status take_next_file();
  void begin_file(FileIdentity identity);
  void pass_rest_of_line(const char* bytes, std::size_t size);
  void report_passed();
  Result<bool> skip_oversized_line(Chunk& chunk);
  void begin_chunk(Chunk& chunk, std::size_t capacity) const;
  Status finish_chunk(Chunk& chunk, std::size_t size);
  Status learn_beginning();
  void notify(Notice::Weight weight, std::string text) const;
  [[nodiscard]] bool is_file() const { return !identities_.empty(); }
  [[nodiscard]] std::uint64_t here() const { return position_.offset + carry_.size(); }

  FileDescriptor fd_;
  FileDescriptor stop_fd_;
  std::string name_;
  Notify notify_;
  std::atomic<bool> stopped_{false};
  std::unique_ptr<Follower> follower_;  // null: the source ends with its file
  bool ended_ = false;                  // the file in hand was read to its end
  bool emptied_ = false;                // it goes on from its start
  bool within_line_ = false;
  std::uint64_t passed_bytes_ = 0;  // of the rest of that line
  std::uint64_t sequence_ = 0;
  Position position_;
  std::string carry_;
  bool carry_has_lines_ = false;  // a newline is in carry_

  // Guards identities_, which is written in next() only.
  mutable std::mutex identity_mutex_;
  std::vector<FileIdentity> identities_;  // by Position::generation; none for a stream
};

}  // namespace penstock::source
