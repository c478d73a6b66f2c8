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

constexpr std::int64_t kPageSize = 100;
// An account holds at most 1,000 segments; a server that goes on for ever must not keep us.
constexpr int kMaxPages = 100;
// A page of 100 segments is about 60 KiB.
constexpr std::size_t kMaxPageBytes = 16 * 1024 * 1024;

std::string finder(const Settings& settings) {
  return "/dmpSegments?q=account&account=" + percent_encode(account_urn(settings));
}

// An answer to GET /dmpSegments that could be read.
struct Page {
  json elements;
  std::int64_t total = -1;  // -1: it does not say
};

std::optional<Page> parse_page(const std::string& body) {
  if (body.size() > kMaxPageBytes) return std::nullopt;
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const auto elements = parsed.find("elements");
  if (elements == parsed.end() || !elements->is_array()) return std::nullopt;
  Page page;
  page.elements = std::move(*elements);
  const json total = parsed.value("paging", json::object());
  if (total.is_object() && total.contains("total") && total["total"].is_number_integer()) {
    page.total = total["total"].get<std::int64_t>();
  }
  return page;
}

// A whole request about segments was refused in a way that trying again does not fix.
sdk::Outcome blocked(Refusal refusal, const char* reason) {
  refusal.outcome.status = PENSTOCK_BLOCKED;
  refusal.outcome.reason = reason;
  return std::move(refusal.outcome);
}

sdk::Outcome lookup_refused(Refusal refusal, std::string_view doing) {
  refusal.outcome.message = with_words(
      std::string(doing) + ": LinkedIn answered " + std::to_string(refusal.outcome.remote_status) +
          ". Check ad_account_id and source_platform in the destination's settings; "
          "everything waits until then",
      refusal.error.message);
  return blocked(std::move(refusal), "segment_lookup_refused");
}

sdk::Outcome unreadable(std::int32_t status, std::string_view doing) {
  return {PENSTOCK_RETRY, status, -1, "unreadable_answer",
          std::string(doing) + ": LinkedIn's answer is not what its documentation says"};
}

// Nothing was written to the segment yet, so the elements themselves are certain to be undelivered.
sdk::Outcome undelivered(sdk::Outcome outcome) {
  if (outcome.status == PENSTOCK_UNKNOWN) outcome.status = PENSTOCK_RETRY;
  return outcome;
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

template <typename Wanted>
void keep_only(std::vector<Segment>& segments, const Wanted& wanted) {
  segments.erase(std::remove_if(segments.begin(), segments.end(),
                                [&](const Segment& segment) { return !wanted(segment); }),
                 segments.end());
}

std::string creation(const Audience& audience, const Settings& settings) {
  std::string body;
  sdk::JsonWriter writer(body);
  writer.begin_object();
  writer.member("name", audience.name);
  writer.member("type", name_of(audience.type));
  writer.member("account", account_urn(settings));
  writer.member("sourcePlatform", settings.source_platform);
  writer.member("sourceSegmentId", audience.key);
  writer.key("destinations");
  writer.raw(R"([{"destination":"LINKEDIN"}])");
  writer.end_object();
  return body;
}

}  // namespace

SegmentList SegmentApi::find(const AudienceId& audience, const Errand& errand) const {
  SegmentList found = read_pages("&sourcePlatform=" + percent_encode(settings_.source_platform) +
                                     "&sourceSegmentId=" + percent_encode(audience.key),
                                 "Looking for the audience", errand);
  // The finder narrows by key, but a USER and a COMPANY segment may share one, and keys are
  // compared here exactly.
  keep_only(found.segments, [&](const Segment& segment) {
    return segment.is_of(audience) && of_our_platform(segment);
  });
  return found;
}

bool SegmentApi::of_our_platform(const Segment& segment) const {
  return segment.source_platform.empty() || segment.source_platform == settings_.source_platform;
}

std::optional<Segment> SegmentApi::find_elsewhere(const AudienceId& audience,
                                                  const Errand& errand) const {
  const SegmentList all = read_pages("&sourceSegmentId=" + percent_encode(audience.key),
                                     "Looking for the audience under all platforms", errand);
  const Segment* found = nullptr;
  for (const Segment& segment : all.segments) {
    const bool same_type = segment.is_of(audience);
    if (segment.key != audience.key || (same_type && of_our_platform(segment))) continue;
    if (same_type) return segment;
    if (found == nullptr) found = &segment;
  }
  return found != nullptr ? std::optional<Segment>(*found) : std::nullopt;
}

