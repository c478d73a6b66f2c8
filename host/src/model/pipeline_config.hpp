// What a pipeline manifest says (README.md), after checking against the manifests of its
// plugins.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/manifest.hpp"
#include "model/node.hpp"

namespace penstock {

// Text that must not be shown. Has no operator<<, so that it cannot slip into a log.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);  // no text shows it from now on (gate/secrets.hpp)
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& reveal() const { return text_; }

 private:
  std::string text_;
};

struct SourceConfig {
  enum class Type : std::uint8_t { file, standard_input };
  Type type = Type::file;
  std::string path;     // absolute
  bool follow = false;  // wait at the end of the file for more, and for the file that follows it
  // How long a followed file that was replaced is read on after the last that came to it.
  std::chrono::milliseconds rotate_wait{60'000};
  Location location;
};

struct QueueConfig {
  enum class Type : std::uint8_t { memory, disk };
  Type type = Type::disk;
  std::optional<std::uint64_t> max_bytes;
  Location location;
};

// How much of what will not be delivered is kept for people to look at, the newest.
struct DeadLetterConfig {
  std::chrono::milliseconds max_age = std::chrono::hours(24 * 90);
  std::uint64_t max_bytes = 256ULL * 1024 * 1024;
};

struct ConnectionConfig {
  std::string name;
  Location location;
  std::string plugin;
  std::string client_id;
  Secret client_secret;
  Secret access_token;
  Secret refresh_token;
  std::string authorize_url;  // the manifest's unless overridden
  std::string token_url;
  std::string redirect_uri;                   // where a login ends; "": a port of this machine
  std::optional<OAuth2Spec> oauth2;           // of the plugin; nothing where it has no login
  std::map<std::string, Rate> rates;          // the manifest's, with the user's overrides
  std::chrono::milliseconds timeout{30'000};  // of one request, from the moment that it may be sent
};

// A setting's value in the type that the manifest declares: boolean, integer (also duration in
// milliseconds and size in bytes), number, or text (string, url, and json as JSON text). Where the
// manifest says json, a scalar has the type that it was written in; "null" stays json.
struct SettingValue {
  std::string name;
  Location location;  // of the value in the pipeline, or of the destination where a default serves
  bool present = false;
  ValueType type = ValueType::string;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
};

struct MappingConfig {
  std::string name;
  Location location;
  bool enabled = true;
  const ActionSpec* action = nullptr;  // lives in DestinationConfig::plugin
  Location action_location;
  // The user's, or the action's default with its {fields} filled in; nothing after a fault in it
  // was reported.
  std::optional<std::string> trigger;
  bool default_trigger = false;
  // Of the first character of the user's text; of the mapping where the default serves.
  Location trigger_location;
  std::vector<Node::Member>
      fields;  // what the user mapped: names checked, expressions not yet compiled
  std::vector<std::string> faulty_fields;  // of which a fault was reported
};

// Whose events add nobody to a destination: respect_consent (README.md).
struct ConsentConfig {
  std::vector<std::string> categories;  // all must be granted in context.consent
  bool integrations = false;            // the event's "integrations" can exclude the destination
  bool required = false;                // an event without preferences counts as a refusal
};

struct DestinationConfig {
  std::string name;
  Location location;
  bool enabled = true;
  std::shared_ptr<const PluginManifest> plugin;
  std::string connection;              // "" when the plugin needs none
  std::vector<SettingValue> settings;  // all of the manifest's, in its order
  std::map<std::string, BatchLimits>
      batches;  // by action: the manifest's with the user's overrides
  // What fails and is older becomes a dead letter; nothing: is tried for ever.
  std::optional<std::chrono::milliseconds> give_up_after;
  std::optional<ConsentConfig> respect_consent;
  // How long a request whose answer was lost may still be carried out. 0: nobody asks, and nothing
  // is sent once more. At least the time-out of the connection.
  static constexpr std::chrono::milliseconds kDefaultConfirmAfter{60'000};
  std::chrono::milliseconds confirm_after = kDefaultConfirmAfter;
  std::vector<MappingConfig> mappings;
};

struct PipelineConfig {
  std::string path;  // absolute path of the manifest
  std::string name;
  std::string state_dir;  // absolute
  SourceConfig source;
  QueueConfig queue;
  DeadLetterConfig dead_letters;
  std::vector<ConnectionConfig> connections;
  std::vector<DestinationConfig> destinations;

  [[nodiscard]] const ConnectionConfig* find_connection(const std::string& name) const;
};

}  // namespace penstock
