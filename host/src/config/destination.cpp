#include "config/destination.hpp"

#include <algorithm>

#include "config/consent.hpp"
#include "config/input_value.hpp"
#include "config/mapping.hpp"
#include "config/schema.hpp"
#include "config/secrets.hpp"
#include "model/units.hpp"

namespace penstock::config {
namespace {

// Less leaves no time for a single retry.
constexpr std::chrono::milliseconds kLeastGiveUpAfter{1000};
constexpr std::chrono::hours kMostGiveUpAfter{24 * 3650};  // beyond is a slip of the pen
// No server is known to carry out a request so late, and what has to be confirmed waits that long.
constexpr std::chrono::hours kMostConfirmAfter{1};
constexpr std::size_t kMaxOwnName = 200;  // bytes; it has to fit into a line of a report

SettingValue default_of(const InputSpec& input, const Location& place) {
  SettingValue value;
  if (input.default_value) {
    // The manifest's own checks have accepted it.
    Diagnostics checked_before;
    if (auto read = read_input_value(input, *input.default_value, input.name, checked_before)) {
      value = std::move(*read);
    }
  }
  value.name = input.name;
  value.location = place;
  if (!value.present) value.type = input.multiple ? ValueType::json : input.type;
  return value;
}

class DestinationReader {
 public:
  DestinationReader(const Node::Member& member, const std::vector<ConnectionConfig>& connections,
                    PluginCatalog& plugins, Diagnostics& diagnostics)
      : path_("destinations." + member.key),
        connections_(connections),
        plugins_(plugins),
        diagnostics_(diagnostics),
        map_(member.value, path_, diagnostics) {
    check_own_name(member, "destination", diagnostics);
    destination_.name = member.key;
    destination_.location = member.location;
  }

  DestinationConfig read() {
    if (const Node* plugin = map_.require("plugin", "plugin: linkedin_audiences")) {
      if (const auto name = read_text(*plugin, map_.label("plugin"), diagnostics_)) {
        destination_.plugin = plugins_.find(*name, plugin->location);
      }
    }
    destination_.enabled = map_.boolean("enabled").value_or(true);
    destination_.give_up_after =
        map_.duration("give_up_after", kLeastGiveUpAfter, kMostGiveUpAfter);
    if (const Node* consent = map_.find("respect_consent")) {
      destination_.respect_consent =
          read_consent(*consent, map_.label("respect_consent"), diagnostics_);
    }
    const Node* confirm_after_node = map_.find("confirm_after");
    const auto confirm_after =
        map_.duration("confirm_after", std::chrono::milliseconds(0), kMostConfirmAfter);
    const Node* connection = map_.find("connection");
    const Node* settings = map_.find("settings");
    const Node* mappings = map_.find("mappings");
    const Node* batch = map_.find("batch");
    // Without its manifest nothing can be said about the rest.
    if (destination_.plugin) {
      read_connection(connection);
      set_confirm_after(confirm_after_node, confirm_after);
      read_settings(settings);
      read_mappings(mappings);
      read_batches(batch);
    }
    map_.finish();
    return std::move(destination_);
  }

 private:
  void read_connection(const Node* node) {
    const PluginManifest& plugin = *destination_.plugin;
    std::vector<std::string> fitting;
    for (const ConnectionConfig& connection : connections_) {
      if (connection.plugin == plugin.name) fitting.push_back(connection.name);
    }
    if (node == nullptr) {
      if (!plugin.oauth2) return;
      std::string hint = "add it under connections: NAME: {plugin: " + plugin.name +
                         ", client_id: ..., client_secret: ...}, and name it here";
      if (!fitting.empty()) hint = "write connection: " + fitting.front();
      diagnostics_.error(destination_.location,
                         path_ + ": the plugin " + plugin.name + " needs a connection", hint);
      return;
    }
    destination_.connection = read_text(*node, map_.label("connection"), diagnostics_).value_or("");
    if (destination_.connection.empty()) return;
    for (const ConnectionConfig& connection : connections_) {
      if (connection.name != destination_.connection) continue;
      if (connection.plugin != plugin.name && !connection.plugin.empty()) {
        diagnostics_.error(node->location,
                           map_.label("connection") + ": the connection " +
                               in_quotes(connection.name) + " belongs to the plugin " +
                               connection.plugin + ", not to " + plugin.name,
                           fitting.empty() ? "" : suggestion("", fitting));
      }
      return;
    }
    diagnostics_.error(
        node->location,
        map_.label("connection") + ": there is no connection " + in_quotes(destination_.connection),
        suggestion(destination_.connection, fitting));
  }

