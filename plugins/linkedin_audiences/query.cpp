#include "query.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "api.hpp"
#include "audience_names.hpp"
#include "hook_failure.hpp"
#include "identifiers.hpp"
#include "segment_watch.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

// LinkedIn shows no size and serves no campaign below this many matched members.
constexpr std::int64_t kMinServed = 300;

constexpr char kWhyNumbersDiffer[] =
    "Why LinkedIn's numbers differ from what was delivered: LinkedIn looks for a member for each "
    "person or company that it is sent, and many have none. Its size counts each member once, "
    "however often they were added, leaves out members who opted out of such ads, and is not shown "
    "below 300; until then no campaign is served. Its matched numbers are those of the last 7 days "
    "only. A new audience takes LinkedIn up to 48 hours; later changes show sooner.";

json count_of(const std::optional<std::int64_t>& count) {
  return count ? json(*count) : json(nullptr);
}

void add_sentence(std::string& note, std::string_view sentence) {
  if (sentence.empty()) return;
  if (!note.empty()) note += ' ';
  note += sentence;
}

std::string note_on(const Segment& segment, const std::vector<std::string>& twins) {
  std::string note(advice_on(segment.status));
  if (segment.status == SegmentStatus::expired) add_sentence(note, how_to_resend());
  const bool usable =
      segment.status == SegmentStatus::ready || segment.status == SegmentStatus::updating;
  if (usable && segment.audience_size.value_or(0) < kMinServed) {
    add_sentence(note, "LinkedIn shows no size and serves no campaign below 300 matched members.");
  }
  if (!twins.empty()) {
    add_sentence(note,
                 "There are others of the same key and type; the oldest is used, delete the rest "
                 "in Campaign Manager once no campaign uses them.");
  }
  return note;
}

json entry(const std::string& mapping, const Audience& audience, const Segment* segment,
           const std::vector<std::string>& twins) {
  json shown = {{"mapping", mapping},
                {"key", audience.key},
                {"name", audience.name},
                {"id", nullptr},
                {"type", name_of(audience.type)},
                {"status", "NOT_CREATED"},
                {"size", nullptr},
                {"matched", nullptr},
                {"input", nullptr},
                {"twins", twins},
                {"note", "It is created at LinkedIn when the first of its " +
                             std::string(members_of(audience.type)) + " are delivered."}};
  if (segment == nullptr) return shown;
  if (!segment->name.empty()) shown["name"] = segment->name;
  shown["id"] = segment->id;
  shown["status"] = segment->status_word.empty() ? "UNKNOWN" : segment->status_word;
  shown["size"] = count_of(segment->audience_size);
  shown["matched"] = count_of(segment->matched);
  shown["input"] = count_of(segment->input);
  shown["note"] = note_on(*segment, twins);
  return shown;
}

// `segments` are sorted by age.
json entry_of(const std::string& mapping, const Audience& audience,
              const std::vector<Segment>& segments) {
  const AudienceId id(audience);
  const Segment* used = nullptr;
  std::vector<std::string> twins;
  for (const Segment& segment : segments) {
    if (!segment.is_of(id)) continue;
    if (used == nullptr) {
      used = &segment;
    } else {
      twins.push_back(segment.id);
    }
  }
  return entry(mapping, audience, used, twins);
}

// A mapping whose key comes from events: every audience there is of its type.
void add_all(const std::string& mapping, AudienceType type, const std::vector<Segment>& segments,
             json& entries) {
  std::vector<std::string> keys;
  for (const Segment& segment : segments) {
    if (segment.type != name_of(type) || segment.key.empty()) continue;
    if (std::find(keys.begin(), keys.end(), segment.key) != keys.end()) continue;
    keys.push_back(segment.key);
    entries.push_back(entry_of(mapping, {type, segment.key, segment.key}, segments));
  }
  if (!keys.empty()) return;
  json none = entry(mapping, {type, "", ""}, nullptr, {});
  none["key"] = none["name"] = nullptr;
  none["note"] =
      "Which audience it is comes from the events, and LinkedIn has none of its type yet.";
  entries.push_back(std::move(none));
}

// Of the one mapping that the arguments are about.
std::optional<Audience> complete_audience_of(const json& arguments) {
  std::optional<Audience> audience = audience_of(arguments);
  if (audience) AudienceNames(arguments.value("mappings", json::array())).complete(*audience);
  return audience;
}

// Of a mapping that names its segment by id.
json existing_entry(const std::string& mapping, const Audience& audience,
                    const SegmentLookup& lookup) {
  if (lookup.segment) return entry(mapping, audience, &*lookup.segment, {});
  json shown = entry(mapping, audience, nullptr, {});
  shown["id"] = audience.existing_id;
  shown["status"] = "UNKNOWN";
  shown["note"] = lookup.failure->message;
  return shown;
}

std::int32_t wrong_arguments(const sdk::Error& error, std::string_view message) {
  return error.fail(PENSTOCK_ERR_INVALID, "invalid_arguments", {}, message);
}

}  // namespace

