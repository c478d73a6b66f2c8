// From a line of bytes to an event, and from an event to the places in it that the pipeline asks about.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.hpp"
#include "model/value.hpp"

namespace penstock {

// Longest line that is read as an event. Segment's own limit is 32 KB an event; this leaves room for other senders and
// bounds what a worker's parser can grow to.
inline constexpr std::size_t kMaxEventBytes = 1024 * 1024;
// Readable bytes that must follow a line's last byte (their content does not matter): simdjson reads whole vectors.
inline constexpr std::size_t kEventPadding = simdjson::SIMDJSON_PADDING;

// One per worker thread.
class EventParser {
 public:
  EventParser();
  // The line as a map. Fails with StatusCode::bad_input when it is no JSON object, is not UTF-8, is nested deeper than
  // kMaxDepth or longer than kMaxEventBytes; the message never quotes the line. Integers beyond 64 bits become doubles,
  // as in JavaScript. The value is valid until the next parse. `line` must be followed by kEventPadding readable bytes.
  Result<Value> parse(std::string_view line);

  static constexpr std::size_t kMaxDepth = 256;  // deeper than any sender nests; bounds recursion over a value

 private:
  simdjson::dom::parser parser_;
  std::string rewritten_;  // a line whose huge integers were rewritten; see parse()
};

using PathSlot = std::uint32_t;

// The values of all paths of a PathTable in one event. One per worker thread.
class Slots {
 public:
  [[nodiscard]] const Value& operator[](PathSlot slot) const { return values_[slot]; }

 private:
  friend class PathTable;
  std::vector<Value> values_;      // absent unless set
  std::vector<PathSlot> touched_;  // what extract() set, so that clearing costs no more than setting did
};

// All paths that the triggers and mappings of a pipeline ask about, as one tree, so that an event is walked once however
// many ask. Built by one thread at load, then read by many.
class PathTable {
 public:
  PathTable();
  // The slot of a path given by its steps (a map's key, or a list's index as decimal digits); no steps is the whole
  // event. The same path always has the same slot.
  PathSlot intern(const std::vector<std::string>& steps);
  [[nodiscard]] std::size_t size() const { return slots_; }
  // Fills the slots from an event. What was in them before is gone.
  void extract(const Value& event, Slots& slots) const;

 private:
  struct Branch {
    std::vector<std::pair<std::string, std::uint32_t>> children;  // step -> branch
    PathSlot slot = kNoSlot;
  };
  static constexpr PathSlot kNoSlot = UINT32_MAX;
  std::vector<Branch> branches_;
  std::size_t slots_ = 0;
};

// An event as an expression sees it.
struct EventView {
  Value root;
  const Slots* slots = nullptr;
};

}  // namespace penstock
