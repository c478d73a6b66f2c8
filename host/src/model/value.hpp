// Value: a JSON value as the stages see it, 24 bytes, a view into an event or an arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <simdjson.h>

#include "model/arena.hpp"

namespace penstock {

struct Member;

// Cheap to copy. Owns nothing: strings, lists and maps live in the parser's buffers (valid until
// its next parse), in an Arena (valid until its reset) or in a compiled mapping (valid as long as
// it). "absent" is "the event said nothing", which is not null.
class Value {
 public:
  enum class Kind : std::uint8_t { absent, null, boolean, i64, u64, f64, string, list, map };

  Value() = default;  // absent
  static Value null();
  static Value of(bool value);
  static Value of(std::int64_t value);
  static Value of(std::uint64_t value);  // becomes i64 where it fits: kind u64 is only for values
                                         // above INT64_MAX
  static Value of(double value);
  static Value of(std::string_view text);      // at most 4 GiB
  static Value of(const char* text) = delete;  // would otherwise become a boolean
  static Value list(const Value* items, std::uint32_t count);
  static Value map(const Member* members, std::uint32_t count);  // keys unique
  static Value of(simdjson::dom::element element);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
  [[nodiscard]] bool missing() const { return kind_ == Kind::absent || kind_ == Kind::null; }
  [[nodiscard]] bool is_number() const {
    return kind_ == Kind::i64 || kind_ == Kind::u64 || kind_ == Kind::f64;
  }
  // Each requires the kind of its name.
  [[nodiscard]] bool boolean() const { return as_.boolean; }
  [[nodiscard]] std::int64_t i64() const { return as_.i64; }
  [[nodiscard]] std::uint64_t u64() const { return as_.u64; }
  [[nodiscard]] double f64() const { return as_.f64; }
  [[nodiscard]] std::string_view string() const { return {as_.bytes, count_}; }
  // Requires is_number().
  [[nodiscard]] double as_double() const;

  // Of a list or map: how many items or (distinct) members; 0 for other kinds. Walks a map.
  [[nodiscard]] std::size_t size() const;
  // Of a list; absent when out of range or no list.
  [[nodiscard]] Value item(std::size_t index) const;
  // Of a map; absent when there is none or no map. Of duplicate keys the last wins.
  [[nodiscard]] Value member(std::string_view key) const;
  // One step of a path: a map by key, a list by index in decimal ("0", "12", not "01"). "length" of
  // a list is its number of items, of a string its number of UTF-16 units. Else absent.
  [[nodiscard]] Value step(std::string_view step) const;

  template <typename Visit>  // Visit(Value)
  void for_each_item(Visit&& visit) const;
  // Visit(std::string_view key, Value): each key once, where it stood first, with the last of its
  // values.
  template <typename Visit>
  void for_each_member(Visit&& visit) const;

 private:
  friend class PathTable;
  static bool has_duplicate_keys(simdjson::dom::object object);
  static std::vector<Member> distinct_members(simdjson::dom::object object);
  [[nodiscard]] simdjson::dom::object parsed_object() const {
    return as_.parsed.get_object().value_unsafe();
  }
  [[nodiscard]] simdjson::dom::array parsed_array() const {
    return as_.parsed.get_array().value_unsafe();
  }

