#include "services/login_words.hpp"

#include <penstock/abi.h>

#include <algorithm>

namespace penstock::services {
namespace {

constexpr char kExpired[] = "Refresh Token Expired: ";
constexpr char kFailed[] = "Oauth Refresh Failed: ";
constexpr char kNothingLost[] = " (nothing is lost meanwhile). ";

// The words of a server, or of a fault, as the end of a text.
std::string ended(const std::string& words) {
  const bool has_end = !words.empty() && (words.back() == '.' || words.back() == '?');
  return words + (has_end ? "" : ".");
}

// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '.' || c == '_' || c == '-' || static_cast<unsigned char>(c) > 127;
  });
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

}  // namespace

std::string auth_command_words(const char* verb, const LoginPlace& place) {
  return std::string("penstock auth ") + verb + " " + shell_word(place.pipeline) + " " +
         shell_word(place.connection);
}

RenewalFault renewal_fault(const TokenAnswer& answer, const LoginPlace& place) {
  const std::string login = auth_command_words("login", place);
  const std::string said = "The access token of connection " + place.connection +
                           " could not be renewed: " + ended(answer.message);
  switch (answer.kind) {
    case TokenAnswer::Kind::dead:
      return {PENSTOCK_ERR_AUTH, "refresh_token_expired",
              refused_login_words(place) + ": " + ended(answer.message)};
    case TokenAnswer::Kind::passing:
      return {answer.fault_status == PENSTOCK_ERR_CONNECT ? PENSTOCK_ERR_CONNECT
                                                          : PENSTOCK_ERR_TRANSPORT,
              "oauth_refresh_failed",
              std::string(kFailed) + "it is tried again by itself; to try now, run: " +
                  auth_command_words("refresh", place) + kNothingLost + said};
    case TokenAnswer::Kind::failed:
    case TokenAnswer::Kind::tokens:
      break;
  }
  return {PENSTOCK_ERR_AUTH, "oauth_refresh_failed",
          std::string(kFailed) + "log in again: " + login +
              ", or mend client_id, client_secret or token_url of the connection" + kNothingLost +
              said};
}

RenewalFault renewal_fault_here(const std::string& what, const LoginPlace& place) {
  return {PENSTOCK_ERR_AUTH, "oauth_refresh_failed",
          std::string(kFailed) + "once the following is mended, run: " +
              auth_command_words("refresh", place) + kNothingLost + ended(what)};
}

std::string refused_login_words(const LoginPlace& place) {
  return std::string(kExpired) + "log in again: " + auth_command_words("login", place) +
         kNothingLost + "The refresh token of connection " + place.connection +
         " is no longer accepted";
}

}  // namespace penstock::services
