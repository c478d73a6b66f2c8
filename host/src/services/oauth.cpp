#include "services/oauth.hpp"

#include <penstock/ext/http.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "services/abi_text.hpp"
#include "services/http_faults.hpp"
#include "services/http_rules.hpp"

namespace penstock::services {
namespace {

constexpr std::chrono::milliseconds kCancelPoll{20};
constexpr std::int64_t kMsPerSecond = 1000;
// Tokens are a few KiB; what is larger is no answer of a token endpoint.
constexpr std::size_t kMaxAnswerBytes = 1024 * 1024;
// Servers count the ends of two tokens that end together in seconds, by different clocks.
constexpr std::int64_t kRoundingSeconds = 60;

// False when it was cancelled.
bool pause(std::int64_t milliseconds, const std::function<bool()>& cancelled) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < end) {
    if (cancelled()) return false;
    std::this_thread::sleep_for(kCancelPoll);
  }
  return !cancelled();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4U];
      encoded += kDigits[byte & 15U];
    }
  }
  return encoded;
}

std::string authorize_url(const std::string& base, const std::string& client_id,
                          const std::string& redirect_uri, const std::string& state,
                          const std::vector<std::string>& scopes,
                          const std::string& code_challenge) {
  std::string url = base + (base.find('?') == std::string::npos ? "?" : "&");
  url += "response_type=code&client_id=" + percent_encode(client_id) +
         "&redirect_uri=" + percent_encode(redirect_uri) + "&state=" + percent_encode(state);
  if (!scopes.empty()) url += "&scope=" + percent_encode(joined(scopes));
  if (!code_challenge.empty()) {
    url += "&code_challenge=" + percent_encode(code_challenge) + "&code_challenge_method=S256";
  }
  return url;
}

TokenAnswer TokenEndpoint::refresh(const Secret& refresh_token,
                                   const std::function<bool()>& cancelled) {
  const Form form = {{"grant_type", "refresh_token"},
                     {"refresh_token", refresh_token.reveal()},
                     {"client_id", application_.client_id},
                     {"client_secret", application_.client_secret.reveal()}};
  const std::vector<std::string_view> secrets = {refresh_token.reveal(),
                                                 application_.client_secret.reveal()};
  std::int64_t wait_ms = kFirstPauseMs;
  for (int attempt = 1;; ++attempt) {
    TokenAnswer answer = ask(form, secrets, cancelled);
    if (answer.kind != TokenAnswer::Kind::passing || attempt == kAttempts) return answer;
    if (!pause(wait_ms, cancelled)) return answer;
    wait_ms *= 4;
  }
}

TokenAnswer TokenEndpoint::exchange(const Secret& code, const std::string& redirect_uri,
                                    const Secret& code_verifier,
                                    const std::function<bool()>& cancelled) {
  Form form = {{"grant_type", "authorization_code"},
               {"code", code.reveal()},
               {"redirect_uri", redirect_uri},
               {"client_id", application_.client_id},
               {"client_secret", application_.client_secret.reveal()}};
  std::vector<std::string_view> secrets = {code.reveal(), application_.client_secret.reveal()};
  if (!code_verifier.empty()) {
    form.emplace_back("code_verifier", code_verifier.reveal());
    secrets.push_back(code_verifier.reveal());
  }
  return ask(form, secrets, cancelled);
}

TokenAnswer TokenEndpoint::ask(const Form& form, const std::vector<std::string_view>& secrets,
                               const std::function<bool()>& cancelled) {
  TokenAnswer answer;
  std::string fault;
  const HttpUrl url = HttpUrl::parse(application_.token_url, fault);
  if (!fault.empty()) {
    answer.message = "token_url cannot be read (" + fault + ")";
    return answer;
  }
  if (url.scheme != "https" && !is_loopback(url.host)) {
    answer.message = "token_url is plain http, which would send secrets in clear; use https";
    return answer;
  }
  std::string body;
  for (const auto& [name, value] : form) {
    body += (body.empty() ? "" : "&") + std::string(name) + "=" + percent_encode(value);
  }
  const penstock_header headers[] = {
      {str("content-type"), str("application/x-www-form-urlencoded")},
      {str("accept"), str("application/json")}};
  const penstock_str part = str(body);
  penstock_http_request request{};
  request.struct_size = sizeof request;
  request.method = str("POST");
  request.url = str(application_.token_url);
  request.n_headers = std::size(headers);
  request.headers = headers;
  request.n_body = 1;
  request.body = &part;
  TransferRequest transfer{request, url};
  transfer.through_proxy = !is_loopback(url.host);
  transfer.limit_ms = kTimeoutMs;
  transfer.most_bytes = kMaxAnswerBytes;
  return judge(transfer_.run(transfer, cancelled), url, secrets);
}

