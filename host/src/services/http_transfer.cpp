#include "services/http_transfer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "services/abi_text.hpp"
#include "services/http_rules.hpp"

namespace penstock::services {

namespace {

// A batch of 5,000 elements is some megabytes: with libcurl's 64 KiB each would cost dozens of
// system calls.
constexpr long kUploadBufferBytes = 512L * 1024;
// Longest sleep between two looks at a batch's cancellation flag, which nobody wakes us for.
constexpr int kPollMs = 50;
// Servers drop idle connections after a minute or more; an older one is likely dead, and a POST on
// it would be lost.
constexpr long kMaxIdleSeconds = 55;

// Of answers to deliveries, and of the others.
std::array<std::atomic<std::size_t>, 2> held_by_answers{};

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }

  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// The transfer under way, as the callbacks of libcurl see it.
struct Exchange {
  const penstock_http_request& request;
  const int max_sends;
  const std::size_t most_bytes;
  TransferResult result{};
  std::uint64_t part = 0;  // the next byte to send is at `offset` of this part of the body
  std::uint64_t offset = 0;
  std::size_t received = 0;
  bool too_large = false;
  bool no_memory = false;

  bool take(std::size_t bytes) {
    received += bytes;
    too_large = received > most_bytes;
    no_memory = !too_large && !result.held.take(bytes);
    return !too_large && !no_memory;
  }
};

std::size_t read_body(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t capacity = size * count;
  std::size_t copied = 0;
  while (copied < capacity && exchange.part < exchange.request.n_body) {
    const penstock_str& part = exchange.request.body[exchange.part];
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

// Called when a connection is ready and nothing of the request has been written to it. libcurl
// sends again by itself when a pooled connection closes without an answer; but the server may have
// carried the request out before it closed.
int before_send(void* user, char*, char*, int, int) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.result.sends == exchange.max_sends) return CURL_PREREQFUNC_ABORT;
  ++exchange.result.sends;
  return CURL_PREREQFUNC_OK;
}

// For the two below: anything but the number of bytes makes libcurl break off. Exceptions must not
// pass through C.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) try {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  if (!exchange.take(line.size())) return 0;
  if (line.substr(0, 5) == "HTTP/") {
    exchange.result.headers.clear();  // of an interim answer (1xx) that came before
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    const std::size_t first = value.find_first_not_of(" \t\r\n");
    value = first == std::string_view::npos ? std::string_view() : value.substr(first);
    value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
    exchange.result.headers.emplace_back(lower_case(line.substr(0, colon)), value);
  }
  return line.size();
} catch (const std::bad_alloc&) {
  return 0;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) try {
  auto& exchange = *static_cast<Exchange*>(user);
  if (!exchange.take(size * count)) return 0;
  exchange.result.body.append(data, size * count);
  return size * count;
} catch (const std::bad_alloc&) {
  return 0;
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw std::runtime_error("libcurl refused option " + std::to_string(option) + ": " +
                             curl_easy_strerror(code));
  }
}

void must(CURLMcode code) {
  if (code != CURLM_OK) throw std::runtime_error(curl_multi_strerror(code));
}

void set_connection(CURL* easy, const TransferRequest& from) {
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);  // a token must not travel to where an answer points
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!from.through_proxy) set(easy, CURLOPT_PROXY, "");
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(from.limit_ms));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(from.limit_ms, HttpTransfer::kConnectTimeoutMs)));
}

void set_callbacks(CURL* easy, Exchange& exchange) {
  set(easy, CURLOPT_PREREQFUNCTION, before_send);
  set(easy, CURLOPT_PREREQDATA, &exchange);
  set(easy, CURLOPT_HEADERFUNCTION, take_header);
  set(easy, CURLOPT_HEADERDATA, &exchange);
  set(easy, CURLOPT_WRITEFUNCTION, take_body);
  set(easy, CURLOPT_WRITEDATA, &exchange);
}

