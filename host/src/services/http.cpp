#include "services/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "services/abi_text.hpp"
#include "services/credentials.hpp"
#include "services/http_rules.hpp"
#include "services/pacer.hpp"

namespace penstock::services {

namespace {

// A batch of 5,000 elements is some megabytes: with libcurl's 64 KiB each would cost dozens of
// system calls.
constexpr long kUploadBufferBytes = 512L * 1024;
// Longest sleep between two looks at a batch's cancellation flag, which nobody wakes us for.
constexpr int kPollMs = 50;
// A server that does not accept a connection in this time is treated as not there.
constexpr std::int64_t kConnectTimeoutMs = 10'000;
// Servers drop idle connections after a minute or more; an older one is likely dead, and a POST on
// it would be lost.
constexpr long kMaxIdleSeconds = 55;
// Idle transfers that are kept for their open connections: more than any plugin's concurrency.
constexpr std::size_t kMaxIdleTransfers = 64;
constexpr std::int64_t kNsPerMs = 1'000'000;

struct CurlFree {
  void operator()(char* text) const { curl_free(text); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlText = std::unique_ptr<char, CurlFree>;
using CurlUrl = std::unique_ptr<CURLU, CurlFree>;

class HeaderList {
 public:
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list_.release());  // is part of `longer`
    list_.reset(longer);
  }
  [[nodiscard]] curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, CurlFree> list_;
};

struct Target {
  CurlUrl url;
  std::string
      place;  // "host:port", for messages: the rest of a URL may hold what must not be shown
  std::string host;
  bool loopback = false;
};

// One request under way, as the callbacks of libcurl see it.
struct Exchange {
  const penstock_str* parts = nullptr;
  std::uint64_t n_parts = 0;
  std::uint64_t part = 0;  // the next byte to send is at `offset` of `part`
  std::uint64_t offset = 0;
  int sends = 0;  // how often the request was handed to a server
  int max_sends = 1;
  std::atomic<std::uint64_t>* requests = nullptr;

  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t received = 0;
  bool too_large = false;

  bool take(std::size_t bytes) {
    received += bytes;
    too_large = received > HttpConnection::kMaxResponseBytes;
    return !too_large;
  }
};

std::size_t read_body(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t capacity = size * count;
  std::size_t copied = 0;
  while (copied < capacity && exchange.part < exchange.n_parts) {
    const penstock_str& part = exchange.parts[exchange.part];
    const std::size_t bytes =
        std::min<std::uint64_t>(capacity - copied, part.size - exchange.offset);
    if (bytes > 0) std::memcpy(buffer + copied, part.data + exchange.offset, bytes);
    copied += bytes;
    exchange.offset += bytes;
    if (exchange.offset == part.size) {
      ++exchange.part;
      exchange.offset = 0;
    }
  }
  return copied;
}

int rewind_body(void* user, curl_off_t offset, int origin) {
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.part = 0;
  exchange.offset = 0;
  return CURL_SEEKFUNC_OK;
}

// Called when a connection is ready and nothing of the request has been written to it.
int before_send(void* user, char*, char*, int, int) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.sends == exchange.max_sends) return CURL_PREREQFUNC_ABORT;
  ++exchange.sends;
  exchange.requests->fetch_add(1, std::memory_order_relaxed);
  return CURL_PREREQFUNC_OK;
}

// For the two below: anything but the number of bytes makes libcurl break off. Exceptions must not
// pass through C.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) try {
  auto& exchange = *static_cast<Exchange*>(user);
  std::string_view line(data, size * count);
  if (!exchange.take(line.size())) return 0;
  if (line.substr(0, 5) == "HTTP/")
    exchange.headers.clear();  // an interim answer (1xx) came before
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && line.substr(0, 5) != "HTTP/") {
    std::string_view value = line.substr(colon + 1);
    const std::size_t first = value.find_first_not_of(" \t\r\n");
    value = first == std::string_view::npos ? std::string_view() : value.substr(first);
    value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
    exchange.headers.emplace_back(lower_case(line.substr(0, colon)), value);
  }
  return size * count;
} catch (const std::bad_alloc&) {
  return 0;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) try {
  auto& exchange = *static_cast<Exchange*>(user);
  if (!exchange.take(size * count)) return 0;
  exchange.body.append(data, size * count);
  return size * count;
} catch (const std::bad_alloc&) {
  return 0;
}

