// What LinkedIn's answers mean: from an HTTP answer, or the lack of one, to an outcome.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/http.hpp>

#include "settings.hpp"

namespace penstock::linkedin {

// The error body of LinkedIn. Any part may be missing; a body that is no JSON object gives none.
struct ErrorBody {
  std::string code;               // such as "NONEXISTENT_VERSION"
  std::int64_t service_code = 0;  // serviceErrorCode
  std::string message;            // already safe to show: see safe_message
};
// `payload`: of the one element that the request was about, whose texts are hidden; "" for none.
[[nodiscard]] ErrorBody parse_error_body(std::string_view body, std::string_view payload = {});

// LinkedIn's words without what could be personal data (e-mail addresses, hashes, advertising ids),
// cut to a sentence or two.
[[nodiscard]] std::string safe_message(std::string_view message);
// As above, and without any text that the element itself carries, such as a name.
[[nodiscard]] std::string safe_message(std::string_view message, std::string_view payload);

// What an answer that is not 2xx means for the request as a whole, whichever request it was.
// `doing` says what was tried, such as "sending users". Statuses that mean different things to
// different requests (400, 404, 409, 413, 422) are left to the caller: not classified.
struct Refusal {
  bool classified = false;
  sdk::Outcome outcome;
  ErrorBody error;
};
// Whose members a request was about, which decides on what of LinkedIn's words may be shown.
struct About {
  // Many persons: any of their names may be quoted, so only words about the account are shown.
  bool many_persons = false;
  std::string_view payload = {};  // of a single person
};
[[nodiscard]] Refusal classify(const sdk::HttpResponse& response, const Settings& settings,
                               std::string_view doing, std::int64_t wall_ns, About about = {});

// True when the ad account holds as many segments as LinkedIn allows.
[[nodiscard]] bool is_segment_limit(const Refusal& refusal);

// `text`, a sentence without its full stop, and LinkedIn's words about it, if it has any.
[[nodiscard]] std::string with_words(std::string text, std::string_view words);

// What may be the matter when LinkedIn answers 403 about audiences, and what to do.
[[nodiscard]] std::string permission_advice(const Settings& settings);

// Milliseconds that a Retry-After header asks for (seconds or an HTTP date), or -1 when there is
// none or it makes no sense.
[[nodiscard]] std::int64_t retry_after_ms(std::string_view header, std::int64_t wall_ns);

// Milliseconds until the day ends in UTC, when LinkedIn's daily quotas start over.
[[nodiscard]] std::int64_t ms_to_utc_midnight(std::int64_t wall_ns);

}  // namespace penstock::linkedin
