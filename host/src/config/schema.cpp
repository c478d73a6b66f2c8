#include "config/schema.hpp"
#include "model/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace penstock::config {
namespace {

void expected(const Node& node, const std::string& label, std::string_view what,
              Diagnostics& diagnostics, std::string hint = {}) {
  diagnostics.error(node.location,
                    label + ": expected " + std::string(what) + ", found " + describe(node),
                    std::move(hint));
}

// An interpolated text is typed by what is expected, as if it stood in the file without quotes.
const std::string* interpolated_text(const Node& node) {
  return node.interpolated && node.is(Node::Kind::string) ? &node.text : nullptr;
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string out_of_range(const std::string& label, const std::string& shown,
                         const std::string& least, const std::string& most) {
  return label + ": " + shown + " is out of range; from " + least + " to " + most + " is allowed";
}

}  // namespace

MapReader::MapReader(const Node& node, std::string path, Diagnostics& diagnostics)
    : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {
  is_map_ = node.is(Node::Kind::map) || node.is(Node::Kind::null);
  if (!is_map_) expected(node, path_.empty() ? "the file" : path_, "a map of keys", diagnostics);
}

const Node* MapReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return node_.find(key);
}

const Node* MapReader::require(std::string_view key, std::string_view example) {
  const Node* node = find(key);
  if (!is_map_ || (node != nullptr && !node->is(Node::Kind::null))) return node;
  const std::string hint = example.empty() ? "" : "write it as in: " + std::string(example);
  if (node != nullptr) {
    diagnostics_.error(node->location, label(key) + " has no value", hint);
    return nullptr;
  }
  diagnostics_.error(node_.location, label(key) + " is missing", hint);
  return nullptr;
}

void MapReader::finish() {
  for (const Node::Member& member : node_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    diagnostics_.error(
        member.location,
        "unknown key " + in_quotes(member.key) + (path_.empty() ? "" : " in " + path_),
        suggestion(member.key, known_));
  }
}

std::string MapReader::label(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::optional<std::string> MapReader::text(std::string_view key) {
  const Node* node = find(key);
  return node == nullptr ? std::nullopt : read_text(*node, label(key), diagnostics_);
}

std::optional<bool> MapReader::boolean(std::string_view key) {
  const Node* node = find(key);
  return node == nullptr ? std::nullopt : read_boolean(*node, label(key), diagnostics_);
}

std::optional<std::uint64_t> MapReader::count(std::string_view key, std::uint64_t least,
                                              std::uint64_t most) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<std::int64_t> value =
      read_integer(*node, label(key), static_cast<std::int64_t>(least),
                   static_cast<std::int64_t>(most), diagnostics_);
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::uint64_t> MapReader::size(std::string_view key, std::uint64_t least,
                                             std::uint64_t most) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<std::uint64_t> value = read_size(*node, label(key), diagnostics_);
  if (value && (*value < least || *value > most)) {
    diagnostics_.error(node->location, out_of_range(label(key), format_size(*value),
                                                    format_size(least), format_size(most)));
    return std::nullopt;
  }
  return value;
}

