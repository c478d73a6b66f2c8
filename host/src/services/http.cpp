#include "services/http.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "services/abi_text.hpp"
#include "services/credentials.hpp"
#include "services/http_rules.hpp"
#include "services/http_transfer.hpp"
#include "services/pacer.hpp"

namespace penstock::services {

namespace {

// Idle transfers that are kept for their open connections: more than any plugin's concurrency.
constexpr std::size_t kMaxIdleTransfers = 64;
constexpr std::int64_t kNsPerMs = 1'000'000;

std::int32_t cancelled_before_sending(const HttpUrl& url, penstock_error* error) {
  return fail(error, PENSTOCK_ERR_CANCELLED, "cancelled",
              "Cancelled; nothing was sent to " + url.place + ".");
}

// The status and the words for a transfer that brought no answer. The message says whether anything
// was sent.
std::int32_t report_fault(const TransferResult& result, const HttpUrl& url, std::int64_t limit_ms,
                          penstock_error* error) {
  const std::string& place = url.place;
  const auto broken = [&](const char* reason, const std::string& what) {
    return fail(error, PENSTOCK_ERR_TRANSPORT, reason,
                what + "; the request may have been carried out.");
  };
  switch (result.fault) {
    case TransferFault::cancelled:
      if (result.sends == 0) return cancelled_before_sending(url, error);
      return fail(
          error, PENSTOCK_ERR_CANCELLED, "cancelled",
          "Cancelled before " + place + " had answered; the request may have been carried out.");
    case TransferFault::timeout:
      if (result.sends > 0) {
        return fail(error, PENSTOCK_ERR_TIMEOUT, "timeout",
                    "No complete answer from " + place + " within " + std::to_string(limit_ms) +
                        " ms; the request may have been carried out.");
      }
      return fail(error, PENSTOCK_ERR_TIMEOUT, "timeout",
                  "No connection to " + place + " within " +
                      std::to_string(std::min(limit_ms, HttpTransfer::kConnectTimeoutMs)) +
                      " ms; nothing was sent. Is the service reachable from here?");
    case TransferFault::resolve:
      return fail(
          error, PENSTOCK_ERR_CONNECT, "resolve_failed",
          "Could not find the address of " + url.host +
              ". Is the URL in the settings right, and does name resolution work on this machine?");
    case TransferFault::tls:
      return fail(error, PENSTOCK_ERR_CONNECT, "tls_failed",
                  "No trusted TLS connection to " + place + ": " + result.detail +
                      ". Is its certificate valid for that name, and are this machine's CA "
                      "certificates up to date?");
    case TransferFault::connect:
      return fail(error, PENSTOCK_ERR_CONNECT, "connect_failed",
                  "Could not connect to " + place + ": " + result.detail +
                      ". Is the service running, and is the URL in the settings right?");
    case TransferFault::no_response:
      return broken("no_response", place + " closed the connection without an answer");
    case TransferFault::not_http:
      return broken("not_http", "The answer of " + place + " is not HTTP (" + result.detail + ")");
    case TransferFault::too_large:
      return broken("response_too_large",
                    "The answer of " + place + " is larger than " +
                        std::to_string(HttpTransfer::kMaxResponseBytes / (1024 * 1024)) + " MiB");
    case TransferFault::lost:
    case TransferFault::none:
      break;
  }
  return broken("connection_lost", "The connection to " + place + " broke: " + result.detail);
}

}  // namespace

class HttpConnection::Impl {
 public:
  Impl(HttpOptions options, const Clock& clock)
      : name_(std::move(options.connection)),
        credentials_(std::move(options.access_token)),
        timeout_ms_(std::max<std::int64_t>(options.timeout.count(), 1)),
        pacer_(options.rates, clock),
        clock_(clock) {
    idle_.reserve(kMaxIdleTransfers);  // so that giving a transfer back cannot fail
  }

  std::int32_t execute(const penstock_http_request& request,
                       void (*on_response)(void*, const penstock_http_response*), void* user,
                       penstock_error* error);
  [[nodiscard]] Counters counters() const {
    return {requests_.load(), throttled_.load(), transport_errors_.load(), bytes_sent_.load()};
  }
  void cancel_all();
  void interrupt(bool on) { interrupted_ = on; }

 private:
  // Each returns PENSTOCK_OK, or fills `error`.
  std::int32_t check(const penstock_http_request& request, HttpUrl& url,
                     penstock_error* error) const;
  std::int32_t check_token(const penstock_http_request& request, penstock_error* error) const;
  std::int32_t pace(const penstock_http_request& request, const HttpUrl& url,
                    penstock_error* error);

