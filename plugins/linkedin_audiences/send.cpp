#include "send.hpp"

#include <string>
#include <utility>

#include "batch_reply.hpp"
#include "reply.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's limit for one request; the manifest says it too.
constexpr std::uint64_t kMaxElements = 5'000;

// From so many attempts on, a batch whose answer does not say which element it is about is sent in
// parts: an answer to a single element cannot be about another. Sending twice does no harm.
constexpr std::uint32_t kSplitFromAttempt = 2;

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
  names_.complete(audience);
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
  prepare(request, audience.type, batch);
  request.reserve_parts(static_cast<std::size_t>(2 * batch.size() + 1));
  // The payloads go out from where the host keeps them.
  request.body_part(sdk::str(R"({"elements":[)"));
  for (std::uint64_t i = 0; i < batch.size(); ++i) {
    if (i > 0) request.body_part(sdk::str(","));
    request.body_part(batch.payload(i));
  }
  request.body_part(sdk::str("]}"));
  const sdk::HttpResponse response = http_.execute(request);

  if (response.result == PENSTOCK_OK && response.status >= 200 && response.status < 300) {
    takes_members(AudienceId(audience)) = true;
    report_answer(batch, response, audience.type);
  } else {
    report_refusal(batch, response, audience, segment.id, url);
  }
}

void Sender::prepare(sdk::HttpRequest& request, AudienceType type, const sdk::Batch& batch) const {
  add_headers(request, settings_);
  request.header("Content-Type", "application/json")
      .header("X-RestLi-Method", "BATCH_CREATE")
      .rate(resource_of(type))
      .on_behalf_of(batch);
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
  const bool in_parts = sent > 1 && batch.attempt() >= kSplitFromAttempt;
  const std::uint32_t not_certain = in_parts ? PENSTOCK_SPLIT : PENSTOCK_UNKNOWN;
  for (std::size_t i = 0; i < sent; ++i) {
    const ElementReply& element = reply.elements[i];
    if (element.status >= 200 && element.status < 300) {
      deliver(i, element.status);
    } else if (element.status == 0 && (reply.count != sent || in_parts)) {
      batch.report(i, {not_certain, response.status, -1, "element_missing",
                       "LinkedIn answered about " + std::to_string(reply.count) + " of " +
                           std::to_string(sent) +
                           " elements, and not certainly about this one; it is sent again"});
    } else {
      batch.report(i, of_element(element, type, sdk::view(batch.payload(i))));
    }
  }
}

void Sender::report_refusal(const sdk::Batch& batch, const sdk::HttpResponse& response,
                            const Audience& audience, const std::string& segment_id,
                            const std::string& url) {
  const std::string doing = "Sending " + std::string(members_of(audience.type));
  About about;
  if (audience.type == AudienceType::user) {
    about.many_persons = batch.size() > 1;
    if (batch.size() == 1) about.payload = sdk::view(batch.payload(0));
  }
  Refusal refusal = classify(response, settings_, doing, host_.wall_ns(), about);
  sdk::Outcome& outcome = refusal.outcome;
  const std::int32_t status = response.status;
  const auto say = [&](std::string_view what) {
    outcome.message =
        with_words(doing + ": LinkedIn answered " + std::to_string(status) + std::string(what),
                   about.many_persons ? std::string() : refusal.error.message);
  };
  const bool no_segment = status == 404 || status == 410;
  // Such as a segment that takes no members of this type any more.
  if (!refusal.classified && status >= 400 && !no_segment) segments_.doubt(audience);
  if (!refusal.classified && no_segment) {
    outcome = segments_.not_found(audience, segment_id, batch.attempt(),
                                  takes_members(AudienceId(audience)));
  } else if (!refusal.classified && status == 409) {
    outcome.status = PENSTOCK_RETRY;
    outcome.reason = "conflict";
    say("; tried again by itself");
  } else if (!refusal.classified && status != 400 && status != 413 && status != 422) {
    // What no person of the batch can be the reason of must not cost them.
    outcome.status = status >= 400 ? PENSTOCK_BLOCKED : PENSTOCK_UNKNOWN;
    say(status >= 400 ? ", which it should not. Does api_url lead to LinkedIn, or does a proxy on "
                        "the way answer in its place? If not, report this as a fault of Penstock; "
                        "everything waits until then"
                      : ", which does not say what became of them; sent again");
  } else if (!refusal.classified && status != 413 && batch.size() == 1 &&
             refuses_everybody(batch, audience, url, refusal)) {
    outcome.status = PENSTOCK_BLOCKED;
    outcome.flags |= PENSTOCK_OUTCOME_BATCH_KEY_ONLY;
    outcome.reason = "audience_refuses_members";
    outcome.message = with_words(
        "LinkedIn refuses every request to fill the audience \"" + audience.name + "\" (" +
            std::to_string(status) +
            "), whoever is in it. Look at it in Campaign Manager; if LinkedIn cannot use it any "
            "more, delete it, and it is made again. What waits for it is kept, other audiences go "
            "on",
        refusal.error.message);
  } else if (!refusal.classified) {
    // Too large, or one element of it is at fault: the halves will tell. Of a single element it is
    // the last word.
    outcome.status = batch.size() > 1 ? PENSTOCK_SPLIT : PENSTOCK_REJECTED;
    outcome.reason = status == 413 ? "request_too_large" : "request_refused";
  }
  batch.report_all(outcome);
}

bool Sender::refuses_everybody(const sdk::Batch& batch, const Audience& audience,
                               const std::string& url, const Refusal& refusal) {
  const AudienceId id(audience);
  // One refusal among requests that are taken is the person's; LinkedIn need not be asked.
  if (takes_members(id).exchange(false)) return false;
  sdk::HttpRequest request("POST", url);
  prepare(request, audience.type, batch);
  request.body_part(sdk::str(R"({"elements":[]})"));
  const sdk::HttpResponse response = http_.execute(request);
  if (response.result != PENSTOCK_OK) return false;
  if (response.status >= 200 && response.status < 300) {
    takes_members(id) = true;
    return false;
  }
  // In the same words: LinkedIn might have others about a request with nobody in it.
  return response.status == refusal.outcome.remote_status &&
         parse_error_body(response.body).message == refusal.error.message;
}

std::atomic<bool>& Sender::takes_members(const AudienceId& audience) {
  const std::lock_guard lock(mutex_);
  return takes_members_[audience];
}

}  // namespace penstock::linkedin
