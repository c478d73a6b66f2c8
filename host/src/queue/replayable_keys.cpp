#include "queue/replayable_keys.hpp"

#include <functional>

namespace penstock::queue {
namespace {

// The finalizer of splitmix64: every bit of the input decides on every bit of the result.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

std::uint64_t ReplayableKeys::hash_of(const Route& route) {
  const std::uint64_t place = std::uint64_t{route.destination} << 32U | route.action;
  return mixed(std::hash<std::string_view>()(route.batch_key) ^ mixed(place));
}

std::uint64_t ReplayableKeys::hash_of(const Route& route, std::string_view coalesce_key) {
  return mixed(hash_of(route) ^ coalesce_hash(coalesce_key));
}

void ReplayableKeys::add(const Route& route, std::string_view coalesce_key) {
  if (coalesce_key.empty()) return;
  bits_.resize((kMask + 1) / 64);
  const std::uint64_t hash = hash_of(route, coalesce_key);
  for (const std::uint64_t bit : {hash & kMask, hash >> kBits & kMask})
    bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

bool ReplayableKeys::may_have(std::uint64_t route_hash, std::uint64_t key_hash) const {
  if (bits_.empty()) return false;
  const std::uint64_t hash = mixed(route_hash ^ key_hash);
  const auto is_set = [this](std::uint64_t bit) {
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
  };
  return is_set(hash & kMask) && is_set(hash >> kBits & kMask);
}

}  // namespace penstock::queue
