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
#include "services/http_faults.hpp"
#include "services/http_rules.hpp"
#include "services/http_transfer.hpp"
#include "services/pacer.hpp"

namespace penstock::services {

namespace {

// Idle transfers that are kept for their open connections: more than any plugin's concurrency.
constexpr std::size_t kMaxIdleTransfers = 64;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int32_t kUnauthorized = 401;

std::int32_t refuse(const FaultReport& report, penstock_error* error) {
  return fail(error, report.status, report.reason, report.message);
}

}  // namespace

class HttpConnection::Impl {
 public:
  Impl(HttpOptions options, const Clock& clock)
      : credentials_(options.connection, std::move(options.access_token), std::move(options.login),
                     clock),
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
  Credentials& credentials() { return credentials_; }

 private:
  // Each returns PENSTOCK_OK, or fills `error`.
  std::int32_t check(const penstock_http_request& request, HttpUrl& url,
                     penstock_error* error) const;
  std::int32_t pace(const penstock_http_request& request, const HttpUrl& url,
                    penstock_error* error);
  // One transfer in its turn. PENSTOCK_OK with an answer in `result`.
  std::int32_t send(const penstock_http_request& request, const HttpUrl& url,
                    const std::string& authorization, TransferResult& result,
                    penstock_error* error);
  // With the connection's token, which is renewed when it is not accepted.
  std::int32_t send_authorized(const penstock_http_request& request, const HttpUrl& url,
                               TransferResult& result, penstock_error* error);

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

  Credentials credentials_;
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

std::int32_t HttpConnection::Impl::pace(const penstock_http_request& request, const HttpUrl& url,
                                        penstock_error* error) {
  const auto late = [&](const char* why) {
    return fail(error, PENSTOCK_ERR_TIMEOUT, "deadline",
                "Nothing was sent to " + url.place + ": " + why + ".");
  };
  if (is_cancelled(request)) return refuse(cancelled_before_sending(url), error);
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
  return refuse(cancelled_before_sending(url), error);
}

std::int32_t HttpConnection::Impl::send(const penstock_http_request& request, const HttpUrl& url,
                                        const std::string& authorization, TransferResult& result,
                                        penstock_error* error) {
  if (const std::int32_t status = pace(request, url, error); status != PENSTOCK_OK) return status;
  const std::int64_t left_ns =
      std::max<std::int64_t>(request.deadline_ns - clock_.monotonic_ns(), 0);
  TransferRequest transfer{request, url};
  transfer.through_proxy = !is_loopback(url.host);  // a proxy's loopback is not ours
  transfer.max_sends = is_idempotent(view(request.method)) ? 2 : 1;
  transfer.delivers = request.batch != nullptr;
  transfer.most_bytes =
      transfer.delivers ? HttpTransfer::kMaxDeliveryResponseBytes : HttpTransfer::kMaxResponseBytes;
  transfer.limit_ms = std::min(left_ns / kNsPerMs + 1, timeout_ms_);
  transfer.authorization = authorization;
  {
    const Lease lease(*this);
    result = lease->run(transfer, [&] { return is_cancelled(request); });
  }
  requests_ += static_cast<std::uint64_t>(result.sends);
  bytes_sent_ += result.body_bytes_sent;
  if (result.fault != TransferFault::none) {
    if (result.fault != TransferFault::cancelled) ++transport_errors_;
    return refuse(describe_fault(result, url, transfer.limit_ms, transfer.most_bytes), error);
  }
  if (result.status == 429) ++throttled_;
  return PENSTOCK_OK;
}

std::int32_t HttpConnection::Impl::send_authorized(const penstock_http_request& request,
                                                   const HttpUrl& url, TransferResult& result,
                                                   penstock_error* error) {
  const std::function<bool()> cancelled = [&] { return is_cancelled(request); };
  const Credentials::Caller caller{request.deadline_ns, cancelled};
  Credentials::Answer answer = credentials_.token(caller);
  const auto refused = [&] { return fail(error, answer.status, answer.reason, answer.message); };
  if (answer.status != PENSTOCK_OK) return refused();
  const std::int32_t status = send(request, url, answer.token.header, result, error);
  if (status != PENSTOCK_OK || result.status != kUnauthorized) return status;
  const std::uint64_t first = answer.token.number;
  answer = credentials_.renew(answer.token, result.body, caller);
  if (answer.status != PENSTOCK_OK) return refused();
  if (answer.token.number == first) return PENSTOCK_OK;  // the answer 401 is the plugin's to judge
  result = {};
  return send(request, url, answer.token.header, result, error);
}

std::int32_t HttpConnection::Impl::execute(const penstock_http_request& request,
                                           void (*on_response)(void*,
                                                               const penstock_http_response*),
                                           void* user, penstock_error* error) {
  HttpUrl url;
  if (const std::int32_t status = check(request, url, error); status != PENSTOCK_OK) return status;
  TransferResult result;
  const bool authorize = (request.flags & PENSTOCK_HTTP_AUTHORIZE) != 0;
  const std::int32_t status = authorize ? send_authorized(request, url, result, error)
                                        : send(request, url, "", result, error);
  if (status != PENSTOCK_OK) return status;
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
  credentials_.cancel();
  pacer_.cancel_all();
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const HttpTransfer* transfer : active_) transfer->wake();
}

Status initialise_http() {
  const std::string fault = initialise_transfers();
  if (fault.empty()) return {};
  return {StatusCode::internal, "cannot initialise libcurl, which HTTP needs: " + fault};
}

HttpOptions http_options(const ConnectionConfig& connection, const std::string& pipeline,
                         const std::string& state_dir) {
  HttpOptions options;
  options.connection = connection.name;
  options.access_token = connection.access_token;
  options.login = login_options(connection, pipeline, state_dir);
  options.rates = connection.rates;
  options.timeout = connection.timeout;
  return options;
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

Credentials& HttpConnection::credentials() {
  return impl_->credentials();
}

void HttpConnection::interrupt(bool on) {
  impl_->interrupt(on);
}

void HttpConnection::cancel_all() {
  impl_->cancel_all();
}

}  // namespace penstock::services
