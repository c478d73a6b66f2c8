// Upper and lower case of Unicode text, as JavaScript's toUpperCase and toLowerCase give them,
// without a locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

// All three are total: bytes that are no UTF-8 are passed through. [any-thread]

// Appends the text in upper case; one code point may become several (ß becomes SS).
void append_upper(std::string& out, std::string_view text);
// Appends the text in lower case; a sigma at the end of a word becomes the final one.
void append_lower(std::string& out, std::string_view text);

// What two code points have in common when a comparison ignores case: JavaScript's Canonicalize for
// the flag i.
[[nodiscard]] std::uint32_t fold_case(std::uint32_t code_point);

// The code point at `at`, which is moved behind it; a byte that begins no valid sequence counts as
// one code point.
std::uint32_t next_code_point(std::string_view text, std::size_t& at);

}  // namespace penstock
