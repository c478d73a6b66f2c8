#include "member_test.hpp"

#include <nlohmann/json.hpp>

#include "api.hpp"
#include "batch_reply.hpp"
#include "hook_failure.hpp"
#include "identifiers.hpp"
#include "reply.hpp"
#include "sha256.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

// Of an answer that is shown.
constexpr std::size_t kMaxShownAnswer = 4 * 1024;

// LinkedIn's answer as it may be shown: as JSON, or as text without line ends; without identifiers.
json shown_answer(const std::string& body) {
  if (body.empty()) return nullptr;
  if (body.size() > kMaxShownAnswer) return "(" + std::to_string(body.size()) + " bytes)";
  json parsed = json::parse(body, nullptr, false);
  if (parsed.is_discarded()) return safe_message(body);
  // An echo of what was sent would be an identifier in clear.
  const std::string text = parsed.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe = safe_message(text);
  return safe == text ? parsed : json(std::move(safe));
}

// What became of the one element, in a sentence, or "" when LinkedIn took it.
std::string problem_of(const sdk::HttpResponse& response, const Settings& settings,
                       const sdk::Host& host, std::string_view payload) {
  const bool taken =
      response.result == PENSTOCK_OK && response.status >= 200 && response.status < 300;
  if (!taken) {
    return classify(response, settings, "Sending the person", host.wall_ns(), {false, payload})
        .outcome.message;
  }
  if (all_delivered(response.body, 1)) return {};
  const BatchReply reply = parse_batch_reply(response.body, 1);
  if (!reply.readable || reply.elements[0].status == 0) {
    return "LinkedIn answered " + std::to_string(response.status) +
           " without a result for the person that could be read";
  }
  const std::int32_t status = reply.elements[0].status;
  if (status >= 200 && status < 300) return {};
  return with_words("LinkedIn answered " + std::to_string(status) + " about the person",
                    safe_message(reply.elements[0].message, payload));
}

}  // namespace

std::int32_t MemberTest::run(const Audience& audience, const json& arguments, const Errand& errand,
                             std::string& answer, const sdk::Error& error) const {
  const auto invalid = [&](const char* field, std::string_view message) {
    return error.fail(PENSTOCK_ERR_INVALID, "invalid_arguments", field, message);
  };
  if (audience.type != AudienceType::user) {
    return invalid("email", "the mapping fills an audience of companies, which holds no people");
  }
  if (audience.key.empty()) {
    return invalid("email",
                   "the mapping's audience key comes from events, so that it does not say which "
                   "audience is meant");
  }
  if (!settings_.send_email) {
    return invalid("email",
                   "the destination's setting send_email is off, so that nobody can be "
                   "sent by e-mail address");
  }
  const std::string change = text_of(arguments, "change");
  if (change != "ADD" && change != "REMOVE")
    return invalid("change", "it is neither ADD nor REMOVE");
  std::string normalised;
  append_normalised_email(text_of(arguments, "email"), normalised);
  if (!looks_like_email(normalised)) {
    return invalid("email", "it is not an e-mail address");  // and not shown
  }
  const Sha256Hex hash = sha256_hex(normalised);

  std::string id;
  if (const std::int32_t code = find_segment(audience, errand, id, error); code != PENSTOCK_OK) {
    return code;
  }
  const std::string payload = std::string(change == "ADD" ? kAddStart : kRemoveStart) +
                              R"(,"userIds":[{"idType":"SHA256_EMAIL","idValue":")" +
                              std::string(hash.data(), hash.size()) + R"("}]})";
  const std::string path = "/dmpSegments/" + id + "/users";
  const std::string url = settings_.api_url + path;
  const std::string body = R"({"elements":[)" + payload + "]}";
  sdk::HttpRequest request("POST", url);
  add_headers(request, settings_);
  request.header("Content-Type", "application/json")
      .header("X-RestLi-Method", "BATCH_CREATE")
      .rate("users")
      .body_part(sdk::str(body));
  errand.limit(request);
  const sdk::HttpResponse response = http_.execute(request);
  if (response.result == PENSTOCK_ERR_CONNECT || response.result == PENSTOCK_ERR_AUTH ||
      response.result == PENSTOCK_ERR_INVALID || response.result == PENSTOCK_ERR_UNSUPPORTED) {
    const Refusal refusal = classify(response, settings_, "Sending the person", host_.wall_ns());
    return fail_with(refusal.outcome, error);  // nothing was sent
  }
  const std::string problem = problem_of(response, settings_, host_, payload);
  // A refusal is certain; no answer, and a fault of the server's, may hide that it was carried out.
  const bool certain =
      response.result == PENSTOCK_OK && response.status < 500 &&
      (problem.empty() || response.status >= 400 || parse_batch_reply(response.body, 1).readable);
  answer = json{{"segment_id", id},
                {"key", audience.key},
                {"request", {{"method", "POST"}, {"url", url}, {"body", json::parse(body)}}},
                {"status", response.result == PENSTOCK_OK ? json(response.status) : json()},
                {"answer", response.result == PENSTOCK_OK ? shown_answer(response.body) : json()},
                {"accepted", problem.empty()},
                {"certain", certain},
                {"problem", problem.empty() ? json() : json(problem)}}
               .dump(-1, ' ', false, json::error_handler_t::replace);
  return PENSTOCK_OK;
}

std::int32_t MemberTest::find_segment(const Audience& audience, const Errand& errand,
                                      std::string& id, const sdk::Error& error) const {
  if (!audience.existing_id.empty()) {
    const SegmentLookup lookup = segments_.get_existing(audience, errand);
    if (lookup.failure) return fail_with(*lookup.failure, error);
    id = audience.existing_id;
    return PENSTOCK_OK;
  }
  const SegmentList found = segments_.find(AudienceId(audience), errand);
  if (found.failure) return fail_with(*found.failure, error);
  if (found.segments.empty()) {
    return error.fail(
        PENSTOCK_ERR_NOT_FOUND, "audience_not_created", {},
        "LinkedIn has no audience with the key \"" + audience.key +
            "\" yet. It is created when a run delivers the first of its people, which "
            "this test does not do in its place; start one with `penstock run`");
  }
  id = found.segments.front().id;
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
