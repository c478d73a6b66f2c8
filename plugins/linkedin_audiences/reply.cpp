#include "reply.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <penstock/sdk/text.hpp>

#include "api_version.hpp"
#include "civil_date.hpp"

namespace penstock::linkedin {
namespace {

// Far above any error that LinkedIn writes; a gateway's HTML page need not be parsed.
constexpr std::size_t kMaxErrorBody = 64 * 1024;
// A sentence or two; the host's reports show it on one line.
constexpr std::size_t kMaxMessage = 200;
// Hashes have 64 or 128 hex digits, advertising ids 32 and dashes.
constexpr std::size_t kMinIdentifierLength = 32;

constexpr std::string_view kSegmentLimitExceeded = "SEGMENT_LIMIT_EXCEEDED";
// How LinkedIn says that access was taken back: renewing the token does not help.
constexpr std::string_view kRevokedCode = "REVOKED_ACCESS_TOKEN";
constexpr std::int64_t kRevokedServiceCode = 65601;

constexpr std::int64_t kMsPerSecond = 1'000;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kNsPerMs = 1'000'000;
// A destination that asks for more than a day is not believed.
constexpr std::int64_t kMaxRetryAfterMs = kSecondsPerDay * kMsPerSecond;

bool separates_words(char c) {
  return std::string_view(" \t\r\n\"'`<>()[]{},;:=").find(c) != std::string_view::npos;
}

bool is_identifier(std::string_view word) {
  std::size_t digits = 0;
  for (const char c : word) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
      ++digits;
    } else if (c != '-' && c != '.') {
      digits = 0;
    }
    if (digits >= kMinIdentifierLength) return true;
  }
  return false;
}

std::string mask_words(std::string_view message) {
  std::string safe;
  std::size_t i = 0;
  while (i < message.size()) {
    if (separates_words(message[i])) {
      safe += static_cast<unsigned char>(message[i]) < 0x20 ? ' ' : message[i];
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < message.size() && !separates_words(message[end])) ++end;
    const std::string_view word = message.substr(i, end - i);
    if (word.find('@') != std::string_view::npos) {
      safe += "[e-mail]";
    } else if (is_identifier(word)) {
      safe += "[id]";
    } else {
      safe += word;
    }
    i = end;
  }
  return safe;
}

// Hides `piece` wherever it stands as a word, or words, of its own.
void mask_all(std::string& text, std::string_view piece) {
  constexpr std::string_view kMask = "[hidden]";
  const auto in_word = [&text](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  std::size_t at = text.find(piece);
  while (at != std::string::npos) {
    const bool whole = (at == 0 || !in_word(at - 1)) && !in_word(at + piece.size());
    if (whole) text.replace(at, piece.size(), kMask);
    at = text.find(piece, at + (whole ? kMask.size() : 1));
  }
}

bool names_the_day(std::string_view message) {
  const auto is_letter = [&](std::size_t i) {
    return i < message.size() && std::isalpha(static_cast<unsigned char>(message[i])) != 0;
  };
  for (std::size_t i = 0; i + 3 <= message.size(); ++i) {
    const auto upper = [&](std::size_t j) {
      return std::toupper(static_cast<unsigned char>(message[i + j]));
    };
    if (upper(0) == 'D' && upper(1) == 'A' && upper(2) == 'Y' && !is_letter(i + 3) &&
        (i == 0 || !is_letter(i - 1))) {
      return true;
    }
  }
  return false;
}

std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  const char* begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + digits, value);
  if (error != std::errc() || end != begin + digits || value < 0) return std::nullopt;
  return value;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that servers may send today (RFC 9110, 5.6.7).
std::optional<std::int64_t> seconds_of_http_date(std::string_view text) {
  constexpr std::string_view kShape = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != kShape.size() || text.substr(25) != " GMT") return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  const auto day = number_at(text, 5, 2), year = number_at(text, 12, 4),
             hour = number_at(text, 17, 2), minute = number_at(text, 20, 2),
             second = number_at(text, 23, 2);
  if (month == std::string_view::npos || month % 3 != 0 || !day || !year || !hour || !minute ||
      !second) {
    return std::nullopt;
  }
  const std::int64_t days = days_from_civil(*year, static_cast<int>(month / 3) + 1, *day);
  return days * kSecondsPerDay + *hour * 3'600 + *minute * 60 + *second;
}

sdk::Outcome outcome(std::uint32_t status, std::int32_t remote_status, std::string reason,
                     std::string message, std::int64_t retry_after = -1) {
  return {status, remote_status, retry_after, std::move(reason), std::move(message)};
}

