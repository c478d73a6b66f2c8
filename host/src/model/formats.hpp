// The shapes of text that a setting or field can ask for.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock {

// All are total and [any-thread]. Text is UTF-8.

[[nodiscard]] std::uint64_t count_code_points(std::string_view text);

// local@domain: a dot-atom of RFC 5322 and at least two host name labels; letters beyond ASCII are
// let through, as RFC 6531 allows them. Lengths as RFC 5321 has them.
[[nodiscard]] bool is_email(std::string_view text);
// scheme ":" something, in the characters of RFC 3986; after "//" stands a host.
[[nodiscard]] bool is_uri(std::string_view text);
// RFC 3339: 2026-02-28T12:30:00.5Z or with +01:00; the date must exist.
[[nodiscard]] bool is_date_time(std::string_view text);

}  // namespace penstock
