#include "services/login_warnings.hpp"

#include <algorithm>

namespace penstock::services {
namespace {

constexpr std::int64_t kHourMs = 3600LL * 1000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

std::string end_of_login(std::int64_t left_ms) {
  if (left_ms <= 0) return "has expired";
  return "expires in " + std::to_string(left_ms / kDayMs) + " days and " +
         std::to_string(left_ms % kDayMs / kHourMs) + " hours";
}

}  // namespace

std::optional<LoginWarning> LoginWarnings::next(const TokenSet& tokens, bool can_renew,
                                                std::int64_t now_ms, const LoginPlace& place) {
  const std::int64_t end_ms = can_renew ? tokens.refresh_expires_ms : tokens.access_expires_ms;
  const std::int64_t left_ms = end_ms - now_ms;
  int limit = INT32_MAX;
  for (const int days : kDays) {
    if (end_ms != 0 && left_ms <= days * kDayMs) limit = std::min(limit, days);
  }
  // No renewal moves the end away, so a limit that was passed before belongs to another login.
  if (limit == told_days_) return std::nullopt;
  told_days_ = limit;
  if (limit == INT32_MAX) return std::nullopt;
  return LoginWarning{can_renew ? "refresh_token_expires_soon" : "access_token_expires_soon",
                      std::string("The ") + (can_renew ? "refresh" : "access") +
                          " token of connection " + place.connection + " " + end_of_login(left_ms) +
                          (can_renew ? ", and no renewal extends it" : ", and nothing renews it") +
                          ". Log in before: " + auth_command_words("login", place)};
}

}  // namespace penstock::services
