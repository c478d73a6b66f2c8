// Credentials: what the requests of a connection are authorised with, renewed as needed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "services/clock.hpp"
#include "services/login_warnings.hpp"
#include "services/login_words.hpp"
#include "services/oauth.hpp"
#include "services/token_set.hpp"
#include "services/token_store.hpp"

namespace penstock::services {

// How a connection gets new tokens by itself: of a plugin whose manifest says oauth2.
struct LoginOptions {
  std::string pipeline;   // the manifest's path, for the commands in messages
  std::string state_dir;  // where tokens are kept; "": nowhere
  OAuthApplication application;
  std::vector<std::string> revoked_codes;  // in the answer to a request: no renewal helps
  Secret refresh_token;                    // as configured
};

// Nothing where the connection's plugin has no OAuth login.
[[nodiscard]] std::optional<LoginOptions> login_options(const ConnectionConfig& connection,
                                                        const std::string& pipeline,
                                                        const std::string& state_dir);

// [any-thread] Renewals run on a thread of its own, one at a time however many requests wait, and
// go on when a request that waits is cancelled or late.
class Credentials {
 public:
  // `clock` must outlive this. Without `login` there is only the access token.
  Credentials(std::string connection, Secret access_token, std::optional<LoginOptions> login,
              const Clock& clock);
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  // Nobody may be waiting.
  ~Credentials();

  struct Token {
    std::uint64_t number = 0;  // tells it from those before and after
    // "Authorization: Bearer ...". A secret: never shown, never kept longer than the request.
    std::string header;
  };
  struct Answer {
    std::int32_t status = 0;  // PENSTOCK_OK, or an ERR_...
    std::string reason;
    std::string message;
    Token token;
  };
  // Whose request waits.
  struct Caller {
    std::int64_t deadline_ns = 0;
    const std::function<bool()>& cancelled;
  };

  // [may-block] The token for a request. ERR_AUTH when there is none and a person has to act,
  // ERR_CONNECT or ERR_TRANSPORT when the token endpoint could not be reached or failed,
  // ERR_TIMEOUT or ERR_CANCELLED for the caller's reasons.
  Answer token(const Caller& caller);
  // [may-block] After an answer 401 with this body to a request with the token `refused`. OK with
  // another token: send again. OK with the same number: there is nothing to renew it with, or the
  // answer says that it was revoked, and nobody has logged in since. Else as token().
  Answer renew(const Token& refused, std::string_view body, const Caller& caller);

  // Takes over tokens on disk that are others than those in use, because somebody logged in or out.
  // Whether that happened since the last call, by whichever thread, or a renewal that only a person
  // could mend has succeeded. Cheap: looks at the file's attributes.
  bool take_over_changes();
  // When a person last gave tokens by a command, in milliseconds since 1970; 0: never.
  [[nodiscard]] std::int64_t given_ms();
  // What a person should be told now, while requests still go on: that the login ends, or that
  // the token in use cannot be renewed. Each once.
  [[nodiscard]] std::optional<LoginWarning> next_warning();

  // All waits end, now and later, with ERR_CANCELLED; a renewal that is under way gets kGrace to
  // finish.
  void cancel();

  // An access token is renewed so long before it expires, or a tenth of its life where that is
  // less.
  static constexpr std::int64_t kRenewBeforeMs = 24LL * 3600 * 1000;
  // With a failure that passes the token endpoint is left alone for a moment; with others for
  // longer, because only a person can mend them.
  static constexpr std::int64_t kPassingPauseNs = 2'000'000'000;
  static constexpr std::int64_t kRefusedPauseNs = 30'000'000'000;
  // While the token in use still holds, there is no hurry.
  static constexpr std::int64_t kUnhurriedPauseNs = 1'800'000'000'000;
  // A renewal that was sent may have made the refresh token of before useless.
  static constexpr std::int64_t kGraceNs = 3'000'000'000;

 private:
  struct Failure {
    RenewalFault fault;
    std::int64_t until_ns = 0;
  };
  struct Renewal {
    std::optional<RenewalFault> fault;
    std::int64_t pause_ns = 0;  // after the fault
    // Without a fault:
    TokenSet fresh;
    bool by_others = false;  // they were on the disk
    TokenStamp stamp;        // of the file that holds them
  };

  // All with mutex_ held:
  void use(TokenSet tokens);
  void look_at_store(bool now);
  [[nodiscard]] bool usable() const;
  [[nodiscard]] bool renewal_is_due() const;
  [[nodiscard]] bool can_renew() const;
  [[nodiscard]] bool failed_lately() const;
  [[nodiscard]] Answer current() const;
  [[nodiscard]] Answer no_token() const;
  Answer wait_for_token(std::unique_lock<std::mutex>& lock, const Caller& caller);
  void begin_renewal();
  // On the renewing thread, without the lock:
  void run_renewal(const TokenSet& in_use);
  Renewal renew_tokens(const TokenSet& in_use);
  [[nodiscard]] bool grace_is_over() const;

  [[nodiscard]] LoginPlace place() const { return {login_->pipeline, connection_}; }
  [[nodiscard]] std::int64_t now_ms() const { return clock_.wall_ns() / 1'000'000; }

  const std::string connection_;
  const Secret configured_;
  const std::optional<LoginOptions> login_;
  const Clock& clock_;
  const std::optional<TokenStore> store_;
  std::unique_ptr<TokenEndpoint> endpoint_;  // the renewing thread's, one at a time
  std::atomic<std::int64_t> cancelled_ns_{0};

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  TokenSet tokens_;
  std::uint64_t number_ = 0;
  std::uint64_t refused_ = 0;  // the number of a token that a server did not accept
  TokenStamp stamp_;
  std::int64_t looked_ns_ = 0;
  std::optional<Failure> failure_;
  Status store_fault_;
  std::uint64_t changes_ = 0;  // that take_over_changes() tells of
  std::uint64_t told_changes_ = 0;
  LoginWarnings warnings_;
  std::uint64_t told_failure_ = 0;  // the number of the token whose failure next_warning() told
  bool renewing_ = false;
  std::thread renewer_;
};

}  // namespace penstock::services
