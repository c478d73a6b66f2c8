// A segment as LinkedIn's API shows it: one audience in one ad account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "audience.hpp"

namespace penstock::linkedin {

enum class SegmentStatus : std::uint8_t {
  unknown,   // LinkedIn did not say, or said a word that is none of these
  building,  // new: up to 48 hours until it can be used
  ready,
  updating,  // as ready, with changes under way
  archived,  // not used and not changed for 30 days
  expired,   // not used and not changed for 90 days: its members are gone
  failed     // LinkedIn could not process it
};

struct Segment {
  std::string id;  // a number
  std::string type;
  std::string key;  // sourceSegmentId; "" when it has none
  std::string name;
  std::string source_platform;
  std::string account;          // "urn:li:sponsoredAccount:N"
  std::int64_t created_ms = 0;  // by LinkedIn's clock; 0 when it did not say
  SegmentStatus status = SegmentStatus::unknown;
  std::string status_word;  // as LinkedIn wrote it; "" when it did not
  // LinkedIn leaves these out while it builds, and hides small ones.
  std::optional<std::int64_t> audience_size;
  std::optional<std::int64_t> matched;  // of the last 7 days
  std::optional<std::int64_t> input;    // of the last 7 days

  [[nodiscard]] bool is_of(const AudienceId& audience) const {
    return type == name_of(audience.type) && key == audience.key;
  }
};

// True for what LinkedIn uses as a segment's id; anything else must not get into a URL.
[[nodiscard]] bool is_segment_id(std::string_view id);

// Nothing when it is no segment with an id.
[[nodiscard]] std::optional<Segment> parse_segment(const nlohmann::json& segment);

// Which of two segments is older; where LinkedIn does not say, by id.
[[nodiscard]] bool older(const Segment& a, const Segment& b);

}  // namespace penstock::linkedin
