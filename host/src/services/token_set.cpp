#include "services/token_set.hpp"

namespace penstock::services {

const char* name_of(TokenOrigin origin) {
  switch (origin) {
    case TokenOrigin::configuration:
      return "configuration";
    case TokenOrigin::login:
      return "login";
    case TokenOrigin::set:
      return "set";
  }
  return "unknown";
}

bool is_token(std::string_view text) {
  if (text.empty() || text.size() > kMaxTokenBytes) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F) return false;
  }
  return true;
}

}  // namespace penstock::services
