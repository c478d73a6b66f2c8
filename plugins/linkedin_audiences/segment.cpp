#include "segment.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "api.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxIdLength = 20;  // of a 64-bit number

const json* member(const json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

// Signed, and not beyond what a signed number holds.
std::optional<std::int64_t> count_of(const json& object, const char* name) {
  const json* value = member(object, name);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  const auto count = value->get<std::int64_t>();
  if (count < 0) return std::nullopt;
  return count;
}

// An id is a number in LinkedIn's objects, and text in headers.
std::string id_of(const json& segment) {
  const json* id = member(segment, "id");
  if (id == nullptr) return {};
  if (id->is_number_integer()) return id->dump();
  return id->is_string() ? id->get<std::string>() : std::string();
}

SegmentStatus status_of(std::string_view word) {
  constexpr std::array kWords = {std::pair{std::string_view("BUILDING"), SegmentStatus::building},
                                 std::pair{std::string_view("READY"), SegmentStatus::ready},
                                 std::pair{std::string_view("UPDATING"), SegmentStatus::updating},
                                 std::pair{std::string_view("ARCHIVED"), SegmentStatus::archived},
                                 std::pair{std::string_view("EXPIRED"), SegmentStatus::expired},
                                 std::pair{std::string_view("FAILED"), SegmentStatus::failed},
                                 std::pair{std::string_view("ERROR"), SegmentStatus::failed}};
  const auto* const found =
      std::find_if(kWords.begin(), kWords.end(), [&](const auto& w) { return w.first == word; });
  return found == kWords.end() ? SegmentStatus::unknown : found->second;
}

// Status and counts stand in the entry of the destination LINKEDIN, which is the only one there is.
void read_destination(const json& segment, Segment& to) {
  const json* destinations = member(segment, "destinations");
  if (destinations == nullptr || !destinations->is_array()) return;
  for (const json& destination : *destinations) {
    if (!destination.is_object() || text_of(destination, "destination") != "LINKEDIN") continue;
    to.status_word = text_of(destination, "status");
    to.status = status_of(to.status_word);
    to.audience_size = count_of(destination, "audienceSize");
    to.matched = count_of(destination, "matchedCount");
    if (const auto input = count_of(destination, "inputCount")) to.input = input;
    return;
  }
}

}  // namespace

bool is_segment_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Segment> parse_segment(const json& segment) {
  if (!segment.is_object()) return std::nullopt;
  Segment parsed;
  parsed.id = id_of(segment);
  if (!is_segment_id(parsed.id)) return std::nullopt;
  parsed.type = text_of(segment, "type");
  parsed.key = text_of(segment, "sourceSegmentId");
  parsed.name = text_of(segment, "name");
  parsed.account = text_of(segment, "account");
  parsed.source_platform = text_of(segment, "sourcePlatform");
  parsed.created_ms = count_of(segment, "created").value_or(0);
  parsed.input = count_of(segment, "inputCount");
  read_destination(segment, parsed);
  return parsed;
}

bool older(const Segment& a, const Segment& b) {
  const auto rank = [](const Segment& s) {
    return std::make_tuple(s.created_ms, s.id.size(), std::string_view(s.id));
  };
  return rank(a) < rank(b);
}

}  // namespace penstock::linkedin