// No answer at all.
sdk::Outcome of_transport(const sdk::HttpResponse& response, std::string_view doing,
                          const Settings& settings) {
  const std::string text = std::string(doing) + ": " + response.error;
  // Nothing was sent, and the host's words begin with the title that people look for.
  const bool not_renewed = response.error_reason == "oauth_refresh_failed";
  if (not_renewed && response.result != PENSTOCK_ERR_AUTH)
    return outcome(PENSTOCK_RETRY, 0, response.error_reason, response.error);
  switch (response.result) {
    case PENSTOCK_ERR_AUTH:
      // The host knows best what is the matter, and says what to do.
      return outcome(PENSTOCK_AUTH, 0,
                     response.error_reason.empty() ? "not_authorized" : response.error_reason,
                     response.error.empty() ? text : response.error);
    case PENSTOCK_ERR_CONNECT:
      return outcome(PENSTOCK_RETRY, 0, "connect_failed", text);
    case PENSTOCK_ERR_TRANSPORT:
      return outcome(PENSTOCK_UNKNOWN, 0, "connection_lost", text);
    case PENSTOCK_ERR_TIMEOUT:
      return outcome(PENSTOCK_UNKNOWN, 0, "timeout", text);
    case PENSTOCK_ERR_CANCELLED:
      return outcome(PENSTOCK_UNKNOWN, 0, "cancelled", text);
    case PENSTOCK_ERR_INVALID:
      return outcome(PENSTOCK_BLOCKED, 0, "request_refused_here",
                     text + "; is the setting api_url right (" + settings.api_url + ")?");
    case PENSTOCK_ERR_UNSUPPORTED:
      return outcome(PENSTOCK_BLOCKED, 0, "no_http_service", text);
    default:
      return outcome(PENSTOCK_UNKNOWN, 0, "no_answer", text);
  }
}

sdk::Outcome of_too_many_requests(const sdk::HttpResponse& response, const ErrorBody& error,
                                  const Settings& settings, std::int64_t wall_ns) {
  if (error.code == kSegmentLimitExceeded) {
    return outcome(PENSTOCK_BLOCKED, 429, "segment_limit_exceeded",
                   with_words("Ad account " + settings.ad_account_id +
                                  " holds as many audiences as LinkedIn allows. Delete some that "
                                  "no campaign needs any more in Campaign Manager",
                              error.message));
  }
  const std::int64_t asked = retry_after_ms(response.header("retry-after"), wall_ns);
  if (names_the_day(error.message)) {
    return outcome(PENSTOCK_THROTTLED, 429, "daily_quota",
                   with_words("LinkedIn's quota of requests for today is used up. Deliveries go on "
                              "by themselves after midnight UTC",
                              error.message),
                   std::max(asked, ms_to_utc_midnight(wall_ns)));
  }
  return outcome(PENSTOCK_THROTTLED, 429, "throttled",
                 with_words("LinkedIn asks for fewer requests. Deliveries go on more slowly; "
                            "nothing has to be done",
                            error.message),
                 asked);
}

std::string inactive_version(const Settings& settings, std::int64_t wall_ns) {
  if (is_future_version(settings.api_version, wall_ns)) {
    return "LinkedIn has no version " + settings.api_version +
           " of its API yet. Leave api_version out of the destination's settings, or set it to a "
           "month that has come; everything waits until then";
  }
  return "LinkedIn has switched off version " + settings.api_version +
         " of its API. Set api_version in the destination's settings to a newer version, or update "
         "Penstock and leave it out; everything waits until then";
}

sdk::Outcome of_unauthorized(const ErrorBody& error) {
  const bool revoked = error.code == kRevokedCode || error.service_code == kRevokedServiceCode;
  return revoked
             ? outcome(PENSTOCK_AUTH, 401, "access_token_revoked",
                       with_words("The LinkedIn login of this connection was revoked, by the "
                                  "member or by LinkedIn. Log in again with `penstock auth login`; "
                                  "everything waits until then",
                                  error.message))
             : outcome(PENSTOCK_AUTH, 401, "access_token_refused",
                       with_words("LinkedIn does not accept the access token of this connection: "
                                  "it has expired or is mistyped. Log in again with `penstock auth "
                                  "login`; everything waits until then",
                                  error.message));
}

}  // namespace

std::string with_words(std::string text, std::string_view words) {
  if (!words.empty()) text.append(". LinkedIn's words: ").append(words);
  return text;
}

bool is_segment_limit(const Refusal& refusal) {
  return refusal.outcome.remote_status == 429 && refusal.error.code == kSegmentLimitExceeded;
}

std::string permission_advice(const Settings& settings) {
  return "The LinkedIn login may not change audiences of ad account " + settings.ad_account_id +
         ": ad_account_id is wrong, or the member's role there is VIEWER (an account manager can "
         "change it in Campaign Manager), or the login lacks rw_dmp_segments (log in again once "
         "LinkedIn has granted your app the Audiences program). `penstock validate --connect` says "
         "which";
}

std::string safe_message(std::string_view message) {
  // Masking first: a cut could leave the recognisable half of an address.
  const std::string masked = mask_words(sdk::cut_utf8(message, kMaxErrorBody));
  return std::string(sdk::cut_utf8(masked, kMaxMessage));
}

