#include "segment_api.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>

#include "reply.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

constexpr std::string_view kProtocolVersion = "2.0.0";
constexpr std::int64_t kPageSize = 100;
// An account holds at most 1,000 segments; a server that goes on for ever must not keep us.
constexpr int kMaxPages = 100;
// A page of 100 segments is about 60 KiB.
constexpr std::size_t kMaxPageBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxIdLength = 20;  // of a 64-bit number

std::string account_urn(const Settings& settings) {
  return "urn:li:sponsoredAccount:" + settings.ad_account_id;
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 0x0F];
    }
  }
  return encoded;
}

const json* member(const json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

bool has_text(const json& object, const char* name, std::string_view text) {
  const json* value = member(object, name);
  return value != nullptr && value->is_string() && value->get_ref<const std::string&>() == text;
}

std::int64_t integer_of(const json& object, const char* name, std::int64_t fallback) {
  const json* value = member(object, name);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : fallback;
}

// An id is a number in LinkedIn's objects, and text in headers.
std::string id_of(const json& segment) {
  const json* id = member(segment, "id");
  if (id == nullptr) return {};
  if (id->is_number_integer()) return id->dump();
  return id->is_string() ? id->get<std::string>() : std::string();
}

// The finder narrows by key, but a USER and a COMPANY segment may share one, and keys are compared
// here exactly.
std::optional<FoundSegment> match(const json& segment, const std::string& key,
                                  const Settings& settings) {
  if (!segment.is_object() || !has_text(segment, "type", "USER") ||
      !has_text(segment, "sourceSegmentId", key)) {
    return std::nullopt;
  }
  if (member(segment, "sourcePlatform") != nullptr &&
      !has_text(segment, "sourcePlatform", settings.source_platform)) {
    return std::nullopt;
  }
  FoundSegment found{id_of(segment), std::max<std::int64_t>(0, integer_of(segment, "created", 0))};
  if (!is_segment_id(found.id)) return std::nullopt;
  return found;
}

bool older(const FoundSegment& a, const FoundSegment& b) {
  if (a.created_ms != b.created_ms) return a.created_ms < b.created_ms;
  return std::make_pair(a.id.size(), a.id) < std::make_pair(b.id.size(), b.id);
}

// A whole request about segments was refused in a way that trying again does not mend.
sdk::Outcome blocked(Refusal refusal, const char* reason) {
  refusal.outcome.status = PENSTOCK_BLOCKED;
  refusal.outcome.reason = reason;
  return std::move(refusal.outcome);
}

sdk::Outcome unreadable(std::int32_t status, std::string_view doing) {
  return {PENSTOCK_RETRY, status, -1, "unreadable_answer",
          std::string(doing) + ": LinkedIn's answer is not what its documentation says"};
}

// Where LinkedIn says which id a new segment has: Rest.li 2, Rest.li 1, or the place of the new
// thing.
std::string created_id(const sdk::HttpResponse& response) {
  for (const char* name : {"x-restli-id", "x-linkedin-id"}) {
    const std::string_view id = response.header(name);
    if (is_segment_id(id)) return std::string(id);
  }
  std::string_view location = response.header("location");
  location = location.substr(0, location.find('?'));
  const std::string_view last = location.substr(location.rfind('/') + 1);
  return is_segment_id(last) ? std::string(last) : std::string();
}

}  // namespace

void add_headers(sdk::HttpRequest& request, const Settings& settings) {
  request.header("LinkedIn-Version", settings.api_version)
      .header("X-Restli-Protocol-Version", kProtocolVersion)
      .header("Accept", "application/json")
      .authorize();
}

bool is_segment_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

