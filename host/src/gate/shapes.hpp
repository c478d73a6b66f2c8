// Masks what looks like a secret or like personal data, whoever it belongs to.
#pragma once

#include <string>
#include <string_view>

namespace penstock::gate {

// The text with these replaced:
// - e-mail addresses, also with the @ as %40: "[e-mail]"
// - runs of 64 or more hexadecimal digits, as hashed identifiers are: "[hash]"
// - what follows "Bearer ", "Authorization:" and names such as access_token, client_secret and
//   password with = or : after them, also in JSON: "[token]"
// - JSON Web Tokens, and runs of 32 or more letters, digits, - and _ among which are small and
//   capital letters and digits, as tokens are: "[token]"
// - user and password of a URL: "[credentials]"
// A net for slips, not a licence: what the host knows to be secret is masked by value
// (secrets.hpp).
[[nodiscard]] std::string mask_shapes(std::string_view text);

// Only the last of these, for texts of the host's own.
[[nodiscard]] std::string mask_url_passwords(std::string_view text);

}  // namespace penstock::gate
