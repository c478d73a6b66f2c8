#include "config/plugin_manifest.hpp"

#include <charconv>
#include <filesystem>
#include <optional>

#include "config/default_trigger.hpp"
#include "config/input_spec.hpp"
#include "config/rates.hpp"
#include "config/schema.hpp"
#include "config/text_file.hpp"
#include "config/yaml_reader.hpp"

namespace penstock::config {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kManifestVersion = 1;
// Beyond these a number is a slip of the pen. Records: an order above the largest batch known
// (LinkedIn's 5,000).
constexpr std::uint64_t kMostRecords = 100'000;
constexpr std::uint64_t kMostBatchBytes = 256ULL * 1024 * 1024;
constexpr milliseconds kMostBatchAge{24 * 3'600'000};
constexpr std::uint64_t kMostMappings = 1'000'000;
constexpr std::uint64_t kMostConcurrency = 64;  // threads per connection

bool is_c_identifier(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) return false;
  }
  return true;
}

class ManifestReader {
 public:
  ManifestReader(const Node& root, const std::string& path, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), map_(root, "", diagnostics) {
    manifest_.path = path;
  }

  PluginManifest read() {
    read_header();
    read_abi();
    read_library();
    read_hooks();
    read_connection();
    read_limits();
    if (const Node* settings = map_.find("settings")) {
      manifest_.settings = read_inputs(*settings, "settings", InputRole::setting, diagnostics_);
    }
    read_actions();
    map_.finish();
    return std::move(manifest_);
  }

 private:
  void read_header() {
    if (const Node* version = map_.require("manifest", "manifest: 1")) {
      if (!version->is(Node::Kind::integer) || version->integer != kManifestVersion) {
        diagnostics_.error(version->location,
                           "manifest: expected 1, the only version of this file's form, found " +
                               describe(*version));
      }
    }
    if (const Node* name = map_.require("name", "name: linkedin_audiences")) {
      manifest_.name = read_text(*name, "name", diagnostics_).value_or("");
      const std::string stem = std::filesystem::path(manifest_.path).stem().string();
      if (!manifest_.name.empty() &&
          check_name(manifest_.name, "a plugin", name->location, diagnostics_) &&
          manifest_.name != stem) {
        diagnostics_.error(name->location,
                           "name: " + in_quotes(manifest_.name) +
                               " does not fit the file's name, " + in_quotes(stem + ".yaml"),
                           "a plugin is found by its file: both must be the same");
      }
    }
    manifest_.title = map_.required_text("title", "title: LinkedIn Audiences");
    manifest_.description = map_.text("description").value_or("");
    manifest_.integration_names = map_.texts("integration_names");
    if (manifest_.integration_names.empty()) manifest_.integration_names = {manifest_.title};
    manifest_.version = map_.required_text("version", "version: 0.1.0");
  }

