#include "import/segment.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "import/segment_export.hpp"
#include "import/segment_mapping.hpp"

namespace penstock::import {
namespace {

constexpr std::size_t kMaxNameBytes = 60;  // of a mapping; it stands in every report
constexpr const char* kNoAccount = "000000000";

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "Trial users (EU)" as "trial_users_eu": easy to write in commands.
std::string plain_name(std::string_view name, std::string_view fallback) {
  std::string out;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (kept) {
      out += upper ? static_cast<char>(c + ('a' - 'A')) : c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
    if (out.size() == kMaxNameBytes) break;
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out.empty() ? std::string(fallback) : out;
}

class Names {
 public:
  std::string unique(const std::string& name) {
    std::string out = name;
    for (std::size_t n = 2; !taken_.insert(out).second; ++n) out = name + "_" + std::to_string(n);
    return out;
  }

 private:
  std::set<std::string> taken_;
};

// A destination of the pipeline, which may be a part of one of Segment's.
struct Group {
  const SegmentDestination* destination = nullptr;  // null where the export does not have it
  std::vector<ImportedMapping> mappings;
};

class PipelineWriter {
 public:
  explicit PipelineWriter(Imported& result) : result_(result), yaml_(result.yaml) {}

  void write(const std::vector<Group>& groups, const SegmentExport& exported) {
    yaml_ =
        "# Made by `penstock import segment` from mappings of Segment's destination LinkedIn "
        "Audiences.\n"
        "# Look at what says CHECK, and at source and connection. Then: penstock validate, "
        "penstock "
        "try, penstock run.\n";
    if (!exported.missing_page.empty()) {
      check("", "the export",
            "it is not whole: Segment's answer says that the next page is \"" +
                one_line(exported.missing_page) +
                "\"; ask for it with pagination.cursor, or for all at once with "
                "pagination.count=200, and import the pages as one list");
    }
    yaml_ +=
        "version: 1\n"
        "name: linkedin-from-segment\n"
        "state_dir: state\n"
        "source: {type: file, path: events.ndjson}\n"
        "connections:\n"
        "  linkedin:\n"
        "    plugin: linkedin_audiences\n"
        "    client_id: \"${env:LINKEDIN_CLIENT_ID:-}\"\n"
        "    client_secret: \"${env:LINKEDIN_CLIENT_SECRET:-}\"\n"
        "    redirect_uri: http://127.0.0.1:8765/callback\n"
        "destinations:\n";
    Names names;
    for (const Group& group : groups) {
      const std::string name = names.unique("linkedin");
      yaml_ += "  " + name + ":\n";
      write_destination(name, group);
    }
  }

 private:
  void check(const std::string& indent, const std::string& where, const std::string& text) {
    yaml_ += indent + "# CHECK: " + text + "\n";
    result_.notes.push_back(where + ": " + text);
  }

  void write_destination(const std::string& name, const Group& group) {
    yaml_ += "    plugin: linkedin_audiences\n    connection: linkedin\n";
    if (group.destination != nullptr && !group.destination->enabled) {
      check("    ", name, "it is disabled at Segment");
      yaml_ += "    enabled: false\n";
    }
    yaml_ += "    settings:\n";
    static const Json kNone = Json::object();
    const Json& settings = group.destination != nullptr ? group.destination->settings : kNone;
    const auto account = settings.find("ad_account_id");
    const std::string number = account != settings.end() && account->is_string()
                                   ? account->get<std::string>()
                                   : std::string();
    if (!all_digits(number)) {
      check("      ", name, "the export does not say the number of the ad account: write it here");
    }
    yaml_ +=
        "      ad_account_id: " + quoted_value(all_digits(number) ? number : kNoAccount) + "\n";
    const auto off = [&](const char* key) {
      const auto found = settings.find(key);
      return found != settings.end() && *found == false;
    };
    if (off("send_email") && off("send_google_advertising_id")) {
      check("      ", name,
            "send_email and send_google_advertising_id are both off at Segment, "
            "which leaves nobody; they are left out");
    } else {
      for (const char* key : {"send_email", "send_google_advertising_id"}) {
        if (off(key)) yaml_ += "      " + std::string(key) + ": false\n";
      }
    }
    yaml_ +=
        "      # To go on with audiences that Segment made, if LinkedIn lets your app use its "
        "platform:\n"
        "      # source_platform: SEGMENT\n"
        "    mappings:\n";
    Names names;
    for (const ImportedMapping& mapping : group.mappings) {
      write_mapping(names.unique(plain_name(mapping.name, "mapping")), mapping);
    }
  }

  void write_mapping(const std::string& name, const ImportedMapping& mapping) {
    ++result_.mappings;
    if (!mapping.enabled) ++result_.disabled;
    yaml_ += "      # \"" + one_line(mapping.name) + "\" at Segment\n";
    for (const std::string& note : mapping.notes) check("      ", name, note);
    yaml_ += "      " + quoted_key(name) + ":\n";
    yaml_ += "        action: " + mapping.action + "\n";
    if (!mapping.enabled) yaml_ += "        enabled: false\n";
    if (mapping.trigger) yaml_ += "        trigger: " + quoted_value(*mapping.trigger) + "\n";
    yaml_ += "        fields:\n";
    for (const auto& [field, value] : mapping.fields) {
      yaml_ += "          " + field + ": " + flow_value(value) + "\n";
    }
  }

  Imported& result_;
  std::string& yaml_;
};

const SegmentDestination* find_destination(const SegmentExport& exported, const std::string& id) {
  for (const SegmentDestination& destination : exported.destinations) {
    if (destination.id == id) return &destination;
  }
  return exported.destinations.size() == 1 && id.empty() ? &exported.destinations.front() : nullptr;
}

std::string slug_of(const SegmentSubscription& subscription,
                    const SegmentDestination* destination) {
  if (!subscription.action_slug.empty() || destination == nullptr) return subscription.action_slug;
  const auto found = destination->action_slugs.find(subscription.action_id);
  return found != destination->action_slugs.end() ? found->second : std::string();
}

// A mapping and where it comes from.
struct Found {
  std::string destination_id;
  const SegmentDestination* destination = nullptr;
  ImportedMapping mapping;
};

using Audience = std::tuple<std::string, std::string, std::string>;  // destination, action, key

Audience audience_of(const Found& found) {
  return {found.destination_id, found.mapping.action, found.mapping.audience};
}

// Puts mappings into destinations that take at most `most` enabled ones (0: any number). Those of
// one audience stay together, for between two destinations no order is kept.
std::vector<Group> grouped(std::vector<Found> all, std::size_t most) {
  std::map<Audience, std::size_t> enabled_of;
  for (const Found& found : all) enabled_of[audience_of(found)] += found.mapping.enabled ? 1 : 0;
  std::vector<Group> groups;
  std::vector<std::size_t> planned;  // enabled mappings of each group
  std::map<Audience, std::size_t> group_of;
  std::map<std::string, std::size_t> open_group;  // by destination: takes further audiences
  for (Found& found : all) {
    const Audience audience = audience_of(found);
    const auto [place, fresh] = group_of.try_emplace(audience, groups.size());
    if (fresh) {
      const std::size_t needed = enabled_of[audience];
      const auto open = open_group.find(found.destination_id);
      if (open != open_group.end() && (most == 0 || planned[open->second] + needed <= most)) {
        place->second = open->second;
      } else {
        groups.push_back({found.destination, {}});
        planned.push_back(0);
        open_group[found.destination_id] = place->second;
      }
      planned[place->second] += needed;
    }
    groups[place->second].mappings.push_back(std::move(found.mapping));
  }
  for (Group& group : groups) {
    std::size_t enabled = 0;
    for (ImportedMapping& mapping : group.mappings) {
      if (!mapping.enabled || ++enabled <= most || most == 0) continue;
      mapping.enabled = false;
      mapping.notes.push_back("disabled: a destination takes at most " + std::to_string(most) +
                              " enabled mappings");
    }
  }
  return groups;
}

}  // namespace

Result<Imported> import_segment(std::string_view text, const PluginManifest& plugin) {
  ASSIGN_OR_RETURN(const SegmentExport exported, read_segment_export(text));
  Imported result;
  std::vector<Found> all;
  all.reserve(exported.subscriptions.size());
  for (const SegmentSubscription& subscription : exported.subscriptions) {
    const SegmentDestination* destination = find_destination(exported, subscription.destination_id);
    const std::string slug = slug_of(subscription, destination);
    std::optional<ImportedMapping> mapping = import_mapping(subscription, slug, plugin);
    if (!mapping) {
      result.notes.push_back("\"" + one_line(subscription.name) +
                             "\" is left out: it is not a mapping of LinkedIn Audiences" +
                             (slug.empty() ? "" : " but of the action " + one_line(slug)));
      continue;
    }
    all.push_back({subscription.destination_id, destination, std::move(*mapping)});
  }
  if (all.empty()) {
    return Status(StatusCode::bad_input,
                  "none of its " + std::to_string(exported.subscriptions.size()) +
                      " mappings is one of LinkedIn Audiences (the actions updateAudience and "
                      "updateCompanyAudience)");
  }
  PipelineWriter(result).write(grouped(std::move(all), plugin.max_mappings), exported);
  return result;
}

}  // namespace penstock::import
