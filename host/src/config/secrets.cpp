#include "config/secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "gate/secrets.hpp"

namespace penstock::config {
namespace {

// Keys that a manifest has for secrets; what is near to one is meant for it.
const std::vector<std::string>& secret_keys() {
  static const std::vector<std::string> keys = {"client_secret", "access_token", "refresh_token",
                                                "password"};
  return keys;
}
// What people call a secret in a manifest and gate::names_secret() does not know: elsewhere these
// words are common.
constexpr std::array<std::string_view, 3> kShortNames = {"auth", "pass", "pwd"};
// token_url, access_token_file and the like say where a secret is.
constexpr std::array<std::string_view, 3> kPlaces = {"url", "file", "path"};

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

bool is_secret_key(std::string_view written) {
  const std::string key = lower_case(written);
  const bool place = std::any_of(kPlaces.begin(), kPlaces.end(),
                                 [&](std::string_view end) { return key.ends_with(end); });
  if (place) return false;
  return gate::names_secret(key) ||
         std::find(kShortNames.begin(), kShortNames.end(), key) != kShortNames.end() ||
         !nearest(key, secret_keys()).empty();
}

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// The key that stands before the offset of its ":" or "=".
std::string_view key_before(std::string_view text, std::size_t end) {
  while (end > 0 && std::string_view("\"' \t").find(text[end - 1]) != std::string_view::npos) --end;
  std::size_t begin = end;
  while (begin > 0 && is_key_character(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

// The value that stands behind a ":" or "=", without its quotes; also in the next line, and of a
// list the first one.
std::string_view value_behind(std::string_view rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n-"), rest.size()));
  if (rest.empty()) return rest;
  if (rest.front() == '"' || rest.front() == '\'') {
    const std::string_view inner = rest.substr(1);
    return inner.substr(0, inner.find(rest.front()));
  }
  if (rest.starts_with("${")) return rest.substr(0, std::min(rest.find('}'), rest.size() - 1) + 1);
  std::string_view value = rest.substr(0, rest.find_first_of(",}]\r\n"));
  value = value.substr(0, value.find(" #"));
  return value.substr(0, value.find_last_not_of(" \t") + 1);
}

// Keys and files have plain names; what is made by chance mixes all three.
bool looks_random(std::string_view text) {
  const auto any = [&](int (*is)(int)) {
    return std::any_of(text.begin(), text.end(), [&](unsigned char c) { return is(c) != 0; });
  };
  return any(std::isupper) && any(std::islower) && any(std::isdigit) &&
         text.find('/') == std::string_view::npos;
}

bool is_variable(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return is_key_character(c) && c != '-'; });
}

// What is secret of "${...}": a default in clear, or a value in the place of a name; else nothing.
std::string_view secret_in_reference(std::string_view reference) {
  std::string_view inner = reference.substr(2);
  if (inner.ends_with('}')) inner.remove_suffix(1);
  if (inner.starts_with("file:"))
    return looks_random(inner.substr(5)) ? inner.substr(5) : std::string_view();
  if (!inner.starts_with("env:")) return inner;
  inner.remove_prefix(4);
  const std::size_t fallback = inner.find(":-");
  if (fallback != std::string_view::npos) return inner.substr(fallback + 2);
  return is_variable(inner) ? std::string_view() : inner;
}

// What is secret of the value of a secret's key.
std::string_view secret_in_value(std::string_view value) {
  if (value.starts_with("${")) return secret_in_reference(value);
  for (const std::string_view common : {"true", "false", "null", "yes", "no", "~"}) {
    if (value == common) return {};
  }
  // A map, or what its keys say themselves.
  const bool nested =
      value.starts_with('{') || value.find(": ") != std::string_view::npos || value.ends_with(':');
  return nested ? std::string_view() : value;
}

}  // namespace

void hide_secrets(std::string_view text, const std::string& path, Diagnostics& diagnostics) {
  for (std::size_t at = text.find_first_of(":="); at != std::string_view::npos;
       at = text.find_first_of(":=", at + 1)) {
    if (!is_secret_key(key_before(text, at))) continue;
    const std::string_view secret = secret_in_value(value_behind(text.substr(at + 1)));
    if (secret.empty()) continue;
    gate::keep_secret(secret);
    diagnostics.hide_source(path);
  }
}

namespace {

// Of a list or a map one value from outside is enough: the others, such as the name of a key or a
// kind of account, need not be secret.
bool comes_from_outside(const Node& node) {
  return node.interpolated ||
         std::any_of(node.items.begin(), node.items.end(), comes_from_outside) ||
         std::any_of(node.members.begin(), node.members.end(),
                     [](const Node::Member& member) { return comes_from_outside(member.value); });
}

}  // namespace

void check_secret_in_clear(const Node& node, const std::string& label, Diagnostics& diagnostics) {
  if (comes_from_outside(node) || node.is(Node::Kind::null)) return;
  // A value of --set is no part of a file; its place has no line.
  if (node.location.line > 0) diagnostics.hide_source(node.location.file);
  diagnostics.warning(node.location, label + ": a secret is written here in clear",
                      "take it from outside: \"${env:NAME}\" or \"${file:PATH}\"");
}

}  // namespace penstock::config
