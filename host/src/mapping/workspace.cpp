#include "mapping/workspace.hpp"

#include <algorithm>

namespace penstock::mapping {
namespace {

// Longer scratch memory is given back, so that one odd event does not hold it for ever.
constexpr std::size_t kRetainedScratchBytes = 256 * 1024;
// What a scalar, a bracket or a comma may take in a text; only the order of size matters.
constexpr std::size_t kBytesPerValue = 8;

// Subtracts what the text of the value takes, until nothing is left.
void spend(const Value& value, std::size_t& budget) {
  const auto take = [&budget](std::size_t bytes) { budget -= std::min(budget, bytes); };
  take(kBytesPerValue);
  if (budget == 0) return;
  switch (value.kind()) {
    case Value::Kind::string:
      take(value.string().size());
      break;
    case Value::Kind::list:
      value.for_each_item([&](const Value& item) {
        if (budget > 0) spend(item, budget);
      });
      break;
    case Value::Kind::map:
      value.for_each_member([&](std::string_view key, const Value& member) {
        take(key.size());
        if (budget > 0) spend(member, budget);
      });
      break;
    default:
      break;
  }
}

}  // namespace

bool Workspace::fits(std::size_t bytes) {
  if (exceeded_ || bytes > kMaxMadeBytes - made_) exceeded_ = true;
  return !exceeded_;
}

bool Workspace::text_fits(const Value& value) {
  std::size_t budget = kMaxMadeBytes - made_;
  spend(value, budget);
  if (budget == 0) exceeded_ = true;
  return !exceeded_;
}

bool Workspace::charge(std::size_t bytes) {
  if (!fits(bytes)) return false;
  made_ += bytes;
  return true;
}

Value Workspace::text(std::string_view text) {
  if (!charge(text.size())) return {};
  return Value::of(arena_.copy(text));
}

std::string& Workspace::scratch() {
  thread_local std::string scratch;
  if (scratch.capacity() > kRetainedScratchBytes) scratch = std::string();
  scratch.clear();
  return scratch;
}

Value* MapBuilder::find(std::string_view key) {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &members_[found->second].value;
  }
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == members_.end() ? nullptr : &found->value;
}

void MapBuilder::append(std::string_view key, const Value& value) {
  members_.push_back({key, value});
  if (!index_.empty()) {
    index_.emplace(key, members_.size() - 1);
  } else if (members_.size() == kIndexFrom) {
    for (std::size_t i = 0; i < members_.size(); ++i) index_.emplace(members_[i].key, i);
  }
}

void MapBuilder::put(std::string_view key, const Value& value) {
  if (Value* known = find(key)) {
    *known = value;
  } else {
    append(key, value);
  }
}

Value MapBuilder::build(Workspace& work) const {
  Member* members = work.array<Member>(members_.size());
  if (members == nullptr) return {};
  std::copy(members_.begin(), members_.end(), members);
  return Value::map(members, static_cast<std::uint32_t>(members_.size()));
}

}  // namespace penstock::mapping
