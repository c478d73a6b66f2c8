// URLs as they may be written in manifests.
#include <charconv>

#include "config/schema.hpp"

namespace penstock::config {
namespace {

bool is_ipv4_loopback(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    int value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || error != std::errc() || end != part.data() + part.size() || value > 255 ||
        value < 0) {
      return false;
    }
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

bool is_valid_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65'536;
}

}  // namespace

std::string fault_of_url(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) {
    return "expected a URL that begins with https://";
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      return "a URL holds no spaces, control or non-ASCII characters";
    }
  }
  std::string_view authority = text.substr(secure ? 8 : 7);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (text.find('#') != std::string_view::npos) return "a \"#\" part has no meaning in this URL";
  if (authority.find('@') != std::string_view::npos) {
    return "a URL must not hold a user or password";
  }
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return "the \"[\" of the host is not closed";
    host = authority.substr(0, close + 1);
    rest = authority.substr(close + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (host.empty() || host == "[]") return "the URL names no host";
  if (!rest.empty() && (!rest.starts_with(':') || !is_valid_port(rest.substr(1)))) {
    return "the port must be a number from 1 to 65535";
  }
  if (!secure && host != "localhost" && host != "[::1]" && !is_ipv4_loopback(host)) {
    return "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https";
  }
  return {};
}

}  // namespace penstock::config
