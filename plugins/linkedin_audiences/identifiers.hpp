// What identifies a person to LinkedIn, brought into the form that LinkedIn compares.
#pragma once

#include <string>
#include <string_view>

#include "sha256.hpp"

namespace penstock::linkedin {

// LinkedIn hashes an address after lower-casing it and deleting all white space, inner too. Appends
// that form of `raw` to `out`. Lower-cases ASCII, Latin, Greek and Cyrillic letters; other scripts
// have no case or do not occur in addresses.
void append_normalised_email(std::string_view raw, std::string& out);

// True for a normalised address: one @ with something before it, and a domain of at least two
// labels after it.
[[nodiscard]] bool looks_like_email(std::string_view normalised);

// True for 64 lower-case hex digits: an address that was hashed before.
[[nodiscard]] bool is_sha256_hex(std::string_view text);

// Without the white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

// True when LinkedIn could take it for an Android advertising id: not over-long and of printable
// ASCII.
[[nodiscard]] bool looks_like_advertising_id(std::string_view trimmed);

}  // namespace penstock::linkedin