// libcurl's state for one request at a time. The open connections belong to `multi`, so it is kept
// for the next request. The multi interface (for a single transfer) because only it can be woken
// for a cancellation.
struct Transfer {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();

  Transfer() {
    if (easy == nullptr || multi == nullptr) {
      release();
      throw std::bad_alloc();
    }
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { release(); }

 private:
  void release() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw std::runtime_error("libcurl refused option " + std::to_string(option) + ": " +
                             curl_easy_strerror(code));
  }
}

bool is_cancelled(const penstock_http_request& request) {
  const penstock_batch* batch = request.batch;
  return batch != nullptr && batch->cancelled != nullptr && batch->cancelled(batch->ctx) != 0;
}

bool is_tls_failure(CURLcode code) {
  return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
         code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
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

 private:
  std::int32_t check(const penstock_http_request& request, Target& target,
                     penstock_error* error) const;
  std::int32_t pace(const penstock_http_request& request, const std::string& place,
                    penstock_error* error);
  void prepare(CURL* easy, const penstock_http_request& request, const Target& target,
               Exchange& exchange, HeaderList& headers, std::int64_t limit_ms) const;
  std::int32_t failure(CURLcode code, CURL* easy, const Exchange& exchange, const Target& target,
                       const char* detail, std::int64_t limit_ms, penstock_error* error);
  std::unique_ptr<Transfer> take_transfer();
  void return_transfer(std::unique_ptr<Transfer> transfer);
  // Returns false when the request was cancelled.
  bool run(Transfer& transfer, const penstock_http_request& request, CURLcode& code);

  const std::string name_;
  const Credentials credentials_;
  const std::int64_t timeout_ms_;
  Pacer pacer_;
  const Clock& clock_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> idle_;  // guarded by mutex_
  std::set<Transfer*> active_;                   // guarded by mutex_
  std::atomic<bool> cancelled_{false};

  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> throttled_{0};
  std::atomic<std::uint64_t> transport_errors_{0};
  std::atomic<std::uint64_t> bytes_sent_{0};
};

std::int32_t HttpConnection::Impl::check(const penstock_http_request& request, Target& target,
                                         penstock_error* error) const {
  const auto invalid = [&](const std::string& fault) {
    return fail(error, PENSTOCK_ERR_INVALID, "invalid_request",
                "HTTP request refused: " + fault + ".");
  };
  if (std::string fault = request_fault(request); !fault.empty()) return invalid(fault);

  target.url.reset(curl_url());
  if (!target.url) throw std::bad_alloc();
  const std::string text(view(request.url));
  const CURLUcode parsed = curl_url_set(target.url.get(), CURLUPART_URL, text.c_str(), 0);
  if (parsed != CURLUE_OK) {
    return invalid(std::string("the URL cannot be read (") + curl_url_strerror(parsed) +
                   "); it must look like https://host/path");
  }
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* value = nullptr;
    if (curl_url_get(target.url.get(), which, &value, flags) != CURLUE_OK) return std::string();
    return std::string(CurlText(value).get());
  };
  const std::string scheme = part(CURLUPART_SCHEME, 0);
  target.host = part(CURLUPART_HOST, 0);
  target.place = target.host + ":" + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  target.loopback = is_loopback(target.host);
  if (scheme != "https" && scheme != "http") {
    return invalid("the URL's scheme is \"" + scheme + "\"; only https is known");
  }
  if (scheme == "http" && !target.loopback) {
    return invalid("plain http to " + target.place +
                   " would send data and credentials in clear; use https (http is allowed to "
                   "127.0.0.1, ::1 and "
                   "localhost only)");
  }
  if (!part(CURLUPART_USER, 0).empty() || !part(CURLUPART_PASSWORD, 0).empty()) {
    return invalid("the URL for " + target.place + " holds a user name or password");
  }
  const std::string rate(view(request.rate));
  if (!rate.empty() && !pacer_.knows(rate)) {
    std::string known;
    for (const std::string& name : pacer_.names()) known += (known.empty() ? "" : ", ") + name;
    return invalid("it counts against the rate \"" + rate +
                   "\", which limits.rates of the plugin's manifest does not " +
                   (known.empty() ? "have" : "have; there are: " + known));
  }
  if ((request.flags & PENSTOCK_HTTP_AUTHORIZE) != 0 && !credentials_.usable()) {
    std::string message;
    if (name_.empty()) {
      message =
          "The request needs an access token, but this destination names no connection: add one "
          "under "
          "connections and name it in the destination.";
    } else if (credentials_.empty()) {
      message = "Connection " + name_ + " has no access token: set connections." + name_ +
                ".access_token, for example to ${env:NAME} or ${file:PATH}.";
    } else {
      message = "The access token of connection " + name_ +
                " has blanks, line ends or other characters that no token has: check connections." +
                name_ + ".access_token and where it is read from.";
    }
    return fail(error, PENSTOCK_ERR_AUTH, "no_access_token", message);
  }
  return PENSTOCK_OK;
}