FindResult SegmentApi::find(const std::string& audience_key, const sdk::Batch& batch) const {
  constexpr std::string_view kDoing = "looking for the audience's segment";
  const std::string base = settings_.api_url + "/dmpSegments?q=account&account=" +
                           percent_encode(account_urn(settings_)) +
                           "&sourcePlatform=" + percent_encode(settings_.source_platform) +
                           "&sourceSegmentId=" + percent_encode(audience_key);
  FindResult result;
  std::int64_t start = 0;
  for (int page = 0; page < kMaxPages; ++page) {
    const std::string url =
        base + "&start=" + std::to_string(start) + "&count=" + std::to_string(kPageSize);
    sdk::HttpRequest request("GET", url);
    add_headers(request, settings_);
    request.on_behalf_of(batch);
    const sdk::HttpResponse response = http_.execute(request);
    if (response.result != PENSTOCK_OK || response.status != 200) {
      Refusal refusal = classify(response, settings_, kDoing, host_.wall_ns());
      result.failure = refusal.classified ? std::move(refusal.outcome)
                                          : blocked(std::move(refusal), "segment_lookup_refused");
      return result;
    }
    const json parsed =
        response.body.size() <= kMaxPageBytes ? json::parse(response.body, nullptr, false) : json();
    const json* elements = parsed.is_object() ? member(parsed, "elements") : nullptr;
    if (elements == nullptr || !elements->is_array()) {
      result.failure = unreadable(response.status, kDoing);
      return result;
    }
    for (const json& segment : *elements) {
      const std::optional<FoundSegment> found = match(segment, audience_key, settings_);
      if (found && (!result.segment || older(*found, *result.segment))) result.segment = found;
    }
    // The server may give fewer than were asked for; without a total only an empty page is the end.
    start += static_cast<std::int64_t>(elements->size());
    const json* paging = member(parsed, "paging");
    const std::int64_t total =
        paging != nullptr && paging->is_object() ? integer_of(*paging, "total", -1) : -1;
    if (elements->empty() || (total >= 0 && start >= total)) return result;
  }
  result.segment.reset();
  result.failure = sdk::Outcome{PENSTOCK_RETRY, 200, -1, "unreadable_answer",
                                std::string(kDoing) + ": LinkedIn's list of segments does not end"};
  return result;
}

CreateResult SegmentApi::create(const Audience& audience, const sdk::Batch& batch) const {
  constexpr std::string_view kDoing = "creating the audience's segment";
  std::string body;
  sdk::JsonWriter writer(body);
  writer.begin_object();
  writer.member("name", audience.name);
  writer.member("type", "USER");
  writer.member("account", account_urn(settings_));
  writer.member("sourcePlatform", settings_.source_platform);
  writer.member("sourceSegmentId", audience.key);
  writer.key("destinations");
  writer.raw(R"([{"destination":"LINKEDIN"}])");
  writer.end_object();

  const std::string url = settings_.api_url + "/dmpSegments";
  sdk::HttpRequest request("POST", url);
  add_headers(request, settings_);
  request.header("Content-Type", "application/json").body_part(sdk::str(body)).on_behalf_of(batch);
  const sdk::HttpResponse response = http_.execute(request);

  CreateResult result;
  if (response.result == PENSTOCK_OK && response.status >= 200 && response.status < 300) {
    result.id = created_id(response);
    if (!result.id.empty()) {
      result.kind = CreateResult::Kind::created;
      return result;
    }
    result.failure = unreadable(response.status, kDoing);  // it exists; the finder knows its id
    return result;
  }
  Refusal refusal = classify(response, settings_, kDoing, host_.wall_ns());
  const bool not_sent =
      response.result == PENSTOCK_ERR_CONNECT || response.result == PENSTOCK_ERR_AUTH ||
      response.result == PENSTOCK_ERR_INVALID || response.result == PENSTOCK_ERR_UNSUPPORTED;
  const bool answered_no = response.result == PENSTOCK_OK && response.status >= 400 &&
                           response.status < 500 && response.status != 408 &&
                           response.status != 409;
  result.kind =
      not_sent || answered_no ? CreateResult::Kind::refused : CreateResult::Kind::uncertain;
  if (response.result == PENSTOCK_OK && response.status == 409) {
    refusal.outcome.status = PENSTOCK_RETRY;
    refusal.outcome.reason = "segment_conflict";
    result.failure = std::move(refusal.outcome);
  } else if (!refusal.classified && answered_no) {
    result.failure = blocked(std::move(refusal), "segment_refused");
  } else {
    result.failure = std::move(refusal.outcome);
    // Nothing was written to the segment yet, so the elements themselves are certain to be
    // undelivered.
    if (result.failure.status == PENSTOCK_UNKNOWN) result.failure.status = PENSTOCK_RETRY;
  }
  return result;
}

}  // namespace penstock::linkedin
