#include <algorithm>
#include <bit>
#include <cstring>

#include "model/event.hpp"

namespace penstock {
namespace {

std::uint64_t load(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

std::uint64_t length_bit(std::string_view key) {
  return std::uint64_t{1} << std::min<std::size_t>(key.size(), 63);
}

}  // namespace

// The pieces overlap where the key is shorter than both together, so none of up to 16 bytes is left
// out.
inline PathTable::Fingerprint PathTable::Fingerprint::of(std::string_view key) {
  const char* const bytes = key.data();
  const std::size_t size = key.size();
  Fingerprint print;
  print.size = static_cast<std::uint32_t>(size);
  if (size >= 8) {
    print.head = load(bytes, 8);
    print.tail = load(bytes + size - 8, 8);
  } else if (size >= 4) {
    print.head = load(bytes, 4);
    print.tail = load(bytes + size - 4, 4);
  } else if (size > 0) {
    print.head = load(bytes, 1) | load(bytes + size / 2, 1) << 8U;
    print.tail = load(bytes + size - 1, 1);
  }
  return print;
}

// One multiplication by an odd number of good spread (the golden ratio's); its high half depends on
// all bits.
inline std::uint64_t PathTable::Fingerprint::hash() const {
  const std::uint64_t mixed = (head ^ std::rotl(tail, 32)) + size;
  return (mixed * 0x9E3779B97F4A7C15ULL) >> 32U;
}

PathTable::PathTable() : branches_(1) {}

// Most keys of an event are of no interest and end here, in the loop over its members.
inline std::uint32_t PathTable::find_child(const Branch& branch, std::string_view key) const {
  if ((branch.key_lengths & length_bit(key)) == 0) return kNoBranch;
  return look_up(branch, key);
}

std::uint32_t PathTable::look_up(const Branch& branch, std::string_view key) const {
  const Fingerprint print = Fingerprint::of(key);
  const std::size_t mask = branch.cells.size() - 1;
  for (std::size_t at = print.hash() & mask;; at = (at + 1) & mask) {
    const HashCell& cell = branch.cells[at];
    if (cell.branch == kNoBranch) return kNoBranch;
    constexpr std::size_t kWhole = 16;
    if (cell.key == print && (key.size() <= kWhole || branches_[cell.branch].key == key)) {
      return cell.branch;
    }
  }
}

std::uint32_t PathTable::add_child(std::uint32_t parent, const std::string& key) {
  const auto child = static_cast<std::uint32_t>(branches_.size());
  branches_.emplace_back().key = key;
  Branch& branch = branches_[parent];
  branch.children.push_back(child);
  branch.key_lengths |= length_bit(key);
  if (const std::size_t index = list_index(key); index != kNoIndex) {
    const std::pair entry{index, child};
    branch.indices.insert(std::lower_bound(branch.indices.begin(), branch.indices.end(), entry),
                          entry);
  }
  const auto put = [&branch](const Fingerprint& print, std::uint32_t to) {
    const std::size_t mask = branch.cells.size() - 1;
    std::size_t at = print.hash() & mask;
    while (branch.cells[at].branch != kNoBranch) at = (at + 1) & mask;
    branch.cells[at] = {print, to};
  };
  // At most a quarter full: nearly every key of an event that nobody asks about ends at the first
  // cell.
  constexpr std::size_t kCellsPerChild = 4;
  if (branch.children.size() * kCellsPerChild > branch.cells.size()) {
    branch.cells.assign(std::bit_ceil(branch.children.size() * kCellsPerChild), HashCell());
    for (const std::uint32_t each : branch.children)
      put(Fingerprint::of(branches_[each].key), each);
  } else {
    put(Fingerprint::of(key), child);
  }
  return child;
}

PathSlot PathTable::intern(const std::vector<std::string>& steps) {
  std::uint32_t branch = 0;
  for (const std::string& step : steps) {
    const std::uint32_t child = find_child(branches_[branch], step);
    branch = child != kNoBranch ? child : add_child(branch, step);
  }
  PathSlot& slot = branches_[branch].slot;
  if (slot == kNoSlot) slot = static_cast<PathSlot>(slots_++);
  return slot;
}

std::vector<std::vector<std::string>> PathTable::paths() const {
  std::vector<std::vector<std::string>> steps(branches_.size());  // by branch
  std::vector<std::vector<std::string>> paths(slots_);
  // Children stand behind their parents.
  for (std::size_t b = 0; b < branches_.size(); ++b) {
    for (const std::uint32_t child : branches_[b].children) {
      steps[child] = steps[b];
      steps[child].push_back(branches_[child].key);
    }
    if (branches_[b].slot != kNoSlot) paths[branches_[b].slot] = std::move(steps[b]);
  }
  return paths;
}

inline void PathTable::set(PathSlot slot, const Value& value, Slots& slots) {
  Value& place = slots.values_[slot];
  if (place.kind_ == Value::Kind::absent) slots.touched_.push_back(slot);
  place = value;
}

inline void PathTable::clear(PathSlot slot, Slots& slots) {
  slots.values_[slot].kind_ = Value::Kind::absent;
}

void PathTable::extract(const Value& event, Slots& slots) const {
  for (const PathSlot slot : slots.touched_) clear(slot, slots);
  slots.touched_.clear();
  if (slots.values_.size() != slots_) slots.values_.resize(slots_);
  if (slots.visits_.size() != branches_.size()) slots.visits_.resize(branches_.size());
  ++slots.event_;
  enter(0, event, slots);
}

// A branch is entered again in one event only where a key stands twice in a map; the last one wins,
// so what the earlier one set below it goes. A leaf has nothing below it and is simply set again.
inline void PathTable::enter(std::uint32_t branch, const Value& value, Slots& slots) const {
  const Branch& entered = branches_[branch];
  if (entered.children.empty()) {
    if (entered.slot != kNoSlot) set(entered.slot, value, slots);  // no slot: a table without paths
    return;
  }
  const std::size_t begin = slots.touched_.size();
  Slots::Visit& visit = slots.visits_[branch];
  if (visit.event == slots.event_) {
    for (std::size_t i = visit.begin; i < visit.end; ++i) clear(slots.touched_[i], slots);
  }
  if (entered.slot != kNoSlot) set(entered.slot, value, slots);
  walk(entered, value, slots);
  visit = {slots.event_, begin, slots.touched_.size()};
}

void PathTable::walk(const Branch& branch, const Value& value, Slots& slots) const {
  if (value.is(Value::Kind::map)) {
    const auto visit = [&](std::string_view key, auto&& get) {
      const std::uint32_t child = find_child(branch, key);
      if (child != kNoBranch) enter(child, get(), slots);
    };
    if (value.parsed_) {
      // Not for_each_member: that looks for duplicate keys first.
      const simdjson::dom::object object = value.parsed_object();
      const auto end = object.end();
      for (auto member = object.begin(); member != end; ++member) {
        visit(member.key(), [&member] { return Value::of(member.value()); });
      }
    } else {
      value.for_each_member(
          [&](std::string_view key, const Value& member) { visit(key, [&] { return member; }); });
    }
    return;
  }
  if (!value.is(Value::Kind::list) && !value.is(Value::Kind::string)) return;
  constexpr std::string_view kLength = "length";
  if (const std::uint32_t child = find_child(branch, kLength); child != kNoBranch) {
    enter(child, value.step(kLength), slots);
  }
  if (value.is(Value::Kind::list) && !branch.indices.empty()) {
    std::size_t index = 0;
    auto next = branch.indices.begin();
    value.for_each_item([&](const Value& item) {
      if (next != branch.indices.end() && next->first == index)
        enter((next++)->second, item, slots);
      ++index;
    });
  }
}

}  // namespace penstock
