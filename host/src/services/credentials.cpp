#include "services/credentials.hpp"

#include <penstock/abi.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "services/log.hpp"

namespace penstock::services {
namespace {

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
  told_changes_ = changes_;
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
  const std::uint64_t before = number_;
  use(choose_tokens(*stored, configured_, login_->refresh_token));
  if (number_ != before) ++changes_;
}

bool Credentials::take_over_changes() {
  const std::lock_guard lock(mutex_);
  look_at_store(false);
  return std::exchange(told_changes_, changes_) != changes_;
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
  return refused("not_logged_in",
                 none + "run " + auth_command_words("login", place()) + ", or " + configure);
}

Credentials::Answer Credentials::token(const Caller& caller) {
  std::unique_lock lock(mutex_);
  return wait_for_token(lock, caller);
}

Credentials::Answer Credentials::renew(const Token& refused, std::string_view body,
                                       const Caller& caller) {
  if (!login_) return {PENSTOCK_OK, "", "", refused};
  std::unique_lock lock(mutex_);
  look_at_store(true);
  // What is said of a token that was replaced meanwhile is of no interest, also that it is revoked.
  if (number_ == refused.number) {
    if (names_code(body, login_->revoked_codes)) return {PENSTOCK_OK, "", "", refused};
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
      if (failed_lately()) {
        const RenewalFault& fault = failure_->fault;
        return {fault.status, fault.reason, fault.message, {}};
      }
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
  try {
    renewer_ = std::thread([this, tokens = tokens_] { run_renewal(tokens); });
    renewing_ = true;
  } catch (const std::system_error& error) {
    failure_ =
        Failure{renewal_fault_here(error.what(), place()), clock_.monotonic_ns() + kPassingPauseNs};
  }
}

void Credentials::run_renewal(const TokenSet& in_use) {
  Renewal renewal;
  try {
    renewal = renew_tokens(in_use);
  } catch (const std::exception& exception) {
    renewal.fault = renewal_fault_here(exception.what(), place());
    renewal.pause_ns = kPassingPauseNs;
  }
  if (renewal.fault) {
    log(LogLevel::warning, connection_, renewal.fault->message);
  } else {
    log(LogLevel::info, connection_, "the access token was renewed");
  }
  const std::lock_guard lock(mutex_);
  if (renewal.fault) {
    const bool hurry = !usable() || renewal.fault->status != PENSTOCK_ERR_AUTH;
    failure_ = Failure{std::move(*renewal.fault),
                       clock_.monotonic_ns() + (hurry ? renewal.pause_ns : kUnhurriedPauseNs)};
  } else {
    const bool mended = failure_ && failure_->fault.status == PENSTOCK_ERR_AUTH;
    if (renewal.by_others || mended) ++changes_;
    use(std::move(renewal.fresh));
    refused_ = 0;
    stamp_ = renewal.stamp;
    // Whoever waited for the file's lock may have written other tokens by now.
    look_at_store(true);
  }
  renewing_ = false;
  changed_.notify_all();
}

Credentials::Renewal Credentials::renew_tokens(const TokenSet& in_use) {
  const auto cancelled = [this] { return grace_is_over(); };
  const auto fault_here = [this](const Status& status) {
    return Renewal{renewal_fault_here(status.message(), place()), kPassingPauseNs, {}, false, {}};
  };
  TokenSet before = in_use;
  std::optional<TokenLock> lock;
  if (store_) {
    Result<TokenLock> locked = store_->lock(cancelled);
    if (!locked.ok()) return fault_here(locked.status());
    lock.emplace(std::move(locked).value());
    const Result<std::optional<TokenSet>> stored = store_->load();
    if (!stored.ok()) return fault_here(stored.status());
    before = choose_tokens(*stored, configured_, login_->refresh_token);
    const bool other = before.access_token.reveal() != in_use.access_token.reveal();
    const bool lives = before.access_expires_ms == 0 || now_ms() < before.access_expires_ms;
    const bool faster = other && lives && is_token(before.access_token.reveal());
    if (faster || before.refresh_token.empty())
      return {std::nullopt, 0, before, other, store_->stamp()};
  }
  const TokenAnswer answer = endpoint_->refresh(before.refresh_token, cancelled);
  const auto keep = [&](const TokenSet& tokens, const char* what) {
    if (!lock) return;
    if (const Status saved = store_->save(tokens, *lock); !saved.ok())
      log(LogLevel::error, connection_, what + saved.message());
  };
  if (answer.kind != TokenAnswer::Kind::tokens) {
    if (answer.kind == TokenAnswer::Kind::dead && !before.refused) {
      before.refused = true;
      keep(before, "that the refresh token is dead could not be kept: ");
    }
    const bool passes = answer.kind == TokenAnswer::Kind::passing;
    return {
        renewal_fault(answer, place()), passes ? kPassingPauseNs : kRefusedPauseNs, {}, false, {}};
  }
  Renewal renewal;
  renewal.fresh = apply_reply(before, answer.reply, now_ms());
  keep(renewal.fresh, "the renewed tokens are used, but could not be kept: ");
  if (store_) renewal.stamp = store_->stamp();
  return renewal;
}

std::optional<LoginWarning> Credentials::next_warning() {
  const std::lock_guard lock(mutex_);
  if (!login_) return std::nullopt;
  if (failure_ && failure_->fault.status == PENSTOCK_ERR_AUTH && usable() &&
      told_failure_ != number_) {
    told_failure_ = number_;
    return LoginWarning{failure_->fault.reason, failure_->fault.message};
  }
  return warnings_.next(tokens_, can_renew(), now_ms(), place());
}

}  // namespace penstock::services
