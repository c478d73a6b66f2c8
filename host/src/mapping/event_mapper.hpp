// EventMapper: from a line of the source to the elements that its mappings make of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/masked_event.hpp"
#include "mapping/plugin_words.hpp"
#include "mapping/program.hpp"
#include "mapping/shared_identifiers.hpp"
#include "model/block.hpp"
#include "model/dead_letter.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "penstock/abi.h"

namespace penstock::mapping {

// What one mapping made of one event. The texts are valid until the next call of the mapper.
struct RecordResult {
  // plugin_fault: the plugin broke a rule of the contract (abi.h). What becomes of the record is
  // not known until it is mapped again.
  enum class Kind : std::uint8_t { element, skipped, dead_letter, plugin_fault };
  Kind kind = Kind::element;
  std::string_view reason;   // of all but elements: a stable code
  std::string_view message;  // for a person, without personal data
  // element: payload directly followed by the coalesce key, at the end of the bytes given to map()
  std::uint32_t payload_size = 0;
  std::uint32_t key_size = 0;
  std::string_view batch_key;
};

// What the plugin left out of an element.
struct Warning {
  std::string code;
  std::uint32_t field = 0;  // index into the action's fields
};

// One per worker thread. Call read() for a line, then map() for the mappings that matched.
class EventMapper {
 public:
  explicit EventMapper(const Program& program);

  // Parses the line, which must be followed by kEventPadding readable bytes, and finds the mappings
  // that want it.
  [[nodiscard]] Status read(std::string_view line);
  [[nodiscard]] const std::vector<std::uint32_t>& matches() const { return matches_; }

  // Makes the record of the event that was read and lets the plugin turn it into an element, whose
  // payload and coalesce key are appended to bytes. Nothing is appended unless the result is an
  // element.
  RecordResult map(std::uint32_t mapping, std::string& bytes);
  // After map(): what was left out of the element.
  [[nodiscard]] const std::vector<Warning>& warnings() const { return emission_.warnings; }
  static constexpr std::uint32_t kNoField = UINT32_MAX;
  // After map() said element: the fields with an identifier that stands for many users although it
  // should be one person. kNoField is the coalesce key, whose hash this is, of a plugin that names
  // no identifiers.
  [[nodiscard]] const std::vector<std::uint32_t>& shared_fields(std::uint64_t key_hash);
  // After map() said dead_letter: what is kept of the event, which came from this line; sets form
  // and content, and adds to the message where that is not the whole event.
  void keep_masked(DeadLetter& letter, std::string_view line, std::uint32_t mapping);
  // After map(): the resolved fields as a JSON object, for `try`.
  void append_fields_json(std::string& out, std::uint32_t mapping) const;

 private:
  // Of one element. A person has no more addresses and devices that are worth sending.
  static constexpr std::size_t kMaxIdentifiers = 32;
  struct Identifier {
    std::uint64_t hash = 0;
    std::uint32_t field = 0;
  };
  struct Emission {
    std::string* bytes = nullptr;
    std::size_t start = 0;
    std::uint32_t count = 0;
    bool null_text = false;  // a text without data that claims a size
    std::uint64_t payload_size = 0;
    std::uint64_t key_size = 0;
    std::string batch_key;
    std::vector<Warning> warnings;
    bool of_person = false;  // the action's identity
    std::array<Identifier, kMaxIdentifiers> identifiers;
    std::size_t identifier_count = 0;
    PluginWords* words = nullptr;
  };
  static void on_element(void* ctx, const penstock_element* element) noexcept;
  static void on_warning(void* ctx, penstock_str code, std::uint32_t field) noexcept;
  static void on_identifier(void* ctx, penstock_str value, std::uint32_t field) noexcept;
  RecordResult plugin_fault(std::string message);
  // Of the event's userId; 0 where it has none.
  std::uint64_t user_hash();

  const Program& program_;
  EventParser parser_;
  Arena arena_;
  Slots slots_;
  EventView view_;
  trigger::Matches scratch_;
  std::vector<std::uint32_t> matches_;
  std::vector<penstock_value> values_;
  Faults faults_;
  Emission emission_;
  penstock_emitter emitter_{};
  penstock_error error_{};
  std::string message_;
  PluginWords words_;
  EventMasker masker_;
  SharedIdentifiers shared_;
  std::vector<std::uint32_t> shared_fields_;
};

// A rule of the contract that a plugin broke, and on which event.
struct PluginFault {
  std::uint32_t mapping = 0;
  std::uint64_t offset = 0;  // in the source, of the event's line
  std::string message;       // a sentence without its end
};

// How far map_lines() came.
struct MappedLines {
  std::size_t size = 0;              // of the text: what lies before it was mapped
  std::optional<PluginFault> fault;  // why no further, where a plugin is at fault
};

// Maps the lines of a chunk, which begins at this byte of the source, until all are mapped or what
// they became takes kMostMappedBytes; call it again for the rest then. Blank lines are no events.
// Appends to blocks (sequence and positions are the caller's to set) and adds to tally, which must
// both be empty, also a DeadLetter for each line that is no event and each record that became none.
// A block is closed when it reaches kMaxBlockBytes, so there may be several.
//
// Where a plugin is at fault, blocks and tally are what the lines before that event became, for all
// mappings: nothing of the event itself is in them, so that it can be mapped again as a whole.
[[nodiscard]] MappedLines map_lines(EventMapper& mapper, const Program& program,
                                    std::string_view text, std::uint64_t begin_offset,
                                    std::vector<Block>& blocks, Tally& tally);

// The same for a line longer than kMaxEventBytes, of which nothing but its place is known.
void map_oversized_line(std::uint64_t begin_offset, std::uint64_t end_offset,
                        std::vector<Block>& blocks, Tally& tally);

// Lines are mapped until what they became takes so much; it is then handed over before further ones
// are mapped. 256 KiB of events that 5,000 mappings want become 400 MiB. It is what the queue
// stores at a time (Queue::kBlockBytes), so that smaller pieces would save nothing. One event is
// never divided: with position and counts it is stored as a whole.
inline constexpr std::size_t kMostMappedBytes = 1024 * 1024;

// Most that the dead letters that are handed over together hold of their events; of further ones
// the place in the source alone is kept. An event that thousands of mappings refuse would otherwise
// take its size that many times.
inline constexpr std::size_t kMaxKeptBytes = 4 * 1024 * 1024;

// A block stays well below the 4 GiB that its offsets can express, and small enough to be read back
// as one piece.
inline constexpr std::size_t kMaxBlockBytes = 8 * 1024 * 1024;

}  // namespace penstock::mapping
