// Value: a JSON value as the stages see it, 24 bytes, a view into an event or an arena.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "model/arena.hpp"

namespace penstock {

struct Member;

// Cheap to copy. Owns nothing: strings, lists and maps live in the parser's buffers (valid until its next parse), in an
// Arena (valid until its reset) or in a compiled mapping (valid as long as it). "absent" is "the event said nothing",
// which is not null.
class Value {
 public:
  enum class Kind : std::uint8_t { absent, null, boolean, i64, u64, f64, string, list, map };

  Value() = default;  // absent
  static Value null();
  static Value of(bool value);
  static Value of(std::int64_t value);
  static Value of(std::uint64_t value);  // becomes i64 where it fits: kind u64 is only for values above INT64_MAX
  static Value of(double value);
  static Value of(std::string_view text);
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

  // Of a list or map: how many items or (distinct) members; 0 for other kinds.
  [[nodiscard]] std::size_t size() const;
  // Of a list; absent when out of range or no list.
  [[nodiscard]] Value item(std::size_t index) const;
  // Of a map; absent when there is none or no map. Of duplicate keys the last wins.
  [[nodiscard]] Value member(std::string_view key) const;
  // One step of a path: a map by key, a list by index when `step` is all decimal digits; else absent.
  [[nodiscard]] Value step(std::string_view step) const;

  template <typename Visit>  // Visit(Value)
  void for_each_item(Visit&& visit) const;
  template <typename Visit>  // Visit(std::string_view key, Value); each key once, of duplicates the last value
  void for_each_member(Visit&& visit) const;

 private:
  friend class PathTable;
  Kind kind_ = Kind::absent;
  bool parsed_ = false;       // list, map: in as_.parsed rather than in as_.items or as_.members
  std::uint32_t count_ = 0;   // bytes of a string, items of a built list, members of a built map
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

struct Member {
  std::string_view key;
  Value value;
};

// ---- text of values ----

// Appends the JSON text of the value (absent as null), strings escaped, numbers in their shortest exact form.
void append_json(std::string& out, const Value& value);
// Appends the number as JavaScript's String(number) prints it: 1e21, 0.1, 5, NaN.
void append_javascript_number(std::string& out, double value);
// Appends what JavaScript's String(value) gives for scalars; lists joined by ","; maps as JSON text; absent and null nothing.
void append_javascript_text(std::string& out, const Value& value);

}  // namespace penstock
