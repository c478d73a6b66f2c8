// The shapes of text that a field can ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::mapping {

// All are total and [any-thread]. Text is UTF-8.

[[nodiscard]] std::uint64_t count_code_points(std::string_view text);

// local@domain: a dot-atom of RFC 5322 and at least two host name labels; letters beyond ASCII are
// let through, as RFC 6531 allows them. Lengths as RFC 5321 has them.
[[nodiscard]] bool is_email(std::string_view text);
// scheme ":" something, in the characters of RFC 3986; after "//" stands a host.
[[nodiscard]] bool is_uri(std::string_view text);
// RFC 3339: 2026-02-28T12:30:00.5Z or with +01:00; the date must exist.
[[nodiscard]] bool is_date_time(std::string_view text);

// "200ms", "10s", "5m", "2h", "1d" in milliseconds.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);
// "512", "64KiB", "4MiB", "1GiB" in bytes.
[[nodiscard]] std::optional<std::int64_t> parse_size(std::string_view text);

}  // namespace penstock::mapping