SegmentList SegmentApi::list(const Errand& errand) const {
  SegmentList all = read_pages("&sourcePlatform=" + percent_encode(settings_.source_platform),
                               "Listing the ad account's audiences", errand);
  keep_only(all.segments, [&](const Segment& segment) { return of_our_platform(segment); });
  return all;
}

SegmentList SegmentApi::list_all(const Errand& errand) const {
  return read_pages("", "Listing the ad account's audiences", errand);
}

SegmentList SegmentApi::read_pages(const std::string& narrowing, std::string_view doing,
                                   const Errand& errand) const {
  SegmentList list;
  const auto failed = [&](sdk::Outcome outcome) {
    list.segments.clear();
    list.failure = std::move(outcome);
    return std::move(list);
  };
  std::int64_t start = 0;
  for (int n = 0; n < kMaxPages; ++n) {
    const sdk::HttpResponse response =
        api_.get(finder(settings_) + narrowing + "&start=" + std::to_string(start) +
                     "&count=" + std::to_string(kPageSize),
                 errand);
    if (response.result != PENSTOCK_OK || response.status != 200) {
      Refusal refusal = classify(response, settings_, doing, host_.wall_ns());
      return failed(refusal.classified ? undelivered(std::move(refusal.outcome))
                                       : lookup_refused(std::move(refusal), doing));
    }
    const std::optional<Page> page = parse_page(response.body);
    if (!page) return failed(unreadable(response.status, doing));
    for (const json& element : page->elements) {
      if (std::optional<Segment> segment = parse_segment(element)) {
        list.segments.push_back(std::move(*segment));
      }
    }
    // The server may give fewer than were asked for; without a total only an empty page is the end.
    start += static_cast<std::int64_t>(page->elements.size());
    if (page->elements.empty() || (page->total >= 0 && start >= page->total)) {
      std::sort(list.segments.begin(), list.segments.end(), older);
      return list;
    }
  }
  return failed({PENSTOCK_RETRY, 200, -1, "unreadable_answer",
                 std::string(doing) + ": LinkedIn's list of segments does not end"});
}

// How many segments the account has, under whichever platform.
std::optional<std::int64_t> SegmentApi::count(const Errand& errand) const {
  const sdk::HttpResponse response = api_.get(finder(settings_) + "&start=0&count=1", errand);
  if (response.result != PENSTOCK_OK || response.status != 200) return std::nullopt;
  const std::optional<Page> page = parse_page(response.body);
  if (page && page->total > 0) return page->total;
  const SegmentList all = list_all(errand);
  if (all.failure) return std::nullopt;
  return static_cast<std::int64_t>(all.segments.size());
}

SegmentLookup SegmentApi::get(const std::string& id, const Errand& errand) const {
  constexpr std::string_view kDoing = "Reading the audience";
  const sdk::HttpResponse response = api_.get("/dmpSegments/" + id, errand);
  SegmentLookup lookup;
  if (response.result == PENSTOCK_OK && response.status == 404) return lookup;
  if (response.result == PENSTOCK_OK && response.status == 200 &&
      response.body.size() <= kMaxPageBytes) {
    lookup.segment = parse_segment(json::parse(response.body, nullptr, false));
    if (!lookup.segment) lookup.failure = unreadable(response.status, kDoing);
    return lookup;
  }
  Refusal refusal = classify(response, settings_, kDoing, host_.wall_ns());
  lookup.failure = refusal.classified ? undelivered(std::move(refusal.outcome))
                                      : lookup_refused(std::move(refusal), kDoing);
  return lookup;
}

