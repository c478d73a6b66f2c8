#include "services/credentials.hpp"

#include <penstock/abi.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "services/log.hpp"

namespace penstock::services {
namespace {

constexpr std::int64_t kMsPerDay = 24LL * 3600 * 1000;
// How often the file is looked at, at most.
constexpr std::int64_t kLookIntervalNs = 1'000'000'000;
// How often a caller that waits looks at its cancellation flag, which nobody wakes it for.
constexpr std::chrono::milliseconds kCallerPoll{20};
// A refresh brings nothing when the access token ends with the refresh token; they are counted in
// seconds by different clocks.
constexpr std::int64_t kSameEndMs = 60'000;

std::optional<TokenStore> store_of(const std::string& connection,
                                   const std::optional<LoginOptions>& login) {
  if (!login || login->state_dir.empty()) return std::nullopt;
  return TokenStore(login->state_dir, connection);
}

// Whether a member of a JSON error body is one of these codes, as number or text.
bool names_code(std::string_view body, const std::vector<std::string>& codes) {
  if (codes.empty()) return false;
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return false;
  return std::any_of(json.begin(), json.end(), [&](const nlohmann::json& value) {
    std::string text;
    if (value.is_string()) text = value.get<std::string>();
    if (value.is_number_integer()) text = value.dump();
    return std::find(codes.begin(), codes.end(), text) != codes.end();
  });
}

}  // namespace

std::optional<LoginOptions> login_options(const ConnectionConfig& connection,
                                          const std::string& pipeline,
                                          const std::string& state_dir) {
  if (!connection.oauth2) return std::nullopt;
  LoginOptions login;
  login.pipeline = pipeline;
  login.state_dir = state_dir;
  login.application = {connection.token_url, connection.client_id, connection.client_secret,
                       connection.oauth2->refresh_token_dead};
  login.revoked_codes = connection.oauth2->revoked_codes;
  login.refresh_token = connection.refresh_token;
  return login;
}

Credentials::Credentials(std::string connection, Secret access_token,
                         std::optional<LoginOptions> login, const Clock& clock)
    : connection_(std::move(connection)),
      configured_(std::move(access_token)),
      login_(std::move(login)),
      clock_(clock),
      store_(store_of(connection_, login_)) {
  if (login_) endpoint_ = std::make_unique<TokenEndpoint>(login_->application);
  const std::lock_guard lock(mutex_);
  if (store_) {
    look_at_store(true);
  } else {
    use(choose_tokens(std::nullopt, configured_, login_ ? login_->refresh_token : Secret()));
  }
}

Credentials::~Credentials() {
  cancel();
  if (renewer_.joinable()) renewer_.join();
}

void Credentials::cancel() {
  std::int64_t never = 0;
  cancelled_ns_.compare_exchange_strong(never, std::max<std::int64_t>(clock_.monotonic_ns(), 1));
  changed_.notify_all();
}

bool Credentials::grace_is_over() const {
  const std::int64_t cancelled = cancelled_ns_.load();
  return cancelled != 0 && clock_.monotonic_ns() - cancelled >= kGraceNs;
}

std::string Credentials::login_command() const {
  return "penstock auth login " + login_->pipeline + " " + connection_;
}

void Credentials::use(TokenSet tokens) {
  const bool other = tokens.access_token.reveal() != tokens_.access_token.reveal() ||
                     tokens.refresh_token.reveal() != tokens_.refresh_token.reveal();
  tokens_ = std::move(tokens);
  if (!other && number_ != 0) return;
  ++number_;
  failure_.reset();
}

// Takes over what the file holds when it has changed.
void Credentials::look_at_store(bool now) {
  if (!store_) return;
  const std::int64_t now_ns = clock_.monotonic_ns();
  if (!now && now_ns - looked_ns_ < kLookIntervalNs) return;
  looked_ns_ = now_ns;
  const TokenStamp stamp = store_->stamp();
  if (stamp == stamp_ && number_ != 0) return;
  stamp_ = stamp;
  Result<std::optional<TokenSet>> stored = store_->load();
  store_fault_ = stored.status();
  if (!stored.ok()) {
    log(LogLevel::error, connection_, stored.status().message());
    stored = std::optional<TokenSet>();
  }
  use(choose_tokens(*stored, configured_, login_->refresh_token));
}

bool Credentials::take_over_changes() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = number_;
  look_at_store(false);
  return number_ != before;
}

std::int64_t Credentials::given_ms() {
  const std::lock_guard lock(mutex_);
  return tokens_.since_ms;
}

bool Credentials::usable() const {
  if (!is_token(tokens_.access_token.reveal()) || refused_ == number_) return false;
  return tokens_.access_expires_ms == 0 || now_ms() < tokens_.access_expires_ms;
}

