#include "config/interpolation.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

#include "config/text_file.hpp"
#include "config/yaml_reader.hpp"
#include "gate/secrets.hpp"

namespace penstock::config {
namespace {

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) return false;
  }
  return true;
}

class Interpolator {
 public:
  Interpolator(const std::string& directory, const LoadOptions& options, Diagnostics& diagnostics)
      : directory_(directory), options_(options), diagnostics_(diagnostics) {}

  // `depth` counts from the root; `expression`: a text here that begins with "$." would be a path
  // into the event.
  void visit(Node& node, std::size_t depth, bool expression) {
    for (Node& item : node.items) visit(item, depth + 1, expression);
    for (Node::Member& member : node.members) {
      const std::string& key = member.key;
      const bool fields = depth == kDepthOfFields && key == "fields";
      const bool taken_as_written = key == "@literal" || key == "@path" || key == "@template";
      visit(member.value, depth + 1, (expression || fields) && !taken_as_written);
    }
    if (node.is(Node::Kind::string) && node.text.find("${") != std::string::npos) {
      expand(node, expression);
    }
  }

 private:
  static constexpr std::size_t kDepthOfFields = 4;  // destinations.NAME.mappings.NAME.fields

  void expand(Node& node, bool expression) {
    const std::string written = std::move(node.text);
    std::string& out = node.text;
    out.clear();
    std::size_t at = 0;
    while (at < written.size()) {
      const std::size_t open = written.find("${", at);
      if (open == std::string::npos) break;
      if (open > at && written[open - 1] == '$') {
        out.append(written, at, open - 1 - at);
        out += "${";
        at = open + 2;
        continue;
      }
      out.append(written, at, open - at);
      const std::size_t close = written.find('}', open);
      if (close == std::string::npos) {
        diagnostics_.error(place_in(node, written, open), "a \"${\" without its \"}\"",
                           "close it, or write $${ for the characters themselves");
        return;
      }
      const std::string_view reference =
          std::string_view(written).substr(open + 2, close - open - 2);
      const std::string value = value_of(reference, place_in(node, written, open));
      diagnostics_.hide_value(value, "${" + std::string(reference) + "}");
      if (gate::names_secret(reference)) gate::keep_secret(value);
      out += value;
      node.interpolated = true;
      at = close + 1;
    }
    out.append(written, std::min(at, written.size()), std::string::npos);
    if (expression && node.interpolated && out.starts_with("$.") && !written.starts_with("$.")) {
      make_literal(node);
    }
  }

  // A reference in a one-line text without escapes is where it seems to be; else the text's start
  // has to serve.
  static Location place_in(const Node& node, const std::string& written, std::size_t offset) {
    Location location = node.location;
    if (location.line > 0 && written.find_first_of("\n\\\"'") == std::string::npos) {
      location.column += static_cast<std::uint32_t>(offset);
    }
    return location;
  }

  static void make_literal(Node& node) {
    Node literal;
    literal.kind = Node::Kind::map;
    literal.location = node.location;
    literal.members.push_back({"@literal", node.location, std::move(node)});
    node = std::move(literal);
  }

  std::string value_of(std::string_view reference, const Location& location) {
    if (reference.starts_with("env:")) return variable(reference.substr(4), location);
    if (reference.starts_with("file:")) return file(reference.substr(5), location);
    if (reference.starts_with('{')) {
      diagnostics_.error(location, "\"${\" begins a variable, and \"${{\" names none",
                         "write $${{ ... }} for a dollar sign before a placeholder");
      return {};
    }
    diagnostics_.error(
        location, "\"${" + std::string(reference) + "}\" is not known",
        "write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $${ stands for the "
        "characters ${ themselves");
    return {};
  }

  std::string variable(std::string_view text, const Location& location) {
    std::optional<std::string> fallback;
    if (const std::size_t colon = text.find(":-"); colon != std::string_view::npos) {
      fallback = text.substr(colon + 2);
      text = text.substr(0, colon);
    }
    const std::string name(text);
    if (!is_variable_name(name)) {
      diagnostics_.error(location, "\"" + name + "\" is no name of an environment variable",
                         "write ${env:NAME} with letters, digits and _");
      return {};
    }
    std::optional<std::string> value = options_.environment(name);
    if (!value && fallback) return *fallback;
    if (!value) {
      diagnostics_.error(location, "the environment variable " + name + " is not set",
                         "set it, or give a default: ${env:" + name + ":-default}");
      return {};
    }
    return checked(std::move(*value), "the environment variable " + name, location);
  }

  std::string file(std::string_view text, const Location& location) {
    if (text.empty()) {
      diagnostics_.error(location, "${file:} names no file", "write ${file:PATH}");
      return {};
    }
    const std::string path = (std::filesystem::path(directory_) / text).lexically_normal().string();
    Result<std::string> content = options_.read_file(path);
    if (!content.ok()) {
      diagnostics_.error(location, content.status().message());
      return {};
    }
    std::string value = std::move(content).value();
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    return checked(std::move(value), "the file " + path, location);
  }

  std::string checked(std::string value, const std::string& origin, const Location& location) {
    std::size_t valid = 0;
    if (value.size() > kMaxInterpolatedBytes) {
      diagnostics_.error(location, origin + " holds more than " +
                                       std::to_string(kMaxInterpolatedBytes) + " bytes");
      return {};
    }
    if (!is_utf8(value, valid) || value.find('\0') != std::string::npos) {
      diagnostics_.error(location, origin + " holds bytes that are not UTF-8 text");
      return {};
    }
    return value;
  }

  const std::string& directory_;
  const LoadOptions& options_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<std::string> LoadOptions::system_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> LoadOptions::read_small_file(const std::string& path) {
  return read_text_file(path, kMaxInterpolatedBytes);
}

void interpolate(Node& root, const std::string& directory, const LoadOptions& options,
                 Diagnostics& diagnostics) {
  Interpolator(directory, options, diagnostics).visit(root, 0, false);
}

}  // namespace penstock::config
