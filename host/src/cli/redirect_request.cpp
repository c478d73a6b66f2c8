#include "cli/redirect_request.hpp"

#include <algorithm>
#include <cstddef>

#include "services/http_rules.hpp"

namespace penstock::cli {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// "localhost" of "localhost:8765".
std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  return host.substr(0, host.find(':', bracket == std::string_view::npos ? 0 : bracket));
}

}  // namespace

std::string request_target(std::string_view head) {
  constexpr std::string_view kGet = "GET ";
  if (head.substr(0, kGet.size()) != kGet) return {};
  head.remove_prefix(kGet.size());
  return std::string(head.substr(0, head.find_first_of(" \r\n")));
}

bool is_for_this_machine(std::string_view head) {
  std::string host;
  int named = 0;
  for (std::size_t end = head.find(kLineEnd); end != std::string_view::npos;
       end = head.find(kLineEnd)) {
    head.remove_prefix(end + kLineEnd.size());
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    if (line.empty()) break;  // the end of the head
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || services::lower_case(line.substr(0, colon)) != "host")
      continue;
    ++named;
    host = services::lower_case(without_blanks(line.substr(colon + 1)));
  }
  return named == 1 && services::is_loopback(std::string(without_port(host)));
}

}  // namespace penstock::cli
