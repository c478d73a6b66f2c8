// What is kept of an event that could not be delivered: enough to find it and to see its shape,
// without personal data.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/value.hpp"
#include "penstock/abi.h"

namespace penstock::mapping {

// The places of an event that hold personal data: everything at and below some paths.
class PersonalPlaces {
 public:
  // The path by its steps. From its first step that may be a list's index on, all of the list is
  // meant.
  void add(const std::vector<std::string>& steps);

 private:
  friend class EventMasker;
  struct Place {
    bool personal = false;  // this and all below it
    std::map<std::string, Place, std::less<>> below;
  };
  Place root_;
};

// Masks one event after the other. One per worker thread.
class EventMasker {
 public:
  // The places must outlive this.
  explicit EventMasker(const PersonalPlaces& places) : places_(places) {}

  // Forgets the event before, and the values that were to be masked in it.
  void begin();
  // A value of a personal-data field: masked wherever else it stands, also within longer texts.
  void mask_value(const penstock_value& value);
  // From now until begin() everything in the event is masked.
  void mask_everything() { everything_ = true; }
  // The event as compact JSON in which these are masked: everything at the personal places and
  // under keys such as email, phone, firstName, name, address or ip; what is written there wherever
  // else it stands; and every text (keys, too) that looks like an e-mail address, also as %40 and
  // the like, like a telephone number with the code of its country or a hash. A text becomes "***",
  // a number 0, true false. What is needed to find the event again stays: userId, anonymousId,
  // messageId, unless they hold such a text. False when the result would have more than `limit`
  // bytes; nothing is in `out` then that may not be there.
  bool append(std::string& out, const Value& event, std::size_t limit);

 private:
  using Place = PersonalPlaces::Place;
  void gather(const Value& value, const Place* place, bool personal);
  void gather_text(std::string_view text);
  void write(std::string& out, const Value& value, const Place* place, bool personal);
  void write_map(std::string& out, const Value& map, const Place* place, bool personal);
  [[nodiscard]] bool is_personal(std::string_view text) const;
  // By its value alone: of a number it cannot be told what it looks like.
  [[nodiscard]] bool is_personal_number(const Value& number) const;
  // Whether a value that is to be masked stands in this text, which is folded.
  [[nodiscard]] bool holds_value(const std::string& plain) const;

  const PersonalPlaces& places_;
  // Lower case, decoded; see the .cpp.
  std::unordered_set<std::string> values_;
  bool too_many_ = false;  // so every text is masked
  bool everything_ = false;
  std::size_t limit_ = 0;
};

// The shape of a line: every letter as x, every digit as 0, every byte beyond ASCII as x, control
// characters as a blank. At most the first kMaxShapeBytes.
inline constexpr std::size_t kMaxShapeBytes = 512;
[[nodiscard]] std::string shape_of(std::string_view line);

// A message with every word that holds an e-mail address replaced by "***": a net under what
// plugins write.
[[nodiscard]] std::string without_addresses(std::string_view message);

}  // namespace penstock::mapping
