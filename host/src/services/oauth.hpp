// OAuth 2.0 (RFC 6749) as a client with a secret: the token endpoint and the authorize URL.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/pipeline_config.hpp"
#include "services/http_transfer.hpp"
#include "services/token_reply.hpp"
#include "services/token_set.hpp"

namespace penstock::services {

struct OAuthApplication {
  std::string token_url;
  std::string client_id;
  Secret client_secret;
  std::vector<std::string> dead_codes;  // error codes that mean: the refresh token is dead
};

struct TokenAnswer {
  enum class Kind : std::uint8_t {
    tokens,
    dead,     // the refresh token (or the code) is no longer good: a person has to log in
    failed,   // refused in a way that trying again does not change
    passing,  // not reached, overloaded or broken; may pass
  };
  Kind kind = Kind::failed;
  TokenReply reply{};
  std::string error_code{};       // of the server, or ""
  std::string message{};          // what happened, for a person; no secrets
  std::int32_t fault_status = 0;  // with `passing`: PENSTOCK_ERR_...
};

// [any-thread], one call at a time
class TokenEndpoint {
 public:
  explicit TokenEndpoint(OAuthApplication application) : application_(std::move(application)) {}

  // [may-block] What passes is tried kAttempts times, with growing pauses. `cancelled` ends pauses
  // and transfers (it is asked often), with `passing`.
  TokenAnswer refresh(const Secret& refresh_token, const std::function<bool()>& cancelled);
  // Once only: a code works once. `code_verifier`: of PKCE; empty without it.
  TokenAnswer exchange(const Secret& code, const std::string& redirect_uri,
                       const Secret& code_verifier, const std::function<bool()>& cancelled);

  // Enough to outlast a restart of the server, few enough not to hold requests up for long.
  static constexpr int kAttempts = 4;
  static constexpr std::int64_t kFirstPauseMs = 250;  // then four times as long each time
  // Of one attempt. With all of them a renewal is over before a send's deadline
  // (send::kSendDeadlineNs), so that the send says why.
  static constexpr std::int64_t kTimeoutMs = 20'000;

 private:
  using Form = std::vector<std::pair<const char*, std::string>>;
  TokenAnswer ask(const Form& form, const std::vector<std::string_view>& secrets,
                  const std::function<bool()>& cancelled);
  [[nodiscard]] TokenAnswer judge(const TransferResult& result, const HttpUrl& url,
                                  const std::vector<std::string_view>& secrets) const;

  const OAuthApplication application_;
  HttpTransfer transfer_;
};

// The tokens of a reply, on top of those that it renews (empty ones after a login). A renewal never
// extends a refresh token that stays the same: the earlier of what was known and what is said
// holds.
[[nodiscard]] TokenSet apply_reply(const TokenSet& before, const TokenReply& reply,
                                   std::int64_t now_ms);

// Where a person grants access. Parameters are added to those that the URL has.
// `code_challenge`: of PKCE; "" without it.
[[nodiscard]] std::string authorize_url(const std::string& base, const std::string& client_id,
                                        const std::string& redirect_uri, const std::string& state,
                                        const std::vector<std::string>& scopes,
                                        const std::string& code_challenge = {});

// Everything but letters, digits and "-._~" as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace penstock::services
