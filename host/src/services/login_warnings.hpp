// LoginWarnings: tells a person in time that a login ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "services/login_words.hpp"
#include "services/token_set.hpp"

namespace penstock::services {

struct LoginWarning {
  std::string code;
  std::string message;
};

// One for a connection, called by one thread at a time.
class LoginWarnings {
 public:
  // What should be said now about the end of the refresh token, or of the access token where
  // nothing renews it; each limit once for a login.
  [[nodiscard]] std::optional<LoginWarning> next(const TokenSet& tokens, bool can_renew,
                                                 std::int64_t now_ms, const LoginPlace& place);

  // Days before the end at which a person is told.
  static constexpr int kDays[] = {30, 14, 7, 1};

 private:
  int told_days_ = INT32_MAX;
};

}  // namespace penstock::services
