// UncertainKeys: for whom an older request may still be carried out, although nobody waits for its
// answer any more.
//
// An attempt without a certain answer (none in time, a broken connection, an error of the server,
// a process that was killed) makes the key of its element uncertain until a time. What is sent for
// that key before then, and is another element, may be undone by the older one.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/block.hpp"
#include "model/settlement.hpp"

namespace penstock::batch {

class UncertainKeys {
 public:
  // Keys that are known one by one: those of forty lost requests of 5,000 elements, in 8 MiB.
  // Beyond it all keys of a destination count as uncertain, which costs requests and no truth.
  static constexpr std::size_t kMostKeys = 200'000;

  explicit UncertainKeys(std::size_t destinations, std::size_t most_keys = kMostKeys)
      : most_keys_(most_keys), all_until_ns_(destinations, 0) {}

  // Of batch key and coalesce key; the same in every build, because the store keeps it.
  [[nodiscard]] static std::uint64_t hash_of(std::string_view batch_key,
                                             std::string_view coalesce_key);

  // Nothing is uncertain at this time; forgets what is over.
  [[nodiscard]] bool none(std::int64_t now_ns);

  // An attempt of the element may be carried out until key.until_ns. Returns what the store has to
  // know: the key as it is now, or that all keys of the destination are uncertain.
  UncertainKey note(const UncertainKey& key, std::int64_t now_ns);
  // The same of what the store knows already. With kAllActions for the whole destination.
  void recall(const UncertainKey& key, std::int64_t now_ns);
  // The same of an element that may have been in flight when a process was killed. The store knows
  // no more than that it is pending, and has to know when that is over: see take_suspect().
  void suspect(const UncertainKey& key, std::int64_t now_ns);
  [[nodiscard]] bool has_suspects() const { return suspects_; }
  // What the store has to know when this element is not pending any more. False: nothing.
  [[nodiscard]] bool take_suspect(UncertainKey& key, std::int64_t now_ns);

  // Until when something that is not this element may be carried out for its key; 0: nothing may.
  [[nodiscard]] std::int64_t others_until(const UncertainKey& key, std::int64_t now_ns) const;

 private:
  struct Entry {
    std::uint64_t block = 0;  // kSeveral: more than one element may be carried out
    std::int64_t until_ns = 0;
    std::uint32_t element = 0;
    bool stored = true;  // the store knows of it
  };
  struct Hash {
    using is_avalanching = void;  // keys are mixed already
    std::size_t operator()(std::uint64_t key) const { return key; }
  };

  [[nodiscard]] static std::uint64_t place_of(const UncertainKey& key);
  // Null: there is no room, and the destination as a whole is uncertain now.
  Entry* add(const UncertainKey& key, std::int64_t now_ns);
  void forget_expired(std::int64_t now_ns);

  const std::size_t most_keys_;
  boost::unordered_flat_map<std::uint64_t, Entry, Hash> keys_;
  std::vector<std::int64_t> all_until_ns_;  // by destination
  std::int64_t latest_ns_ = 0;              // when everything is over
  std::int64_t next_look_ns_ = 0;           // with all places taken: when to look for one again
  bool suspects_ = false;
};

}  // namespace penstock::batch
