#include "import/segment_export.hpp"

#include <initializer_list>
#include <optional>
#include <set>

namespace penstock::import {
namespace {

// Deeper than any export nests, and a bound for what walks over it.
constexpr int kDeepestExport = 100;
// Segment lets a destination have far fewer.
constexpr std::size_t kMaxSubscriptions = 1000;

Result<Json> parse(std::string_view text, const char* what) {
  bool too_deep = false;
  const Json::parser_callback_t bound = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepestExport;
    return depth <= kDeepestExport;
  };
  try {  // the library reports where it stopped by exceptions alone
    Json json = Json::parse(text, bound);
    if (!too_deep) return json;
    return Status(StatusCode::bad_input, std::string(what) + " is nested more than " +
                                             std::to_string(kDeepestExport) + " deep");
  } catch (const Json::parse_error& error) {
    if (error.byte > 1 && Json::accept(text.substr(0, error.byte - 1))) {
      return Status(StatusCode::bad_input,
                    std::string(what) + " goes on behind the end of its JSON, at byte " +
                        std::to_string(error.byte) +
                        "; to import several answers at once, make one list of them: [..., ...]");
    }
    return Status(StatusCode::bad_input, std::string(what) +
                                             " is not JSON: it cannot be read at byte " +
                                             std::to_string(error.byte));
  }
}

const Json* find(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = object.find(name);
    if (found != object.end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

std::string text(const Json& object, std::initializer_list<const char*> names) {
  const Json* value = find(object, names);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool is_enabled(const Json& object) {
  const Json* enabled = find(object, {"enabled"});
  return enabled == nullptr || !enabled->is_boolean() || enabled->get<bool>();
}

class ExportReader {
 public:
  Status read(const Json& json) {
    RETURN_IF_ERROR(visit(json, "", 0));
    for (const std::string& page : next_pages_) {
      if (pages_.find(page) == pages_.end()) result.missing_page = page;
    }
    if (!result.subscriptions.empty()) return {};
    return {StatusCode::bad_input,
            result.destinations.empty()
                ? "it holds neither a destination nor a mapping (subscription) of Segment"
                : "it holds a destination without mappings; add the answer of GET "
                  "/destinations/ID/subscriptions, as in {\"destination\": {...}, "
                  "\"subscriptions\": [...]}"};
  }
  SegmentExport result;

 private:
  std::set<std::string> pages_;
  std::vector<std::string> next_pages_;

  Status visit(const Json& json, const std::string& destination_id, int depth) {
    if (depth > kDeepestExport) return {};
    if (json.is_array()) {
      for (const Json& item : json) RETURN_IF_ERROR(visit(item, destination_id, depth + 1));
      return {};
    }
    if (!json.is_object()) return {};
    if (is_subscription(json)) return add_subscription(json, destination_id);
    std::string id = destination_id;
    if (is_destination(json)) id = add_destination(json);
    if (const Json* pagination = find(json, {"pagination"});
        pagination != nullptr && pagination->is_object()) {
      pages_.insert(text(*pagination, {"current"}));
      if (std::string next = text(*pagination, {"next"}); !next.empty())
        next_pages_.push_back(std::move(next));
    }
    for (const char* key :
         {"data", "destination", "destinations", "subscription", "subscriptions"}) {
      if (const Json* inner = find(json, {key})) RETURN_IF_ERROR(visit(*inner, id, depth + 1));
    }
    return {};
  }

  static bool is_subscription(const Json& json) {
    return find(json, {"settings", "mapping"}) != nullptr &&
           find(json, {"trigger", "subscribe", "actionId", "action_id", "actionSlug", "action_slug",
                       "partnerAction"}) != nullptr;
  }
  static bool is_destination(const Json& json) {
    const Json* metadata = find(json, {"metadata"});
    return (metadata != nullptr && metadata->is_object()) ||
           find(json, {"sourceId", "source_id"}) != nullptr;
  }

  Status add_subscription(const Json& json, const std::string& destination_id) {
    if (result.subscriptions.size() == kMaxSubscriptions) {
      return {StatusCode::bad_input,
              "it holds more than " + std::to_string(kMaxSubscriptions) + " mappings"};
    }
    SegmentSubscription subscription;
    subscription.name = text(json, {"name"});
    subscription.action_slug = text(json, {"actionSlug", "action_slug", "partnerAction"});
    subscription.action_id = text(json, {"actionId", "action_id"});
    subscription.destination_id = text(json, {"destinationId", "destination_id"});
    if (subscription.destination_id.empty()) subscription.destination_id = destination_id;
    subscription.model_id = text(json, {"modelId", "model_id"});
    subscription.trigger = text(json, {"trigger", "subscribe"});
    subscription.enabled = is_enabled(json);
    const Json* settings = find(json, {"settings", "mapping"});
    const std::string what = "the settings of the mapping \"" + one_line(subscription.name) + "\"";
    if (settings->is_string()) {  // Terraform's way
      ASSIGN_OR_RETURN(subscription.settings,
                       parse(settings->get_ref<const std::string&>(), what.c_str()));
    } else {
      subscription.settings = *settings;
    }
    if (!subscription.settings.is_object()) {
      return {StatusCode::bad_input, what + " are not a map of fields"};
    }
    result.subscriptions.push_back(std::move(subscription));
    return {};
  }

  std::string add_destination(const Json& json) {
    SegmentDestination destination;
    destination.id = text(json, {"id"});
    destination.name = text(json, {"name"});
    destination.enabled = is_enabled(json);
    if (const Json* settings = find(json, {"settings"});
        settings != nullptr && settings->is_object()) {
      destination.settings = *settings;
    }
    const Json* metadata = find(json, {"metadata"});
    const Json* actions =
        metadata != nullptr && metadata->is_object() ? find(*metadata, {"actions"}) : nullptr;
    if (actions != nullptr && actions->is_array()) {
      for (const Json& action : *actions) {
        if (!action.is_object()) continue;
        destination.action_slugs.emplace(text(action, {"id"}), text(action, {"slug"}));
      }
    }
    result.destinations.push_back(std::move(destination));
    return result.destinations.back().id;
  }
};

}  // namespace

Result<SegmentExport> read_segment_export(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, parse(text, "it"));
  ExportReader reader;
  RETURN_IF_ERROR(reader.read(json));
  return std::move(reader.result);
}

}  // namespace penstock::import
