// Guards the reading of what comes to the listener of a login: a request is taken for this
// machine's only where its head names it, and no target holds what ends a line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/redirect_request.hpp"

using namespace penstock::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string head(reinterpret_cast<const char*>(data), size);
  if (request_target(head).find_first_of(" \r\n") != std::string::npos) std::abort();
  // One host more, and it is not known which is meant.
  const std::string_view first(head.data(), std::min(head.find("\r\n"), head.size()));
  const std::string other =
      std::string(first) + "\r\nHost: evil.example.com" + head.substr(first.size());
  if (is_for_this_machine(other)) std::abort();
  return 0;
}
