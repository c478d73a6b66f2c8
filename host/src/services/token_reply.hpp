// Reading what a token endpoint answers (RFC 6749, sections 5.1 and 5.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline_config.hpp"
#include "model/status.hpp"

namespace penstock::services {

struct TokenReply {
  Secret access_token;
  Secret refresh_token;  // may be empty: the one of before stays
  // Lifetimes from now; nothing: not said.
  std::optional<std::int64_t> expires_in_s;
  std::optional<std::int64_t> refresh_expires_in_s;
  std::vector<std::string> scopes;
};

// The longest life of a token that is believed.
inline constexpr std::int64_t kMaxTokenLifeSeconds = 20LL * 366 * 86'400;

// A reply with tokens. The message of a failure shows nothing of the body.
[[nodiscard]] Result<TokenReply> parse_token_reply(std::string_view body);

// Scopes separated by blanks or commas; servers do both.
[[nodiscard]] std::vector<std::string> split_scopes(std::string_view text);

struct TokenError {
  std::string code;         // such as invalid_grant; "" when the body names none
  std::string description;  // cut and masked; may be empty
};
// What a refusal says. `secrets` are kept out of the description, whatever the server repeats.
[[nodiscard]] TokenError parse_token_error(std::string_view body,
                                           const std::vector<std::string_view>& secrets);

}  // namespace penstock::services