  Kind kind_ = Kind::absent;
  bool parsed_ = false;      // list, map: in as_.parsed rather than in as_.items or as_.members
  std::uint32_t count_ = 0;  // bytes of a string, items of a built list, members of a built map
  union Content {
    bool boolean;
    std::int64_t i64;
    std::uint64_t u64;
    double f64;
    const char* bytes;
    const Value* items;
    const Member* members;
    simdjson::dom::element parsed;
    Content() : i64(0) {}
  } as_;
};
static_assert(sizeof(Value) == 24);
static_assert(std::is_trivially_copyable_v<Value>);

struct Member {
  std::string_view key;
  Value value;
};

// The index that a step of a path means for a list, or kNoIndex when it is no index.
inline constexpr std::size_t kNoIndex = SIZE_MAX;
[[nodiscard]] std::size_t list_index(std::string_view step);

// ---- text of values ----

// Appends the JSON text of the value (absent as null), strings escaped, numbers in their shortest
// exact form.
void append_json(std::string& out, const Value& value);
// Appends the number as JavaScript's String(number) prints it: 1e21, 0.1, 5, NaN.
void append_javascript_number(std::string& out, double value);
// Appends what JavaScript's String(value) gives for scalars; lists joined by ","; maps as JSON
// text; absent and null nothing.
void append_javascript_text(std::string& out, const Value& value);

// ---- inline: the hot path ----

inline Value Value::null() {
  Value value;
  value.kind_ = Kind::null;
  return value;
}

inline Value Value::of(bool boolean) {
  Value value;
  value.kind_ = Kind::boolean;
  value.as_.boolean = boolean;
  return value;
}

inline Value Value::of(std::int64_t number) {
  Value value;
  value.kind_ = Kind::i64;
  value.as_.i64 = number;
  return value;
}

inline Value Value::of(std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(INT64_MAX)) return of(static_cast<std::int64_t>(number));
  Value value;
  value.kind_ = Kind::u64;
  value.as_.u64 = number;
  return value;
}

inline Value Value::of(double number) {
  Value value;
  value.kind_ = Kind::f64;
  value.as_.f64 = number;
  return value;
}

inline Value Value::of(std::string_view text) {
  Value value;
  value.kind_ = Kind::string;
  value.count_ = static_cast<std::uint32_t>(text.size());
  value.as_.bytes = text.data();
  return value;
}

inline Value Value::list(const Value* items, std::uint32_t count) {
  Value value;
  value.kind_ = Kind::list;
  value.count_ = count;
  value.as_.items = items;
  return value;
}

inline Value Value::map(const Member* members, std::uint32_t count) {
  Value value;
  value.kind_ = Kind::map;
  value.count_ = count;
  value.as_.members = members;
  return value;
}

inline Value Value::of(simdjson::dom::element element) {
  Value value;
  switch (element.type()) {
    case simdjson::dom::element_type::STRING:
      return of(element.get_string().value_unsafe());
    case simdjson::dom::element_type::INT64:
      return of(element.get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64:
      return of(element.get_uint64().value_unsafe());
    case simdjson::dom::element_type::DOUBLE:
      return of(element.get_double().value_unsafe());
    case simdjson::dom::element_type::BOOL:
      return of(element.get_bool().value_unsafe());
    case simdjson::dom::element_type::NULL_VALUE:
      return null();
    case simdjson::dom::element_type::ARRAY:
      value.kind_ = Kind::list;
      break;
    case simdjson::dom::element_type::OBJECT:
      value.kind_ = Kind::map;
      break;
  }
  value.parsed_ = true;
  value.as_.parsed = element;
  return value;
}

inline double Value::as_double() const {
  if (kind_ == Kind::f64) return as_.f64;
  return kind_ == Kind::i64 ? static_cast<double>(as_.i64) : static_cast<double>(as_.u64);
}

template <typename Visit>
void Value::for_each_item(Visit&& visit) const {
  if (kind_ != Kind::list) return;
  if (parsed_) {
    for (const simdjson::dom::element item : parsed_array()) visit(of(item));
  } else {
    for (std::uint32_t i = 0; i < count_; ++i) visit(as_.items[i]);
  }
}

template <typename Visit>
void Value::for_each_member(Visit&& visit) const {
  if (kind_ != Kind::map) return;
  if (!parsed_) {
    for (std::uint32_t i = 0; i < count_; ++i) visit(as_.members[i].key, as_.members[i].value);
  } else if (const simdjson::dom::object object = parsed_object(); !has_duplicate_keys(object)) {
    for (const simdjson::dom::key_value_pair member : object) visit(member.key, of(member.value));
  } else {
    for (const Member& member : distinct_members(object)) visit(member.key, member.value);
  }
}

}  // namespace penstock
