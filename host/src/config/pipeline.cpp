#include "config/pipeline.hpp"

#include <filesystem>
#include <system_error>

#include "config/destination.hpp"
#include "config/interpolation.hpp"
#include "config/overrides.hpp"
#include "config/plugin_catalog.hpp"
#include "config/rates.hpp"
#include "config/schema.hpp"
#include "config/secrets.hpp"
#include "config/text_file.hpp"
#include "config/yaml_reader.hpp"

namespace penstock::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::int64_t kPipelineVersion = 1;
constexpr std::uint64_t kLeastQueueBytes = 1024 * 1024;  // room for one batch of most destinations
constexpr std::uint64_t kMostQueueBytes = 1ULL << 50U;   // a slip of the pen above it
constexpr std::uint64_t kLeastDeadLetterBytes = 1024 * 1024;         // room for the largest ones
constexpr milliseconds kLeastDeadLetterAge = std::chrono::hours(1);  // time to see them at all
constexpr milliseconds kMostDeadLetterAge = std::chrono::hours(24 * 3660);  // ten years
constexpr milliseconds kLeastTimeout{1'000};
// Writers need a moment to notice that their file was renamed; who never does so is no writer of
// the new one, and a day is when the next rotation comes.
constexpr milliseconds kLeastRotateWait{1'000};
constexpr milliseconds kMostRotateWait = std::chrono::hours(24);
constexpr milliseconds kMostTimeout{10 * 60'000};

std::string make_absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return (error ? fs::path(path) : whole).lexically_normal().string();
}

class PipelineReader {
 public:
  PipelineReader(const Node& root, const std::string& path, const LoadOptions& options,
                 Diagnostics& diagnostics)
      : diagnostics_(diagnostics),
        plugins_(options.plugin_dirs, diagnostics),
        map_(root, "", diagnostics),
        directory_(fs::path(path).parent_path().string()) {
    pipeline_.path = path;
  }

  PipelineConfig read() {
    if (const Node* version = map_.require("version", "version: 1")) {
      if (!version->is(Node::Kind::integer) || version->integer != kPipelineVersion) {
        diagnostics_.error(version->location,
                           "version: expected 1, the only version of this file's form, found " +
                               describe(*version));
      }
    }
    pipeline_.name = map_.required_text("name", "name: engage-to-linkedin");
    pipeline_.state_dir = beside(map_.text("state_dir").value_or("state"));
    read_source();
    read_queue();
    read_dead_letters();
    read_connections();
    read_destinations();
    map_.finish();
    return std::move(pipeline_);
  }

 private:
  std::string beside(const std::string& path) const {
    return (fs::path(directory_) / path).lexically_normal().string();
  }

  // Reports a type that is none of `known`.
  void unknown_type(MapReader& map, const std::string& type,
                    const std::vector<std::string>& known) {
    if (type.empty()) return;  // reported as missing or empty
    diagnostics_.error(map.find("type")->location,
                       map.label("type") + ": " + in_quotes(type) + " is not known",
                       suggestion(type, known));
  }

  void read_source() {
    const Node* node = map_.require("source", "source: {type: file, path: events.ndjson}");
    if (node == nullptr) return;
    MapReader source(*node, "source", diagnostics_);
    pipeline_.source.location = node->location;
    const std::string type = source.required_text("type", "type: file");
    if (type == "file") {
      const std::string path = source.required_text("path", "path: events.ndjson");
      if (!path.empty()) pipeline_.source.path = beside(path);
      pipeline_.source.follow = source.boolean("follow").value_or(false);
      read_rotate_wait(source);
    } else if (type == "stdin") {
      pipeline_.source.type = SourceConfig::Type::standard_input;
      if (node->find("follow") != nullptr) refuse_follow(source);
      if (node->find("rotate_wait") != nullptr) read_rotate_wait(source);
    } else {
      return unknown_type(source, type, {"file", "stdin"});
    }
    source.finish();
  }

  void read_rotate_wait(MapReader& source) {
    const auto wait = source.duration("rotate_wait", kLeastRotateWait, kMostRotateWait);
    if (!wait) return;
    if (pipeline_.source.follow) {
      pipeline_.source.rotate_wait = *wait;
    } else {
      diagnostics_.error(source.find("rotate_wait")->location,
                         "source.rotate_wait: only a file that is followed is read on after it "
                         "was renamed",
                         "remove it, or set follow: true");
    }
  }

  void refuse_follow(MapReader& source) {
    diagnostics_.error(source.find("follow")->location,
                       "source.follow: standard input cannot be followed, because it has no file "
                       "that could grow or be replaced",
                       "remove it; standard input is read until its writer closes it");
  }

  void read_dead_letters() {
    const Node* node = map_.find("dead_letters");
    if (node == nullptr) return;
    MapReader map(*node, "dead_letters", diagnostics_);
    DeadLetterConfig& kept = pipeline_.dead_letters;
    kept.max_age =
        map.duration("max_age", kLeastDeadLetterAge, kMostDeadLetterAge).value_or(kept.max_age);
    kept.max_bytes =
        map.size("max_bytes", kLeastDeadLetterBytes, kMostQueueBytes).value_or(kept.max_bytes);
    map.finish();
  }

  void read_queue() {
    const Node* node = map_.find("queue");
    if (node == nullptr) return;
    MapReader queue(*node, "queue", diagnostics_);
    pipeline_.queue.location = node->location;
    const std::string type = queue.text("type").value_or("disk");
    if (type == "disk") {
      pipeline_.queue.type = QueueConfig::Type::disk;
    } else if (type == "memory") {
      pipeline_.queue.type = QueueConfig::Type::memory;
    } else {
      return unknown_type(queue, type, {"memory", "disk"});
    }
    pipeline_.queue.max_bytes = queue.size("max_bytes", kLeastQueueBytes, kMostQueueBytes);
    queue.finish();
  }

  // The members of an optional map of named things.
  const std::vector<Node::Member>* named(const char* key, const char* example) {
    const Node* node = map_.find(key);
    if (node == nullptr || node->is(Node::Kind::null)) return nullptr;
    if (node->is(Node::Kind::map)) return &node->members;
    diagnostics_.error(node->location,
                       std::string(key) + ": expected a map by name, found " + describe(*node),
                       std::string("write it as in: ") + example);
    return nullptr;
  }

  void read_connections() {
    const auto* members =
        named("connections", "connections: {linkedin: {plugin: linkedin_audiences}}");
    if (members == nullptr) return;
    for (const Node::Member& member : *members) {
      check_own_name(member, "connection", diagnostics_);
      pipeline_.connections.push_back(read_connection(member));
    }
  }

  Secret read_secret(MapReader& map, std::string_view key) {
    const Node* node = map.find(key);
    if (node == nullptr) return {};
    check_secret_in_clear(*node, map.label(key), diagnostics_);
    return Secret(map.text(key).value_or(""));
  }

  ConnectionConfig read_connection(const Node::Member& member) {
    ConnectionConfig connection;
    connection.name = member.key;
    connection.location = member.location;
    MapReader map(member.value, "connections." + member.key, diagnostics_);
    std::shared_ptr<const PluginManifest> plugin;
    if (const Node* node = map.require("plugin", "plugin: linkedin_audiences")) {
      connection.plugin = read_text(*node, map.label("plugin"), diagnostics_).value_or("");
      if (!connection.plugin.empty()) plugin = plugins_.find(connection.plugin, node->location);
    }
    connection.client_id = map.text("client_id").value_or("");
    connection.client_secret = read_secret(map, "client_secret");
    connection.access_token = read_secret(map, "access_token");
    connection.refresh_token = read_secret(map, "refresh_token");
    const auto authorize_url = map.url("authorize_url");
    const auto token_url = map.url("token_url");
    connection.redirect_uri = map.url("redirect_uri").value_or("");
    const std::vector<std::string> scopes = map.texts("scopes");
    connection.timeout =
        map.duration("timeout", kLeastTimeout, kMostTimeout).value_or(connection.timeout);
    const Node* rates = map.find("rates");
    if (plugin) {
      connection.rates = plugin->rates;
      connection.oauth2 = plugin->oauth2;
      if (plugin->oauth2) {
        connection.authorize_url = authorize_url.value_or(plugin->oauth2->authorize_url);
        connection.token_url = token_url.value_or(plugin->oauth2->token_url);
        if (map.find("scopes") != nullptr) connection.oauth2->scopes = scopes;
      }
      check_login(map, member.value, *plugin);
      if (rates != nullptr) override_rates(*rates, map.label("rates"), *plugin, connection);
    }
    map.finish();
    return connection;
  }

  void check_login(const MapReader& map, const Node& node, const PluginManifest& plugin) {
    if (!plugin.oauth2) {
      for (const char* key : {"client_id", "client_secret", "refresh_token", "authorize_url",
                              "token_url", "redirect_uri", "scopes"}) {
        const Node* value = node.find(key);
        if (value == nullptr) continue;
        diagnostics_.error(value->location,
                           map.label(key) + ": the plugin " + plugin.name + " has no OAuth login",
                           "remove it");
      }
      return;
    }
    const bool has_client =
        node.find("client_id") != nullptr && node.find("client_secret") != nullptr;
    for (const char* key : {"client_id", "client_secret", "refresh_token"}) {
      if (has_client || node.find(key) == nullptr) continue;
      diagnostics_.error(node.find(key)->location,
                         map.label(key) + ": client_id and client_secret are needed as well",
                         "a login or refresh names the application by both");
      return;
    }
  }

  void override_rates(const Node& node, const std::string& label, const PluginManifest& plugin,
                      ConnectionConfig& connection) {
    std::vector<std::string> names;
    for (const auto& [name, rate] : plugin.rates) names.push_back(name);
    for (const auto& [name, rate] : read_rates(node, label, diagnostics_)) {
      connection.rates[name] = rate;
    }
    for (const Node::Member& member : node.members) {
      if (plugin.rates.find(member.key) != plugin.rates.end()) continue;
      diagnostics_.error(member.location,
                         label + ": " + plugin.name + " has no rate " + in_quotes(member.key),
                         suggestion(member.key, names));
    }
  }

  void read_destinations() {
    const auto* members =
        named("destinations", "destinations: {linkedin_eu: {plugin: linkedin_audiences, ...}}");
    if (members == nullptr || members->empty()) {
      const Node* node = map_.find("destinations");
      if (node == nullptr || node->is(Node::Kind::null) || node->is(Node::Kind::map)) {
        diagnostics_.error(
            node != nullptr ? node->location : map_.location(),
            "destinations: the pipeline has no destination, so there is nothing to do",
            "write it as in: destinations: {linkedin_eu: {plugin: linkedin_audiences, ...}}");
      }
      return;
    }
    bool any_enabled = false;
    const std::size_t before = diagnostics_.error_count();
    for (const Node::Member& member : *members) {
      pipeline_.destinations.push_back(
          read_destination(member, pipeline_.connections, plugins_, diagnostics_));
      const DestinationConfig& destination = pipeline_.destinations.back();
      for (const MappingConfig& mapping : destination.mappings) {
        any_enabled = any_enabled || (destination.enabled && mapping.enabled);
      }
    }
    if (!any_enabled && diagnostics_.error_count() == before) {
      diagnostics_.warning(map_.find("destinations")->location,
                           "no mapping is enabled: every event will count as unmatched");
    }
  }

  Diagnostics& diagnostics_;
  PluginCatalog plugins_;
  MapReader map_;
  std::string directory_;
  PipelineConfig pipeline_;
};

Status read_manifest(std::string_view text, const std::string& path, const LoadOptions& options,
                     PipelineConfig& pipeline, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  hide_secrets(text, path, diagnostics);
  std::optional<Node> root = read_yaml(text, path, diagnostics);
  if (!root) return diagnostics.status();
  if (!root->is(Node::Kind::map) && !root->is(Node::Kind::null)) {
    // It is another file, of which nothing is known.
    diagnostics.hide_source(path);
    diagnostics.error(root->location,
                      "the file: expected the manifest of a pipeline, a map of keys, found a text "
                      "or a list",
                      "it begins as in: version: 1");
    return diagnostics.status();
  }
  const std::string absolute_path = make_absolute(path);
  apply_overrides(*root, options.overrides, diagnostics);
  interpolate(*root, fs::path(absolute_path).parent_path().string(), options, diagnostics);
  pipeline = PipelineReader(*root, absolute_path, options, diagnostics).read();
  return diagnostics.error_count() > before ? diagnostics.status() : Status();
}

}  // namespace

Status read_pipeline(const std::string& path, const LoadOptions& options, PipelineConfig& pipeline,
                     Diagnostics& diagnostics) {
  Result<std::string> text = read_text_file(path, kMaxManifestBytes);
  if (text.ok()) return read_manifest(*text, path, options, pipeline, diagnostics);
  diagnostics.error({}, text.status().message());
  return text.status();
}

Result<PipelineConfig> load_pipeline(const std::string& path, const LoadOptions& options,
                                     Diagnostics& diagnostics) {
  PipelineConfig pipeline;
  RETURN_IF_ERROR(read_pipeline(path, options, pipeline, diagnostics));
  return pipeline;
}

Result<PipelineConfig> load_pipeline_text(std::string_view text, const std::string& path,
                                          const LoadOptions& options, Diagnostics& diagnostics) {
  PipelineConfig pipeline;
  RETURN_IF_ERROR(read_manifest(text, path, options, pipeline, diagnostics));
  return pipeline;
}

}  // namespace penstock::config
