// What identifies a person to LinkedIn, brought into the form that LinkedIn compares.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sha256.hpp"

namespace penstock::linkedin {

// LinkedIn hashes an address after lower-casing it and deleting all white space, inner too. Appends
// that form of `raw` to `out`. Characters that nobody can see are deleted like white space.
void append_normalised_email(std::string_view raw, std::string& out);

// True for a normalised address: one @ with something before it, and a domain after it.
[[nodiscard]] bool looks_like_email(std::string_view normalised);

// True for 64 lower-case hex digits: an address that was hashed before.
[[nodiscard]] bool is_sha256_hex(std::string_view text);

// The same for SHA-512: 128 digits.
[[nodiscard]] bool is_sha512_hex(std::string_view text);

// Whether this SHA-256 or SHA-512 in hex stands for nobody: it is the hash of nothing or of a word
// such as "null", or one digit all over.
[[nodiscard]] bool is_hash_of_nobody(std::string_view hex);

// Without the white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

enum class AdvertisingId : std::uint8_t {
  none,     // nothing, or the zeros of a device whose owner opted out
  valid,    // a UUID
  invalid,  // anything else: words such as "unknown" would make one person of many
};
// Appends the advertising id in `raw` to `out` in the one form in which it is sent: 36 characters
// in lower case. It may be written with or without hyphens. Nothing is appended unless it is valid.
[[nodiscard]] AdvertisingId append_advertising_id(std::string_view raw, std::string& out);

// Whether a device of this type, as events name it ("ios", "iPhone", "roku"), has an advertising id
// of another maker than Google's, which LinkedIn does not take.
[[nodiscard]] bool has_other_advertising_id(std::string_view device_type);

}  // namespace penstock::linkedin
