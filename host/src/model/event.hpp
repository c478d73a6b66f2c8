// From a line of bytes to an event, and from an event to the places in it that the pipeline asks
// about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/status.hpp"
#include "model/value.hpp"

namespace penstock {

// Longest line that is read as an event. Segment's own limit is 32 KB an event; this leaves room
// for other senders and bounds what a worker's parser can grow to.
inline constexpr std::size_t kMaxEventBytes = 1024 * 1024;
// Readable bytes that must follow a line's last byte (their content does not matter): simdjson
// reads whole vectors.
inline constexpr std::size_t kEventPadding = simdjson::SIMDJSON_PADDING;

// The line without the NULs and byte order marks before its first character. Systems put NULs into
// the gaps of a file, and files that were joined have marks within.
[[nodiscard]] std::string_view event_text(std::string_view line);

// One per worker thread.
class EventParser {
 public:
  EventParser();
  // The line as a map, of its event_text(). Fails with StatusCode::bad_input when it is no JSON
  // object, is not UTF-8, is nested deeper than kMaxDepth or longer than kMaxEventBytes; the
  // message never quotes the line. Integers beyond 64 bits become doubles, as in JavaScript;
  // numbers beyond the range of a double become the largest finite one of their sign, where
  // JavaScript has Infinity, which no JSON can carry on. Half a surrogate pair (\ud800 alone) is
  // refused: JavaScript takes it, but it has no UTF-8 form. The value is valid until the next
  // parse. `line` must be followed by kEventPadding readable bytes.
  Result<Value> parse(std::string_view line);

  static constexpr std::size_t kMaxDepth =
      256;  // deeper than any sender nests; bounds recursion over a value

 private:
  void fit_memory(std::size_t line_bytes);

  std::unique_ptr<simdjson::dom::parser>
      parser_;             // on the heap: values point into it, and it is replaced when it grew
  std::string rewritten_;  // a line whose unrepresentable numbers were rewritten; see parse()
};

using PathSlot = std::uint32_t;

// The values of all paths of a PathTable in one event. One per worker thread.
class Slots {
 public:
  [[nodiscard]] const Value& operator[](PathSlot slot) const { return values_[slot]; }
  // Every slot that is not absent, in no order; may name a slot twice, and one that is absent after
  // all.
  [[nodiscard]] const std::vector<PathSlot>& touched() const { return touched_; }

 private:
  friend class PathTable;
  // When a branch was last walked, and which part of touched_ that walk added: what a later
  // duplicate key must clear.
  struct Visit {
    std::uint64_t event = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::vector<Value> values_;  // absent unless set
  std::vector<PathSlot>
      touched_;  // what extract() set, so that clearing costs no more than setting did
  std::vector<Visit> visits_;  // by branch
  std::uint64_t event_ = 0;    // counts calls of extract()
};

// All paths that the triggers and mappings of a pipeline ask about, as one tree, so that an event
// is walked once however many ask. Built by one thread at load, then read by many.
class PathTable {
 public:
  PathTable();
  // The slot of a path given by its steps, which mean what they do for Value::step; no steps is the
  // whole event. The same path always has the same slot.
  PathSlot intern(const std::vector<std::string>& steps);
  [[nodiscard]] std::size_t size() const { return slots_; }
  // The steps of every path, by slot.
  [[nodiscard]] std::vector<std::vector<std::string>> paths() const;
  // Fills the slots from an event. What was in them before is gone.
  void extract(const Value& event, Slots& slots) const;

 private:
  static constexpr PathSlot kNoSlot = UINT32_MAX;
  static constexpr std::uint32_t kNoBranch = UINT32_MAX;
  // A key's length with its first and last bytes: the whole key if that has at most 16.
  struct Fingerprint {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::uint32_t size = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
    [[nodiscard]] static Fingerprint of(std::string_view key);
    [[nodiscard]] std::uint64_t hash() const;
  };
  struct HashCell {
    Fingerprint key;
    std::uint32_t branch = kNoBranch;
  };
  struct Branch {
    std::string key;  // the step that leads here
    PathSlot slot = kNoSlot;
    std::uint64_t key_lengths = 0;  // bit n: some child's key has n bytes (bit 63: 63 or more)
    std::vector<std::uint32_t> children;
    std::vector<HashCell> cells;  // of the children, by hash; a power of two of them
    // Children whose key is an index, ascending by it.
    std::vector<std::pair<std::size_t, std::uint32_t>> indices;
  };

  [[nodiscard]] std::uint32_t find_child(const Branch& branch, std::string_view key) const;
  [[nodiscard]] std::uint32_t look_up(const Branch& branch, std::string_view key) const;
  std::uint32_t add_child(std::uint32_t parent, const std::string& key);
  static void set(PathSlot slot, const Value& value, Slots& slots);
  static void clear(PathSlot slot, Slots& slots);
  void walk(const Branch& branch, const Value& value, Slots& slots) const;
  void enter(std::uint32_t branch, const Value& value, Slots& slots) const;

  std::vector<Branch> branches_;
  std::size_t slots_ = 0;
};

// An event as an expression sees it.
struct EventView {
  Value root;
  const Slots* slots = nullptr;
};

}  // namespace penstock
