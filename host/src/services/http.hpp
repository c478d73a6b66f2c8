// HTTP for plugins (penstock.http/1): connection pool, credentials, pacing, deadlines,
// cancellation.
#pragma once

#include <penstock/ext/http.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/pipeline_config.hpp"
#include "services/clock.hpp"
#include "services/credentials.hpp"

namespace penstock::services {

// Readies the HTTP library. Call it once in main, before any thread and any plugin.
// [control-thread]
[[nodiscard]] Status initialise_http();

struct HttpOptions {
  std::string connection;  // its name in the pipeline; "" for a destination without one
  Secret access_token;
  std::optional<LoginOptions> login;
  std::map<std::string, Rate> rates;
  std::chrono::milliseconds timeout{
      30'000};  // of one transfer, from the moment that it may be sent
};
// `pipeline`: the manifest's path. `state_dir`: where tokens are kept; "": nowhere.
[[nodiscard]] HttpOptions http_options(const ConnectionConfig& connection,
                                       const std::string& pipeline, const std::string& state_dir);

// One per connection of the pipeline, shared by its destinations: they share its rates.
// [any-thread]
class HttpConnection {
 public:
  // `clock` must outlive this.
  HttpConnection(HttpOptions options, const Clock& clock);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  // No request may be under way.
  ~HttpConnection();

  // The service as plugins see it; lives as long as this.
  [[nodiscard]] const penstock_http* table() const { return &table_; }

  // [may-block] As penstock_http.execute (ext/http.h) specifies. A request that was sent is never
  // sent a second time, but for the idempotent methods, when a connection of the pool turns out
  // dead before any byte of an answer, and for an answer 401, which says that it was not carried
  // out: once more with a renewed token.
  std::int32_t execute(const penstock_http_request& request,
                       void (*on_response)(void* user, const penstock_http_response* response),
                       void* user, penstock_error* error) noexcept;

  struct Counters {
    std::uint64_t requests = 0;          // handed to a server
    std::uint64_t throttled = 0;         // answered with 429
    std::uint64_t transport_errors = 0;  // not connected, broken off or timed out
    std::uint64_t bytes_sent = 0;        // of request bodies
  };
  [[nodiscard]] Counters counters() const;

  // What its requests are authorised with; lives as long as this.
  [[nodiscard]] Credentials& credentials();

  // Ends all waits and transfers, present and future, with ERR_CANCELLED. Returns at once.
  void cancel_all();
  // While it is on, waits and transfers end with ERR_CANCELLED, soon but not at once; afterwards
  // the connection works as before.
  void interrupt(bool on);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  penstock_http table_;
};

}  // namespace penstock::services
