#include "audience_names.hpp"

#include <nlohmann/json.hpp>

#include "segment.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

constexpr char kExistingField[] = "existing_segment_id";

std::string literal(const json& literals, const char* name) {
  if (!literals.is_object()) return {};
  const auto it = literals.find(name);
  return it != literals.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// The field that the audience's key is written in.
const char* key_field_of(const json& mapping) {
  if (literal(mapping, "action") == "sync_to_dmp_segment") return "personas_audience_key";
  const json literals = mapping.value("literals", json::object());
  return literal(literals, "audience_source") == "CONNECTIONS" ? "segment_name" : "computation_key";
}

// Of a mapping's existing_segment_id, given those of the mappings before it. A segment that two
// audiences filled would have no order among them.
std::string fault_of_existing(const Audience& audience,
                              const std::map<AudienceId, std::string>& known) {
  if (audience.existing_id.empty()) return {};
  if (!is_segment_id(audience.existing_id)) {
    return "existing_segment_id is the number of an audience at LinkedIn, such as 10804; `penstock "
           "audiences list PIPELINE --all` shows those of the account";
  }
  if (audience.key.empty()) {
    return "a mapping with existing_segment_id needs the audience's key as a literal, too";
  }
  const AudienceId id(audience);
  for (const auto& [other, segment] : known) {
    const bool same = !(other < id) && !(id < other);
    if (same && segment != audience.existing_id) {
      return "other mappings of the audience \"" + audience.key +
             "\" name another existing_segment_id, " + segment + "; one audience is one segment";
    }
    if (!same && segment == audience.existing_id) {
      return "segment " + segment + " is named for the audience \"" + other.key +
             "\" as well; give both mappings the same key, or each its own segment";
    }
  }
  return {};
}

}  // namespace

std::optional<Audience> audience_of(const json& mapping) {
  if (!mapping.is_object()) return std::nullopt;
  const std::string action = literal(mapping, "action");
  const json literals = mapping.value("literals", json::object());
  if (action == "sync_to_dmp_segment") {
    Audience audience{AudienceType::user, literal(literals, "personas_audience_key"),
                      literal(literals, "dmp_segment_name")};
    if (audience.name.empty()) audience.name = audience.key;
    audience.existing_id = literal(literals, kExistingField);
    return audience;
  }
  if (action == "sync_to_company_segment") {
    const bool connections = literal(literals, "audience_source") == "CONNECTIONS";
    const std::string key = literal(literals, connections ? "segment_name" : "computation_key");
    return Audience{AudienceType::company, key, key, literal(literals, kExistingField)};
  }
  return std::nullopt;
}

MappingFault fault_of_mappings(std::string_view mappings_json) {
  const json mappings = json::parse(mappings_json, nullptr, false);
  if (!mappings.is_array()) return {};
  std::map<AudienceId, std::string> existing;
  for (const json& mapping : mappings) {
    if (const std::optional<Audience> audience = audience_of(mapping)) {
      const std::string fault = fault_of_existing(*audience, existing);
      if (!fault.empty()) {
        return {kExistingField, "mapping " + literal(mapping, "mapping") + ": " + fault};
      }
      if (!audience->existing_id.empty())
        existing.emplace(AudienceId(*audience), audience->existing_id);
      std::string batch_key;
      append_batch_key(audience->type, audience->key, batch_key);
      if (batch_key.size() > kMaxKeyBytes) {
        return {key_field_of(mapping),
                "mapping " + literal(mapping, "mapping") + ": " + std::string(kAudienceKeyTooLong)};
      }
    }
    if (!mapping.is_object()) continue;
    const json literals = mapping.value("literals", json::object());
    const bool companies = literal(mapping, "action") == "sync_to_company_segment";
    if (!literal(literals, "sync_mode").empty()) {
      const char* const field = companies ? "company_action" : "dmp_user_action";
      const std::string action = literal(literals, field);
      if (action.empty() || action == "AUTO") continue;
      return {field, "mapping " + literal(mapping, "mapping") + ": " + field + ": " + action +
                         " and sync_mode exclude each other; leave one of them out"};
    }
    if (!companies) continue;
    if (literal(literals, "audience_source") != "CONNECTIONS" ||
        literal(literals, "company_action") != "AUTO") {
      continue;
    }
    return {"company_action",
            "mapping " + literal(mapping, "mapping") +
                ": set company_action to ADD or REMOVE, or sync_mode for rows of a warehouse; with "
                "audience_source CONNECTIONS no event says which of them it is"};
  }
  return {};
}

std::vector<Audience> audiences_of(std::string_view mappings_json) {
  const json mappings = json::parse(mappings_json, nullptr, false);
  const AudienceNames names(mappings);
  std::map<AudienceId, Audience> audiences;
  if (mappings.is_array()) {
    for (const json& mapping : mappings) {
      std::optional<Audience> audience = audience_of(mapping);
      if (!audience || audience->key.empty()) continue;
      const AudienceId id(*audience);
      names.complete(*audience);
      audiences.emplace(id, std::move(*audience));
    }
  }
  std::vector<Audience> all;
  all.reserve(audiences.size());
  for (auto& [id, audience] : audiences) all.push_back(std::move(audience));
  return all;
}

AudienceNames::AudienceNames(const json& mappings) {
  if (!mappings.is_array()) return;
  for (const json& mapping : mappings) {
    std::optional<Audience> audience = audience_of(mapping);
    if (!audience) continue;
    if (!audience->existing_id.empty())
      existing_.emplace(AudienceId(*audience), audience->existing_id);
    // A mapping without a name of its own leaves it to the others.
    if (audience->name == audience->key) continue;
    names_.emplace(AudienceId(*audience), std::move(audience->name));
  }
}

AudienceNames AudienceNames::parse(std::string_view mappings_json) {
  return AudienceNames(json::parse(mappings_json, nullptr, false));
}

const std::string* AudienceNames::find(const AudienceId& audience) const {
  const auto found = names_.find(audience);
  return found != names_.end() ? &found->second : nullptr;
}

const std::string* AudienceNames::existing(const AudienceId& audience) const {
  const auto found = existing_.find(audience);
  return found != existing_.end() ? &found->second : nullptr;
}

void AudienceNames::complete(Audience& audience) const {
  const AudienceId id(audience);
  if (const std::string* called = find(id)) audience.name = *called;
  if (const std::string* segment = existing(id)) audience.existing_id = *segment;
}

}  // namespace penstock::linkedin
