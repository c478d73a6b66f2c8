// What a plugin may ask of penstock.http/1: checks of a request that need no network.
#pragma once

#include <penstock/ext/http.h>

#include <string>
#include <string_view>

namespace penstock::services {

// Longest URL that is sent; servers commonly refuse more than 8 KiB, this leaves room and bounds
// what is parsed.
inline constexpr std::size_t kMaxUrlBytes = 64 * 1024;
// Most headers of a request, and longest name and value together: what common servers accept in
// all.
inline constexpr std::uint64_t kMaxRequestHeaders = 100;
inline constexpr std::size_t kMaxHeaderBytes = 16 * 1024;

// "" when method, headers and the size and characters of the URL are in order, else what is wrong.
// Refuses what would let a value become a header of its own, and headers that the host sets.
[[nodiscard]] std::string request_fault(const penstock_http_request& request);

// Whether a host name or address (as it stands in a URL) means this machine: localhost,
// 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(const std::string& host);

// Whether carrying out a request twice is the same as once (RFC 9110, 9.2.2).
[[nodiscard]] bool is_idempotent(std::string_view method);

[[nodiscard]] std::string lower_case(std::string_view text);  // ASCII letters only

}  // namespace penstock::services
