// Proof Key for Code Exchange (RFC 7636), method S256.
#pragma once

#include <string>
#include <string_view>

#include "model/pipeline_config.hpp"
#include "model/status.hpp"

namespace penstock::services {

struct Pkce {
  Secret verifier;        // goes with the code to the token endpoint
  std::string challenge;  // goes with the browser to the authorize URL
};

// Of 256 random bits. StatusCode::internal when the system gives none.
[[nodiscard]] Result<Pkce> make_pkce();

// BASE64URL(SHA256(verifier)), without padding.
[[nodiscard]] std::string pkce_challenge(std::string_view verifier);

}  // namespace penstock::services
