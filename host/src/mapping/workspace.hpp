// Workspace: the memory in which the directives of one record make new values, with a limit.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/arena.hpp"
#include "model/value.hpp"

namespace penstock::mapping {

// Most that the directives of one record may make. Sixteen events of the largest size: more is a
// mapping that multiplies (a template that repeats the whole event, JSON text encoded again and
// again), which must not take the host's memory.
inline constexpr std::size_t kMaxMadeBytes = 16 * 1024 * 1024;

// One record, one thread. Whatever it makes lives as long as the arena's content. When the limit is
// passed, what was to be made is absent and exceeded() stays true: the record is then invalid.
class Workspace {
 public:
  explicit Workspace(Arena& arena) : arena_(arena) {}

  [[nodiscard]] bool exceeded() const { return exceeded_; }
  // Whether this much more may be made; false makes exceeded() true. Charges nothing.
  [[nodiscard]] bool fits(std::size_t bytes);
  // Whether the text of this value may be made. Lists and maps can share what they hold, so that
  // their text may be far larger than their memory.
  [[nodiscard]] bool text_fits(const Value& value);

  // A copy of a text.
  [[nodiscard]] Value text(std::string_view text);
  // Room for values or members, all of them absent at first; null when the limit is passed.
  template <typename T>
  [[nodiscard]] T* array(std::size_t count) {
    if (!charge(count * sizeof(T))) return nullptr;
    T* items = arena_.allocate_array<T>(count);
    std::uninitialized_default_construct_n(items, count);
    return items;
  }

  // An empty string in which to build a text before text() copies it; keeps its memory for the
  // next. The caller must be done with it before anything else is evaluated.
  [[nodiscard]] static std::string& scratch();

 private:
  bool charge(std::size_t bytes);

  Arena& arena_;
  std::size_t made_ = 0;
  bool exceeded_ = false;
};

// Gathers the members of a new map, each key once.
class MapBuilder {
 public:
  // A later value for the same key takes the place of the earlier one.
  void put(std::string_view key, const Value& value);
  [[nodiscard]] Value build(Workspace& work) const;

 private:
  // Beyond this many members a hash index is cheaper than looking through all of them.
  static constexpr std::size_t kIndexFrom = 16;
  [[nodiscard]] Value* find(std::string_view key);
  void append(std::string_view key, const Value& value);

  std::vector<Member> members_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace penstock::mapping