bool Credentials::can_renew() const {
  return login_ && !login_->application.client_id.empty() && !tokens_.refresh_token.empty();
}

bool Credentials::renewal_is_due() const {
  const std::int64_t expires_ms = tokens_.access_expires_ms;
  if (expires_ms == 0) return false;
  if (tokens_.refresh_expires_ms != 0 && expires_ms >= tokens_.refresh_expires_ms - kSameEndMs)
    return false;
  const std::int64_t life_ms = std::max<std::int64_t>(expires_ms - tokens_.access_obtained_ms, 0);
  return now_ms() >= expires_ms - std::min(kRenewBeforeMs, life_ms / 10);
}

bool Credentials::failed_lately() const {
  return failure_ && clock_.monotonic_ns() < failure_->until_ns;
}

Credentials::Answer Credentials::current() const {
  return {PENSTOCK_OK, "", "", {number_, "Authorization: Bearer " + tokens_.access_token.reveal()}};
}

Credentials::Answer Credentials::no_token() const {
  const std::string setting = "connections." + connection_ + ".access_token";
  const auto refused = [](const char* reason, const std::string& message) {
    return Answer{PENSTOCK_ERR_AUTH, reason, message, {}};
  };
  if (connection_.empty()) {
    return refused("no_access_token",
                   "The request needs an access token, but this destination names no connection: "
                   "add one under connections and name it in the destination.");
  }
  if (!store_fault_.ok()) {
    return refused("not_logged_in", "The tokens of connection " + connection_ +
                                        " cannot be read: " + store_fault_.message() + ".");
  }
  if (!tokens_.access_token.empty()) {
    return refused("no_access_token",
                   "The access token of connection " + connection_ +
                       " has blanks, line ends or other characters that no token has: check " +
                       setting + " and where it is read from.");
  }
  const std::string none = "Connection " + connection_ + " has no access token: ";
  const std::string configure = "set " + setting + ", for example to ${env:NAME} or ${file:PATH}.";
  if (!login_) return refused("no_access_token", none + configure);
  return refused("not_logged_in", none + "run " + login_command() + ", or " + configure);
}

Credentials::Answer Credentials::token(const Caller& caller) {
  std::unique_lock lock(mutex_);
  return wait_for_token(lock, caller);
}

Credentials::Answer Credentials::renew(const Token& refused, std::string_view body,
                                       const Caller& caller) {
  if (!login_ || names_code(body, login_->revoked_codes)) return {PENSTOCK_OK, "", "", refused};
  std::unique_lock lock(mutex_);
  look_at_store(true);
  if (number_ == refused.number) {
    refused_ = number_;
    if (!can_renew()) return {PENSTOCK_OK, "", "", refused};
  }
  return wait_for_token(lock, caller);
}

Credentials::Answer Credentials::wait_for_token(std::unique_lock<std::mutex>& lock,
                                                const Caller& caller) {
  for (;;) {
    look_at_store(false);
    if (usable()) {
      // Others go on with the token that still holds.
      if (can_renew() && renewal_is_due() && !renewing_ && !failed_lately()) begin_renewal();
      return current();
    }
    if (!renewing_) {
      if (!can_renew()) {
        // The server shall say what it thinks of a token that has expired.
        return is_token(tokens_.access_token.reveal()) ? current() : no_token();
      }
      if (failed_lately()) return {failure_->status, failure_->reason, failure_->message, {}};
    }
    if (cancelled_ns_.load() != 0 || caller.cancelled()) {
      return {PENSTOCK_ERR_CANCELLED,
              "cancelled",
              "Cancelled while the access token of connection " + connection_ +
                  " was being renewed; nothing was sent.",
              {}};
    }
    if (clock_.monotonic_ns() >= caller.deadline_ns) {
      return {PENSTOCK_ERR_TIMEOUT,
              "deadline",
              "The deadline passed while the access token of connection " + connection_ +
                  " was being renewed; nothing was sent.",
              {}};
    }
    if (!renewing_) begin_renewal();
    changed_.wait_for(lock, kCallerPoll);
  }
}

void Credentials::begin_renewal() {
  if (renewer_.joinable()) renewer_.join();  // it has let go of the lock for the last time
  renewing_ = true;
  renewer_ = std::thread([this, tokens = tokens_] { run_renewal(tokens); });
}

void Credentials::run_renewal(const TokenSet& in_use) {
  TokenSet fresh;
  std::optional<Failure> failure;
  try {
    failure = renew_tokens(in_use, fresh);
  } catch (const std::exception& exception) {
    failure = Failure{PENSTOCK_ERR_TRANSPORT, "internal_error",
                      "The access token of connection " + connection_ +
                          " could not be renewed: " + exception.what() + ".",
                      clock_.monotonic_ns() + kPassingPauseNs};
  }
  if (failure) {
    log(LogLevel::warning, connection_, failure->message);
  } else {
    log(LogLevel::info, connection_, "the access token was renewed");
  }
  const std::lock_guard lock(mutex_);
  if (failure) {
    failure_ = std::move(failure);
  } else {
    use(std::move(fresh));
    refused_ = 0;
    if (store_) stamp_ = store_->stamp();
  }
  renewing_ = false;
  changed_.notify_all();
}