  [[nodiscard]] bool is_cancelled(const penstock_http_request& request) const {
    const penstock_batch* batch = request.batch;
    return cancelled_.load() || interrupted_.load() ||
           (batch != nullptr && batch->cancelled != nullptr && batch->cancelled(batch->ctx) != 0);
  }
  // A transfer of the pool, for as long as this lives.
  class Lease {
   public:
    explicit Lease(Impl& owner);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    HttpTransfer* operator->() const { return transfer_.get(); }

   private:
    Impl& owner_;
    std::unique_ptr<HttpTransfer> transfer_;
  };

  const std::string name_;
  const Credentials credentials_;
  const std::int64_t timeout_ms_;
  Pacer pacer_;
  const Clock& clock_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpTransfer>> idle_;  // guarded by mutex_
  std::set<const HttpTransfer*> active_;             // guarded by mutex_
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> interrupted_{false};

  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> throttled_{0};
  std::atomic<std::uint64_t> transport_errors_{0};
  std::atomic<std::uint64_t> bytes_sent_{0};
};

HttpConnection::Impl::Lease::Lease(Impl& owner) : owner_(owner) {
  {
    const std::lock_guard<std::mutex> lock(owner.mutex_);
    if (!owner.idle_.empty()) {  // the one used last: its connection is the likeliest to live
      transfer_ = std::move(owner.idle_.back());
      owner.idle_.pop_back();
    }
  }
  if (!transfer_) transfer_ = std::make_unique<HttpTransfer>();
  const std::lock_guard<std::mutex> lock(owner.mutex_);
  owner.active_.insert(transfer_.get());
}

HttpConnection::Impl::Lease::~Lease() {
  const std::lock_guard<std::mutex> lock(owner_.mutex_);
  owner_.active_.erase(transfer_.get());
  if (owner_.idle_.size() < kMaxIdleTransfers) owner_.idle_.push_back(std::move(transfer_));
}

std::int32_t HttpConnection::Impl::check(const penstock_http_request& request, HttpUrl& url,
                                         penstock_error* error) const {
  const auto invalid = [&](const std::string& fault) {
    return fail(error, PENSTOCK_ERR_INVALID, "invalid_request",
                "HTTP request refused: " + fault + ".");
  };
  std::string fault = request_fault(request);
  if (!fault.empty()) return invalid(fault);
  url = HttpUrl::parse(view(request.url), fault);
  if (!fault.empty()) {
    return invalid("the URL cannot be read (" + fault + "); it must look like https://host/path");
  }
  if (url.scheme != "https" && url.scheme != "http") {
    return invalid("the URL's scheme is \"" + url.scheme + "\"; only https is known");
  }
  if (url.scheme == "http" && !is_loopback(url.host)) {
    return invalid("plain http to " + url.place +
                   " would send data and credentials in clear; use https (plain http may only go "
                   "to 127.0.0.1, ::1 and localhost)");
  }
  if (url.has_user_info)
    return invalid("the URL for " + url.place + " holds a user name or password");
  const std::string_view rate = view(request.rate);
  if (!rate.empty() && !pacer_.knows(rate)) {
    std::string known;
    for (const std::string& name : pacer_.names()) known += (known.empty() ? "" : ", ") + name;
    return invalid("it counts against the rate \"" + std::string(rate) +
                   "\", which limits.rates of the plugin's manifest does not " +
                   (known.empty() ? "have" : "have; there are: " + known));
  }
  return PENSTOCK_OK;
}

std::int32_t HttpConnection::Impl::check_token(const penstock_http_request& request,
                                               penstock_error* error) const {
  if ((request.flags & PENSTOCK_HTTP_AUTHORIZE) == 0 || credentials_.usable()) return PENSTOCK_OK;
  const std::string setting = "connections." + name_ + ".access_token";
  std::string message;
  if (name_.empty()) {
    message =
        "The request needs an access token, but this destination names no connection: add one "
        "under connections and name it in the destination.";
  } else if (credentials_.empty()) {
    message = "Connection " + name_ + " has no access token: set " + setting +
              ", for example to ${env:NAME} or ${file:PATH}.";
  } else {
    message = "The access token of connection " + name_ +
              " has blanks, line ends or other characters that no token has: check " + setting +
              " and where it is read from.";
  }
  return fail(error, PENSTOCK_ERR_AUTH, "no_access_token", message);
}

std::int32_t HttpConnection::Impl::pace(const penstock_http_request& request, const HttpUrl& url,
                                        penstock_error* error) {
  const auto late = [&](const char* why) {
    return fail(error, PENSTOCK_ERR_TIMEOUT, "deadline",
                "Nothing was sent to " + url.place + ": " + why + ".");
  };
  if (is_cancelled(request)) return cancelled_before_sending(url, error);
  if (clock_.monotonic_ns() >= request.deadline_ns) return late("the deadline had passed");
  const std::string_view rate = view(request.rate);
  if (rate.empty()) return PENSTOCK_OK;
  switch (pacer_.wait(rate, request.deadline_ns, [&] { return is_cancelled(request); })) {
    case Pacer::Outcome::go:
      return PENSTOCK_OK;
    case Pacer::Outcome::too_late:
      return late("by the rate limit its turn would come after the deadline");
    case Pacer::Outcome::cancelled:
      break;
  }
  return cancelled_before_sending(url, error);
}

std::int32_t HttpConnection::Impl::execute(const penstock_http_request& request,
                                           void (*on_response)(void*,
                                                               const penstock_http_response*),
                                           void* user, penstock_error* error) {
  HttpUrl url;
  if (const std::int32_t status = check(request, url, error); status != PENSTOCK_OK) return status;
  if (const std::int32_t status = check_token(request, error); status != PENSTOCK_OK) return status;
  if (const std::int32_t status = pace(request, url, error); status != PENSTOCK_OK) return status;

  const std::int64_t left_ns =
      std::max<std::int64_t>(request.deadline_ns - clock_.monotonic_ns(), 0);
  TransferRequest transfer{request, url};
  transfer.through_proxy = !is_loopback(url.host);  // a proxy's loopback is not ours
  transfer.max_sends = is_idempotent(view(request.method)) ? 2 : 1;
  transfer.limit_ms = std::min(left_ns / kNsPerMs + 1, timeout_ms_);
  if ((request.flags & PENSTOCK_HTTP_AUTHORIZE) != 0)
    transfer.authorization = credentials_.header();
  TransferResult result;
  {
    const Lease lease(*this);
    result = lease->run(transfer, [&] { return is_cancelled(request); });
  }
  requests_ += static_cast<std::uint64_t>(result.sends);
  bytes_sent_ += result.body_bytes_sent;
  if (result.fault != TransferFault::none) {
    if (result.fault != TransferFault::cancelled) ++transport_errors_;
    return report_fault(result, url, transfer.limit_ms, error);
  }
  if (result.status == 429) ++throttled_;
  std::vector<penstock_header> headers;
  headers.reserve(result.headers.size());
  for (const auto& [name, value] : result.headers) headers.push_back({str(name), str(value)});
  const penstock_http_response response{sizeof(penstock_http_response), result.status,
                                        headers.size(), headers.data(), str(result.body)};
  on_response(user, &response);
  return PENSTOCK_OK;
}

void HttpConnection::Impl::cancel_all() {
  cancelled_ = true;
  pacer_.cancel_all();
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const HttpTransfer* transfer : active_) transfer->wake();
}

