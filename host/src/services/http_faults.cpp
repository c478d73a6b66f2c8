#include "services/http_faults.hpp"

#include <penstock/ext/http.h>

#include <algorithm>

namespace penstock::services {
namespace {

constexpr std::size_t kMebibyte = 1024 * 1024;

// What may be the reason apart from the service itself, where that is not known.
std::string proxy_hint(const TransferResult& result, const HttpUrl& url) {
  if (!result.proxy) return {};
  return " The way there leads through the proxy " + result.proxy->place +
         ", which the environment variable " + result.proxy->variable +
         " names, unless no_proxy excepts " + url.host + ".";
}

}  // namespace

FaultReport cancelled_before_sending(const HttpUrl& url) {
  return {PENSTOCK_ERR_CANCELLED, "cancelled", "Cancelled; nothing was sent to " + url.place + "."};
}

FaultReport describe_fault(const TransferResult& result, const HttpUrl& url, std::int64_t limit_ms,
                           std::size_t most_bytes) {
  const std::string& place = url.place;
  const auto broken = [](const char* reason, const std::string& what) {
    return FaultReport{PENSTOCK_ERR_TRANSPORT, reason,
                       what + "; the request may have been carried out."};
  };
  switch (result.fault) {
    case TransferFault::cancelled:
      if (result.sends == 0) return cancelled_before_sending(url);
      return {
          PENSTOCK_ERR_CANCELLED, "cancelled",
          "Cancelled before " + place + " had answered; the request may have been carried out."};
    case TransferFault::timeout:
      if (result.sends > 0) {
        return {PENSTOCK_ERR_TIMEOUT, "timeout",
                "No complete answer from " + place + " within " + std::to_string(limit_ms) +
                    " ms; the request may have been carried out."};
      }
      return {PENSTOCK_ERR_TIMEOUT, "timeout",
              "No connection to " + place + " within " +
                  std::to_string(std::min(limit_ms, HttpTransfer::kConnectTimeoutMs)) +
                  " ms; nothing was sent. Is the service reachable from here?" +
                  proxy_hint(result, url)};
    case TransferFault::resolve:
      return {
          PENSTOCK_ERR_CONNECT, "resolve_failed",
          "Could not find the address of " + url.host +
              ". Is the URL in the settings right, and does name resolution work on this machine?"};
    case TransferFault::tls:
      return {PENSTOCK_ERR_CONNECT, "tls_failed",
              "No trusted TLS connection to " + place + ": " + result.detail +
                  ". Is its certificate valid for that name, and are this machine's CA "
                  "certificates up to date?" +
                  proxy_hint(result, url)};
    case TransferFault::proxy:
      return {PENSTOCK_ERR_CONNECT, "proxy_failed",
              "Could not reach " + place + " through the proxy " + result.proxy->place +
                  ", which the environment variable " + result.proxy->variable +
                  " names: " + result.detail + ". Correct " + result.proxy->variable +
                  " or take it out, or except " + url.host + " from it in no_proxy."};
    case TransferFault::connect:
      return {PENSTOCK_ERR_CONNECT, "connect_failed",
              "Could not connect to " + place + ": " + result.detail +
                  ". Is the service running, and is the URL in the settings right?" +
                  proxy_hint(result, url)};
    case TransferFault::no_response:
      return broken("no_response", place + " closed the connection without an answer");
    case TransferFault::not_http:
      return broken("not_http", "The answer of " + place + " is not HTTP (" + result.detail + ")");
    case TransferFault::too_large:
      return broken("response_too_large", "The answer of " + place + " is larger than " +
                                              std::to_string(most_bytes / kMebibyte) + " MiB");
    case TransferFault::no_memory:
      return broken("no_memory_for_response",
                    "The answer of " + place + " was not read to its end: with others that are " +
                        "read at the same time it is larger than " +
                        std::to_string(AnswerBytes::kMost / kMebibyte) + " MiB");
    case TransferFault::lost:
    case TransferFault::none:
      break;
  }
  return broken("connection_lost", "The connection to " + place + " broke: " + result.detail);
}

}  // namespace penstock::services
