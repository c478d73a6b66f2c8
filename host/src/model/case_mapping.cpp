#include "model/case_mapping.hpp"

#include <unicode/ucasemap.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>

namespace penstock {
namespace {

constexpr std::uint32_t kNotUnicode = 0x80000000;  // marks a byte that belongs to no sequence

struct CloseCaseMap {
  void operator()(UCaseMap* map) const { ucasemap_close(map); }
};

// Without a locale. Opening it fails without memory only.
const UCaseMap* case_map() {
  static const std::unique_ptr<UCaseMap, CloseCaseMap> map = [] {
    UErrorCode error = U_ZERO_ERROR;
    std::unique_ptr<UCaseMap, CloseCaseMap> opened(ucasemap_open("", U_FOLD_CASE_DEFAULT, &error));
    if (U_FAILURE(error)) throw std::bad_alloc();
    return opened;
  }();
  return map.get();
}

using Conversion = decltype(&ucasemap_utf8ToUpper);

// The whole text, as what becomes of a letter may depend on those around it.
void append_converted(Conversion convert, std::string& out, std::string_view text) {
  // ICU counts in 32 bits; texts are parts of events, or bounded by kMaxMadeBytes.
  if (text.size() > std::numeric_limits<std::int32_t>::max() / 4) throw std::bad_alloc();
  const std::size_t start = out.size();
  // Most letters keep their size; once ICU has said how much it is, it fits.
  std::size_t capacity = text.size() + text.size() / 2 + 1;
  for (;;) {
    out.resize(start + capacity);
    UErrorCode error = U_ZERO_ERROR;
    const std::int32_t size =
        convert(case_map(), out.data() + start, static_cast<std::int32_t>(capacity), text.data(),
                static_cast<std::int32_t>(text.size()), &error);
    if (error == U_BUFFER_OVERFLOW_ERROR) {
      capacity = static_cast<std::size_t>(size);
      continue;
    }
    if (U_FAILURE(error)) throw std::bad_alloc();
    out.resize(start + static_cast<std::size_t>(size));
    return;
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const std::size_t length = lead >= 0xF0 && lead < 0xF8 ? 4
                             : lead >= 0xE0              ? 3
                             : lead >= 0xC2              ? 2
                                                         : 0;
  if (length == 0 || lead >= 0xF8 || at + length > text.size()) return kNotUnicode | byte(at++);
  std::uint32_t c = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kNotUnicode | byte(at++);
    c = (c << 6) | (byte(at + i) & 0x3Fu);
  }
  at += length;
  return c;
}

void append_upper(std::string& out, std::string_view text) {
  if (!is_ascii(text)) return append_converted(ucasemap_utf8ToUpper, out, text);
  for (const char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

void append_lower(std::string& out, std::string_view text) {
  if (!is_ascii(text)) return append_converted(ucasemap_utf8ToLower, out, text);
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::uint32_t fold_case(std::uint32_t code_point) {
  if (code_point < 0x80) {
    return code_point >= 'a' && code_point <= 'z' ? code_point - ('a' - 'A') : code_point;
  }
  if (code_point > 0x10FFFF) return code_point;
  constexpr std::int32_t kMostUnits = 6;  // three code points: no letter becomes more
  std::array<UChar, 2> from{};
  std::array<UChar, kMostUnits> to{};
  std::int32_t units = 0;
  U16_APPEND_UNSAFE(from.data(), units, code_point);
  UErrorCode error = U_ZERO_ERROR;
  const std::int32_t size = u_strToUpper(to.data(), kMostUnits, from.data(), units, "", &error);
  if (U_FAILURE(error)) return code_point;
  UChar32 upper = 0;
  std::int32_t read = 0;
  U16_NEXT(to.data(), read, size, upper);
  // A letter that becomes several is compared as itself; and none becomes an ASCII letter.
  return read == size && upper >= 0x80 ? static_cast<std::uint32_t>(upper) : code_point;
}

}  // namespace penstock
