// Who may do what: access tokens, refresh tokens and authorization codes (section 6 of the
// contract).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "behaviour.hpp"
#include "clock.hpp"

namespace linkedin_sandbox {

// What a person granted, and as whom.
struct Grant {
  std::set<std::string> scopes = {"rw_dmp_segments", "r_ads", "rw_ads", "r_basicprofile"};
  std::string role = "ACCOUNT_MANAGER";   // on every ad account; empty: none
  std::string member = "SandboxPerson1";  // the id in urn:li:person:ID; limits count by it
};

struct Application {
  std::string client_id = "sandbox-client";
  std::string client_secret = "sandbox-secret";
};

enum class TokenState { active, expired, revoked };

struct AccessToken {
  Grant grant;
  TokenState state = TokenState::active;
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  std::int64_t authorized_ms = 0;
};

// The answer to a grant that was accepted. Lifetimes in seconds from now.
struct IssuedTokens {
  std::string access_token;
  std::int64_t expires_in = 0;
  std::string refresh_token;
  std::int64_t refresh_expires_in = 0;
  Grant grant;
};

// [any-thread]
class Access {
 public:
  Access(const Clock& clock, Application application)
      : clock_(clock), application_(std::move(application)) {}

  [[nodiscard]] const Application& application() const { return application_; }

  void add_token(const std::string& token, const Grant& grant, std::int64_t seconds);
  void add_refresh_token(const std::string& token, const Grant& grant, std::int64_t seconds);
  // A code lives 30 minutes and works once, with the redirect URL that it was made for; "": with
  // every one.
  void add_code(const std::string& code, const Grant& grant, const std::string& redirect_uri = "");
  // Of an access or refresh token. False: no such token.
  bool expire(const std::string& token);
  bool revoke(const std::string& token);

  // nullopt: no such token.
  [[nodiscard]] std::optional<AccessToken> find(const std::string& token) const;
  // nullopt: unknown, expired or revoked. A refresh keeps the refresh token and its expiry.
  [[nodiscard]] std::optional<IssuedTokens> refresh(const std::string& refresh_token,
                                                    const Behaviour& behaviour);
  [[nodiscard]] std::optional<IssuedTokens> exchange(const std::string& code,
                                                     const std::string& redirect_uri,
                                                     const Behaviour& behaviour);

 private:
  struct RefreshToken {
    Grant grant;
    bool revoked = false;
    std::int64_t expires_ms = 0;
    std::int64_t authorized_ms = 0;
  };
  struct Code {
    Grant grant;
    std::string redirect_uri;
    std::int64_t ends_ms = 0;
  };
  [[nodiscard]] IssuedTokens issue(const std::string& refresh_token, const RefreshToken& refresh,
                                   const Behaviour& behaviour);

  const Clock& clock_;
  const Application application_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, AccessToken> tokens_;
  std::map<std::string, RefreshToken> refresh_tokens_;
  std::map<std::string, Code> codes_;
  std::uint64_t issued_ = 0;
};

}  // namespace linkedin_sandbox
