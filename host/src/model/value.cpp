#include "model/value.hpp"

#include <algorithm>
#include <unordered_map>

namespace penstock {
namespace {

std::int64_t utf16_length(std::string_view text) {
  std::int64_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80) ++units;  // the first byte of a character
    if (byte >= 0xF0) ++units;            // above U+FFFF: two units
  }
  return units;
}

// Maps up to this size are searched for duplicate keys pairwise, which beats sorting and needs no
// memory.
constexpr std::size_t kPairwiseLimit = 64;

// 0 to 63, different for most keys that differ.
unsigned key_bucket(std::string_view key) {
  if (key.empty()) return 0;
  const auto first = static_cast<unsigned char>(key.front());
  const auto last = static_cast<unsigned char>(key.back());
  const auto middle = static_cast<unsigned char>(key[key.size() / 2]);
  return (first * 7U + middle * 13U + last * 31U + static_cast<unsigned>(key.size())) % 64U;
}

bool has_duplicates_pairwise(simdjson::dom::object object) {
  std::uint64_t buckets = 0;
  for (auto member = object.begin(); member != object.end(); ++member) {
    const std::string_view key = member.key();
    const std::uint64_t bucket = std::uint64_t{1} << key_bucket(key);
    if ((buckets & bucket) != 0) {
      for (auto earlier = object.begin(); earlier != member; ++earlier) {
        if (earlier.key() == key) return true;
      }
    }
    buckets |= bucket;
  }
  return false;
}

}  // namespace

bool Value::has_duplicate_keys(simdjson::dom::object object) {
  const std::size_t count = object.size();
  if (count < 2) return false;
  if (count <= kPairwiseLimit) return has_duplicates_pairwise(object);
  std::vector<std::string_view> keys;
  keys.reserve(count);
  for (const simdjson::dom::key_value_pair member : object) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

std::vector<Member> Value::distinct_members(simdjson::dom::object object) {
  std::vector<Member> members;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const simdjson::dom::key_value_pair member : object) {
    const auto [place, is_new] = places.try_emplace(member.key, members.size());
    if (is_new) {
      members.push_back({member.key, of(member.value)});
    } else {
      members[place->second].value = of(member.value);
    }
  }
  return members;
}

std::size_t Value::size() const {
  if (kind_ != Kind::list && kind_ != Kind::map) return 0;
  if (!parsed_) return count_;
  if (kind_ == Kind::list) return parsed_array().size();
  const simdjson::dom::object object = parsed_object();
  return has_duplicate_keys(object) ? distinct_members(object).size() : object.size();
}

Value Value::item(std::size_t index) const {
  if (kind_ != Kind::list) return {};
  if (!parsed_) return index < count_ ? as_.items[index] : Value();
  for (const simdjson::dom::element item : parsed_array()) {
    if (index == 0) return of(item);
    --index;
  }
  return {};
}

Value Value::member(std::string_view key) const {
  Value found;
  if (kind_ != Kind::map) return found;
  if (!parsed_) {
    const Member* const end = as_.members + count_;
    const Member* const member =
        std::find_if(as_.members, end, [key](const Member& m) { return m.key == key; });
    return member == end ? found : member->value;
  }
  for (const simdjson::dom::key_value_pair member : parsed_object()) {
    if (member.key == key) found = of(member.value);
  }
  return found;
}

Value Value::step(std::string_view step) const {
  if (kind_ == Kind::map) return member(step);
  if (step == "length") {
    if (kind_ == Kind::list) return of(static_cast<std::int64_t>(size()));
    if (kind_ == Kind::string) return of(utf16_length(string()));
  }
  if (kind_ != Kind::list) return {};
  const std::size_t index = list_index(step);
  return index == kNoIndex ? Value() : item(index);
}

std::size_t list_index(std::string_view step) {
  constexpr std::size_t kMaxDigits =
      9;  // no line is long enough for a list of a thousand million items
  if (step.empty() || step.size() > kMaxDigits) return kNoIndex;
  if (step.size() > 1 && step.front() == '0') return kNoIndex;
  std::size_t index = 0;
  for (const char digit : step) {
    if (digit < '0' || digit > '9') return kNoIndex;
    index = index * 10 + static_cast<std::size_t>(digit - '0');
  }
  return index;
}

}  // namespace penstock
