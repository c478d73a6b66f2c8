#include "audience.hpp"

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>

namespace penstock::linkedin {

std::string_view name_of(AudienceType type) {
  return type == AudienceType::user ? "USER" : "COMPANY";
}

std::string_view members_of(AudienceType type) {
  return type == AudienceType::user ? "people" : "companies";
}

void append_batch_key(AudienceType type, std::string_view key, std::string& out) {
  sdk::JsonWriter json(out);
  json.begin_array();
  json.string(key);
  json.string(key);
  if (type != AudienceType::user) json.string(name_of(type));
  json.end_array();
}

std::optional<Change> change_named_by(std::string_view event_name) {
  if (event_name == "Audience Entered") return Change::add;
  if (event_name == "Audience Exited") return Change::remove;
  return std::nullopt;
}

std::string_view why_not_about(std::string_view source_key) {
  return source_key.empty() ? "the event names no audience, so it must not change this one; the "
                              "trigger should not let it through, or the action must be ADD or "
                              "REMOVE"
                            : "the event is about another audience than the mapping's key says; "
                              "the trigger should not let it through";
}

bool parse_batch_key(std::string_view batch_key, Audience& audience) {
  const nlohmann::json parsed = nlohmann::json::parse(batch_key, nullptr, false);
  if (!parsed.is_array() || parsed.size() < 2 || parsed.size() > 3 || !parsed[0].is_string() ||
      !parsed[1].is_string()) {
    return false;
  }
  if (parsed.size() == 3 && parsed[2] != name_of(AudienceType::company)) return false;
  audience.type = parsed.size() == 3 ? AudienceType::company : AudienceType::user;
  audience.key = parsed[0].get<std::string>();
  audience.name = parsed[1].get<std::string>();
  return !audience.key.empty();
}

}  // namespace penstock::linkedin