void set_body(CURL* easy, Exchange& exchange) {
  const penstock_http_request& request = exchange.request;
  const std::string method(view(request.method));
  std::uint64_t size = 0;
  for (std::uint64_t i = 0; i < request.n_body; ++i) size += request.body[i].size;
  if (size > 0 || method == "POST" || method == "PUT" || method == "PATCH") {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    set(easy, CURLOPT_READFUNCTION, read_body);
    set(easy, CURLOPT_READDATA, &exchange);
    set(easy, CURLOPT_SEEKFUNCTION, rewind_body);
    set(easy, CURLOPT_SEEKDATA, &exchange);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  }
  if (method == "HEAD") set(easy, CURLOPT_NOBODY, 1L);
  set(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
}

void set_headers(CURL* easy, const TransferRequest& from, HeaderList& headers) {
  bool has_content_type = false;
  bool has_user_agent = false;
  for (std::uint64_t i = 0; i < from.request.n_headers; ++i) {
    std::string line(view(from.request.headers[i].name));
    const std::string_view value = view(from.request.headers[i].value);
    has_content_type |= lower_case(line) == "content-type";
    has_user_agent |= lower_case(line) == "user-agent";
    // libcurl: "Name:" removes a header, "Name;" sends it empty.
    line += value.empty() ? ";" : ": ";
    line += value;
    headers.add(line);
  }
  if (!has_content_type) headers.add("Content-Type:");  // or libcurl calls a POST a form
  if (!has_user_agent) headers.add("User-Agent: penstock/" PENSTOCK_VERSION);
  headers.add("Expect:");
  if (!from.authorization.empty()) headers.add(from.authorization);
  set(easy, CURLOPT_HTTPHEADER, headers.get());
}

TransferFault fault_of(CURLcode code, const Exchange& exchange) {
  if (code == CURLE_OK) return TransferFault::none;
  if (code == CURLE_OPERATION_TIMEDOUT) return TransferFault::timeout;
  if (exchange.result.sends == 0) {
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return TransferFault::resolve;
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CERTPROBLEM:
      case CURLE_SSL_CIPHER:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_ISSUER_ERROR:
        return TransferFault::tls;
      default:
        return TransferFault::connect;
    }
  }
  if (exchange.too_large) return TransferFault::too_large;
  if (exchange.no_memory) return TransferFault::no_memory;
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return TransferFault::not_http;
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK:  // before_send() did not let libcurl send again
      return TransferFault::no_response;
    default:
      return TransferFault::lost;
  }
}

// Whether it was the proxy that failed, as far as libcurl 7.88 tells: only its message does, next
// to two codes and the answer to CONNECT.
bool failed_at_proxy(CURL* easy, CURLcode code, const EnvironmentProxy& proxy,
                     std::string_view words) {
  if (code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY) return true;
  long answer = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &answer);
  constexpr long kOk = 200;
  if (answer != 0 && answer != kOk) return true;
  return words.find(proxy.host) != std::string_view::npos ||
         words.find("CONNECT") != std::string_view::npos ||
         words.find("from proxy") != std::string_view::npos ||
         words.find("Unsupported proxy") != std::string_view::npos;
}

// What is said about a fault before anything was sent, when the environment names a proxy.
void look_at_proxy(CURL* easy, CURLcode code, const TransferRequest& from, TransferResult& result) {
  if (!from.through_proxy || result.sends > 0 || result.fault == TransferFault::cancelled) return;
  result.proxy = environment_proxy(from.url.scheme);
  if (!result.proxy) return;
  const bool at_proxy = failed_at_proxy(easy, code, *result.proxy, result.detail);
  result.detail = without_proxy_secrets(std::move(result.detail), *result.proxy);
  if (!at_proxy) return;
  result.fault = TransferFault::proxy;
  // Its message may hold all of the variable that it could not read.
  if (code == CURLE_COULDNT_RESOLVE_PROXY) result.detail = "it has no address that could be found";
  long answer = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &answer);
  if (answer != 0) {
    constexpr long kLoginNeeded = 407;
    result.detail = "it answers " + std::to_string(answer);
    if (answer == kLoginNeeded) result.detail += ", so it wants a user name and a password";
  }
}

}  // namespace

AnswerBytes::AnswerBytes(AnswerBytes&& other) noexcept
    : to_delivery_(other.to_delivery_), bytes_(std::exchange(other.bytes_, 0)) {}

