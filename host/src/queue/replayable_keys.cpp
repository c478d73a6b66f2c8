#include "queue/replayable_keys.hpp"

#include <algorithm>
#include <functional>
#include <utility>

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

bool ReplayableKeys::Filter::has(std::uint64_t hash) const {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  const auto is_set = [this](std::uint64_t bit) {
    return (words[bit / 64] >> (bit % 64) & 1U) != 0;
  };
  return is_set(hash & mask) && is_set(hash >> bits & mask);
}

void ReplayableKeys::Filter::set(std::uint64_t hash) {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  for (const std::uint64_t bit : {hash & mask, hash >> bits & mask})
    words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  ++keys;
}

bool ReplayableKeys::Filter::full() const {
  return bits < kLastBits && keys >= (std::size_t{1} << bits) / kBitsPerKey;
}

void ReplayableKeys::add(const Route& route, std::string_view coalesce_key) {
  if (coalesce_key.empty()) return;
  const std::uint64_t hash = hash_of(route, coalesce_key);
  if (has(hash)) return;
  if (filters_.empty() || filters_.back().full()) {
    Filter filter;
    filter.bits = filters_.empty() ? kFirstBits : filters_.back().bits + 2;
    filter.words.resize((std::size_t{1} << filter.bits) / 64);
    filters_.push_back(std::move(filter));
  }
  filters_.back().set(hash);
}

bool ReplayableKeys::has(std::uint64_t hash) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [hash](const Filter& filter) { return filter.has(hash); });
}

bool ReplayableKeys::may_have(std::uint64_t route_hash, std::uint64_t key_hash) const {
  return !filters_.empty() && has(mixed(route_hash ^ key_hash));
}

}  // namespace penstock::queue
