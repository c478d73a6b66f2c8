// Characters beyond ASCII, by ICU.
#pragma once

#include <string>
#include <string_view>

namespace penstock::linkedin {

// Appends the text in lower case as JavaScript's toLowerCase gives it, in all scripts and without a
// locale; bytes that are not UTF-8 as they are. [any-thread]
void append_lower_case(std::string_view text, std::string& out);

// White space, and what nobody can see: directions of writing, joiners, soft hyphens, byte order
// marks.
[[nodiscard]] bool is_invisible(char32_t character);

}  // namespace penstock::linkedin
