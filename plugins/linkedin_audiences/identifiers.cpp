#include "identifiers.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <set>

#include <penstock/sdk/text.hpp>

#include "characters.hpp"
#include "domain.hpp"

namespace penstock::linkedin {
namespace {

// RFC 5321: 64 bytes before the @.
constexpr std::size_t kMaxLocalPart = 64;
// A UUID, as in 65f30779-f6ee-4cdb-ad79-a2d1506e50c7.
constexpr std::size_t kUuidDigits = 32;
constexpr std::size_t kUuidSize = 36;
constexpr bool is_hyphen_place(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

constexpr std::array<bool, 256> kImpossibleInLocalPart = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table[0x7F] = true;
  for (const char c : std::string_view("<>()[],;:\\\""))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// What programs and people write where there is no address. Each is known in lower case, in
// capitals and with a capital first letter.
constexpr std::array<std::string_view, 26> kWordsForNothing = {"",
                                                               " ",
                                                               "null",
                                                               "undefined",
                                                               "unknown",
                                                               "n/a",
                                                               "na",
                                                               "none",
                                                               "nil",
                                                               "nan",
                                                               "NaN",
                                                               "(null)",
                                                               "<null>",
                                                               "\"\"",
                                                               "[]",
                                                               "{}",
                                                               "''",
                                                               "false",
                                                               "true",
                                                               "0",
                                                               "-",
                                                               "empty",
                                                               "test",
                                                               "email",
                                                               "[object object]",
                                                               "[object Object]"};

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

char32_t decode(std::string_view sequence) {
  const auto byte = [sequence](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  const std::size_t size = sequence.size();
  char32_t character = size == 1 ? byte(0) : byte(0) & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) character = character << 6 | (byte(i) & 0x3F);
  return character;
}

// The lower case of each printable ASCII character, 0 for every byte that needs a closer look.
constexpr std::array<char, 256> kPlainLower = [] {
  std::array<char, 256> table{};
  for (char c = '!'; c <= '~'; ++c) {
    table[static_cast<unsigned char>(c)] =
        c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return table;
}();

}  // namespace

namespace {

// The same for a text with characters beyond ASCII.
void append_normalised_unicode(std::string_view raw, std::string& out) {
  std::string visible;
  visible.reserve(raw.size());
  while (!raw.empty()) {
    const std::size_t length = sdk::utf8_sequence(raw);
    const std::string_view sequence = raw.substr(0, std::max<std::size_t>(1, length));
    if (length == 0 || !is_invisible(decode(sequence))) visible.append(sequence);
    raw.remove_prefix(sequence.size());
  }
  append_lower_case(visible, out);
}

}  // namespace

void append_normalised_email(std::string_view raw, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + raw.size());
  char* to = out.data() + start;
  for (const char c : raw) {
    if (const char plain = kPlainLower[static_cast<unsigned char>(c)]; plain != 0) {
      *to++ = plain;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      out.resize(start);
      append_normalised_unicode(raw, out);
      return;
    } else if (!is_ascii_space(c)) {
      *to++ = c;
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

bool looks_like_email(std::string_view normalised) {
  const std::size_t at = normalised.find('@');
  if (at == std::string_view::npos || at == 0 || at > kMaxLocalPart) return false;
  const std::string_view local = normalised.substr(0, at);
  const auto impossible = [](char c) {
    return kImpossibleInLocalPart[static_cast<unsigned char>(c)];
  };
  return std::none_of(local.begin(), local.end(), impossible) &&
         is_domain(normalised.substr(at + 1));
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == kSha256HexSize && std::all_of(text.begin(), text.end(), is_hex_digit);
}

bool is_sha512_hex(std::string_view text) {
  return text.size() == kSha512HexSize && std::all_of(text.begin(), text.end(), is_hex_digit);
}

bool is_hash_of_nobody(std::string_view hex) {
  static const std::set<std::string, std::less<>> kHashes = [] {
    std::set<std::string, std::less<>> hashes;
    for (const std::string_view word : kWordsForNothing) {
      std::string spelling(word);
      const auto add = [&] {
        const Sha256Hex hash = sha256_hex(spelling);
        hashes.emplace(hash.data(), hash.size());
        hashes.insert(sha512_hex(spelling));
      };
      add();
      if (!spelling.empty()) spelling.front() = upper(spelling.front());
      add();
      std::transform(spelling.begin(), spelling.end(), spelling.begin(), upper);
      add();
    }
    return hashes;
  }();
  if (hex.find_first_not_of(hex.front()) == std::string_view::npos) return true;
  return kHashes.find(hex) != kHashes.end();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

AdvertisingId append_advertising_id(std::string_view raw, std::string& out) {
  std::string_view id = trim(raw);
  std::string visible;
  if (std::any_of(id.begin(), id.end(),
                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    append_normalised_email(id, visible);  // what cannot be seen is left out as in addresses
    id = visible;
  }
  // Zeros are what devices say whose owners opted out; all of them would become one person.
  if (id.find_first_not_of("0-") == std::string_view::npos) return AdvertisingId::none;

  const bool with_hyphens = id.size() == kUuidSize;
  if (!with_hyphens && id.size() != kUuidDigits) return AdvertisingId::invalid;
  std::array<char, kUuidSize> uuid;
  std::size_t from = 0;
  for (std::size_t to = 0; to < uuid.size(); ++to) {
    if (is_hyphen_place(to)) {
      uuid[to] = '-';
      if (with_hyphens && id[from++] != '-') return AdvertisingId::invalid;
      continue;
    }
    const char c = id[from++];
    uuid[to] = c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (!is_hex_digit(uuid[to])) return AdvertisingId::invalid;
  }
  // One digit all over is typed by somebody who needed a value.
  const char first = uuid.front();
  if (std::all_of(uuid.begin(), uuid.end(), [first](char c) { return c == first || c == '-'; })) {
    return AdvertisingId::invalid;
  }
  out.append(uuid.data(), uuid.size());
  return AdvertisingId::valid;
}

bool has_other_advertising_id(std::string_view device_type) {
  // Apple's systems and devices, and other systems with an advertising id. Longer names ("iphone
  // 15", "ios app") begin with one of them; no name of an Android device does.
  constexpr std::array<std::string_view, 14> kOthers = {
      "ios",    "ipados", "tvos", "watchos", "visionos", "macos", "mac os",
      "iphone", "ipad",   "ipod", "apple",   "windows",  "roku",  "tizen"};
  std::string_view type = trim(device_type);
  const auto begins_with = [type](std::string_view name) {
    return type.size() >= name.size() &&
           std::equal(name.begin(), name.end(), type.begin(), [](char wanted, char found) {
             return wanted ==
                    (found >= 'A' && found <= 'Z' ? static_cast<char>(found + ('a' - 'A')) : found);
           });
  };
  return std::any_of(kOthers.begin(), kOthers.end(), begins_with);
}

}  // namespace penstock::linkedin
