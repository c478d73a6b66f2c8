// DeadLetter: a record that will not be delivered, as it is kept for people to look at and replay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/block.hpp"

namespace penstock {

// Most of a record's content that is kept. Segment's own limit for an event is 32 KB, and masking
// seldom makes it longer.
inline constexpr std::size_t kMaxDeadLetterBytes = 64 * 1024;

struct DeadLetter {
  // What of the record is kept.
  enum class Form : std::uint8_t {
    element,      // as the plugin made it: can be replayed
    event,        // JSON text of the event, personal data masked
    masked_text,  // a line that is no event: its shape, every letter and digit masked
  };
  static constexpr std::uint32_t kNoMapping = UINT32_MAX;  // a line that is no event

  std::uint32_t mapping = kNoMapping;
  std::string reason;   // stable code, such as no_identifier
  std::string message;  // for a person; without personal data
  std::int32_t remote_status = 0;
  std::uint32_t attempts = 0;  // times that it was sent
  Form form = Form::event;
  std::string content;
  // Form::element: what a replay needs besides the payload, and the Block::sequence it came from.
  std::uint64_t block = 0;
  Route route;
  std::string coalesce_key;
  // A newer element of the same route and coalesce key has been seen: a replay would undo it.
  bool overtaken = false;
  // What was in the queue when this was made, the newest Block::sequence plus one: newer elements
  // may be among it. Set by the queue.
  std::uint64_t queued_until = 0;
  // Where the event stands in the source, in bytes from its start; 0 and 0 when that is not known
  // (elements) or was too long to be kept.
  std::uint64_t source_offset = 0;
  std::uint64_t source_size = 0;

  // What it takes on disk, about.
  [[nodiscard]] std::size_t bytes() const {
    return content.size() + message.size() + coalesce_key.size() + route.batch_key.size() + 100;
  }
};

}  // namespace penstock
