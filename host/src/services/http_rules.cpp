#include "services/http_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "services/abi_text.hpp"

namespace penstock::services {

namespace {

constexpr std::size_t kMaxMethodBytes = 32;

// The characters of a method and of a header's name (RFC 9110, 5.6.2).
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

std::string header_fault(const penstock_http_request& request, std::string_view name,
                         std::string_view value) {
  if (!is_token(name)) return "a header's name is empty or has characters that no name may have";
  const std::string lower = lower_case(name);
  if (name.size() + value.size() > kMaxHeaderBytes) {
    return "the header \"" + lower + "\" is longer than " + std::to_string(kMaxHeaderBytes) +
           " bytes";
  }
  if (!is_header_value(value)) {
    return "the value of the header \"" + lower + "\" has control characters such as line ends";
  }
  constexpr std::array<std::string_view, 4> kSetByHost = {"content-length", "transfer-encoding",
                                                          "connection", "expect"};
  if (std::find(kSetByHost.begin(), kSetByHost.end(), lower) != kSetByHost.end()) {
    return "the header \"" + lower + "\" is set by the host: leave it out";
  }
  if (lower == "authorization" && (request.flags & PENSTOCK_HTTP_AUTHORIZE) != 0) {
    return "the request has an \"authorization\" header and asks the host to add one: leave one "
           "out";
  }
  return {};
}

}  // namespace

std::string request_fault(const penstock_http_request& request) {
  const std::string_view method = view(request.method);
  if (!is_token(method) || method.size() > kMaxMethodBytes) return "the method is no HTTP method";
  const std::string_view url = view(request.url);
  if (url.empty()) return "the URL is empty";
  if (url.size() > kMaxUrlBytes) {
    return "the URL is longer than " + std::to_string(kMaxUrlBytes) + " bytes";
  }
  if (std::any_of(url.begin(), url.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; })) {
    return "the URL has blanks or control characters: percent-encode them";
  }
  if (request.n_headers > kMaxRequestHeaders) {
    return "the request has more than " + std::to_string(kMaxRequestHeaders) + " headers";
  }
  for (std::uint64_t i = 0; i < request.n_headers; ++i) {
    const penstock_header& header = request.headers[i];
    std::string fault = header_fault(request, view(header.name), view(header.value));
    if (!fault.empty()) return fault;
  }
  return {};
}

bool is_loopback(const std::string& host) {
  if (lower_case(host) == "localhost") return true;
  std::string bare = host;
  if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']') {
    bare = bare.substr(1, bare.size() - 2);
  }
  in_addr v4{};
  if (inet_pton(AF_INET, bare.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, bare.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE" || method == "TRACE";
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace penstock::services