std::string safe_message(std::string_view message, std::string_view payload) {
  std::string text(message);
  const nlohmann::json element = nlohmann::json::parse(payload, nullptr, false);
  const auto hide = [&text](const nlohmann::json& value) {
    if (!value.is_string()) return;
    const auto& piece = value.get_ref<const std::string&>();
    if (!piece.empty()) mask_all(text, piece);
  };
  if (element.is_object()) {
    for (const auto& [name, value] : element.items()) {
      if (name != "action") hide(value);
    }
    for (const nlohmann::json& id : element.value("userIds", nlohmann::json::array())) {
      if (id.is_object() && id.contains("idValue")) hide(id["idValue"]);
    }
  }
  return safe_message(text);
}

ErrorBody parse_error_body(std::string_view body, std::string_view payload) {
  ErrorBody error;
  if (body.size() > kMaxErrorBody) return error;
  const nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (!parsed.is_object()) return error;
  const auto text = [&parsed](const char* name) {
    const auto it = parsed.find(name);
    return it != parsed.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  error.code = text("code");
  if (const auto it = parsed.find("serviceErrorCode");
      it != parsed.end() && it->is_number_integer()) {
    error.service_code = it->get<std::int64_t>();
  }
  error.message =
      payload.empty() ? safe_message(text("message")) : safe_message(text("message"), payload);
  return error;
}

Refusal classify(const sdk::HttpResponse& response, const Settings& settings,
                 std::string_view doing, std::int64_t wall_ns, About about) {
  if (response.result != PENSTOCK_OK) {
    return {true, of_transport(response, doing, settings), {}};
  }
  const std::int32_t status = response.status;
  Refusal refusal{true, {}, parse_error_body(response.body, about.payload)};
  const bool about_the_account = status == 401 || status == 403 || status == 426 || status == 429;
  const std::string words =
      about.many_persons && !about_the_account ? std::string() : refusal.error.message;
  const std::string tried = std::string(doing) + ": LinkedIn answered " + std::to_string(status);

  if (refusal.error.code == "VERSION_MISSING") {
    refusal.outcome = outcome(
        PENSTOCK_BLOCKED, status, "api_version_missing",
        with_words("LinkedIn did not see which version of its API is meant, although Penstock says "
                   "so in the header LinkedIn-Version. Does a proxy on the way remove it? "
                   "Everything waits until then",
                   words));
  } else if (refusal.error.code == "NONEXISTENT_VERSION" || status == 426) {
    refusal.outcome = outcome(PENSTOCK_BLOCKED, status, "api_version_inactive",
                              with_words(inactive_version(settings, wall_ns), words));
  } else if (status == 401) {
    refusal.outcome = of_unauthorized(refusal.error);
  } else if (status == 403) {
    refusal.outcome = outcome(PENSTOCK_BLOCKED, status, "permission_denied",
                              with_words(permission_advice(settings), words));
  } else if (status == 429) {
    refusal.outcome = of_too_many_requests(response, refusal.error, settings, wall_ns);
  } else if (status >= 500) {
    refusal.outcome =
        outcome(PENSTOCK_RETRY, status, "server_error",
                with_words(tried + ", a fault on its side; tried again by itself", words),
                retry_after_ms(response.header("retry-after"), wall_ns));
  } else if (status == 408 || status == 425) {
    refusal.outcome = outcome(PENSTOCK_RETRY, status, "server_busy",
                              with_words(tried + "; tried again by itself", words));
  } else {
    refusal.classified = false;
    refusal.outcome =
        outcome(PENSTOCK_UNKNOWN, status, "unexpected_status", with_words(tried, words));
  }
  return refusal;
}

std::int64_t retry_after_ms(std::string_view header, std::int64_t wall_ns) {
  std::int64_t seconds = 0;
  const char* end = header.data() + header.size();
  const auto [parsed_to, error] = std::from_chars(header.data(), end, seconds);
  if (header.empty()) return -1;
  if (error != std::errc() || parsed_to != end) {
    const std::optional<std::int64_t> date = seconds_of_http_date(header);
    if (!date) return -1;
    seconds = std::max<std::int64_t>(0, *date - wall_ns / (kNsPerMs * kMsPerSecond));
  }
  if (seconds < 0 || seconds > kSecondsPerDay) return seconds < 0 ? -1 : kMaxRetryAfterMs;
  // "At once" after a refusal is no time to rely on: the host's back-off decides.
  return seconds == 0 ? -1 : seconds * kMsPerSecond;
}

std::int64_t ms_to_utc_midnight(std::int64_t wall_ns) {
  const std::int64_t ms_per_day = kSecondsPerDay * kMsPerSecond;
  return ms_per_day - (wall_ns / kNsPerMs) % ms_per_day;
}

}  // namespace penstock::linkedin
