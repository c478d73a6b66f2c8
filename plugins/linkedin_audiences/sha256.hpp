// SHA-256 by OpenSSL, without paying for a look-up of the algorithm each time.
#pragma once

#include <array>
#include <string_view>

namespace penstock::linkedin {

inline constexpr std::size_t kSha256HexSize = 64;
using Sha256Hex = std::array<char, kSha256HexSize>;

// The digest in lower-case hex. [any-thread] Throws std::runtime_error when OpenSSL cannot (which
// means no memory, or a configuration without SHA-256).
[[nodiscard]] Sha256Hex sha256_hex(std::string_view text);

}  // namespace penstock::linkedin
