// One HTTP transfer over libcurl: the mechanism, without rules, pacing or words for people.
#pragma once

#include <penstock/ext/http.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/http_proxy.hpp"

namespace penstock::services {

// A URL, taken apart by the very parser that the transfer will use.
class HttpUrl {
 public:
  // `fault` says why there is no URL, else it is empty.
  static HttpUrl parse(std::string_view text, std::string& fault);

  std::string scheme;  // in lower case
  std::string host;
  std::string place;  // "host:port", for messages: the rest may hold what must not be shown
  bool has_user_info = false;

 private:
  friend class HttpTransfer;
  std::shared_ptr<void> handle_;
};

enum class TransferFault : std::uint8_t {
  none,
  cancelled,
  timeout,
  resolve,      // no address for the host
  connect,      // no connection, for any other reason
  tls,          // no trusted TLS connection
  proxy,        // the proxy is not there, or makes no connection
  no_response,  // closed before any byte of an answer
  not_http,
  too_large,  // answer above TransferRequest::most_bytes
  no_memory,  // all answers that are read at once are above AnswerBytes::kMost
  lost,       // the connection broke later
};

// What an answer holds in memory, for as long as it lives.
class AnswerBytes {
 public:
  // Of all answers of a kind that are read at once, over all threads and connections.
  static constexpr std::size_t kMost = 64 * 1024 * 1024;

  AnswerBytes() = default;
  // `to_delivery`: of those, so that other requests cannot take the room of deliveries.
  explicit AnswerBytes(bool to_delivery) : to_delivery_(to_delivery) {}
  AnswerBytes(AnswerBytes&& other) noexcept;
  AnswerBytes& operator=(AnswerBytes&& other) noexcept;
  AnswerBytes(const AnswerBytes&) = delete;
  AnswerBytes& operator=(const AnswerBytes&) = delete;
  ~AnswerBytes();
  // False: there is no room for so many more.
  [[nodiscard]] bool take(std::size_t bytes);

 private:
  void give_back();
  bool to_delivery_ = false;
  std::size_t bytes_ = 0;
};

struct TransferRequest {
  const penstock_http_request& request;
  const HttpUrl& url;
  bool through_proxy = true;  // if the environment names one
  int max_sends = 1;          // 2: may be sent again when a pooled connection turns out dead
  std::int64_t limit_ms = 0;
  bool delivers = false;        // on behalf of a batch
  std::size_t most_bytes = 0;   // of the answer, headers and body
  std::string authorization{};  // a whole header line, or ""
};

struct TransferResult {
  TransferFault fault = TransferFault::none;
  std::string detail;  // libcurl's or the system's words; nothing of the request is in them
  // With a fault before anything was sent: the proxy that the environment names.
  std::optional<EnvironmentProxy> proxy;
  int sends = 0;  // how often the request was handed to a server
  std::uint64_t body_bytes_sent = 0;
  std::int32_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  AnswerBytes held{};  // what headers and body take
};

// Keeps its connections open for the next transfer. One transfer at a time.
class HttpTransfer {
 public:
  // Throws std::bad_alloc.
  HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;
  ~HttpTransfer();

  // [may-block] `cancelled` is asked often. Throws std::runtime_error when libcurl does not work at
  // all.
  TransferResult run(const TransferRequest& request, const std::function<bool()>& cancelled);
  // Makes run() ask at once. [any-thread]
  void wake() const;

  // Largest answer (headers and body) that is read. To a delivery: a multi-status answer to 5,000
  // elements is some 2 MiB, and there are many at once. To anything else: lists may be long.
  static constexpr std::size_t kMaxDeliveryResponseBytes = 8 * 1024 * 1024;
  static constexpr std::size_t kMaxResponseBytes = 64 * 1024 * 1024;
  // A server that does not accept a connection in this time is treated as not there.
  static constexpr std::int64_t kConnectTimeoutMs = 10'000;

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

// "" or why libcurl cannot be used. Once, before any thread. [control-thread]
[[nodiscard]] std::string initialise_transfers();

}  // namespace penstock::services
