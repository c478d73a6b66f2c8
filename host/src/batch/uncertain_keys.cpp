#include "batch/uncertain_keys.hpp"

#include <algorithm>

namespace penstock::batch {
namespace {

// Looking through all keys for one that is over takes a millisecond.
constexpr std::int64_t kLookIntervalNs = 1'000'000'000;

// The finalizer of splitmix64: every bit of the input decides on every bit of the result.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

// FNV-1a.
std::uint64_t append(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

std::uint64_t UncertainKeys::hash_of(std::string_view batch_key, std::string_view coalesce_key) {
  constexpr std::uint64_t kStart = 0xcbf29ce484222325ULL;
  // Mixed in between, so that no two pairs are one text.
  return mixed(append(mixed(append(kStart, batch_key)), coalesce_key));
}

std::uint64_t UncertainKeys::place_of(const UncertainKey& key) {
  return mixed(key.key ^ mixed(std::uint64_t{key.destination} << 32U | key.action));
}

bool UncertainKeys::none(std::int64_t now_ns) {
  if (latest_ns_ == 0) return true;
  if (now_ns < latest_ns_) return false;
  keys_ = {};
  std::fill(all_until_ns_.begin(), all_until_ns_.end(), 0);
  latest_ns_ = 0;
  suspects_ = false;
  return true;
}

void UncertainKeys::forget_expired(std::int64_t now_ns) {
  if (now_ns < next_look_ns_) return;
  next_look_ns_ = now_ns + kLookIntervalNs;
  boost::unordered::erase_if(
      keys_, [now_ns](const auto& known) { return known.second.until_ns <= now_ns; });
}

UncertainKeys::Entry* UncertainKeys::add(const UncertainKey& key, std::int64_t now_ns) {
  latest_ns_ = std::max(latest_ns_, key.until_ns);
  std::int64_t& all = all_until_ns_[key.destination];
  if (key.action == UncertainKey::kAllActions) {
    all = std::max(all, key.until_ns);
    return nullptr;
  }
  const std::uint64_t place = place_of(key);
  auto found = keys_.find(place);
  if (found == keys_.end()) {
    if (keys_.size() >= most_keys_) forget_expired(now_ns);
    if (keys_.size() >= most_keys_) {
      all = std::max(all, key.until_ns);
      return nullptr;
    }
    found = keys_.emplace(place, Entry{key.block, key.until_ns, key.element, true}).first;
    return &found->second;
  }
  Entry& entry = found->second;
  if (entry.until_ns <= now_ns) {
    entry = {key.block, key.until_ns, key.element, true};
  } else {
    if (entry.block != key.block || entry.element != key.element)
      entry.block = UncertainKey::kSeveral;
    entry.until_ns = std::max(entry.until_ns, key.until_ns);
  }
  return &entry;
}

UncertainKey UncertainKeys::note(const UncertainKey& key, std::int64_t now_ns) {
  UncertainKey stored = key;
  Entry* const entry = add(key, now_ns);
  if (entry == nullptr) {
    stored.action = UncertainKey::kAllActions;
    stored.key = 0;
    stored.block = UncertainKey::kSeveral;
    stored.element = 0;
    return stored;
  }
  entry->stored = true;
  stored.block = entry->block;
  stored.element = entry->element;
  stored.until_ns = entry->until_ns;
  return stored;
}

void UncertainKeys::recall(const UncertainKey& key, std::int64_t now_ns) {
  if (key.until_ns > now_ns) add(key, now_ns);
}

void UncertainKeys::suspect(const UncertainKey& key, std::int64_t now_ns) {
  if (key.until_ns <= now_ns) return;
  suspects_ = true;
  if (Entry* const entry = add(key, now_ns); entry != nullptr) entry->stored = false;
}

bool UncertainKeys::take_suspect(UncertainKey& key, std::int64_t now_ns) {
  const std::int64_t all_until_ns = all_until_ns_[key.destination];
  const auto found = keys_.find(place_of(key));
  if (found == keys_.end()) {
    if (all_until_ns <= now_ns) return false;
    // It had no place of its own.
    key = {key.destination, UncertainKey::kAllActions, 0, UncertainKey::kSeveral, 0, all_until_ns};
    return true;
  }
  Entry& entry = found->second;
  if (entry.stored || entry.until_ns <= now_ns) return false;
  entry.stored = true;
  key.block = entry.block;
  key.element = entry.element;
  key.until_ns = entry.until_ns;
  return true;
}

std::int64_t UncertainKeys::others_until(const UncertainKey& key, std::int64_t now_ns) const {
  std::int64_t until_ns = all_until_ns_[key.destination];
  if (const auto found = keys_.find(place_of(key)); found != keys_.end()) {
    const Entry& entry = found->second;
    if (entry.block != key.block || entry.element != key.element)
      until_ns = std::max(until_ns, entry.until_ns);
  }
  return until_ns > now_ns ? until_ns : 0;
}

}  // namespace penstock::batch
