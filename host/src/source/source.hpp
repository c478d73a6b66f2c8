// Source: reads events as chunks of whole lines, in order, with a position that can be committed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/block.hpp"
#include "model/pipeline_config.hpp"
#include "model/source_position.hpp"
#include "model/status.hpp"

namespace penstock::source {

// How much is read at a time: large enough that system calls do not count, small enough to stay in
// a core's cache while a worker maps it.
inline constexpr std::size_t kReadBytes = 256 * 1024;

// Some lines of the source. Reused from read to read; one thread at a time.
struct Chunk {
  std::uint64_t sequence = 0;  // consecutive from 0
  Position begin;              // of these lines, in their file
  Position end;
  // How far the newest file was read. Not `end` when these lines came late to a file before it.
  Position reached;
  // To go on behind this chunk in another process. Nothing for a stream, which cannot be read
  // again.
  std::optional<SavedPosition> saved;
  // The file of these lines before they were read. Nothing for a stream.
  std::optional<FilePosition> before;
  // Whole lines, the last newline included where the file has it, followed by kEventPadding
  // readable bytes that are not part of size.
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
  std::size_t capacity = 0;
  // The chunk stands for one line longer than kMaxEventBytes, which was read past and is not in
  // bytes.
  bool oversized_line = false;
};

// chunk.saved, should the lines of the chunk from this byte of their file on be read again.
[[nodiscard]] Result<std::optional<SavedPosition>> saved_at(const Chunk& chunk,
                                                            std::uint64_t offset);

class Source {
 public:
  virtual ~Source() = default;
  // Fills the next chunk, waiting for input if need be. false: the source has ended, or stop() was
  // called. Not thread-safe: callers take turns. StatusCode::io when the input cannot be read,
  // StatusCode::bad_input when none of it can be events (file_form.hpp).
  virtual Result<bool> next(Chunk& chunk) = 0;
  // [any thread, also a signal handler's] Makes next() return false as soon as possible.
  virtual void stop() = 0;
  // How many bytes there are as far as is known: of a file its size, of a stream what was read from
  // it. Not while next() runs.
  [[nodiscard]] virtual std::uint64_t known_bytes() const = 0;
  // Where the next chunk of the newest file begins. Not while next() runs.
  [[nodiscard]] virtual Position position() const = 0;
  // "events.ndjson" or "standard input", for messages.
  [[nodiscard]] virtual const std::string& name() const = 0;
};

// Something that a person should know about how the source is read.
struct Notice {
  enum class Weight : std::uint8_t { info, warning };
  Weight weight = Weight::info;
  std::string text;
};
// Called by open() and, one at a time, by the threads in next().
using Notify = std::function<void(const Notice&)>;

// Opens what the pipeline names. A file is read from the saved position on if it is still the file
// of which that was saved (or a copy of it); otherwise from its start, as with from_start, and
// `notify` reports what was found. One that is followed need not exist yet. StatusCode::io says
// what is wrong with the path, StatusCode::configuration that what is there cannot be followed.
//
// A last line without a newline is an event when it is whole (a JSON object); half of one stays
// unread, and `notify` reports that. Half a line at the end of a stream is handed on as it is.
Result<std::unique_ptr<Source>> open(const SourceConfig& config,
                                     const std::optional<SavedPosition>& saved = std::nullopt,
                                     bool from_start = false, Notify notify = {});

}  // namespace penstock::source
