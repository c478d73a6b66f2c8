#include "import/segment_defaults.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace penstock::import {
namespace {

Json path(const char* where) {
  return {{"@path", where}};
}

Json first_of(const char* condition, const char* first, const char* second) {
  return {{"@if", {{condition, path(first)}, {"then", path(first)}, {"else", path(second)}}}};
}

using Defaults = std::map<std::string, std::vector<Json>, std::less<>>;

const Defaults& defaults() {
  static const Defaults all = [] {
    Defaults found;
    found["first_name"] = {path("$.traits.firstName")};
    found["last_name"] = {path("$.traits.lastName")};
    found["title"] = {path("$.traits.title")};
    found["company"] = {path("$.traits.company")};
    found["country"] = {path("$.traits.country")};
    found["google_advertising_id"] = {path("$.context.device.advertisingId")};
    found["event_name"] = {path("$.event")};
    found["source_segment_id"] = {path("$.properties.audience_key")};
    found["computation_class"] = {path("$.context.personas.computation_class")};
    found["computation_key"] = {path("$.context.personas.computation_key")};
    found["props"] = {path("$.properties")};
    for (const char* condition : {"exists", "blank"}) {
      const auto add = [&](const char* field, const char* first, const char* second) {
        found[field].push_back(first_of(condition, first, second));
      };
      add("email", "$.context.traits.email", "$.traits.email");
      for (const char* key :
           {"source_segment_id", "personas_audience_key", "computation_key", "dmp_segment_name"}) {
        add(key, "$.properties.audience_key", "$.context.personas.computation_key");
      }
      add("traits_or_props", "$.properties", "$.traits");
      add("company_domain", "$.properties.company_domain", "$.traits.company_domain");
      add("company_domain", "$.traits.company_domain", "$.properties.company_domain");
      add("linkedin_company_id", "$.properties.linkedin_company_id",
          "$.traits.linkedin_company_id");
      add("linkedin_company_id", "$.traits.linkedin_company_id",
          "$.properties.linkedin_company_id");
    }
    found["company_domain"].push_back(path("$.properties.company_domain"));
    found["company_domain"].push_back(path("$.traits.company_domain"));
    found["linkedin_company_id"].push_back(path("$.properties.linkedin_company_id"));
    found["linkedin_company_id"].push_back(path("$.traits.linkedin_company_id"));
    return found;
  }();
  return all;
}

// "linkedInCompanyId" and "linkedin_company_id" alike.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

// Members may stand in any order.
bool same(const Json& a, const Json& b) {
  if (!a.is_object() || !b.is_object()) return a == b;
  if (a.size() != b.size()) return false;
  const auto items = a.items();
  return std::all_of(items.begin(), items.end(), [&](const auto& item) {
    const auto other = b.find(item.key());
    return other != b.end() && same(item.value(), *other);
  });
}

}  // namespace

bool is_segment_default(std::string_view field, const Json& value) {
  const auto found = defaults().find(field);
  return found != defaults().end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const Json& known) { return same(known, value); });
}

bool is_segment_machinery(std::string_view field) {
  constexpr std::array<std::string_view, 6> kFields = {
      "enable_batching", "batch_size", "batch_keys", "batch_bytes", "traits_or_props", "props"};
  return std::find(kFields.begin(), kFields.end(), field) != kFields.end();
}

std::string company_identifier(std::string_view member) {
  for (const char* name : {"company_domain", "linkedin_company_id", "company_name",
                           "company_email_domain", "company_page_url", "stock_symbol", "industries",
                           "city", "state", "country", "postal_code"}) {
    if (folded(name) == folded(member)) return name;
  }
  return {};
}

Json without_editor_notes(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(without_editor_notes(item));
    return out;
  }
  if (!value.is_object()) return value;
  const auto items = value.items();
  const bool is_directive = std::any_of(
      items.begin(), items.end(), [](const auto& item) { return item.key().starts_with('@'); });
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (!is_directive || key != kEditorNotes) out[key] = without_editor_notes(member);
  }
  return out;
}

}  // namespace penstock::import