std::optional<Credentials::Failure> Credentials::renew_tokens(const TokenSet& in_use,
                                                              TokenSet& fresh) {
  const auto cancelled = [this] { return grace_is_over(); };
  const auto io_failure = [this](const Status& status) {
    return Failure{PENSTOCK_ERR_AUTH, "oauth_refresh_failed",
                   "Oauth Refresh Failed: " + status.message() + ".",
                   clock_.monotonic_ns() + kPassingPauseNs};
  };
  TokenSet before = in_use;
  std::optional<TokenLock> lock;
  if (store_) {
    Result<TokenLock> locked = store_->lock(cancelled);
    if (!locked.ok()) return io_failure(locked.status());
    lock.emplace(std::move(locked).value());
    const Result<std::optional<TokenSet>> stored = store_->load();
    if (!stored.ok()) return io_failure(stored.status());
    before = choose_tokens(*stored, configured_, login_->refresh_token);
    const bool other = before.access_token.reveal() != in_use.access_token.reveal();
    const bool lives = before.access_expires_ms == 0 || now_ms() < before.access_expires_ms;
    if (other && lives && is_token(before.access_token.reveal())) {
      fresh = before;  // another process was faster
      return std::nullopt;
    }
    if (before.refresh_token.empty()) {
      fresh = before;
      return std::nullopt;
    }
  }
  const TokenAnswer answer = endpoint_->refresh(before.refresh_token, cancelled);
  if (answer.kind != TokenAnswer::Kind::tokens) return failure_of(answer);
  fresh = apply_reply(before, answer.reply, now_ms());
  if (lock) {
    if (const Status saved = store_->save(fresh, *lock); !saved.ok()) {
      log(LogLevel::error, connection_,
          "the renewed tokens are used, but could not be kept: " + saved.message());
    }
  }
  return std::nullopt;
}

Credentials::Failure Credentials::failure_of(const TokenAnswer& answer) const {
  const std::int64_t now = clock_.monotonic_ns();
  const std::string of_connection = " of connection " + connection_;
  switch (answer.kind) {
    case TokenAnswer::Kind::dead:
      return {PENSTOCK_ERR_AUTH, "refresh_token_expired",
              "Refresh Token Expired: the refresh token" + of_connection +
                  " is no longer accepted (" + answer.message +
                  "). Log in again: " + login_command() + ". Nothing is lost meanwhile.",
              now + kRefusedPauseNs};
    case TokenAnswer::Kind::passing:
      return {answer.fault_status == PENSTOCK_ERR_CONNECT ? PENSTOCK_ERR_CONNECT
                                                          : PENSTOCK_ERR_TRANSPORT,
              "oauth_refresh_failed",
              "The access token" + of_connection + " could not be renewed: " + answer.message,
              now + kPassingPauseNs};
    case TokenAnswer::Kind::failed:
    case TokenAnswer::Kind::tokens:
      break;
  }
  return {PENSTOCK_ERR_AUTH, "oauth_refresh_failed",
          "Oauth Refresh Failed: the access token" + of_connection + " could not be renewed (" +
              answer.message +
              "). Check client_id, client_secret and token_url of the connection, "
              "or log in again: " +
              login_command() + ". Nothing is lost meanwhile.",
          now + kRefusedPauseNs};
}

std::optional<LoginWarning> Credentials::next_warning() {
  const std::lock_guard lock(mutex_);
  if (!login_ || tokens_.refresh_token.empty() || tokens_.refresh_expires_ms == 0)
    return std::nullopt;
  const std::int64_t left_ms = tokens_.refresh_expires_ms - now_ms();
  int limit = INT32_MAX;
  for (const int days : kWarnDays) {
    if (left_ms <= days * kMsPerDay) limit = std::min(limit, days);
  }
  if (limit >= warned_days_) {
    // A new login begins anew.
    if (limit == INT32_MAX) warned_days_ = INT32_MAX;
    return std::nullopt;
  }
  warned_days_ = limit;
  const std::string when =
      left_ms <= 0 ? "has expired"
                   : "expires in " + std::to_string(left_ms / kMsPerDay) + " days and " +
                         std::to_string(left_ms % kMsPerDay / (kMsPerDay / 24)) + " hours";
  return LoginWarning{"refresh_token_expires_soon",
                      "The refresh token of connection " + connection_ + " " + when +
                          ", and no renewal extends it. Log in before: " + login_command()};
}

}  // namespace penstock::services
