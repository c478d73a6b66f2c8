#include "model/case_mapping.hpp"

#include <algorithm>
#include <cstddef>

#include "model/case_tables.hpp"

namespace penstock {
namespace {

constexpr std::uint32_t kCapitalSigma = 0x3A3;
constexpr std::uint32_t kFinalSigma = 0x3C2;
constexpr std::uint32_t kNotUnicode = 0x80000000;  // marks a byte that belongs to no sequence

struct CaseTable {
  const CaseRange* ranges;
  std::size_t range_count;
  const SpecialCase* special;
  std::size_t special_count;
};

CaseTable upper_table() {
  return {kUpperRanges, kUpperRangeCount, kUpperSpecial, kUpperSpecialCount};
}
CaseTable lower_table() {
  return {kLowerRanges, kLowerRangeCount, kLowerSpecial, kLowerSpecialCount};
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c & kNotUnicode) {
    out += static_cast<char>(c & 0xFF);
  } else if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

const SpecialCase* find_special(const CaseTable& table, std::uint32_t c) {
  const SpecialCase* end = table.special + table.special_count;
  const SpecialCase* found = std::lower_bound(
      table.special, end, c,
      [](const SpecialCase& entry, std::uint32_t wanted) { return entry.code_point < wanted; });
  return found != end && found->code_point == c ? found : nullptr;
}

std::uint32_t convert_simple(const CaseTable& table, std::uint32_t c) {
  const CaseRange* end = table.ranges + table.range_count;
  const CaseRange* found = std::lower_bound(
      table.ranges, end, c,
      [](const CaseRange& range, std::uint32_t wanted) { return range.last < wanted; });
  if (found == end || c < found->first || (c - found->first) % found->stride != 0) return c;
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(c) + found->delta);
}

void append_converted(std::string& out, const CaseTable& table, std::uint32_t c) {
  if (const SpecialCase* special = find_special(table, c)) {
    for (const std::uint32_t mapped : special->mapped) {
      if (mapped != 0) append_utf8(out, mapped);
    }
    return;
  }
  append_utf8(out, convert_simple(table, c));
}

bool lies_in(const CodePointRange* ranges, std::size_t count, std::uint32_t c) {
  const CodePointRange* end = ranges + count;
  const CodePointRange* found = std::lower_bound(
      ranges, end, c,
      [](const CodePointRange& range, std::uint32_t wanted) { return range.last < wanted; });
  return found != end && c >= found->first;
}

bool is_cased(std::uint32_t c) {
  return lies_in(kCased, kCasedCount, c);
}
bool is_case_ignorable(std::uint32_t c) {
  return lies_in(kCaseIgnorable, kCaseIgnorableCount, c);
}

// Whether the nearest code point before or after a sigma that is not case-ignorable is cased
// (Unicode 3.13, Final_Sigma). The one before is tracked while the text is converted, since looking
// back at every sigma would be quadratic.
class CasedBefore {
 public:
  void see(std::uint32_t c) {
    if (!is_case_ignorable(c)) value_ = is_cased(c);
  }
  [[nodiscard]] bool value() const { return value_; }

 private:
  bool value_ = false;
};

bool cased_after(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const std::uint32_t c = next_code_point(text, at);
    if (!is_case_ignorable(c)) return is_cased(c);
  }
  return false;
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
  const CaseTable table = upper_table();
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    if (c < 0x80) {
      out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    } else {
      append_converted(out, table, c);
    }
  }
}

void append_lower(std::string& out, std::string_view text) {
  const CaseTable table = lower_table();
  CasedBefore cased_before;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    if (c == kCapitalSigma && cased_before.value() && !cased_after(text, at)) {
      append_utf8(out, kFinalSigma);
    } else if (c < 0x80) {
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else {
      append_converted(out, table, c);
    }
    cased_before.see(c);
  }
}

std::uint32_t fold_case(std::uint32_t code_point) {
  if (code_point < 0x80) {
    return code_point >= 'a' && code_point <= 'z' ? code_point - 32 : code_point;
  }
  const CaseTable table = upper_table();
  if (find_special(table, code_point) != nullptr) return code_point;
  const std::uint32_t upper = convert_simple(table, code_point);
  return upper < 0x80 ? code_point : upper;
}

}  // namespace penstock
