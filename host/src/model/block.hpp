// Block: the elements that one piece of the source led to; the unit in which the queue stores,
// orders and forgets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

// How far a source has been read, in bytes from the start of the file or stream.
struct Position {
  std::uint64_t offset = 0;
  // Which of the files that were read in this run, in their order: a followed file is replaced or
  // emptied now and then.
  std::uint32_t generation = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

// Which batches an element may be part of: elements with equal routes may share a request.
struct Route {
  std::uint32_t destination = 0;  // index into PipelineConfig::destinations
  std::uint32_t action = 0;       // index into the plugin manifest's actions
  std::string batch_key;          // what the plugin chose; at most kMaxKeyBytes
  friend bool operator==(const Route&, const Route&) = default;
};

// Which elements are about the same person or company and audience: the newest of them counts.
struct ElementKey {
  Route route;
  std::string coalesce_key;
};

// Longest batch key and coalesce key (penstock_element in penstock/abi.h).
inline constexpr std::size_t kMaxKeyBytes = 512;

// What a plugin's mapping hook emitted for one record, as a view into its block.
struct BlockElement {
  std::uint64_t key_hash = 0;  // of the coalesce key; 0 when that is empty
  std::uint32_t mapping = 0;   // index over all enabled mappings of the pipeline
  std::uint32_t route = 0;     // index into Block::routes
  std::uint32_t offset = 0;  // in Block::bytes: the payload, directly followed by the coalesce key
  std::uint32_t payload_size = 0;
  std::uint32_t key_size = 0;
};

// BlockElement::key_hash of a coalesce key. Never stored: another build may compute another one.
[[nodiscard]] inline std::uint64_t coalesce_hash(std::string_view key) {
  return key.empty() ? 0 : std::hash<std::string_view>()(key);
}

// Immutable once it is in the queue.
struct Block {
  std::uint64_t sequence = 0;  // consecutive from 0, in the order of the source
  Position begin;
  Position end;  // when all up to here is settled, the source may forget everything before it
  std::string bytes;
  std::vector<BlockElement> elements;
  std::vector<Route> routes;

  [[nodiscard]] std::string_view payload(const BlockElement& element) const {
    return {bytes.data() + element.offset, element.payload_size};
  }
  [[nodiscard]] std::string_view coalesce_key(const BlockElement& element) const {
    return {bytes.data() + element.offset + element.payload_size, element.key_size};
  }
  // What the block holds in memory, about. Where each element has a route of its own, those take
  // as much as the rest.
  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t size = sizeof(Block) + bytes.capacity() +
                       elements.capacity() * sizeof(BlockElement) +
                       routes.capacity() * sizeof(Route);
    for (const Route& route : routes) size += route.batch_key.capacity();
    return size;
  }
};

// A block as the queue gives it out, with what is known of its elements from before.
struct LoadedBlock {
  std::shared_ptr<const Block> block;
  // By element; empty: none. Settled already, or of a mapping that the pipeline no longer has: not
  // to be delivered.
  std::vector<bool> done;
  std::vector<std::uint32_t> attempts;  // failed ones, by element; empty: none
  std::int64_t stored_ns = 0;  // monotonic time at which it was stored; negative when that was
                               // before the clock's beginning
};

}  // namespace penstock