std::int32_t HttpConnection::Impl::pace(const penstock_http_request& request,
                                        const std::string& place, penstock_error* error) {
  const auto cancelled = [&] { return cancelled_.load() || is_cancelled(request); };
  const auto late = [&](const char* why) {
    return fail(error, PENSTOCK_ERR_TIMEOUT, "deadline",
                "Nothing was sent to " + place + ": " + why + ".");
  };
  if (cancelled()) {
    return fail(error, PENSTOCK_ERR_CANCELLED, "cancelled",
                "Cancelled; nothing was sent to " + place + ".");
  }
  if (clock_.monotonic_ns() >= request.deadline_ns) return late("the deadline had passed");
  const std::string_view rate = view(request.rate);
  if (rate.empty()) return PENSTOCK_OK;
  switch (pacer_.wait(rate, request.deadline_ns, cancelled)) {
    case Pacer::Outcome::go:
      return PENSTOCK_OK;
    case Pacer::Outcome::too_late:
      return late("by the rate limit its turn would come after the deadline");
    case Pacer::Outcome::cancelled:
      break;
  }
  return fail(error, PENSTOCK_ERR_CANCELLED, "cancelled",
              "Cancelled; nothing was sent to " + place + ".");
}

void HttpConnection::Impl::prepare(CURL* easy, const penstock_http_request& request,
                                   const Target& target, Exchange& exchange, HeaderList& headers,
                                   std::int64_t limit_ms) const {
  const std::string method(view(request.method));
  std::uint64_t body_size = 0;
  for (std::uint64_t i = 0; i < request.n_body; ++i) body_size += request.body[i].size;
  exchange.parts = request.body;
  exchange.n_parts = request.n_body;
  exchange.max_sends = is_idempotent(method) ? 2 : 1;

  set(easy, CURLOPT_CURLU, target.url.get());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);  // a token must not travel to where an answer points
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (target.loopback) set(easy, CURLOPT_PROXY, "");  // a proxy's loopback is not ours
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limit_ms));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(limit_ms, kConnectTimeoutMs)));

  set(easy, CURLOPT_PREREQFUNCTION, before_send);
  set(easy, CURLOPT_PREREQDATA, &exchange);
  set(easy, CURLOPT_HEADERFUNCTION, take_header);
  set(easy, CURLOPT_HEADERDATA, &exchange);
  set(easy, CURLOPT_WRITEFUNCTION, take_body);
  set(easy, CURLOPT_WRITEDATA, &exchange);

  if (body_size > 0 || method == "POST" || method == "PUT" || method == "PATCH") {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_size));
    set(easy, CURLOPT_READFUNCTION, read_body);
    set(easy, CURLOPT_READDATA, &exchange);
    set(easy, CURLOPT_SEEKFUNCTION, rewind_body);
    set(easy, CURLOPT_SEEKDATA, &exchange);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  }
  if (method == "HEAD") set(easy, CURLOPT_NOBODY, 1L);
  set(easy, CURLOPT_CUSTOMREQUEST, method.c_str());

  bool has_content_type = false;
  bool has_user_agent = false;
  for (std::uint64_t i = 0; i < request.n_headers; ++i) {
    const std::string name(view(request.headers[i].name));
    const std::string_view value = view(request.headers[i].value);
    has_content_type |= lower_case(name) == "content-type";
    has_user_agent |= lower_case(name) == "user-agent";
    // libcurl: "Name:" removes a header, "Name;" sends it empty.
    headers.add(value.empty() ? name + ";" : name + ": " + std::string(value));
  }
  if (!has_content_type) headers.add("Content-Type:");  // or libcurl calls a POST a form
  if (!has_user_agent) headers.add("User-Agent: penstock/" PENSTOCK_VERSION);
  headers.add("Expect:");
  if ((request.flags & PENSTOCK_HTTP_AUTHORIZE) != 0) headers.add(credentials_.header());
  set(easy, CURLOPT_HTTPHEADER, headers.get());
}

