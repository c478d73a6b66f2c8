// What tests of the segment of an audience send, and which requests they then see.
#pragma once

#include <string>
#include <vector>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {

inline SendResult send_one(TestHost& host, std::uint32_t attempt = 0) {
  return host.send({element("a")}, kBatchKey, attempt);
}

inline std::vector<std::string> methods(const TestHost& host) {
  std::vector<std::string> all;
  for (const HttpExchange& request : host.requests()) {
    const bool users = request.url.find("/users") != std::string::npos;
    all.push_back(users ? "users" : request.method == "GET" ? "find" : "create");
  }
  return all;
}

using Strings = std::vector<std::string>;

}  // namespace penstock::linkedin
