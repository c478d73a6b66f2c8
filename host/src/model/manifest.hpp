// What a plugin manifest says (docs/plugin-authors.md), after checking.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/node.hpp"

namespace penstock {

enum class ValueType : std::uint8_t { string, integer, number, boolean, duration, size, url, json };
[[nodiscard]] const char* name_of(ValueType type);

enum class TextFormat : std::uint8_t { any, email, uri, date_time };

struct Choice {
  std::string value;
  std::string label;  // equals value where the manifest gives none
};

// A setting of a destination, or a field of an action.
struct InputSpec {
  std::string name;
  Location location;
  std::string label;
  std::string description;
  ValueType type = ValueType::string;
  bool multiple = false;  // a list of `type`
  bool required = false;
  bool secret = false;         // never shown
  bool advanced = false;       // left out of short help
  bool literal = false;        // a field that must not be filled from the event
  bool trim = false;           // of a literal: without white space at its ends
  bool allow_null = false;     // null is a value, not "nothing"
  bool personal_data = false;  // category: personal_data; its values are never shown
  // A field that the host fills: why nobody may be added (respect_consent), or nothing.
  bool consent = false;
  std::vector<Choice> choices;
  // Required when all of these inputs have one of the given values (compared as text).
  std::vector<std::pair<std::string, std::vector<std::string>>> required_if;
  std::optional<std::uint64_t> min_length;  // in Unicode code points
  std::optional<std::uint64_t> max_length;
  TextFormat format = TextFormat::any;
  std::string pattern;  // settings: a POSIX extended regular expression over the whole value, or ""
  std::optional<Node> default_value;  // a value for settings, an expression for fields
  std::vector<std::string> aliases;   // fields: further names under which a mapping may fill it
  std::map<std::string, std::string> hints;  // fields: what to write instead of a wrong value
};

struct BatchLimits {
  std::uint64_t max_records = 1000;
  std::uint64_t max_bytes = 1024 * 1024;    // sum of payloads
  std::chrono::milliseconds max_age{1000};  // of the oldest element that waits
};

// An event that says the opposite of a fixed action.
struct Opposite {
  std::string event;        // the name of a Track event
  bool membership = false;  // or what an event says of who is in
};

// A field that can fix what is done for every event.
struct FixedAction {
  std::string field;
  std::string unless;  // a field by which a mapping says itself what its events mean, or ""
  std::map<std::string, Opposite> opposites;  // by the value of the field
};

struct ActionSpec {
  std::string name;
  Location location;
  std::string title;
  std::string description;
  std::string default_trigger;  // may hold {field}; "" when there is none
  Location default_trigger_location;
  BatchLimits batch;
  std::string rate;            // a key of limits.rates, or ""
  bool key_is_person = false;  // identity: person; different users have different coalesce keys
  std::vector<InputSpec> fields;
  // A mapping that fills one of these needs a trigger of its own.
  std::vector<std::string> own_trigger_with;
  std::optional<FixedAction> fixed_action;
  // What to write instead of names that the action does not have, such as those of other programs.
  std::map<std::string, std::string> hints;

  // By name or alias.
  [[nodiscard]] const InputSpec* find_field(const std::string& name) const;
};

struct Rate {
  std::uint64_t requests = 0;
  std::chrono::milliseconds per{0};
};

struct OAuth2Spec {
  std::string authorize_url;
  std::string token_url;
  std::vector<std::string> scopes;
  std::vector<std::string> refresh_token_dead;  // error codes that mean: log in again
  // Codes in the answer 401 to a request that mean the same: renewing the token does not help.
  std::vector<std::string> revoked_codes;
  // A login proves with a code verifier (RFC 7636) that the code came back to who asked for it.
  bool pkce = false;
};

struct HookNames {
  std::string init, settings, mapping, send;
  std::string check, query;  // "" when the plugin has none
};

struct PluginManifest {
  std::string path;  // of the manifest
  std::string name;
  std::string title;
  std::string description;
  // What an event's "integrations" may call the destination; the title unless the manifest says.
  std::vector<std::string> integration_names;
  std::string version;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  Location abi_location;
  std::string library;  // absolute path
  Location library_location;
  HookNames hooks;
  std::optional<OAuth2Spec> oauth2;  // connection: {type: oauth2}
  std::uint64_t max_mappings = 0;    // per destination; 0 is no limit
  // limits.concurrency: sends at the same time, per connection; between these as the destination
  // bears it.
  std::uint64_t min_concurrency = 1;
  std::uint64_t concurrency = 4;
  std::map<std::string, Rate> rates;
  std::vector<InputSpec> settings;
  std::vector<ActionSpec> actions;

  [[nodiscard]] const ActionSpec* find_action(const std::string& name) const;
};

}  // namespace penstock
