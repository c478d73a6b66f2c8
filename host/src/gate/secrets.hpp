// What the process knows to be secret, by value: tokens, current and former, client secrets,
// settings marked as secret. No text that is shown or stored may hold them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::gate {

// A shorter value is not masked: every text would be full of masks, and anybody could guess it.
inline constexpr std::size_t kShortestSecret = 4;
// One that is shorter than this is masked only as a whole word.
inline constexpr std::size_t kShortestAnywhere = 5;
// Of those remembered: a run that lasts for months renews its token often. The oldest go first, but
// for the first ones, which are those of the manifest.
inline constexpr std::size_t kMostSecrets = 256;
inline constexpr std::size_t kLastingSecrets = 128;

// From now on mask_secrets() masks this value, also where it is written as in JSON text or a URL,
// and each longer line of it. Kept for the life of the process. [any-thread]
void keep_secret(std::string_view value);

// The string values of a JSON text, each kept as by keep_secret: of all members when `all`, else of
// those whose name says that they are secret (token, password, authorization and the like), with
// all that such a member holds.
void keep_secrets_in_json(std::string_view json, bool all);

// Whether a member, setting or variable of this name holds a secret, as far as its name says.
[[nodiscard]] bool names_secret(std::string_view name);

// The text with "[secret]" for each value that was kept, and for each beginning of one that is long
// enough to be no accident: whoever cuts a text may cut a secret. A value of less than 16 bytes
// that is made like words or numbers ("fused", "12345") is masked only where it stands alone, not
// inside of a longer word ("refused"). [any-thread]
[[nodiscard]] std::string mask_secrets(std::string_view text);

// Grows with each new secret: what was masked before may have to be masked again. [any-thread]
[[nodiscard]] std::uint64_t secrets_generation();

}  // namespace penstock::gate
