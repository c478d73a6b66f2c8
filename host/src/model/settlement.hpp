// Settlement: what became of elements that need no further delivery.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock {

struct SettledElement {
  enum class Kind : std::uint8_t { delivered, superseded, dead_lettered };
  std::uint32_t element = 0;  // index into Block::elements; each once in the block's life
  std::uint32_t mapping = 0;  // BlockElement::mapping
  Kind kind = Kind::delivered;
};

struct Settlement {
  std::uint64_t block = 0;  // Block::sequence
  std::vector<SettledElement> elements;
};

// An element was tried and is still pending.
struct FailedAttempt {
  std::uint64_t block = 0;
  std::uint32_t element = 0;
  std::uint32_t attempts = 0;  // failed ones until now
};

// An attempt of an element had no certain answer: the destination may still carry it out, and undo
// what came later for the same key.
struct UncertainKey {
  static constexpr std::uint32_t kAllActions = UINT32_MAX;  // all keys of the destination
  static constexpr std::uint64_t kSeveral = UINT64_MAX;     // more than one element, or unknown

  std::uint32_t destination = 0;
  std::uint32_t action = 0;  // Route::action
  std::uint64_t key = 0;     // hash of batch key and coalesce key (batch/uncertain_keys.hpp)
  std::uint64_t block = 0;   // Block::sequence of the element
  std::uint32_t element = 0;
  // Until when that may happen, in the time of whoever keeps it: monotonic in the batcher, wall
  // clock in the store.
  std::int64_t until_ns = 0;
};

}  // namespace penstock
