#include "account_query.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "account_roles.hpp"
#include "audience_names.hpp"
#include "hook_failure.hpp"
#include "reply.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

// Names of accounts are asked for in so many pages of LinkedIn's largest size at most.
constexpr int kMaxNamePages = 5;
constexpr int kNamesPerPage = 100;
// Far above such a page.
constexpr std::size_t kMaxBody = 4 * 1024 * 1024;

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json() : json(text);
}

bool is_streamed(const Segment& segment) {
  return segment.type == name_of(AudienceType::user) ||
         segment.type == name_of(AudienceType::company);
}

std::string note_on(const Segment& segment, const Settings& settings) {
  if (!is_streamed(segment)) {
    return "It is a list that was uploaded or of another kind, which takes no members from "
           "Penstock.";
  }
  if (!segment.source_platform.empty() && segment.source_platform != settings.source_platform) {
    return "To fill it, set source_platform to " + segment.source_platform +
           " in the destination's settings, if LinkedIn lets your app use that.";
  }
  return {};
}

// The mapping that fills the segment, or nothing.
json mapping_of(const Segment& segment, const Settings& settings, const json& mappings) {
  const AudienceNames names(mappings);
  for (const json& mapping : mappings) {
    std::optional<Audience> audience = audience_of(mapping);
    if (!audience) continue;
    names.complete(*audience);
    const bool by_key =
        segment.is_of(AudienceId(*audience)) && segment.source_platform == settings.source_platform;
    const bool fills = audience->existing_id.empty() ? by_key : audience->existing_id == segment.id;
    if (fills && !audience->key.empty()) return text_of(mapping, "mapping");
  }
  return {};
}

}  // namespace

std::int32_t AccountQuery::audiences(const json& arguments, const Errand& errand,
                                     std::string& answer, const sdk::Error& error) const {
  const auto mappings = arguments.find("mappings");
  if (mappings == arguments.end() || !mappings->is_array()) {
    return error.fail(PENSTOCK_ERR_INVALID, "invalid_arguments", {}, "\"mappings\" is no list");
  }
  const SegmentList list = segments_.list_all(errand);
  if (list.failure) return fail_with(*list.failure, error);
  json entries = json::array();
  for (const Segment& segment : list.segments) {
    entries.push_back({{"mapping", mapping_of(segment, settings_, *mappings)},
                       {"key", text_or_null(segment.key)},
                       {"name", text_or_null(segment.name)},
                       {"id", segment.id},
                       {"type", text_or_null(segment.type)},
                       {"platform", text_or_null(segment.source_platform)},
                       {"status", text_or_null(segment.status_word)},
                       {"size", segment.audience_size ? json(*segment.audience_size) : json()},
                       {"note", note_on(segment, settings_)}});
  }
  answer = dumped({{"account", settings_.ad_account_id}, {"audiences", std::move(entries)}});
  return PENSTOCK_OK;
}

std::int32_t AccountQuery::accounts(const Errand& errand, std::string& answer,
                                    const sdk::Error& error) const {
  AccountRoles roles = read_account_roles(api_, errand);
  if (!roles.readable) {
    const Refusal refusal =
        classify(roles.response, settings_, "Asking for the member's ad accounts", host_.wall_ns());
    if (refusal.outcome.remote_status == 403) {
      answer =
          dumped({{"accounts", json::array()},
                  {"note",
                   "LinkedIn does not tell the ad accounts of this login, because it lacks the "
                   "permission r_ads; deliveries do not need it."}});
      return PENSTOCK_OK;
    }
    if (roles.response.result == PENSTOCK_OK && roles.response.status == 200) {
      return error.fail(PENSTOCK_ERR_TRANSPORT, "unreadable_answer", {},
                        "LinkedIn's answer about the member's ad accounts is not what its "
                        "documentation says");
    }
    return fail_with(refusal.outcome, error);
  }
  const json called = names(errand);
  json accounts = json::array();
  for (const AccountRole& entry : roles.entries) {
    constexpr std::string_view kUrn = "urn:li:sponsoredAccount:";
    if (entry.account.rfind(kUrn, 0) != 0) continue;
    const std::string id = entry.account.substr(kUrn.size());
    accounts.push_back({{"id", id},
                        {"name", called.value(entry.account, json())},
                        {"role", text_or_null(entry.role)},
                        {"usable", manages_audiences(entry.role)},
                        {"configured", id == settings_.ad_account_id}});
  }
  answer = dumped({{"accounts", std::move(accounts)}});
  return PENSTOCK_OK;
}

json AccountQuery::names(const Errand& errand) const {
  json names = json::object();
  std::string page_token;
  for (int page = 0; page < kMaxNamePages; ++page) {
    std::string path = "/adAccounts?q=search&pageSize=" + std::to_string(kNamesPerPage);
    if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
    const sdk::HttpResponse response = api_.get(path, errand);
    if (response.result != PENSTOCK_OK || response.status != 200 ||
        response.body.size() > kMaxBody) {
      return names;
    }
    const json body = json::parse(response.body, nullptr, false);
    const auto elements = body.is_object() ? body.find("elements") : body.end();
    if (!body.is_object() || elements == body.end() || !elements->is_array()) return names;
    for (const json& account : *elements) {
      if (!account.is_object()) continue;
      const std::string name = text_of(account, "name");
      const auto id = account.find("id");
      if (name.empty() || id == account.end() || !id->is_number_integer()) continue;
      names["urn:li:sponsoredAccount:" + id->dump()] = name;
    }
    page_token = text_of(body.value("metadata", json::object()), "nextPageToken");
    if (page_token.empty()) return names;
  }
  return names;
}

}  // namespace penstock::linkedin
