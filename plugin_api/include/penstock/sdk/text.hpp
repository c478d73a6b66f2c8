// penstock/sdk/text.hpp - UTF-8 at the boundary: views of borrowed text, and cuts that never split
// a character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "../abi.h"

namespace penstock {
namespace sdk {

// Borrowed, as a penstock_str is. Size 0 with a null pointer is the empty view.
inline std::string_view view(penstock_str text) noexcept {
  return text.size == 0 ? std::string_view{}
                        : std::string_view{text.data, static_cast<std::size_t>(text.size)};
}

inline penstock_str str(std::string_view text) noexcept {
  return penstock_str{text.data(), static_cast<std::uint64_t>(text.size())};
}

// The length in bytes of the well-formed UTF-8 sequence at the beginning of `text`, or 0 when there
// is none: no overlong form, no surrogate, nothing above U+10FFFF. `text` is not empty.
inline std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

// The longest beginning of `text` of at most `limit` bytes that does not end inside a character.
inline std::string_view cut_utf8(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// The number of Unicode code points; each byte that is no part of a character counts as one.
inline std::size_t count_characters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const std::size_t length = utf8_sequence(text.substr(i));
    i += length == 0 ? 1 : length;
  }
  return count;
}

// Copies `text` into a fixed buffer, cut to fit and NUL-terminated.
template <std::size_t N>
void copy_text(char (&buffer)[N], std::string_view text) noexcept {
  static_assert(N > 0, "a text buffer holds at least its NUL");
  const std::string_view cut = cut_utf8(text, N - 1);
  if (!cut.empty()) std::memcpy(buffer, cut.data(), cut.size());
  buffer[cut.size()] = '\0';
}

}  // namespace sdk
}  // namespace penstock
