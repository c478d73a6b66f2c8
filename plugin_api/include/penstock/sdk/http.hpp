// penstock/sdk/http.hpp - "penstock.http/1" for C++: build a request, get a copy of the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../ext/http.h"
#include "batch.hpp"
#include "host.hpp"

namespace penstock {
namespace sdk {

// What came back. Owns its texts.
struct HttpResponse {
  // PENSTOCK_OK when there was an answer, whatever its status; otherwise why there was none.
  std::int32_t result = PENSTOCK_ERR_UNSUPPORTED;
  std::int32_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string error;         // the host's sentence when result is not OK
  std::string error_reason;  // its stable code, such as "not_logged_in"

  // The first header of that lower-case name, or "".
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

// A request under construction. Borrows every text that it is given until it was executed.
class HttpRequest {
 public:
  HttpRequest(std::string_view method, std::string_view url) {
    request_.struct_size = sizeof request_;
    request_.method = str(method);
    request_.url = str(url);
  }
  HttpRequest& header(std::string_view name, std::string_view value) {
    headers_.push_back(penstock_header{str(name), str(value)});
    return *this;
  }
  // Parts go out one after the other, never joined in memory.
  HttpRequest& body_part(penstock_str part) {
    parts_.push_back(part);
    return *this;
  }
  HttpRequest& reserve_parts(std::size_t count) {
    parts_.reserve(count);
    return *this;
  }
  // Ask the host to add the connection's credentials.
  HttpRequest& authorize() {
    request_.flags |= PENSTOCK_HTTP_AUTHORIZE;
    return *this;
  }
  // A rate of the manifest that this request counts against.
  HttpRequest& rate(std::string_view name) {
    request_.rate = str(name);
    return *this;
  }
  HttpRequest& deadline(std::int64_t monotonic_ns) {
    request_.deadline_ns = monotonic_ns;
    return *this;
  }
  // Takes the batch's deadline, and ends with its cancellation.
  HttpRequest& on_behalf_of(const Batch& batch) {
    request_.batch = batch.get();
    return deadline(batch.deadline_ns());
  }

 private:
  friend class Http;
  penstock_http_request request_{};
  std::vector<penstock_header> headers_;
  std::vector<penstock_str> parts_;
};

// A copyable handle; empty when the host has no HTTP service. [any-thread]
class Http {
 public:
  explicit Http(const Host& host) : http_(host.extension<penstock_http>(PENSTOCK_EXT_HTTP)) {}
  explicit operator bool() const noexcept { return http_ != nullptr; }

  // [may-block] Without a service the result is ERR_UNSUPPORTED.
  [[nodiscard]] HttpResponse execute(HttpRequest& request) const {
    HttpResponse response;
    if (http_ == nullptr) {
      response.error = "this host offers no " PENSTOCK_EXT_HTTP;
      return response;
    }
    request.request_.headers = request.headers_.data();
    request.request_.n_headers = request.headers_.size();
    request.request_.body = request.parts_.data();
    request.request_.n_body = request.parts_.size();
    Sink sink{&response, true};
    penstock_error error{};
    error.struct_size = sizeof error;
    response.result = http_->execute(http_->ctx, &request.request_, &Http::copy, &sink, &error);
    if (response.result != PENSTOCK_OK) {
      response.error = error.message;
      response.error_reason = error.reason;
    }
    if (!sink.complete) {
      response.result = PENSTOCK_ERR_INTERNAL;
      response.error = "no memory for the answer";
    }
    return response;
  }

 private:
  struct Sink {
    HttpResponse* response;
    bool complete;
  };
  static void copy(void* user, const penstock_http_response* from) noexcept {
    auto& sink = *static_cast<Sink*>(user);
    try {
      HttpResponse& to = *sink.response;
      to.status = from->status;
      for (std::uint64_t i = 0; i < from->n_headers; ++i) {
        to.headers.emplace_back(view(from->headers[i].name), view(from->headers[i].value));
      }
      to.body = view(from->body);
    } catch (...) {  // bad_alloc: execute reports it
      sink.complete = false;
    }
  }

  const penstock_http* http_;
};

}  // namespace sdk
}  // namespace penstock