SegmentLookup SegmentApi::get_existing(const Audience& audience, const Errand& errand) const {
  SegmentLookup lookup = get(audience.existing_id, errand);
  if (lookup.failure) return lookup;
  const auto refused = [&](const char* reason, const std::string& what) {
    sdk::Outcome outcome;
    outcome.status = PENSTOCK_BLOCKED;
    outcome.flags = PENSTOCK_OUTCOME_BATCH_KEY_ONLY;
    outcome.reason = reason;
    outcome.message =
        "The mapping of the audience \"" + audience.key + "\" names LinkedIn's segment " +
        audience.existing_id + " in existing_segment_id, " + what +
        ". `penstock audiences list PIPELINE --all` shows the account's audiences with "
        "their ids. What waits for this audience is kept, other audiences go on";
    lookup.segment.reset();
    lookup.failure = std::move(outcome);
    return std::move(lookup);
  };
  if (!lookup.segment) {
    return refused("existing_segment_missing", "which does not exist, or not for this login");
  }
  const Segment& found = *lookup.segment;
  if (!found.account.empty() && found.account != account_urn(settings_)) {
    return refused("existing_segment_elsewhere", "which belongs to " + safe_message(found.account) +
                                                     " and not to ad_account_id " +
                                                     settings_.ad_account_id);
  }
  if (found.type != name_of(audience.type)) {
    return refused("existing_segment_wrong_type",
                   "which is of type " + safe_message(found.type) + "; the mapping's " +
                       std::string(members_of(audience.type)) + " need one of type " +
                       std::string(name_of(audience.type)) +
                       ", and a list that was uploaded takes no members this way");
  }
  if (!of_our_platform(found)) {
    return refused("existing_segment_other_platform",
                   "which is of the platform " + safe_message(found.source_platform) +
                       " and not of the destination's setting source_platform, " +
                       settings_.source_platform +
                       ". Set that to it, if LinkedIn lets your app use it");
  }
  return lookup;
}

CreateResult SegmentApi::create(const Audience& audience, const Errand& errand) const {
  constexpr std::string_view kDoing = "Creating the audience";
  const sdk::HttpResponse response =
      api_.post("/dmpSegments", creation(audience, settings_), "", errand);

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
    result.failure.message = with_words(
        "LinkedIn says that the audience \"" + audience.name +
            "\" exists already, but does not show it yet: somebody else may have just created it. "
            "It is looked up again by itself. If this lasts for more than a few minutes, look in "
            "Campaign Manager for an audience of that name and delete or rename it",
        refusal.error.message);
  } else if (is_segment_limit(refusal)) {
    result.failure = limit_reached(audience, refusal.error.message, errand);
  } else if (!refusal.classified && answered_no) {
    // About this audience, its name perhaps: others of the destination go on.
    const std::string words = refusal.error.message;
    result.failure = blocked(std::move(refusal), "segment_refused");
    result.failure.flags |= PENSTOCK_OUTCOME_BATCH_KEY_ONLY;
    result.failure.message =
        with_words("LinkedIn refused to create the audience \"" + audience.name + "\" (" +
                       std::to_string(response.status) +
                       "). Check its name and the destination's settings ad_account_id and "
                       "source_platform; what waits for it is kept, other audiences go on",
                   words);
  } else {
    result.failure = undelivered(std::move(refusal.outcome));
  }
  return result;
}

sdk::Outcome SegmentApi::limit_reached(const Audience& audience, std::string_view words,
                                       const Errand& errand) const {
  const std::optional<std::int64_t> total = count(errand);
  sdk::Outcome outcome;
  outcome.status = PENSTOCK_BLOCKED;
  outcome.flags = PENSTOCK_OUTCOME_BATCH_KEY_ONLY;
  outcome.remote_status = 429;
  outcome.reason = "segment_limit_exceeded";
  outcome.message = "LinkedIn did not create the audience \"" + audience.name + "\": ad account " +
                    settings_.ad_account_id + " has " +
                    (total ? std::to_string(*total) + " audiences, as many as it may have"
                           : "as many audiences as it may have") +
                    ". Delete audiences that no campaign needs any more in Campaign Manager; what "
                    "waits for this one is kept and goes on by itself. Other audiences are not "
                    "affected";
  outcome.message = with_words(std::move(outcome.message), words);
  return outcome;
}

std::optional<sdk::Outcome> SegmentApi::rename(const std::string& id, const std::string& name,
                                               const Errand& errand) const {
  std::string body;
  sdk::JsonWriter writer(body);
  writer.begin_object();
  writer.key("patch");
  writer.begin_object();
  writer.key("$set");
  writer.begin_object();
  writer.member("name", name);
  writer.end_object();
  writer.end_object();
  writer.end_object();
  const sdk::HttpResponse response =
      api_.post("/dmpSegments/" + id, body, "PARTIAL_UPDATE", errand);
  if (response.result == PENSTOCK_OK && response.status >= 200 && response.status < 300) {
    return std::nullopt;
  }
  return classify(response, settings_, "Renaming the audience", host_.wall_ns()).outcome;
}

}  // namespace penstock::linkedin
