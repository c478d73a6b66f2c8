#include "attributes.hpp"

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>
#include <penstock/sdk/text.hpp>

#include "countries.hpp"
#include "identifiers.hpp"

namespace penstock::linkedin {
bool fits(std::string_view text, std::size_t max_characters) {
  // Bytes bound characters, so counting is for long texts only.
  return text.size() <= max_characters || sdk::count_characters(text) <= max_characters;
}

void Attributes::text(std::string_view name, sdk::Field field, std::size_t max_characters) {
  const std::string_view value = trim(record_[field].text());
  if (value.empty()) return;
  if (fits(value, max_characters)) {
    write(name, value);
  } else {
    emitter_.warn(kAttributeOmitted, field);
  }
}

void Attributes::country(std::string_view name, sdk::Field field) {
  const std::string_view value = trim(record_[field].text());
  if (value.empty()) return;
  if (const std::string_view code = country_code(value); !code.empty()) {
    write(name, code);
  } else {
    emitter_.warn(kAttributeOmitted, field);
  }
}

void Attributes::list(std::string_view name, sdk::Field field, std::size_t max_items,
                      std::size_t max_characters) {
  const sdk::Value value = record_[field];
  nlohmann::json items = nlohmann::json::array();
  if (const auto text = value.as_json()) {
    items = nlohmann::json::parse(*text, nullptr, false);
  } else if (!value.text().empty()) {
    items.push_back(value.text());
  }
  bool left_out = !items.is_array();
  nlohmann::json kept = nlohmann::json::array();
  if (items.is_array()) {
    for (const nlohmann::json& item : items) {
      const std::string_view text =
          item.is_string() ? trim(item.get_ref<const std::string&>()) : std::string_view();
      if (item.is_string() && text.empty()) continue;
      if (text.empty() || !fits(text, max_characters) || kept.size() == max_items) {
        left_out = true;
      } else {
        kept.push_back(text);
      }
    }
  }
  if (left_out) emitter_.warn(kAttributeOmitted, field);
  if (kept.empty()) return;
  out_.append(name);
  sdk::JsonWriter writer(out_);
  writer.begin_array();
  for (const nlohmann::json& item : kept) writer.string(item.get_ref<const std::string&>());
  writer.end_array();
}

void Attributes::write(std::string_view name, std::string_view value) {
  out_.append(name);
  sdk::JsonWriter(out_).string(value);
}

}  // namespace penstock::linkedin
