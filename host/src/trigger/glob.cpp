#include "trigger/glob.hpp"

#include <cstddef>

namespace penstock::trigger {
namespace {

// The place behind the UTF-8 character that begins at `at`.
std::size_t behind_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) ++at;
  return at;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') {
      if (pattern_.empty() || pattern_.back() != kAnyText) pattern_.push_back(kAnyText);
      continue;
    }
    if (pattern[i] == '?') {
      pattern_.push_back(kAnyCharacter);
      continue;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    pattern_.push_back(static_cast<unsigned char>(pattern[i]));
  }
}

bool Glob::matches(std::string_view text) const {
  // Only the last * ever has to take more: what came before it has matched as early as it can.
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t behind_star = kNone;  // in the pattern
  std::size_t star_end = 0;         // where the text that the * takes ends
  std::size_t p = 0;
  std::size_t t = 0;
  while (true) {
    if (p < pattern_.size() && pattern_[p] == kAnyText) {
      behind_star = ++p;
      star_end = t;
      continue;
    }
    if (t < text.size() && p < pattern_.size()) {
      if (pattern_[p] == kAnyCharacter) {
        t = behind_character(text, t);
        ++p;
        continue;
      }
      if (pattern_[p] == static_cast<unsigned char>(text[t])) {
        ++t;
        ++p;
        continue;
      }
    }
    if (t == text.size() && p == pattern_.size()) return true;
    if (behind_star == kNone || star_end == text.size()) return false;
    if (behind_star == pattern_.size()) return true;  // the * takes the rest
    star_end = behind_character(text, star_end);
    t = star_end;
    p = behind_star;
  }
}

}  // namespace penstock::trigger
