// ReplayableKeys: whether a dead letter of the same person and audience may be kept. Asked for
// every element, so it is quick, and now and then says yes for nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/block.hpp"

namespace penstock::queue {

// A Bloom filter. Nothing is ever taken out; a new run begins with what is kept then.
class ReplayableKeys {
 public:
  [[nodiscard]] static std::uint64_t hash_of(const Route& route);
  [[nodiscard]] static std::uint64_t hash_of(const Route& route, std::string_view coalesce_key);

  void add(const Route& route, std::string_view coalesce_key);
  [[nodiscard]] bool empty() const { return bits_.empty(); }
  // `route_hash` of hash_of(), `key_hash` as BlockElement::key_hash. False is certain.
  [[nodiscard]] bool may_have(std::uint64_t route_hash, std::uint64_t key_hash) const;

 private:
  // 128 KiB: of 100,000 keys, three in a hundred answers are a false yes, and each costs one
  // statement of SQL.
  static constexpr unsigned kBits = 20;
  static constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;

  std::vector<std::uint64_t> bits_;  // empty until something is added
};

}  // namespace penstock::queue
