// The proxy that libcurl takes from the environment, for messages: which, and from which variable.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::services {

struct EnvironmentProxy {
  std::string variable;  // such as "HTTPS_PROXY"
  std::string place;     // "proxy.example.com:3128"; never a user name or password
  std::string host;      // of `place`
  std::string value;     // of the variable, as it is: not to be shown
};

// The one that requests of this scheme ("https") go through unless no_proxy excepts their host.
// Nothing when the environment names none. Follows the order in which libcurl looks (its manual
// page libcurl-env(3)).
[[nodiscard]] std::optional<EnvironmentProxy> environment_proxy(std::string_view scheme);

// `text`, words of libcurl about a connection, without what the variable holds.
[[nodiscard]] std::string without_proxy_secrets(std::string text, const EnvironmentProxy& proxy);

}  // namespace penstock::services
