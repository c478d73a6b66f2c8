// Glob: a pattern over a whole text, with * for any characters, ? for one, and \ before a character
// that means itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace penstock::trigger {

class Glob {
 public:
  // A "\" at the end means itself.
  explicit Glob(std::string_view pattern);
  // Takes time in proportion to the product of both lengths at worst, and to the text's usually.
  // [any-thread]
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  static constexpr std::uint16_t kAnyCharacter = 256;
  static constexpr std::uint16_t kAnyText = 257;
  std::vector<std::uint16_t> pattern_;  // bytes, and the two above
};

}  // namespace penstock::trigger