std::int32_t Query::run(std::string_view name, std::string_view arguments_json,
                        std::int64_t deadline_ns, std::string& answer,
                        const sdk::Error& error) const {
  const Errand errand(deadline_ns);
  const json arguments = json::parse(arguments_json, nullptr, false);
  if (!arguments.is_object()) return wrong_arguments(error, "the arguments are no JSON object");
  if (name == "audiences") return audiences(arguments, errand, answer, error);
  if (name == "rename") return rename(arguments, errand, answer, error);
  if (name == "account_audiences") return account_.audiences(arguments, errand, answer, error);
  if (name == "accounts") return account_.accounts(errand, answer, error);
  if (name == "test_member") return test_member(arguments, errand, answer, error);
  return error.fail(PENSTOCK_ERR_UNSUPPORTED, "unknown_query", {},
                    "the LinkedIn plugin answers the queries \"audiences\", \"account_audiences\", "
                    "\"accounts\", \"identity\", \"rename\" and \"test_member\"");
}

std::int32_t Query::audiences(const json& arguments, const Errand& errand, std::string& answer,
                              const sdk::Error& error) const {
  const auto mappings = arguments.find("mappings");
  if (mappings == arguments.end() || !mappings->is_array()) {
    return wrong_arguments(error, "\"mappings\" is no list");
  }
  // One list for all: fewer requests than asking for each.
  const SegmentList list = api_.list(errand);
  if (list.failure) return fail_with(*list.failure, error);
  const AudienceNames names(*mappings);
  json entries = json::array();
  for (const json& mapping : *mappings) {
    std::optional<Audience> audience = audience_of(mapping);
    if (!audience) return wrong_arguments(error, "a mapping is of no action of this plugin");
    names.complete(*audience);
    const std::string name = text_of(mapping, "mapping");
    if (!audience->existing_id.empty()) {
      entries.push_back(existing_entry(name, *audience, api_.get_existing(*audience, errand)));
    } else if (audience->key.empty()) {
      add_all(name, audience->type, list.segments, entries);
    } else {
      json shown = entry_of(name, *audience, list.segments);
      if (shown["id"].is_null() && !store_.load(AudienceId(*audience)).id.empty()) {
        shown["note"] =
            "It was there and LinkedIn does not show it any more: somebody deleted it, or it is "
            "new. "
            "It is looked for, and made again, with the next delivery.";
      }
      entries.push_back(std::move(shown));
    }
  }
  answer = json{{"audiences", std::move(entries)}, {"explanation", kWhyNumbersDiffer}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
  return PENSTOCK_OK;
}

std::int32_t Query::test_member(const json& arguments, const Errand& errand, std::string& answer,
                                const sdk::Error& error) const {
  const std::optional<Audience> audience = complete_audience_of(arguments);
  if (!audience) return wrong_arguments(error, "the mapping is of no action of this plugin");
  return member_test_.run(*audience, arguments, errand, answer, error);
}

std::int32_t Query::rename(const json& arguments, const Errand& errand, std::string& answer,
                           const sdk::Error& error) const {
  const std::optional<Audience> audience = complete_audience_of(arguments);
  const std::string name(trim(text_of(arguments, "name")));
  if (!audience) return wrong_arguments(error, "the mapping is of no action of this plugin");
  if (audience->key.empty()) {
    return wrong_arguments(error,
                           "the mapping's audience key comes from events, so that it does not say "
                           "which audience to rename; rename it in Campaign Manager");
  }
  if (name.empty()) return wrong_arguments(error, "the new name is empty");
  SegmentList found;
  if (audience->existing_id.empty()) {
    found = api_.find(AudienceId(*audience), errand);
  } else {
    SegmentLookup lookup = api_.get_existing(*audience, errand);
    found.failure = std::move(lookup.failure);
    if (lookup.segment) found.segments.push_back(std::move(*lookup.segment));
  }
  if (found.failure) return fail_with(*found.failure, error);
  if (found.segments.empty()) {
    return error.fail(PENSTOCK_ERR_NOT_FOUND, "audience_not_created", {},
                      "LinkedIn has no audience with the key \"" + audience->key +
                          "\" yet; it is created with the name in the pipeline when something is "
                          "delivered, so change the name there");
  }
  const Segment& segment = found.segments.front();
  if (std::optional<sdk::Outcome> failure = api_.rename(segment.id, name, errand)) {
    // A refusal is about the name: nothing else was asked for.
    if (failure->status == PENSTOCK_UNKNOWN && failure->remote_status >= 400) {
      failure->status = PENSTOCK_REJECTED;
      failure->reason = "rename_refused";
    }
    return fail_with(*failure, error);
  }
  answer =
      json{{"id", segment.id}, {"key", segment.key}, {"old_name", segment.name}, {"name", name}}
          .dump(-1, ' ', false, json::error_handler_t::replace);
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
