// ReplayableKeys: whether a dead letter of the same person and audience may be kept. Asked for
// every element, so it is quick, and now and then says yes for nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/block.hpp"

namespace penstock::queue {

// Bloom filters, a larger one when the last is full. Nothing is ever taken out; a new run begins
// with what is kept then.
class ReplayableKeys {
 public:
  [[nodiscard]] static std::uint64_t hash_of(const Route& route);
  [[nodiscard]] static std::uint64_t hash_of(const Route& route, std::string_view coalesce_key);

  void add(const Route& route, std::string_view coalesce_key);
  [[nodiscard]] bool empty() const { return filters_.empty(); }
  // `route_hash` of hash_of(), `key_hash` as BlockElement::key_hash. False is certain.
  [[nodiscard]] bool may_have(std::uint64_t route_hash, std::uint64_t key_hash) const;

 private:
  struct Filter {
    unsigned bits = 0;  // as a power of two
    std::size_t keys = 0;
    std::vector<std::uint64_t> words;

    [[nodiscard]] bool has(std::uint64_t hash) const;
    void set(std::uint64_t hash);
    [[nodiscard]] bool full() const;
  };
  [[nodiscard]] bool has(std::uint64_t hash) const;

  // 128 KiB, then 512 KiB and 2 MiB: enough for the 600,000 letters that 256 MiB of them are, the
  // default of dead_letters.max_bytes, and as many new ones. A false yes costs one statement of
  // SQL; there are two in a hundred for each filter, more when the last one is over-full.
  static constexpr unsigned kFirstBits = 20;
  static constexpr unsigned kLastBits = 24;
  static constexpr unsigned kBitsPerKey = 16;

  std::vector<Filter> filters_;  // empty until something is added
};

}  // namespace penstock::queue
