#include "domain.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace penstock::linkedin {
namespace {

// RFC 1035: 63 bytes a label, 253 characters a name.
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 253;

constexpr std::array<bool, 256> kStandsInLabel = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
  for (std::size_t c = 0x80; c < table.size(); ++c) table[c] = true;
  table['-'] = true;
  return table;
}();

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' && label.back() != '-';
}

}  // namespace

bool is_domain(std::string_view name) {
  if (name.size() > kMaxName) return false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '.') {
      if (!is_label(name.substr(begin, i - begin))) return false;
      begin = i + 1;
    } else if (!kStandsInLabel[static_cast<unsigned char>(name[i])]) {
      return false;
    }
  }
  const std::string_view last = name.substr(begin);
  // A name whose last label is a number is an IP address, or none.
  return begin > 0 && is_label(last) &&
         !std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace penstock::linkedin
