// The gate for all text that the host did not write itself: a plugin's, a destination's, an
// event's. It goes through here before it is logged, stored, reported or printed.
#pragma once

#include <string>
#include <string_view>

namespace penstock::gate {

// The text with secrets masked by value (secrets.hpp), secrets and personal data masked by their
// shape (shapes.hpp), control characters as escapes (escape.hpp), and then cut to `limit` bytes.
// Going through twice changes nothing. [any-thread]
[[nodiscard]] std::string foreign_text(std::string_view text, std::size_t limit);

// For the host's own lines, which may quote settings and paths: secrets masked by value and the
// passwords of URLs, control characters as escapes; line ends stay. [any-thread]
[[nodiscard]] std::string own_text(std::string_view text);

}  // namespace penstock::gate