  void read_abi() {
    const Node* abi = map_.require("abi", "abi: \"1.0\"");
    if (abi == nullptr) return;
    manifest_.abi_location = abi->location;
    const std::string& text = abi->text;
    const char* end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, manifest_.abi_major);
    bool good = major.ec == std::errc() && major.ptr != end && *major.ptr == '.';
    if (good) {
      const auto minor = std::from_chars(major.ptr + 1, end, manifest_.abi_minor);
      good = minor.ec == std::errc() && minor.ptr == end;
    }
    if (good && abi->is(Node::Kind::string)) return;
    diagnostics_.error(abi->location,
                       "abi: expected a version in quotes such as \"1.0\", found " + describe(*abi),
                       good ? "write abi: \"" + text + "\"; without quotes 1.10 would be 1.1" : "");
  }

  void read_library() {
    const Node* library = map_.require("library", "library: linkedin_audiences.so");
    if (library == nullptr) return;
    manifest_.library_location = library->location;
    const std::string text = read_text(*library, "library", diagnostics_).value_or("");
    const std::filesystem::path file = std::filesystem::path(text).lexically_normal();
    if (text.empty() || file.is_absolute() || !file.has_filename() || *file.begin() == "..") {
      diagnostics_.error(
          library->location,
          "library: expected a file in the manifest's own directory, found " + describe(*library));
      return;
    }
    manifest_.library = (std::filesystem::path(manifest_.path).parent_path() / file).string();
  }

  void read_hooks() {
    const Node* node = map_.require("hooks",
                                    "hooks: {init: NAME_init, settings: NAME_settings, "
                                    "mapping: NAME_mapping, send: NAME_send}");
    if (node == nullptr) return;
    MapReader hooks(*node, "hooks", diagnostics_);
    std::map<std::string, std::string> hook_of_symbol;
    const auto read = [&](const char* key, std::string& out, bool required) {
      const Node* hook =
          required ? hooks.require(key, std::string(key) + ": NAME_" + key) : hooks.find(key);
      if (hook == nullptr) return;
      out = read_text(*hook, hooks.label(key), diagnostics_).value_or("");
      if (!is_c_identifier(out)) {
        diagnostics_.error(
            hook->location,
            hooks.label(key) + ": expected the name of a C function, found " + describe(*hook));
      } else if (const auto [seen, fresh] = hook_of_symbol.emplace(out, key); !fresh) {
        diagnostics_.error(hook->location, hooks.label(key) + ": " + in_quotes(out) +
                                               " is already the hook " + seen->second);
      }
    };
    read("init", manifest_.hooks.init, true);
    read("settings", manifest_.hooks.settings, true);
    read("mapping", manifest_.hooks.mapping, true);
    read("send", manifest_.hooks.send, true);
    read("check", manifest_.hooks.check, false);
    read("query", manifest_.hooks.query, false);
    hooks.finish();
  }

  void read_connection() {
    const Node* node = map_.find("connection");
    if (node == nullptr) return;
    MapReader connection(*node, "connection", diagnostics_);
    const std::string type = connection.required_text("type", "type: oauth2");
    if (type == "oauth2") {
      OAuth2Spec oauth2;
      oauth2.authorize_url = required_url(connection, "authorize_url");
      oauth2.token_url = required_url(connection, "token_url");
      oauth2.scopes = connection.texts("scopes");
      oauth2.refresh_token_dead = connection.texts("refresh_token_dead");
      oauth2.revoked_codes = connection.texts("revoked_codes");
      oauth2.pkce = connection.boolean("pkce").value_or(false);
      manifest_.oauth2 = std::move(oauth2);
    } else if (!type.empty() && type != "none") {
      diagnostics_.error(connection.find("type")->location,
                         "connection.type: " + in_quotes(type) + " is not known",
                         suggestion(type, {"oauth2", "none"}));
      return;  // which other keys belong here depends on the type
    }
    connection.finish();
  }

  std::string required_url(MapReader& map, std::string_view key) {
    const Node* node = map.require(key, std::string(key) + ": https://...");
    if (node == nullptr) return {};
    return read_url(*node, map.label(key), diagnostics_).value_or("");
  }

  void read_limits() {
    const Node* node = map_.find("limits");
    if (node == nullptr) return;
    MapReader limits(*node, "limits", diagnostics_);
    manifest_.max_mappings = limits.count("mappings", 1, kMostMappings).value_or(0);
    if (const Node* concurrency = limits.find("concurrency")) {
      if (concurrency->is(Node::Kind::map)) {
        read_concurrency(*concurrency);
      } else {
        manifest_.concurrency =
            limits.count("concurrency", 1, kMostConcurrency).value_or(manifest_.concurrency);
      }
    }
    if (const Node* rates = limits.find("rates")) {
      manifest_.rates = read_rates(*rates, "limits.rates", diagnostics_);
    }
    limits.finish();
  }

  // {min: 1, max: 16}
  void read_concurrency(const Node& node) {
    MapReader bounds(node, "limits.concurrency", diagnostics_);
    const auto least = bounds.count("min", 1, kMostConcurrency);
    const auto most = bounds.count("max", 1, kMostConcurrency);
    bounds.finish();
    if (most) manifest_.concurrency = *most;
    if (least && *least > manifest_.concurrency) {
      diagnostics_.error(
          bounds.find("min")->location,
          "limits.concurrency: min, " + std::to_string(*least) + ", is more than max, " +
              std::to_string(manifest_.concurrency),
          most ? "" : "max is " + std::to_string(manifest_.concurrency) + " unless given");
      return;
    }
    if (least) manifest_.min_concurrency = *least;
  }

  void read_actions() {
    const Node* node = map_.require("actions", "actions: {append: {title: ..., fields: {...}}}");
    if (node == nullptr) return;
    if (!node->is(Node::Kind::map) || node->members.empty()) {
      diagnostics_.error(
          node->location,
          "actions: expected a map with at least one action, found " +
              std::string(node->is(Node::Kind::map) ? "an empty map" : describe(*node)));
      return;
    }
    for (const Node::Member& member : node->members) read_action(member);
  }

  void read_action(const Node::Member& member) {
    ActionSpec action;
    action.name = member.key;
    action.location = member.location;
    check_name(member.key, "an action", member.location, diagnostics_);
    const std::string path = "actions." + member.key;
    MapReader map(member.value, path, diagnostics_);
    action.title = map.required_text("title", "title: Sync to audience");
    action.description = map.text("description").value_or("");
    action.default_trigger = map.text("default_trigger").value_or("");
    if (const Node* batch = map.find("batch")) action.batch = read_batch(*batch, path + ".batch");
    action.rate = map.text("rate").value_or("");
    if (!action.rate.empty() && manifest_.rates.find(action.rate) == manifest_.rates.end()) {
      std::vector<std::string> names;
      for (const auto& [name, rate] : manifest_.rates) names.push_back(name);
      diagnostics_.error(
          map.find("rate")->location,
          path + ".rate: there is no rate " + in_quotes(action.rate) + " in limits.rates",
          suggestion(action.rate, names));
    }
    if (const std::optional<std::string> identity = map.text("identity")) {
      action.key_is_person = *identity == "person";
      if (!action.key_is_person) {
        diagnostics_.error(map.find("identity")->location,
                           path + ".identity: " + in_quotes(*identity) + " is not known",
                           suggestion(*identity, {"person"}));
      }
    }
    if (const Node* fields =
            map.require("fields", "fields: {email: {label: E-mail, type: string}}")) {
      action.fields = read_inputs(*fields, path + ".fields", InputRole::field, diagnostics_);
      check_one_consent_field(action);
      check_aliases(action);
    }
    action.hints = map.texts_by_name("hints");
    action.own_trigger_with = map.texts("own_trigger_with");
    for (const std::string& name : action.own_trigger_with) {
      check_field(action, name, map.find("own_trigger_with")->location, path + ".own_trigger_with");
    }
    if (const Node* fixed = map.find("fixed_action")) {
      action.fixed_action = read_fixed_action(action, *fixed, path + ".fixed_action");
    }
    if (const Node* trigger = map.find("default_trigger")) {
      action.default_trigger_location = trigger->location;
      check_default_trigger(action, path + ".default_trigger", diagnostics_);
    }
    map.finish();
    manifest_.actions.push_back(std::move(action));
  }

  void check_field(const ActionSpec& action, const std::string& name, const Location& location,
                   const std::string& path) {
    if (action.find_field(name) != nullptr) return;
    std::vector<std::string> names;
    names.reserve(action.fields.size());
    for (const InputSpec& field : action.fields) names.push_back(field.name);
    diagnostics_.error(location, path + ": there is no field " + in_quotes(name),
                       suggestion(name, names));
  }

  FixedAction read_fixed_action(const ActionSpec& action, const Node& node,
                                const std::string& path) {
    FixedAction fixed;
    MapReader map(node, path, diagnostics_);
    fixed.field = map.required_text("field", "field: action");
    if (const Node* field = map.find("field"); field != nullptr && !fixed.field.empty())
      check_field(action, fixed.field, field->location, path + ".field");
    fixed.unless = map.text("unless").value_or("");
    if (const Node* unless = map.find("unless"); unless != nullptr && !fixed.unless.empty())
      check_field(action, fixed.unless, unless->location, path + ".unless");
    constexpr const char* kExample = "opposites: {ADD: {event: Left, membership: false}}";
    const Node* opposites = map.require("opposites", kExample);
    if (opposites != nullptr && !opposites->is(Node::Kind::map)) {
      diagnostics_.error(
          opposites->location,
          path + ".opposites: expected a map of values, found " + describe(*opposites), kExample);
    } else if (opposites != nullptr) {
      for (const Node::Member& member : opposites->members) {
        MapReader value(member.value, path + ".opposites." + member.key, diagnostics_);
        Opposite& opposite = fixed.opposites[member.key];
        opposite.event = value.required_text("event", "event: Left");
        opposite.membership = value.boolean("membership").value_or(false);
        value.finish();
      }
    }
    map.finish();
    return fixed;
  }

  // Every name, alias or not, must mean one field.
  void check_aliases(const ActionSpec& action) {
    std::map<std::string, std::string> field_of;
    for (const InputSpec& field : action.fields) field_of.emplace(field.name, field.name);
    for (const InputSpec& field : action.fields) {
      for (const std::string& alias : field.aliases) {
        const auto [known, fresh] = field_of.emplace(alias, field.name);
        if (fresh) continue;
        diagnostics_.error(field.location, "actions." + action.name + ".fields." + field.name +
                                               ".aliases: " + in_quotes(alias) +
                                               " already names the field " + known->second);
      }
    }
  }

  void check_one_consent_field(const ActionSpec& action) {
    const InputSpec* first = nullptr;
    for (const InputSpec& field : action.fields) {
      if (!field.consent) continue;
      if (first != nullptr) {
        diagnostics_.error(field.location, "actions." + action.name + ".fields." + field.name +
                                               ".consent: the field " + first->name +
                                               " has it already; an action has at most one");
      }
      first = &field;
    }
  }

  BatchLimits read_batch(const Node& node, const std::string& path) {
    BatchLimits limits;
    MapReader map(node, path, diagnostics_);
    limits.max_records = map.count("max_records", 1, kMostRecords).value_or(limits.max_records);
    limits.max_bytes = map.size("max_bytes", 1, kMostBatchBytes).value_or(limits.max_bytes);
    limits.max_age =
        map.duration("max_age", milliseconds(0), kMostBatchAge).value_or(limits.max_age);
    map.finish();
    return limits;
  }

  Diagnostics& diagnostics_;
  MapReader map_;
  PluginManifest manifest_;
};

}  // namespace

Result<std::shared_ptr<const PluginManifest>> load_plugin_manifest(const std::string& path,
                                                                   Diagnostics& diagnostics) {
  Result<std::string> text = read_text_file(path, kMaxManifestBytes);
  if (!text.ok()) {
    diagnostics.error({}, text.status().message());
    return text.status();
  }
  return load_plugin_manifest_text(*text, path, diagnostics);
}

Result<std::shared_ptr<const PluginManifest>> load_plugin_manifest_text(std::string_view text,
                                                                        const std::string& path,
                                                                        Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  const std::optional<Node> root = read_yaml(text, path, diagnostics);
  if (root) {
    auto manifest =
        std::make_shared<const PluginManifest>(ManifestReader(*root, path, diagnostics).read());
    if (diagnostics.error_count() == before) return manifest;
  }
  return diagnostics.status();
}

}  // namespace penstock::config
