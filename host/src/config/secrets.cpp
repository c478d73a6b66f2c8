#include "config/secrets.hpp"

#include <algorithm>
#include <array>

namespace penstock::config {
namespace {

constexpr std::array<std::string_view, 3> kSecretWords = {"secret", "token", "password"};

// Whether what follows a secret's key is a value in clear.
bool value_in_clear(std::string_view rest) {
  const auto skip = [&](std::string_view characters) {
    rest.remove_prefix(std::min(rest.find_first_not_of(characters), rest.size()));
  };
  skip("\"' \t");
  if (!rest.starts_with(':')) return false;
  rest.remove_prefix(1);
  skip(" \t\r\n\"'");
  return !rest.empty() && !rest.starts_with("${");
}

}  // namespace

bool seems_to_hold_secret(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view word : kSecretWords) {
    for (std::size_t at = lowered.find(word); at != std::string::npos;
         at = lowered.find(word, at + word.size())) {
      if (value_in_clear(std::string_view(lowered).substr(at + word.size()))) return true;
    }
  }
  return false;
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
