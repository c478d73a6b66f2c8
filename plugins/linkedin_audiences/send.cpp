#include "send.hpp"

#include <string>
#include <utility>

#include "batch_reply.hpp"
#include "reply.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limit for one request; the manifest says it too.
constexpr std::uint64_t kMaxElements = 5'000;

// Where members of a type are written to, which is also the rate of the manifest that it counts
// against.
constexpr std::string_view resource_of(AudienceType type) {
  return type == AudienceType::user ? "users" : "companies";
}

// Companies are no persons: what LinkedIn says about them may be shown.
std::string words_about(AudienceType type, std::string_view words, std::string_view payload) {
  return type == AudienceType::user ? safe_message(words, payload) : safe_message(words);
}

sdk::Outcome of_element(const ElementReply& reply, AudienceType type, std::string_view payload) {
  const std::int32_t status = reply.status;
  sdk::Outcome outcome;
  outcome.remote_status = status;
  outcome.message = words_about(type, reply.message, payload);
  const auto is = [&outcome](std::uint32_t code, const char* reason) {
    outcome.status = code;
    outcome.reason = reason;
  };
  if (status == 0 || (status >= 300 && status < 400) || status < 200) {
    is(PENSTOCK_UNKNOWN, "no_element_status");
  } else if (status == 401) {
    is(PENSTOCK_AUTH, "access_token_refused");
  } else if (status == 403) {
    is(PENSTOCK_BLOCKED, "permission_denied");
  } else if (status == 429) {
    is(PENSTOCK_RETRY, "element_throttled");
  } else if (status >= 500) {
    is(PENSTOCK_RETRY, "element_server_error");
  } else if (status == 404 || status == 408 || status == 409 || status == 425) {
    is(PENSTOCK_RETRY, "element_not_now");
  } else {
    is(PENSTOCK_REJECTED, "element_refused");
  }
  return outcome;
}

}  // namespace

void Sender::send(const sdk::Batch& batch) {
  Audience audience;
  if (!parse_batch_key(batch.batch_key(), audience)) {
    batch.report_all({PENSTOCK_REJECTED, 0, -1, "bad_batch_key",
                      "the batch key does not name an audience: it was not made by this plugin"});
    return;
  }
  if (batch.size() > kMaxElements) {
    batch.report_all(
        {PENSTOCK_SPLIT, 0, -1, "too_many_elements", "LinkedIn takes 5,000 elements in a request"});
    return;
  }
  const SegmentAnswer segment = segments_.resolve(audience, batch);
  if (segment.failure) {
    batch.report_all(*segment.failure);  // nothing was sent
    return;
  }

  const std::string url = settings_.api_url + "/dmpSegments/" + segment.id + "/" +
                          std::string(resource_of(audience.type));
  sdk::HttpRequest request("POST", url);
  add_headers(request, settings_);
  request.header("Content-Type", "application/json")
      .header("X-RestLi-Method", "BATCH_CREATE")
      .rate(resource_of(audience.type))
      .on_behalf_of(batch)
      .reserve_parts(static_cast<std::size_t>(2 * batch.size() + 1));
  // The payloads go out from where the host keeps them.
  request.body_part(sdk::str(R"({"elements":[)"));
  for (std::uint64_t i = 0; i < batch.size(); ++i) {
    if (i > 0) request.body_part(sdk::str(","));
    request.body_part(batch.payload(i));
  }
  request.body_part(sdk::str("]}"));
  const sdk::HttpResponse response = http_.execute(request);

  if (response.result == PENSTOCK_OK && response.status >= 200 && response.status < 300) {
    report_answer(batch, response, audience.type);
  } else {
    report_refusal(batch, response, audience, segment.id);
  }
}

void Sender::report_answer(const sdk::Batch& batch, const sdk::HttpResponse& response,
                           AudienceType type) {
  const auto sent = static_cast<std::size_t>(batch.size());
  const auto deliver = [&batch](std::size_t i, std::int32_t status) {
    batch.report_delivered(i, status, done_word(sdk::view(batch.payload(i))));
  };
  if (all_delivered(response.body, sent)) {
    for (std::size_t i = 0; i < sent; ++i) deliver(i, 201);
    return;
  }
  const BatchReply reply = parse_batch_reply(response.body, sent);
  if (!reply.readable) {
    batch.report_all({PENSTOCK_UNKNOWN, response.status, -1, "unreadable_answer",
                      "LinkedIn answered " + std::to_string(response.status) +
                          " without a list of results that could be read; sent again"});
    return;
  }
  for (std::size_t i = 0; i < sent; ++i) {
    const ElementReply& element = reply.elements[i];
    if (element.status >= 200 && element.status < 300) {
      deliver(i, element.status);
    } else if (element.status == 0 && reply.count != sent) {
      batch.report(i, {PENSTOCK_UNKNOWN, response.status, -1, "element_missing",
                       "LinkedIn answered about " + std::to_string(reply.count) + " elements of " +
                           std::to_string(sent)});
    } else {
      batch.report(i, of_element(element, type, sdk::view(batch.payload(i))));
    }
  }
}

void Sender::report_refusal(const sdk::Batch& batch, const sdk::HttpResponse& response,
                            const Audience& audience, const std::string& segment_id) {
  const std::string doing = "Sending " + std::string(members_of(audience.type));
  Refusal refusal = classify(response, settings_, doing, host_.wall_ns());
  sdk::Outcome& outcome = refusal.outcome;
  const std::int32_t status = response.status;
  const bool no_segment = status == 404 || status == 410;
  // Such as a segment that takes no members of this type any more.
  if (!refusal.classified && status >= 400 && !no_segment) segments_.doubt(audience);
  if (!refusal.classified && no_segment) {
    outcome = segments_.not_found(audience, segment_id, batch.attempt());
  } else if (!refusal.classified && status == 409) {
    outcome.status = PENSTOCK_RETRY;
    outcome.reason = "conflict";
  } else if (!refusal.classified && status != 400 && status != 413 && status != 422) {
    // What no person of the batch can be the reason of must not cost them.
    outcome.status = status >= 400 ? PENSTOCK_BLOCKED : PENSTOCK_UNKNOWN;
  } else if (!refusal.classified) {
    // Too large, or one element of it is at fault: the halves will tell. Of a single element it is
    // the last word.
    outcome.status = batch.size() > 1 ? PENSTOCK_SPLIT : PENSTOCK_REJECTED;
    outcome.reason = status == 413 ? "request_too_large" : "request_refused";
    if (batch.size() == 1) {
      outcome.message = words_about(audience.type, outcome.message, sdk::view(batch.payload(0)));
    }
  }
  batch.report_all(outcome);
}

}  // namespace penstock::linkedin
