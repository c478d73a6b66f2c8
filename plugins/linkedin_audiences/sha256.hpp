// SHA-256 and SHA-512 by OpenSSL, the former without paying for a look-up of the algorithm each
// time.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::linkedin {

inline constexpr std::size_t kSha256HexSize = 64;
inline constexpr std::size_t kSha512HexSize = 128;
using Sha256Hex = std::array<char, kSha256HexSize>;

// The digest in lower-case hex. [any-thread] Throws std::runtime_error when OpenSSL cannot (which
// means no memory, or a configuration without SHA-256).
[[nodiscard]] Sha256Hex sha256_hex(std::string_view text);

// SHA-512 in the same form; not for the hot path. Throws as above.
[[nodiscard]] std::string sha512_hex(std::string_view text);

}  // namespace penstock::linkedin
