#include "attributes.hpp"

#include <charconv>

#include <nlohmann/json.hpp>
#include <penstock/sdk/json_writer.hpp>
#include <penstock/sdk/text.hpp>

#include "countries.hpp"
#include "identifiers.hpp"

namespace penstock::linkedin {
namespace {

// Whether an e-mail address may stand in it: no name, title or place has an at sign within a word.
// Attributes are sent and stored in clear.
bool holds_address(std::string_view text) {
  for (const std::string_view sign : {"@", "%40", "\xEF\xBC\xA0"}) {  // the last: fullwidth
    for (std::size_t at = text.find(sign); at != std::string_view::npos;
         at = text.find(sign, at + 1)) {
      const std::size_t behind = at + sign.size();
      if (at > 0 && text[at - 1] != ' ' && behind < text.size() && text[behind] != ' ') return true;
    }
  }
  return false;
}

}  // namespace

bool fits(std::string_view text, std::size_t max_characters) {
  // Bytes bound characters, so counting is for long texts only.
  return text.size() <= max_characters || sdk::count_characters(text) <= max_characters;
}

std::optional<std::string_view> Attributes::text_of(sdk::Field field) {
  const sdk::Value value = record_[field];
  if (value.empty()) return std::string_view();
  if (const auto text = value.as_string()) {
    if (!holds_address(*text)) return trim(*text);
    emitter_.warn(kAttributeOmitted, field);
    return std::nullopt;
  }
  char* const first = digits_.data();
  char* const last = first + digits_.size();
  char* end = first;
  if (const auto number = value.as_i64()) end = std::to_chars(first, last, *number).ptr;
  if (const auto number = value.as_u64()) end = std::to_chars(first, last, *number).ptr;
  if (end != first) return std::string_view(first, static_cast<std::size_t>(end - first));
  emitter_.warn(kAttributeOmitted, field);
  return std::nullopt;
}

void Attributes::text(std::string_view name, sdk::Field field, std::size_t max_characters) {
  const std::optional<std::string_view> value = text_of(field);
  if (!value || value->empty()) return;
  if (fits(*value, max_characters)) {
    write(name, *value);
  } else {
    emitter_.warn(kAttributeOmitted, field);
  }
}

void Attributes::country(std::string_view name, sdk::Field field) {
  const std::optional<std::string_view> value = text_of(field);
  if (!value || value->empty()) return;
  if (const std::string_view code = country_code(*value); !code.empty()) {
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
      if (text.empty() || !fits(text, max_characters) || holds_address(text) ||
          kept.size() == max_items) {
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
