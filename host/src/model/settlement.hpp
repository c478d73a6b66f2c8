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

}  // namespace penstock