std::int32_t HttpConnection::Impl::failure(CURLcode code, CURL* easy, const Exchange& exchange,
                                           const Target& target, const char* detail,
                                           std::int64_t limit_ms, penstock_error* error) {
  transport_errors_.fetch_add(1, std::memory_order_relaxed);
  const std::string& place = target.place;
  const std::string said = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  const bool sent = exchange.sends > 0;
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(error, PENSTOCK_ERR_TIMEOUT, "timeout",
                sent ? "No complete answer from " + place + " within " + std::to_string(limit_ms) +
                           " ms; the request may have been carried out."
                     : "No connection to " + place + " within " +
                           std::to_string(std::min(limit_ms, kConnectTimeoutMs)) +
                           " ms; nothing was sent. Is the service reachable from here?");
  }
  if (!sent) {
    if (code == CURLE_COULDNT_RESOLVE_HOST) {
      return fail(
          error, PENSTOCK_ERR_CONNECT, "resolve_failed",
          "Could not find the address of " + target.host +
              ". Is the URL in the settings right, and does name resolution work on this machine?");
    }
    if (is_tls_failure(code)) {
      return fail(error, PENSTOCK_ERR_CONNECT, "tls_failed",
                  "No trusted TLS connection to " + place + ": " + said +
                      ". Is its certificate valid for that name, and are this machine's CA "
                      "certificates up to date?");
    }
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    const std::string why =
        code == CURLE_COULDNT_CONNECT && os_error != 0
            ? lower_case(std::generic_category().message(static_cast<int>(os_error)))
            : said;
    return fail(error, PENSTOCK_ERR_CONNECT, "connect_failed",
                "Could not connect to " + place + ": " + why +
                    ". Is the service running, and is the URL in the settings right?");
  }
  const auto broken = [&](const char* reason, const std::string& what) {
    return fail(error, PENSTOCK_ERR_TRANSPORT, reason,
                what + "; the request may have been carried out.");
  };
  if (exchange.too_large) {
    return broken("response_too_large", "The answer of " + place + " is larger than " +
                                            std::to_string(kMaxResponseBytes / (1024 * 1024)) +
                                            " MiB");
  }
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) {
    return broken("not_http", "The answer of " + place + " is not HTTP (" + said + ")");
  }
  // libcurl wanted to send again on a new connection, and before_send() did not let it.
  if (code == CURLE_GOT_NOTHING || code == CURLE_ABORTED_BY_CALLBACK) {
    return broken("no_response", place + " closed the connection without an answer");
  }
  return broken("connection_lost", "The connection to " + place + " broke: " + said);
}

std::unique_ptr<Transfer> HttpConnection::Impl::take_transfer() {
  std::unique_ptr<Transfer> transfer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {  // the one used last: its connection is the likeliest to live
      transfer = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!transfer) transfer = std::make_unique<Transfer>();
  const std::lock_guard<std::mutex> lock(mutex_);
  active_.insert(transfer.get());
  return transfer;
}

