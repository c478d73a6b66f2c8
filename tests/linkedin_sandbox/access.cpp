#include "access.hpp"

#include <algorithm>

namespace linkedin_sandbox {
namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kCodeLifeMs = 30 * 60 * kSecondMs;

}  // namespace

void Access::add_token(const std::string& token, const Grant& grant, std::int64_t seconds) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.now_ms();
  tokens_[token] = {grant, TokenState::active, now, now + seconds * kSecondMs, now};
}

void Access::add_refresh_token(const std::string& token, const Grant& grant, std::int64_t seconds) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.now_ms();
  refresh_tokens_[token] = {grant, false, now + seconds * kSecondMs, now};
}

void Access::add_code(const std::string& code, const Grant& grant,
                      const std::string& redirect_uri) {
  const std::lock_guard lock(mutex_);
  codes_[code] = {grant, redirect_uri, clock_.now_ms() + kCodeLifeMs};
}

bool Access::expire(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (const auto found = tokens_.find(token); found != tokens_.end()) {
    found->second.expires_ms = clock_.now_ms();
    return true;
  }
  if (const auto found = refresh_tokens_.find(token); found != refresh_tokens_.end()) {
    found->second.expires_ms = clock_.now_ms();
    return true;
  }
  return false;
}

bool Access::revoke(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (const auto found = tokens_.find(token); found != tokens_.end()) {
    found->second.state = TokenState::revoked;
    return true;
  }
  if (const auto found = refresh_tokens_.find(token); found != refresh_tokens_.end()) {
    found->second.revoked = true;
    return true;
  }
  return false;
}

std::optional<AccessToken> Access::find(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(token);
  if (found == tokens_.end()) return std::nullopt;
  AccessToken access = found->second;
  if (access.state == TokenState::active && clock_.now_ms() >= access.expires_ms) {
    access.state = TokenState::expired;
  }
  return access;
}

IssuedTokens Access::issue(const std::string& refresh_token, const RefreshToken& refresh,
                           const Behaviour& behaviour) {
  const std::int64_t now = clock_.now_ms();
  IssuedTokens issued;
  issued.grant = refresh.grant;
  issued.refresh_token = refresh_token;
  issued.refresh_expires_in = (refresh.expires_ms - now) / kSecondMs;
  issued.expires_in = std::min(behaviour.access_token_seconds, issued.refresh_expires_in);
  issued.access_token = "sandbox-access-" + std::to_string(++issued_);
  tokens_[issued.access_token] = {refresh.grant, TokenState::active, now,
                                  now + issued.expires_in * kSecondMs, refresh.authorized_ms};
  return issued;
}

std::optional<IssuedTokens> Access::refresh(const std::string& refresh_token,
                                            const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  const auto found = refresh_tokens_.find(refresh_token);
  if (found == refresh_tokens_.end() || found->second.revoked ||
      clock_.now_ms() >= found->second.expires_ms) {
    return std::nullopt;
  }
  return issue(refresh_token, found->second, behaviour);
}

std::optional<IssuedTokens> Access::exchange(const std::string& code,
                                             const std::string& redirect_uri,
                                             const Behaviour& behaviour) {
  const std::lock_guard lock(mutex_);
  const auto found = codes_.find(code);
  if (found == codes_.end()) return std::nullopt;
  const Code known = found->second;
  codes_.erase(found);
  const std::int64_t now = clock_.now_ms();
  const bool fits = known.redirect_uri.empty() || known.redirect_uri == redirect_uri;
  if (now >= known.ends_ms || !fits) return std::nullopt;
  const std::string refresh_token = "sandbox-refresh-" + std::to_string(++issued_);
  const RefreshToken refresh{known.grant, false, now + behaviour.refresh_token_seconds * kSecondMs,
                             now};
  refresh_tokens_[refresh_token] = refresh;
  return issue(refresh_token, refresh, behaviour);
}

}  // namespace linkedin_sandbox