Status initialise_http() {
  const std::string fault = initialise_transfers();
  if (fault.empty()) return {};
  return {StatusCode::internal, "cannot initialise libcurl, which HTTP needs: " + fault};
}

HttpOptions http_options(const ConnectionConfig& connection) {
  return {connection.name, connection.access_token, connection.rates, connection.timeout};
}

HttpConnection::HttpConnection(HttpOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)), table_{} {
  table_.struct_size = sizeof table_;
  table_.ctx = this;
  table_.execute = [](void* ctx, const penstock_http_request* request,
                      void (*on_response)(void*, const penstock_http_response*), void* user,
                      penstock_error* error) noexcept -> std::int32_t {
    if (request == nullptr || request->struct_size < sizeof(penstock_http_request) ||
        on_response == nullptr) {
      return fail(error, PENSTOCK_ERR_INVALID, "invalid_request",
                  "HTTP request refused: the request is missing or its struct_size too small, or "
                  "there is no on_response.");
    }
    return static_cast<HttpConnection*>(ctx)->execute(*request, on_response, user, error);
  };
}

HttpConnection::~HttpConnection() = default;

std::int32_t HttpConnection::execute(const penstock_http_request& request,
                                     void (*on_response)(void* user,
                                                         const penstock_http_response* response),
                                     void* user, penstock_error* error) noexcept {
  try {
    return impl_->execute(request, on_response, user, error);
  } catch (const std::exception& exception) {
    char message[sizeof(penstock_error::message)];
    std::snprintf(message, sizeof message, "The HTTP service failed: %s.", exception.what());
    return fail(error, PENSTOCK_ERR_INTERNAL, "internal_error", message);
  }
}

HttpConnection::Counters HttpConnection::counters() const {
  return impl_->counters();
}

void HttpConnection::interrupt(bool on) {
  impl_->interrupt(on);
}

void HttpConnection::cancel_all() {
  impl_->cancel_all();
}

}  // namespace penstock::services