void HttpConnection::Impl::return_transfer(std::unique_ptr<Transfer> transfer) {
  curl_easy_reset(transfer->easy);
  const std::lock_guard<std::mutex> lock(mutex_);
  active_.erase(transfer.get());
  if (idle_.size() < kMaxIdleTransfers) idle_.push_back(std::move(transfer));
}

bool HttpConnection::Impl::run(Transfer& transfer, const penstock_http_request& request,
                               CURLcode& code) {
  const auto must = [](CURLMcode result) {
    if (result != CURLM_OK) throw std::runtime_error(curl_multi_strerror(result));
  };
  must(curl_multi_add_handle(transfer.multi, transfer.easy));
  // Also breaks off what is under way, so that nothing of the request is used after this returns.
  struct Removal {
    Transfer& transfer;
    ~Removal() { curl_multi_remove_handle(transfer.multi, transfer.easy); }
  } const removal{transfer};
  while (true) {
    if (cancelled_.load() || is_cancelled(request)) return false;
    int running = 0;
    must(curl_multi_perform(transfer.multi, &running));
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(transfer.multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      return true;
    }
    must(curl_multi_poll(transfer.multi, nullptr, 0, kPollMs, nullptr));
  }
}

std::int32_t HttpConnection::Impl::execute(const penstock_http_request& request,
                                           void (*on_response)(void*,
                                                               const penstock_http_response*),
                                           void* user, penstock_error* error) {
  Target target;
  if (const std::int32_t status = check(request, target, error); status != PENSTOCK_OK)
    return status;
  if (const std::int32_t status = pace(request, target.place, error); status != PENSTOCK_OK)
    return status;
  const std::int64_t left_ns =
      std::max<std::int64_t>(request.deadline_ns - clock_.monotonic_ns(), 0);
  const std::int64_t limit_ms = std::min(left_ns / kNsPerMs + 1, timeout_ms_);

  Exchange exchange;
  exchange.requests = &requests_;
  HeaderList headers;
  char detail[CURL_ERROR_SIZE] = "";
  // Given back whatever happens; declared after what libcurl borrows, so that it lets go of it
  // first.
  struct Lease {
    Impl& owner;
    std::unique_ptr<Transfer> transfer;
    ~Lease() { owner.return_transfer(std::move(transfer)); }
  } const lease{*this, take_transfer()};
  CURL* const easy = lease.transfer->easy;
  set(easy, CURLOPT_ERRORBUFFER, detail);
  prepare(easy, request, target, exchange, headers, limit_ms);

  CURLcode code = CURLE_OK;
  const bool finished = run(*lease.transfer, request, code);
  curl_off_t uploaded = 0;
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  bytes_sent_.fetch_add(static_cast<std::uint64_t>(uploaded), std::memory_order_relaxed);
  if (!finished) {
    return fail(error, PENSTOCK_ERR_CANCELLED, "cancelled",
                exchange.sends > 0 ? "Cancelled before " + target.place +
                                         " had answered; the request may have been carried out."
                                   : "Cancelled; nothing was sent to " + target.place + ".");
  }
  if (code != CURLE_OK) return failure(code, easy, exchange, target, detail, limit_ms, error);

  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 429) throttled_.fetch_add(1, std::memory_order_relaxed);
  std::vector<penstock_header> views;
  views.reserve(exchange.headers.size());
  for (const auto& [name, value] : exchange.headers) views.push_back({str(name), str(value)});
  const penstock_http_response response{sizeof(penstock_http_response),
                                        static_cast<std::int32_t>(status), views.size(),
                                        views.data(), str(exchange.body)};
  on_response(user, &response);
  return PENSTOCK_OK;
}

void HttpConnection::Impl::cancel_all() {
  cancelled_ = true;
  pacer_.cancel_all();
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Transfer* transfer : active_) curl_multi_wakeup(transfer->multi);
}

Status initialise_http() {
  const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code == CURLE_OK) return {};
  return {StatusCode::internal,
          std::string("cannot initialise libcurl, which HTTP needs: ") + curl_easy_strerror(code)};
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
                  "there is no "
                  "on_response.");
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

void HttpConnection::cancel_all() {
  impl_->cancel_all();
}

}  // namespace penstock::services