TokenAnswer TokenEndpoint::judge(const TransferResult& result, const HttpUrl& url,
                                 const std::vector<std::string_view>& secrets) const {
  TokenAnswer answer;
  if (result.fault != TransferFault::none) {
    FaultReport report = describe_fault(result, url, kTimeoutMs, kMaxAnswerBytes);
    answer.kind = TokenAnswer::Kind::passing;
    answer.fault_status = report.status;
    answer.message = std::move(report.message);
    return answer;
  }
  const std::string answers = url.place + " answers " + std::to_string(result.status);
  if (result.status == 200) {
    Result<TokenReply> reply = parse_token_reply(result.body);
    if (reply.ok()) {
      answer.kind = TokenAnswer::Kind::tokens;
      answer.reply = std::move(reply).value();
    } else {
      answer.message = answers + ", but not with tokens: " + reply.status().message();
    }
    return answer;
  }
  const TokenError error = parse_token_error(result.body, secrets);
  answer.error_code = error.code;
  answer.message = answers;
  if (!error.code.empty()) answer.message += " (" + error.code + ")";
  if (!error.description.empty()) answer.message += ": " + error.description;
  constexpr int kRequestTimeout = 408;
  constexpr int kTooManyRequests = 429;
  if (result.status >= 500 || result.status == kTooManyRequests ||
      result.status == kRequestTimeout) {
    answer.kind = TokenAnswer::Kind::passing;
    answer.fault_status = PENSTOCK_ERR_TRANSPORT;
  } else if (!error.code.empty() &&
             std::find(application_.dead_codes.begin(), application_.dead_codes.end(),
                       error.code) != application_.dead_codes.end()) {
    answer.kind = TokenAnswer::Kind::dead;
  } else if (result.status >= 300 && result.status < 400) {
    answer.message += ", which points elsewhere; is token_url right?";
  }
  return answer;
}

TokenSet apply_reply(const TokenSet& before, const TokenReply& reply, std::int64_t now_ms) {
  TokenSet after = before;
  after.access_token = reply.access_token;
  after.access_obtained_ms = now_ms;
  after.access_expires_ms = reply.expires_in_s ? now_ms + *reply.expires_in_s * kMsPerSecond : 0;
  after.refused = false;
  if (!reply.scopes.empty()) after.scopes = reply.scopes;
  // No access token outlives the refresh token that it was made with: LinkedIn's documentation
  // shows a year in minutes. What is not believed is not known.
  const bool believed =
      reply.refresh_expires_in_s &&
      *reply.refresh_expires_in_s + kRoundingSeconds >= reply.expires_in_s.value_or(0);
  const std::int64_t said_ms = believed ? now_ms + *reply.refresh_expires_in_s * kMsPerSecond : 0;
  // A refresh token that was just accepted has not ended.
  const std::int64_t known_ms = before.refresh_expires_ms > now_ms ? before.refresh_expires_ms : 0;
  const bool other =
      !reply.refresh_token.empty() && reply.refresh_token.reveal() != before.refresh_token.reveal();
  if (other) {
    after.refresh_token = reply.refresh_token;
    after.refresh_expires_ms = said_ms;
  } else if (known_ms == 0 || said_ms == 0) {
    after.refresh_expires_ms = std::max(known_ms, said_ms);
  } else {
    after.refresh_expires_ms = std::min(known_ms, said_ms);
  }
  return after;
}

}  // namespace penstock::services
