#include "config/input_value.hpp"

#include <regex.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "config/schema.hpp"
#include "model/formats.hpp"
#include "model/value.hpp"

namespace penstock::config {
namespace {

using Json = nlohmann::json;

// A pattern says what an identifier looks like; longer ones are mistakes.
constexpr std::size_t kMaxPatternBytes = 256;
// The library unrolls {n,m}: nested repetitions multiply in memory and time.
constexpr std::uint64_t kMaxPatternRepetitions = 4096;

class Pattern {
 public:
  explicit Pattern(const std::string& pattern) {
    const std::string whole = "^(" + pattern + ")$";
    code_ = ::regcomp(&compiled_, whole.c_str(), REG_EXTENDED | REG_NOSUB);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() {
    if (code_ == 0) ::regfree(&compiled_);
  }
  [[nodiscard]] std::string fault() const {
    if (code_ == 0) return {};
    char text[128] = {};
    ::regerror(code_, &compiled_, text, sizeof text);
    return text;
  }
  [[nodiscard]] bool matches(const std::string& text) const {
    return code_ == 0 && ::regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
  int code_;
};

std::string quoted_json(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_json_text(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      out += "null";
      return;
    case Node::Kind::boolean:
      out += node.boolean ? "true" : "false";
      return;
    case Node::Kind::integer:
    case Node::Kind::number:
      out += node.text;  // a number that is none in JSON is a string here
      return;
    case Node::Kind::string:
      out += quoted_json(node.text);
      return;
    case Node::Kind::list: {
      const char* separator = "[";
      for (const Node& item : node.items) {
        out += separator;
        append_json_text(out, item);
        separator = ",";
      }
      out += node.items.empty() ? "[]" : "]";
      return;
    }
    case Node::Kind::map: {
      const char* separator = "{";
      for (const Node::Member& member : node.members) {
        out += separator + quoted_json(member.key) + ":";
        append_json_text(out, member.value);
        separator = ",";
      }
      out += node.members.empty() ? "{}" : "}";
      return;
    }
  }
}

class ValueReader {
 public:
  ValueReader(const InputSpec& input, const std::string& label, Diagnostics& diagnostics)
      : input_(input), label_(label), diagnostics_(diagnostics) {}

  // One value: the input's, or an item of its list.
  std::optional<SettingValue> read(const Node& node) {
    const std::size_t before = diagnostics_.error_count();
    SettingValue value;
    value.name = input_.name;
    value.location = node.location;
    value.present = true;
    value.type = input_.type;
    if (!read_typed(node, value)) return std::nullopt;
    check_choice(node, value);
    if (input_.type == ValueType::string) check_text(node, value.text);
    if (diagnostics_.error_count() > before) return std::nullopt;
    return value;
  }

 private:
  // What is shown of the value in messages.
  std::string shown(const Node& node) const {
    return input_.secret ? "a value that is not shown" : describe(node);
  }

  bool read_typed(const Node& node, SettingValue& value) {
    // A secret must not get into a message: it is read as one that came from a variable, which is
    // never shown.
    Node hidden;
    if (input_.secret && node.is_scalar()) {
      hidden = node;
      hidden.interpolated = true;
    }
    const Node& read = hidden.interpolated ? hidden : node;
    switch (input_.type) {
      case ValueType::string:
        return keep(read_text(read, label_, diagnostics_), value.text);
      case ValueType::url:
        return keep(read_url(read, label_, diagnostics_), value.text);
      case ValueType::boolean:
        return keep(read_boolean(read, label_, diagnostics_), value.boolean);
      case ValueType::number:
        return keep(read_number(read, label_, diagnostics_), value.number);
      case ValueType::integer:
        return keep(read_integer(read, label_, std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max(), diagnostics_),
                    value.integer);
      case ValueType::duration: {
        const auto duration = read_duration(read, label_, diagnostics_);
        if (duration) value.integer = duration->count();
        return duration.has_value();
      }
      case ValueType::size: {
        const auto size = read_size(read, label_, diagnostics_);
        if (size) value.integer = static_cast<std::int64_t>(*size);
        return size.has_value();
      }
      case ValueType::json:
        read_json(node, value);
        return true;
    }
    return false;
  }

  // A scalar is of the type that it is written in, as where a field is of type json.
  static void read_json(const Node& node, SettingValue& value) {
    value.text = json_text(node);
    switch (node.kind) {
      case Node::Kind::boolean:
        value.type = ValueType::boolean;
        value.boolean = node.boolean;
        break;
      case Node::Kind::integer:
        value.type = ValueType::integer;
        value.integer = node.integer;
        break;
      case Node::Kind::number:
        value.type = ValueType::number;
        value.number = node.number;
        break;
      case Node::Kind::string:
        value.type = ValueType::string;
        value.text = node.text;
        break;
      default:  // null, list and map are their JSON text
        break;
    }
  }

  template <typename T>
  static bool keep(std::optional<T> read, T& out) {
    if (read) out = std::move(*read);
    return read.has_value();
  }

  void check_choice(const Node& node, const SettingValue& value) {
    if (input_.choices.empty()) return;
    const std::string text = comparison_text(value);
    std::vector<std::string> allowed;
    for (const Choice& choice : input_.choices) {
      if (choice.value == text) return;
      allowed.push_back(choice.value);
    }
    std::string list;
    for (const std::string& choice : allowed) list += (list.empty() ? "" : ", ") + choice;
    const bool secret = input_.secret || node.interpolated;
    const std::string near = secret ? "" : nearest(text, allowed);
    diagnostics_.error(node.location,
                       label_ + ": expected one of " + list + ", found " + shown(node),
                       near.empty() ? "" : "did you mean " + in_quotes(near) + "?");
  }

  void check_text(const Node& node, const std::string& text) {
    const std::uint64_t length = count_code_points(text);
    if (input_.min_length && length < *input_.min_length) {
      diagnostics_.error(node.location, label_ + ": expected at least " +
                                            std::to_string(*input_.min_length) +
                                            " characters, found " + std::to_string(length));
    }
    if (input_.max_length && length > *input_.max_length) {
      diagnostics_.error(node.location, label_ + ": expected at most " +
                                            std::to_string(*input_.max_length) +
                                            " characters, found " + std::to_string(length));
    }
    if (!input_.pattern.empty() && !Pattern(input_.pattern).matches(text)) {
      diagnostics_.error(
          node.location,
          label_ + ": expected a text of the form " + input_.pattern + ", found " + shown(node),
          input_.description);
    }
    const auto form = [&](bool fits, const char* what) {
      if (!fits) {
        diagnostics_.error(node.location, label_ + ": expected " + what + ", found " + shown(node));
      }
    };
    if (input_.format == TextFormat::email) form(is_email(text), "an e-mail address");
    if (input_.format == TextFormat::uri) form(is_uri(text), "a URI");
    if (input_.format == TextFormat::date_time) form(is_date_time(text), "a date and time");
  }

  const InputSpec& input_;
  const std::string& label_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<SettingValue> read_input_value(const InputSpec& input, const Node& node,
                                             const std::string& label, Diagnostics& diagnostics) {
  ValueReader reader(input, label, diagnostics);
  if (!input.multiple) return reader.read(node);
  SettingValue all;
  all.name = input.name;
  all.location = node.location;
  all.present = true;
  all.type = ValueType::json;
  std::string list;
  bool complete = true;
  const auto add = [&](const Node& item) {
    const std::optional<SettingValue> value = reader.read(item);
    complete = complete && value.has_value();
    if (!value) return;
    list += list.empty() ? "" : ",";
    if (input.type == ValueType::json) {
      list += json_text(item);
    } else {
      const bool text = value->type == ValueType::string || value->type == ValueType::url;
      list += text ? quoted_json(value->text) : comparison_text(*value);
    }
  };
  if (node.is(Node::Kind::list)) {
    for (const Node& item : node.items) add(item);
  } else {
    add(node);
  }
  if (!complete) return std::nullopt;
  all.text = "[" + list + "]";
  return all;
}

std::string comparison_text(const SettingValue& value) {
  switch (value.type) {
    case ValueType::boolean:
      return value.boolean ? "true" : "false";
    case ValueType::integer:
    case ValueType::duration:
    case ValueType::size:
      return std::to_string(value.integer);
    case ValueType::number: {
      std::string text;
      append_javascript_number(text, value.number);
      return text;
    }
    case ValueType::string:
    case ValueType::url:
    case ValueType::json:
      return value.text;
  }
  return {};
}

std::string json_text(const Node& node) {
  std::string out;
  append_json_text(out, node);
  return out;
}

std::string fault_of_pattern(const std::string& pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return "it is longer than " + std::to_string(kMaxPatternBytes) + " bytes";
  }
  if (pattern.find('\0') != std::string::npos) return "it holds a zero byte";
  std::uint64_t repetitions = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] >= '0' && pattern[i + 1] <= '9') {
        return "back references are not supported";
      }
      ++i;
    } else if (pattern[i] == '{') {
      std::uint64_t number = 0;
      std::uint64_t most = 1;
      for (++i; i < pattern.size() && pattern[i] != '}'; ++i) {
        number = pattern[i] == ',' ? 0 : number * 10 + static_cast<unsigned char>(pattern[i]) % 16;
        most = std::max(most, number);
        if (most > kMaxPatternRepetitions) break;
      }
      repetitions *= most;
      if (repetitions > kMaxPatternRepetitions) {
        return "its repetitions {n,m} multiply to more than " +
               std::to_string(kMaxPatternRepetitions);
      }
    }
  }
  return Pattern(pattern).fault();
}

}  // namespace penstock::config
