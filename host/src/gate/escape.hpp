// Characters that change what a person or a terminal sees, as escapes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::gate {

// Where the text goes.
enum class Medium : std::uint8_t {
  line,      // a line for people: every control character is escaped
  document,  // several lines, or a JSON document: line ends and tabs stay
  json,      // the inside of a JSON string: quotes and backslashes are escaped as well
};

// The text with C0 and C1 control characters, DEL, the line separators U+2028 and U+2029, the
// characters that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069) and bytes that
// are not UTF-8 written as \n, \x1b or \u202e. Texts without them come back as they are, and a text
// that went through once comes back unchanged (but for Medium::json). In JSON documents the escapes
// mean the characters themselves.
[[nodiscard]] std::string escaped(std::string_view text, Medium medium = Medium::line);

// Bytes of the well-formed UTF-8 character (RFC 3629) at the start of `text`, which must not be
// empty; 0 when there is none.
[[nodiscard]] std::size_t character_length(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

// At most `limit` bytes of the text, whole characters only.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t limit);

}  // namespace penstock::gate
