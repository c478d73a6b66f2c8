#include "config/default_trigger.hpp"

#include <algorithm>
#include <array>

#include "config/schema.hpp"

namespace penstock::config {
namespace {

// Calls text(piece) and field(name, quote) for the parts of a trigger in order; quote is the quote
// in which the field stands, or 0.
template <typename Text, typename Field>
void walk(std::string_view trigger, Text&& text, Field&& field) {
  char quote = 0;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < trigger.size(); ++i) {
    const char c = trigger[i];
    if (c == '\\') {
      ++i;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '{') {
      const std::size_t close = trigger.find('}', i);
      if (close == std::string_view::npos) continue;
      const std::string_view name = trigger.substr(i + 1, close - i - 1);
      if (!is_name(name)) continue;
      text(trigger.substr(copied, i - copied));
      field(std::string(name), quote);
      i = close;
      copied = close + 1;
    }
  }
  text(trigger.substr(copied));
}

std::string escaped(std::string_view literal, char quote) {
  constexpr std::array kHex = {'0', '1', '2', '3', '4', '5', '6', '7',
                               '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string out;
  for (const char c : literal) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> fields_named(std::string_view trigger) {
  std::vector<std::string> names;
  walk(
      trigger, [](std::string_view) {},
      [&](const std::string& name, char) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      });
  return names;
}

void check_default_trigger(const ActionSpec& action, const std::string& path,
                           Diagnostics& diagnostics) {
  std::vector<std::string> literals;
  for (const InputSpec& field : action.fields) {
    if (field.literal) literals.push_back(field.name);
  }
  for (const std::string& name : fields_named(action.default_trigger)) {
    const InputSpec* field = action.find_field(name);
    if (field != nullptr && field->literal) continue;
    std::string fault = path;
    fault += field == nullptr ? ": there is no field " : ": the field ";
    fault += in_quotes(name);
    if (field != nullptr) fault += " is filled from events, so a trigger cannot name it";
    diagnostics.error(
        action.default_trigger_location, fault,
        field == nullptr ? suggestion(name, literals) : "mark the field with literal: true");
  }
}

std::string sample_of_default_trigger(std::string_view trigger) {
  std::string out;
  walk(
      trigger, [&](std::string_view text) { out += text; },
      [&](const std::string& name, char quote) {
        const char brace = quote != 0 ? '_' : '"';
        out += brace + name + brace;
      });
  return out;
}

std::string fill_default_trigger(
    std::string_view trigger,
    const std::function<std::string(const std::string& field)>& literal_of) {
  std::string out;
  walk(
      trigger, [&](std::string_view text) { out += text; },
      [&](const std::string& name, char quote) {
        const std::string literal = literal_of(name);
        if (quote != 0) {
          out += escaped(literal, quote);
        } else {
          out += "\"" + escaped(literal, '"') + "\"";
        }
      });
  return out;
}

}  // namespace penstock::config