AnswerBytes& AnswerBytes::operator=(AnswerBytes&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  to_delivery_ = other.to_delivery_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

AnswerBytes::~AnswerBytes() {
  give_back();
}

bool AnswerBytes::take(std::size_t bytes) {
  std::atomic<std::size_t>& held = held_by_answers[to_delivery_ ? 1 : 0];
  if (held.fetch_add(bytes, std::memory_order_relaxed) + bytes > kMost) {
    held.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  bytes_ += bytes;
  return true;
}

void AnswerBytes::give_back() {
  held_by_answers[to_delivery_ ? 1 : 0].fetch_sub(bytes_, std::memory_order_relaxed);
  bytes_ = 0;
}

struct HttpTransfer::Handles {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();  // owns the open connections; only it can be woken

  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  // While it lives, the transfer is under way; then nothing of the request is used any more.
  struct Running {
    const Handles& handles;
    explicit Running(const Handles& of) : handles(of) {
      must(curl_multi_add_handle(handles.multi, handles.easy));
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { curl_multi_remove_handle(handles.multi, handles.easy); }
  };
  // Returns false when it was cancelled.
  bool perform(const std::function<bool()>& cancelled, CURLcode& code) const;
};

bool HttpTransfer::Handles::perform(const std::function<bool()>& cancelled, CURLcode& code) const {
  while (true) {
    if (cancelled()) return false;
    int running = 0;
    must(curl_multi_perform(multi, &running));
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      return true;
    }
    must(curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr));
  }
}

HttpTransfer::HttpTransfer() : handles_(std::make_unique<Handles>()) {
  if (handles_->easy == nullptr || handles_->multi == nullptr) throw std::bad_alloc();
}

HttpTransfer::~HttpTransfer() = default;

TransferResult HttpTransfer::run(const TransferRequest& from,
                                 const std::function<bool()>& cancelled) {
  Exchange exchange{from.request, from.max_sends, from.most_bytes};
  exchange.result.held = AnswerBytes(from.delivers);
  HeaderList headers;
  char detail[CURL_ERROR_SIZE] = "";
  CURL* const easy = handles_->easy;
  curl_easy_reset(easy);  // of all but the connections
  set(easy, CURLOPT_CURLU, static_cast<CURLU*>(from.url.handle_.get()));
  set(easy, CURLOPT_ERRORBUFFER, detail);
  set_connection(easy, from);
  set_callbacks(easy, exchange);
  set_body(easy, exchange);
  set_headers(easy, from, headers);

  TransferResult& result = exchange.result;
  CURLcode code = CURLE_OK;
  {
    const Handles::Running running(*handles_);
    result.fault =
        handles_->perform(cancelled, code) ? fault_of(code, exchange) : TransferFault::cancelled;
  }
  curl_off_t uploaded = 0;
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  result.body_bytes_sent = static_cast<std::uint64_t>(uploaded);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &number);
  result.status = static_cast<std::int32_t>(number);
  if (result.fault != TransferFault::none) {
    result.detail = detail[0] != '\0' ? detail : curl_easy_strerror(code);
    look_at_proxy(easy, code, from, result);
    number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_COULDNT_CONNECT && number != 0) {
      result.detail = lower_case(std::generic_category().message(static_cast<int>(number)));
    }
  }
  curl_easy_reset(easy);  // lets go of what lives on this stack
  return std::move(result);
}

void HttpTransfer::wake() const {
  curl_multi_wakeup(handles_->multi);
}

HttpUrl HttpUrl::parse(std::string_view text, std::string& fault) {
  HttpUrl url;
  CURLU* const handle = curl_url();
  if (handle == nullptr) throw std::bad_alloc();
  url.handle_ =
      std::shared_ptr<void>(handle, [](void* raw) { curl_url_cleanup(static_cast<CURLU*>(raw)); });
  const CURLUcode code = curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK) {
    fault = curl_url_strerror(code);
    return url;
  }
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* raw = nullptr;
    if (curl_url_get(handle, which, &raw, flags) != CURLUE_OK) return std::string();
    const std::unique_ptr<char, void (*)(void*)> value(raw, curl_free);
    return std::string(value.get());
  };
  url.scheme = part(CURLUPART_SCHEME, 0);
  url.host = part(CURLUPART_HOST, 0);
  url.place = url.host + ":" + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  url.has_user_info = !part(CURLUPART_USER, 0).empty() || !part(CURLUPART_PASSWORD, 0).empty();
  return url;
}

std::string initialise_transfers() {
  const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code == CURLE_OK ? "" : curl_easy_strerror(code);
}

}  // namespace penstock::services