std::optional<std::chrono::milliseconds> MapReader::duration(std::string_view key,
                                                             std::chrono::milliseconds least,
                                                             std::chrono::milliseconds most) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = read_duration(*node, label(key), diagnostics_);
  if (value && (*value < least || *value > most)) {
    diagnostics_.error(node->location, out_of_range(label(key), format_duration(*value),
                                                    format_duration(least), format_duration(most)));
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> MapReader::url(std::string_view key) {
  const Node* node = find(key);
  return node == nullptr ? std::nullopt : read_url(*node, label(key), diagnostics_);
}

std::vector<std::string> MapReader::texts(std::string_view key) {
  std::vector<std::string> out;
  const Node* node = find(key);
  if (node == nullptr) return out;
  if (!node->is(Node::Kind::list)) {
    expected(*node, label(key), "a list of texts", diagnostics_,
             "write it as in: " + std::string(key) + ": [a, b]");
    return out;
  }
  for (const Node& item : node->items) {
    if (auto text = read_text(item, label(key), diagnostics_)) out.push_back(std::move(*text));
  }
  return out;
}

std::map<std::string, std::string> MapReader::texts_by_name(std::string_view key) {
  std::map<std::string, std::string> out;
  const Node* node = find(key);
  if (node == nullptr) return out;
  if (!node->is(Node::Kind::map)) {
    expected(*node, label(key), "a map of texts", diagnostics_,
             "write it as in: " + std::string(key) + ": {old_name: write new_name}");
    return out;
  }
  for (const Node::Member& member : node->members) {
    if (auto text = read_text(member.value, label(key) + "." + member.key, diagnostics_)) {
      out.emplace(member.key, std::move(*text));
    }
  }
  return out;
}

std::string MapReader::required_text(std::string_view key, std::string_view example) {
  const Node* node = require(key, example);
  if (node == nullptr) return {};
  std::optional<std::string> value = read_text(*node, label(key), diagnostics_);
  if (value && value->empty()) {
    diagnostics_.error(node->location, label(key) + " must not be empty",
                       example.empty() ? "" : "write it as in: " + std::string(example));
  }
  return value.value_or("");
}

std::optional<std::string> read_text(const Node& node, const std::string& label,
                                     Diagnostics& diagnostics) {
  if (node.is(Node::Kind::string) || node.is(Node::Kind::integer) || node.is(Node::Kind::number)) {
    if (node.text.find('\0') != std::string::npos) {
      diagnostics.error(node.location, label + ": a text must not hold a zero byte");
      return std::nullopt;
    }
    return node.text;
  }
  expected(node, label, "a text", diagnostics,
           node.is(Node::Kind::boolean)
               ? "if the text is meant, put it in quotes: \"" + node.text + "\""
               : "");
  return std::nullopt;
}

std::optional<bool> read_boolean(const Node& node, const std::string& label,
                                 Diagnostics& diagnostics) {
  if (node.is(Node::Kind::boolean)) return node.boolean;
  if (const std::string* text = interpolated_text(node);
      text && (*text == "true" || *text == "false")) {
    return *text == "true";
  }
  expected(node, label, "true or false", diagnostics);
  return std::nullopt;
}

std::optional<std::int64_t> read_integer(const Node& node, const std::string& label,
                                         std::int64_t least, std::int64_t most,
                                         Diagnostics& diagnostics) {
  std::optional<std::int64_t> value;
  if (node.is(Node::Kind::integer)) value = node.integer;
  if (const std::string* text = interpolated_text(node)) value = parse_whole<std::int64_t>(*text);
  if (!value) {
    const bool quoted = node.is(Node::Kind::string) && node.quoted && !node.interpolated &&
                        parse_whole<std::int64_t>(node.text).has_value();
    expected(node, label, "a whole number", diagnostics, quoted ? "write it without quotes" : "");
    return std::nullopt;
  }
  if (*value < least || *value > most) {
    const std::string shown = node.interpolated ? "the number" : std::to_string(*value);
    diagnostics.error(node.location,
                      out_of_range(label, shown, std::to_string(least), std::to_string(most)));
    return std::nullopt;
  }
  return value;
}

std::optional<double> read_number(const Node& node, const std::string& label,
                                  Diagnostics& diagnostics) {
  if (node.is(Node::Kind::integer)) return static_cast<double>(node.integer);
  if (node.is(Node::Kind::number)) return node.number;
  if (const std::string* text = interpolated_text(node)) {
    const std::optional<double> value = parse_whole<double>(*text);
    if (value && std::isfinite(*value)) return value;
  }
  const bool quoted = node.is(Node::Kind::string) && node.quoted && !node.interpolated &&
                      parse_whole<double>(node.text).has_value();
  expected(node, label, "a number", diagnostics, quoted ? "write it without quotes" : "");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> read_duration(const Node& node, const std::string& label,
                                                       Diagnostics& diagnostics) {
  if (node.is(Node::Kind::string)) {
    if (const auto value = parse_duration(node.text)) return value;
  }
  const std::string hint =
      node.is(Node::Kind::integer) ? "add the unit: " + node.text + "s or " + node.text + "ms" : "";
  expected(node, label, "a duration such as 200ms, 10s, 1m, 2h or 1d", diagnostics, hint);
  return std::nullopt;
}

std::optional<std::uint64_t> read_size(const Node& node, const std::string& label,
                                       Diagnostics& diagnostics) {
  if (node.is(Node::Kind::string) || node.is(Node::Kind::integer)) {
    if (const auto value = parse_size(node.text)) return value;
  }
  expected(node, label, "a size such as 64KiB, 4MiB, 10GiB or a number of bytes", diagnostics);
  return std::nullopt;
}

std::optional<std::string> read_url(const Node& node, const std::string& label,
                                    Diagnostics& diagnostics) {
  if (!node.is(Node::Kind::string)) {
    expected(node, label, "a URL", diagnostics, "write it as in: https://api.example.com/v1");
    return std::nullopt;
  }
  const std::string fault = fault_of_url(node.text);
  if (fault.empty()) return node.text;
  diagnostics.error(node.location, label + ": " + fault + "; found " + describe(node));
  return std::nullopt;
}

bool is_name(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

bool check_name(std::string_view name, std::string_view what, const Location& location,
                Diagnostics& diagnostics) {
  if (is_name(name)) return true;
  diagnostics.error(location, in_quotes(name) + " cannot be the name of " + std::string(what),
                    "use lower-case letters, digits and _, with a letter first");
  return false;
}

}  // namespace penstock::config