  // While a request may still be answered, nobody knows whether it is carried out.
  void set_confirm_after(const Node* node, std::optional<std::chrono::milliseconds> wanted) {
    const auto connection = std::find_if(
        connections_.begin(), connections_.end(),
        [this](const auto& candidate) { return candidate.name == destination_.connection; });
    const std::chrono::milliseconds least =
        connection != connections_.end() ? connection->timeout : std::chrono::milliseconds(0);
    destination_.confirm_after =
        wanted.value_or(std::max(DestinationConfig::kDefaultConfirmAfter, least));
    if (!wanted || wanted->count() == 0 || *wanted >= least) return;
    diagnostics_.error(node->location,
                       map_.label("confirm_after") + ": " + format_duration(*wanted) +
                           " is shorter than a request of the connection " +
                           in_quotes(connection->name) + " may take (" + format_duration(least) +
                           ")",
                       "make it at least " + format_duration(least) + ", or shorten connections." +
                           connection->name + ".timeout; 0s switches the second sending off");
  }

  void read_settings(const Node* node) {
    const Node nothing;
    MapReader settings(node != nullptr ? *node : nothing, path_ + ".settings", diagnostics_);
    const Location place = node != nullptr ? node->location : destination_.location;
    std::vector<const InputSpec*> faulty;
    for (const InputSpec& input : destination_.plugin->settings) {
      const Node* value = settings.find(input.name);
      if (value == nullptr) {
        destination_.settings.push_back(default_of(input, place));
        continue;
      }
      if (input.secret) check_secret_in_clear(*value, settings.label(input.name), diagnostics_);
      auto read = read_input_value(input, *value, settings.label(input.name), diagnostics_);
      if (!read) faulty.push_back(&input);
      destination_.settings.push_back(read ? std::move(*read) : default_of(input, place));
      if (read && input.required && empty_text(destination_.settings.back())) {
        diagnostics_.error(value->location, settings.label(input.name) + " must not be empty");
      }
    }
    settings.finish();
    for (std::size_t i = 0; i < destination_.settings.size(); ++i) {
      const InputSpec& input = destination_.plugin->settings[i];
      if (std::find(faulty.begin(), faulty.end(), &input) != faulty.end()) continue;
      if (!destination_.settings[i].present) check_required(input, settings, place);
    }
  }

  static bool empty_text(const SettingValue& value) {
    return (value.type == ValueType::string || value.type == ValueType::url) && value.text.empty();
  }

  void check_required(const InputSpec& input, const MapReader& settings, const Location& place) {
    std::string why;
    if (!input.required) {
      if (input.required_if.empty()) return;
      for (const auto& [other, values] : input.required_if) {
        const SettingValue* value = find_setting(other);
        if (value == nullptr || !value->present) return;
        const std::string text = comparison_text(*value);
        if (std::find(values.begin(), values.end(), text) == values.end()) return;
        const bool show = !secret(other);
        why += (why.empty() ? "; it is required because " : " and ") + other +
               (show ? " is " + text : " is set as it is");
      }
    }
    diagnostics_.error(place,
                       settings.label(input.name) + " is missing (" + input.label + ")" + why,
                       input.description);
  }

  const SettingValue* find_setting(const std::string& name) const {
    for (const SettingValue& value : destination_.settings) {
      if (value.name == name) return &value;
    }
    return nullptr;
  }
  bool secret(const std::string& name) const {
    for (const InputSpec& input : destination_.plugin->settings) {
      if (input.name == name) return input.secret;
    }
    return false;
  }

