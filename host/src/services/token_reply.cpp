#include "services/token_reply.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "gate/foreign_text.hpp"
#include "services/token_set.hpp"

namespace penstock::services {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxCodeBytes = 64;
constexpr std::size_t kMaxDescriptionBytes = 200;
// More than any service has; bounds what is kept.
constexpr std::size_t kMaxScopes = 200;

Status unreadable(const std::string& what) {
  return {StatusCode::bad_input, what};
}

// Some servers write numbers as texts.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= INT64_MAX) return static_cast<std::int64_t>(number);
    return std::nullopt;
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Status read_life(const Json& json, const char* name, std::optional<std::int64_t>& life) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return {};
  const auto seconds = whole_number(*found);
  if (!seconds || *seconds < 1 || *seconds > kMaxTokenLifeSeconds) {
    return unreadable(std::string(name) + " is no number of seconds from 1 to " +
                      std::to_string(kMaxTokenLifeSeconds));
  }
  life = seconds;
  return {};
}

Status read_token(const Json& json, const char* name, bool required, Secret& token) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null())
    return required ? unreadable(std::string(name) + " is missing") : Status();
  if (!found->is_string() || !is_token(found->get_ref<const std::string&>()))
    return unreadable(std::string(name) + " is no token");
  token = Secret(found->get<std::string>());
  return {};
}

Status read_scopes(const Json& json, std::vector<std::string>& scopes) {
  const auto found = json.find("scope");
  if (found == json.end() || found->is_null()) return {};
  if (!found->is_string()) return unreadable("scope is no text");
  scopes = split_scopes(found->get_ref<const std::string&>());
  if (scopes.size() > kMaxScopes) return unreadable("it names too many scopes");
  for (const std::string& scope : scopes) {
    if (!is_token(scope)) return unreadable("scope holds characters that no scope has");
  }
  return {};
}

}  // namespace

std::vector<std::string> split_scopes(std::string_view text) {
  constexpr std::string_view kBetween = " ,\t\r\n";
  std::vector<std::string> scopes;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) return scopes;
    const std::size_t end = std::min(text.find_first_of(kBetween), text.size());
    scopes.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<TokenReply> parse_token_reply(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return unreadable("it is no JSON object");
  TokenReply reply;
  RETURN_IF_ERROR(read_token(json, "access_token", true, reply.access_token));
  RETURN_IF_ERROR(read_token(json, "refresh_token", false, reply.refresh_token));
  RETURN_IF_ERROR(read_life(json, "expires_in", reply.expires_in_s));
  RETURN_IF_ERROR(read_life(json, "refresh_token_expires_in", reply.refresh_expires_in_s));
  RETURN_IF_ERROR(read_scopes(json, reply.scopes));
  if (const auto type = json.find("token_type"); type != json.end() && type->is_string()) {
    std::string kind = type->get<std::string>();
    for (char& c : kind) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (kind != "bearer") return unreadable("token_type is not Bearer");
  }
  return reply;
}

TokenError parse_token_error(std::string_view body, const std::vector<std::string_view>& secrets) {
  TokenError result;
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return result;
  if (const auto code = json.find("error"); code != json.end() && code->is_string()) {
    for (const char c : code->get_ref<const std::string&>().substr(0, kMaxCodeBytes)) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
      if (!plain) return {};
      result.code += c;
    }
  }
  const auto found = json.find("error_description");
  if (found == json.end() || !found->is_string()) return result;
  const auto& text = found->get_ref<const std::string&>();
  for (const std::string_view secret : secrets) {
    if (!secret.empty() && text.find(secret) != std::string::npos) return result;
  }
  result.description = gate::foreign_text(text, kMaxDescriptionBytes);
  return result;
}

}  // namespace penstock::services
