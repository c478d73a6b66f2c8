// LineSource: lines from a file or stream, and from the files that take its place; what
// source::open() makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/pipeline_config.hpp"
#include "source/file_descriptor.hpp"
#include "source/follower.hpp"
#include "source/former_files.hpp"
#include "source/line_reader.hpp"
#include "source/resumption.hpp"
#include "source/source.hpp"

namespace penstock::source {

class LineSource final : public Source {
 public:
  // `saved`: for a followed file that is not there yet, else only passed on. stop_fd: an eventfd.
  LineSource(SourceConfig config, FileDescriptor stop_fd, std::string name,
             std::optional<SavedPosition> saved, Notify notify);

  // One of these at most, before anything else:
  void read_stream(FileDescriptor fd);
  void read_file(Beginning beginning);
  // A followed source: these as well, though they belong to the past. Before read_file().
  void read_former(Beginning beginning);

  Result<bool> next(Chunk& chunk) override;
  void stop() override;
  [[nodiscard]] std::uint64_t known_bytes() const override;
  [[nodiscard]] Position position() const override;
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  using Time = FormerFiles::Time;
  Status wait();
  Result<bool> read_former_files(Chunk& chunk);
  Status await_file();
  Result<bool> finish(Chunk& chunk);
  Status look_at_end();
  Status begin_anew();
  Status take_successor();
  bool hand_on(Chunk& chunk);
  void notify(Notice::Weight weight, std::string text) const;
  [[nodiscard]] bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  SourceConfig config_;
  FileDescriptor stop_fd_;
  std::string name_;
  std::optional<SavedPosition> saved_;
  Notify notify_;
  std::atomic<bool> stopped_{false};
  std::unique_ptr<Follower> follower_;  // null: the source ends with its file
  std::unique_ptr<LineReader> reader_;  // null: the followed file is not there yet
  FormerFiles former_;
  Time look_at_former_{};         // when to do so again
  std::uint32_t generation_ = 0;  // of the next file
  std::uint64_t sequence_ = 0;
  bool look_first_ = false;  // at what became of the file, before it is read on
  bool awaits_ = false;      // that nothing is there yet was said
  bool left_rest_ = false;   // that half a line is left unread was said
};

}  // namespace penstock::source
