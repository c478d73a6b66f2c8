// What people read when the tokens of a connection cannot be renewed.
#pragma once

#include <cstdint>
#include <string>

#include "services/oauth.hpp"

namespace penstock::services {

// Of a connection; the pipeline is its manifest's path.
struct LoginPlace {
  std::string pipeline;
  std::string connection;
};

// As people type it: "penstock auth VERB PIPELINE CONNECTION".
[[nodiscard]] std::string auth_command_words(const char* verb, const LoginPlace& place);

// Why there is no new access token.
struct RenewalFault {
  std::int32_t status = 0;  // PENSTOCK_ERR_...
  std::string reason;
  // Begins with "Refresh Token Expired: " or "Oauth Refresh Failed: " and the command to run, so
  // that neither is lost where a text is cut; what the server said comes last.
  std::string message;
};
// `answer`: anything but tokens.
[[nodiscard]] RenewalFault renewal_fault(const TokenAnswer& answer, const LoginPlace& place);
// Before or after anything was asked of the server, such as a disk that is full.
[[nodiscard]] RenewalFault renewal_fault_here(const std::string& what, const LoginPlace& place);

// A refresh token that was refused before, as the token file remembers it.
[[nodiscard]] std::string refused_login_words(const LoginPlace& place);

}  // namespace penstock::services
