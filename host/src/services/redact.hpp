// Masks what must not be shown in text that the host did not write itself.
#pragma once

#include <string>
#include <string_view>

namespace penstock::services {

// The text with e-mail addresses (also with the @ as %40), runs of 64 or more hexadecimal digits
// (hashed identifiers) and what follows "Bearer " replaced by "[e-mail]", "[hash]" and "Bearer
// [token]". A net for a plugin's slips, not a licence.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace penstock::services
