// Tally: what became of records, in the words of README.md, as a difference that can be
// added up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/dead_letter.hpp"

namespace penstock {

struct MappingCounts {
  std::uint64_t matched = 0;
  std::uint64_t delivered = 0;
  std::uint64_t superseded = 0;
  std::uint64_t skipped = 0;
  std::uint64_t dead_lettered = 0;  // replayed ones included
  std::uint64_t replayed = 0;       // dead letters that were put back into the queue
  // Sent once more, because an older request could have undone them; besides the outcomes.
  std::uint64_t confirmed = 0;

  void add(const MappingCounts& other) {
    matched += other.matched;
    delivered += other.delivered;
    superseded += other.superseded;
    skipped += other.skipped;
    dead_lettered += other.dead_lettered;
    replayed += other.replayed;
    confirmed += other.confirmed;
  }
  // What is neither delivered nor given up. Negative never, unless the accounting is broken.
  [[nodiscard]] std::int64_t pending() const {
    return static_cast<std::int64_t>(matched + replayed) -
           static_cast<std::int64_t>(delivered + superseded + skipped + dead_lettered);
  }
};

struct EventCounts {
  std::uint64_t received = 0;   // lines that are not blank
  std::uint64_t unmatched = 0;  // events that no mapping wanted
  std::uint64_t invalid = 0;    // lines that are no event

  void add(const EventCounts& other) {
    received += other.received;
    unmatched += other.unmatched;
    invalid += other.invalid;
  }
};

// Why records of one mapping were dead-lettered, skipped or delivered incompletely; or what was
// done with those that were delivered.
struct ReasonCount {
  enum class Kind : std::uint8_t { dead_letter, skipped, warning, delivered };
  static constexpr std::uint32_t kNoMapping =
      UINT32_MAX;  // a line that is no event belongs to no mapping

  Kind kind = Kind::dead_letter;
  std::uint32_t mapping = kNoMapping;
  std::string reason;   // stable code, such as no_identifier
  std::string field;    // warnings: the field that was left out
  std::string message;  // for a person; without personal data
  std::uint64_t count = 0;
};

// Adds to the count with the same kind, mapping, reason, field and message, or makes one. After
// kMaxMessages different messages for one reason, further ones are counted under kFurtherMessages:
// messages may hold values.
void add_reason(std::vector<ReasonCount>& counts, ReasonCount count);
// After kMaxReasons different reasons and fields of a kind and mapping, further ones are counted
// under kFurtherReasons: a plugin may make them up.
inline constexpr std::size_t kMaxMessages = 5;
inline constexpr std::size_t kMaxReasons = 200;
inline constexpr char kFurtherReasons[] = "other_reasons";
inline constexpr char kFurtherMessages[] = "other messages";

class Tally {
 public:
  struct Entry {
    std::uint32_t mapping;
    MappingCounts counts;
  };

  EventCounts events;
  std::uint64_t matched_events = 0;  // events that at least one mapping wanted
  // Records to be kept for people to look at; counted in mappings() and reasons() besides.
  std::vector<DeadLetter> dead_letters;
  // The counts of a mapping, to be added to. The reference is valid until the next call.
  MappingCounts& of(std::uint32_t mapping);
  void reason(ReasonCount::Kind kind, std::uint32_t mapping, std::string_view reason,
              std::string_view field, std::string_view message, std::uint64_t count = 1);

  void reason(ReasonCount count) { add_reason(reasons_, std::move(count)); }
  // Adds what the other has; of merge_reasons(), reasons and dead letters only.
  void merge(Tally other);
  void merge_reasons(Tally other);

  [[nodiscard]] const std::vector<Entry>& mappings() const { return mappings_; }
  [[nodiscard]] const std::vector<ReasonCount>& reasons() const { return reasons_; }
  // What the dead letters take, about.
  [[nodiscard]] std::size_t dead_letter_bytes() const;
  void clear();

 private:
  std::vector<Entry> mappings_;       // each mapping once
  std::vector<std::uint32_t> index_;  // mapping -> position in mappings_ + 1, or 0
  std::vector<ReasonCount> reasons_;
};

}  // namespace penstock
