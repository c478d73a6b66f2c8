#include <nlohmann/json.hpp>

#include "cli/describe.hpp"
#include "config/input_value.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of_format(TextFormat format) {
  switch (format) {
    case TextFormat::any:
      return "any";
    case TextFormat::email:
      return "email";
    case TextFormat::uri:
      return "uri";
    case TextFormat::date_time:
      return "date-time";
  }
  return "any";
}

Json input_json(const InputSpec& input) {
  Json json = {{"name", input.name},
               {"label", input.label},
               {"description", input.description},
               {"type", name_of(input.type)},
               {"multiple", input.multiple},
               {"required", input.required},
               {"secret", input.secret},
               {"advanced", input.advanced},
               {"literal", input.literal},
               {"consent", input.consent},
               {"allow_null", input.allow_null},
               {"personal_data", input.personal_data}};
  if (!input.required_if.empty()) {
    json["required_if"] = Json::object();
    for (const auto& [other, values] : input.required_if) json["required_if"][other] = values;
  }
  if (!input.choices.empty()) {
    json["choices"] = Json::array();
    for (const Choice& choice : input.choices) {
      json["choices"].push_back({{"value", choice.value}, {"label", choice.label}});
    }
  }
  if (input.min_length) json["min_length"] = *input.min_length;
  if (input.max_length) json["max_length"] = *input.max_length;
  if (input.format != TextFormat::any) json["format"] = name_of_format(input.format);
  if (!input.pattern.empty()) json["pattern"] = input.pattern;
  if (input.default_value) json["default"] = Json::parse(config::json_text(*input.default_value));
  return json;
}

Json inputs_json(const std::vector<InputSpec>& inputs) {
  Json json = Json::array();
  for (const InputSpec& input : inputs) json.push_back(input_json(input));
  return json;
}

Json action_json(const ActionSpec& action) {
  return {{"name", action.name},
          {"title", action.title},
          {"description", action.description},
          {"default_trigger", action.default_trigger},
          {"batch",
           {{"max_records", action.batch.max_records},
            {"max_bytes", action.batch.max_bytes},
            {"max_age_ms", action.batch.max_age.count()}}},
          {"rate", action.rate},
          {"identity", action.key_is_person ? "person" : ""},
          {"fields", inputs_json(action.fields)}};
}

Json connection_json(const PluginManifest& manifest) {
  if (!manifest.oauth2) return {{"type", "none"}};
  return {{"type", "oauth2"},
          {"authorize_url", manifest.oauth2->authorize_url},
          {"token_url", manifest.oauth2->token_url},
          {"scopes", manifest.oauth2->scopes},
          {"refresh_token_dead", manifest.oauth2->refresh_token_dead},
          {"pkce", manifest.oauth2->pkce}};
}

Json hooks_json(const HookNames& hooks) {
  Json json = {{"init", hooks.init},
               {"settings", hooks.settings},
               {"mapping", hooks.mapping},
               {"send", hooks.send}};
  if (!hooks.check.empty()) json["check"] = hooks.check;
  if (!hooks.query.empty()) json["query"] = hooks.query;
  return json;
}

Json limits_json(const PluginManifest& manifest) {
  Json rates = Json::object();
  for (const auto& [name, rate] : manifest.rates) {
    rates[name] = {{"requests", rate.requests}, {"per_ms", rate.per.count()}};
  }
  Json json = {
      {"mappings", nullptr}, {"concurrency", manifest.concurrency}, {"rates", std::move(rates)}};
  if (manifest.max_mappings != 0) json["mappings"] = manifest.max_mappings;
  return json;
}

}  // namespace

std::string describe_json(const PluginManifest& manifest) {
  Json json = {
      {"name", manifest.name},
      {"title", manifest.title},
      {"description", manifest.description},
      {"version", manifest.version},
      {"abi", std::to_string(manifest.abi_major) + "." + std::to_string(manifest.abi_minor)},
      {"manifest", manifest.path},
      {"library", manifest.library},
      {"hooks", hooks_json(manifest.hooks)},
      {"connection", connection_json(manifest)},
      {"limits", limits_json(manifest)},
      {"settings", inputs_json(manifest.settings)},
      {"actions", Json::array()}};
  for (const ActionSpec& action : manifest.actions) json["actions"].push_back(action_json(action));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
