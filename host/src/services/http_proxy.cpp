#include "services/http_proxy.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace penstock::services {
namespace {

// Where a value says no port (libcurl-env(3)).
constexpr std::string_view kDefaultPort = ":1080";

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

// What is shown must be short and printable, whatever the variable holds.
std::string printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 255;  // of a host name
  std::string shown;
  for (const char c : text.substr(0, kMaxShown)) shown += c > ' ' && c < 0x7F ? c : '?';
  return shown;
}

// Host and port. Whatever stands before the last @ may be a password, in whichever form.
std::string place_of(std::string_view value) {
  const std::size_t at = value.rfind('@');
  if (at != std::string_view::npos) {
    value = value.substr(at + 1);
  } else if (const std::size_t scheme = value.find("://"); scheme != std::string_view::npos) {
    value = value.substr(scheme + 3);
  }
  value = value.substr(0, value.find_first_of("/?#"));
  std::string place = printable(value);
  const std::size_t port = place.rfind(':');
  const bool has_port = port != std::string::npos && place.find(']', port) == std::string::npos;
  if (!has_port) place += kDefaultPort;
  return place;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::optional<EnvironmentProxy> environment_proxy(std::string_view scheme) {
  const std::string own = std::string(scheme) + "_proxy";
  std::vector<std::string> names = {own};
  // HTTP_PROXY is what a web server makes of a header "Proxy:" for its scripts.
  if (scheme != "http") names.push_back(upper_case(own));
  names.emplace_back("all_proxy");
  names.emplace_back("ALL_PROXY");
  for (std::string& name : names) {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') continue;
    EnvironmentProxy proxy;
    proxy.variable = std::move(name);
    proxy.value = value;
    proxy.place = place_of(proxy.value);
    proxy.host = proxy.place.substr(0, proxy.place.rfind(':'));
    return proxy;
  }
  return std::nullopt;
}

std::string without_proxy_secrets(std::string text, const EnvironmentProxy& proxy) {
  replace_all(text, proxy.value, proxy.place);
  // A part of the value, or the value in another form, can still be in it.
  const std::size_t at = proxy.value.rfind('@');
  if (at == std::string::npos || text.find('@') == std::string::npos) return text;
  return "libcurl's words are not shown, because they may hold a password";
}

}  // namespace penstock::services