  void read_mappings(const Node* node) {
    if (node == nullptr || node->is(Node::Kind::null)) {
      diagnostics_.warning(destination_.location,
                           path_ + " has no mappings, so nothing is sent to it");
      return;
    }
    if (!node->is(Node::Kind::map)) {
      diagnostics_.error(
          node->location,
          path_ + ".mappings: expected a map of mappings by name, found " + describe(*node));
      return;
    }
    std::uint64_t enabled = 0;
    const std::uint64_t most = destination_.plugin->max_mappings;
    for (const Node::Member& member : node->members) {
      check_own_name(member, "mapping", diagnostics_);
      destination_.mappings.push_back(
          read_mapping(member, path_, *destination_.plugin, diagnostics_));
      if (!destination_.mappings.back().enabled || ++enabled != most + 1 || most == 0) continue;
      std::uint64_t all = 0;
      for (const Node::Member& other : node->members) all += is_enabled(other.value) ? 1 : 0;
      diagnostics_.error(
          member.location,
          path_ + ".mappings: " + std::to_string(all) + " mappings are enabled; " +
              destination_.plugin->name + " allows " + std::to_string(most) + " per destination",
          "move the mappings from here on to another destination of the same plugin");
    }
  }

  static bool is_enabled(const Node& mapping) {
    const Node* enabled = mapping.find("enabled");
    if (enabled == nullptr) return true;
    Diagnostics reported_elsewhere;
    return read_boolean(*enabled, "enabled", reported_elsewhere).value_or(true);
  }

  void read_batches(const Node* node) {
    for (const ActionSpec& action : destination_.plugin->actions) {
      destination_.batches[action.name] = action.batch;
    }
    if (node == nullptr) return;
    MapReader batch(*node, path_ + ".batch", diagnostics_);
    using std::chrono::milliseconds;
    const auto records = batch.count("max_records", 1, INT64_MAX);
    const auto bytes = batch.size("max_bytes", 1, INT64_MAX);
    const auto age = batch.duration("max_age", milliseconds(0), milliseconds::max());
    batch.finish();
    for (const ActionSpec& action : destination_.plugin->actions) {
      const bool used = std::any_of(destination_.mappings.begin(), destination_.mappings.end(),
                                    [&](const MappingConfig& m) { return m.action == &action; });
      const auto apply = [&](const char* key, auto wanted, auto& limit, auto&& shown) {
        if (!wanted) return;
        if (*wanted <= limit) {
          limit = *wanted;
        } else if (used) {
          diagnostics_.error(node->find(key)->location,
                             batch.label(key) + ": " + shown(*wanted) + " is more than " +
                                 destination_.plugin->name + " allows for the action " +
                                 action.name + " (" + shown(limit) + ")");
        }
      };
      BatchLimits& limits = destination_.batches[action.name];
      apply("max_records", records, limits.max_records,
            [](std::uint64_t n) { return std::to_string(n); });
      apply("max_bytes", bytes, limits.max_bytes, format_size);
      apply("max_age", age, limits.max_age, format_duration);
    }
  }

  std::string path_;
  const std::vector<ConnectionConfig>& connections_;
  PluginCatalog& plugins_;
  Diagnostics& diagnostics_;
  MapReader map_;
  DestinationConfig destination_;
};

}  // namespace

void check_own_name(const Node::Member& member, const char* what, Diagnostics& diagnostics) {
  const bool clean = std::none_of(member.key.begin(), member.key.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (!member.key.empty() && member.key.size() <= kMaxOwnName && clean) return;
  diagnostics.error(
      member.location, in_quotes(member.key) + " cannot be the name of a " + what,
      "a name has 1 to " + std::to_string(kMaxOwnName) + " bytes and no control characters");
}

DestinationConfig read_destination(const Node::Member& member,
                                   const std::vector<ConnectionConfig>& connections,
                                   PluginCatalog& plugins, Diagnostics& diagnostics) {
  return DestinationReader(member, connections, plugins, diagnostics).read();
}

}  // namespace penstock::config
