// TokenSet: what a connection is authorised with, and what is known about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/pipeline_config.hpp"

namespace penstock::services {

// Where the tokens came from.
enum class TokenOrigin : std::uint8_t {
  configuration,  // connections.NAME.access_token and refresh_token, and what they were renewed to
  login,          // `auth login`
  set,            // `auth set`
};
[[nodiscard]] const char* name_of(TokenOrigin origin);

// Whom a login belongs to, as the destination says. Shown to people, never logged.
struct Member {
  std::string id;  // "": not known
  std::string name;
};

// Times are milliseconds since 1970; 0: not known, for a refresh token also: there is none.
struct TokenSet {
  Secret access_token;
  Secret refresh_token;
  std::int64_t access_obtained_ms = 0;
  std::int64_t access_expires_ms = 0;
  std::int64_t refresh_expires_ms = 0;
  std::int64_t since_ms = 0;  // when a person last gave tokens
  Member member;
  std::vector<std::string> scopes;  // as granted; empty: not known
  bool refused = false;             // the refresh token is known to be dead
  TokenOrigin origin = TokenOrigin::configuration;
  // Of the configured tokens that these were renewed from (token_fingerprint); "" for others.
  std::string configured;

  [[nodiscard]] bool empty() const { return access_token.empty() && refresh_token.empty(); }
};

// Whether text can stand in a header and a form as a token: visible ASCII, not empty.
[[nodiscard]] bool is_token(std::string_view text);
// Longest token that is taken. LinkedIn asks for room for 1,000 characters; others send JSON web
// tokens of some kilobytes.
inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;

}  // namespace penstock::services
