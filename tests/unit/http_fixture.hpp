// A connection of penstock.http/1 and what tests of it ask and answer.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scripted_server.hpp"
#include "services/http.hpp"

namespace penstock::test {

using services::HttpConnection;
using services::HttpOptions;
using services::initialise_http;
using services::SystemClock;

inline constexpr char kToken[] = "AQV-secret-token_0123";

inline penstock_str str(std::string_view text) {
  return {text.data(), text.size()};
}

// A request with all that it borrows.
struct Request {
  std::string method = "POST";
  std::string url;
  std::string rate;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> body;
  std::uint32_t flags = 0;
  std::int64_t deadline_ns = std::numeric_limits<std::int64_t>::max();
  const penstock_batch* batch = nullptr;
};

struct Answer {
  std::int32_t result = 0;
  std::string reason;
  std::string message;
  int responses = 0;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

inline void keep_response(void* user, const penstock_http_response* response) {
  auto& answer = *static_cast<Answer*>(user);
  ++answer.responses;
  answer.status = response->status;
  for (std::uint64_t i = 0; i < response->n_headers; ++i) {
    const penstock_header& header = response->headers[i];
    answer.headers.emplace_back(std::string(header.name.data, header.name.size),
                                std::string(header.value.data, header.value.size));
  }
  answer.body.assign(response->body.data, response->body.size);
}

inline Answer execute(HttpConnection& connection, const Request& from) {
  std::vector<penstock_header> headers;
  for (const auto& [name, value] : from.headers) headers.push_back({str(name), str(value)});
  std::vector<penstock_str> body;
  for (const std::string& part : from.body) body.push_back(str(part));
  penstock_http_request request{};
  request.struct_size = sizeof request;
  request.flags = from.flags;
  request.method = str(from.method);
  request.url = str(from.url);
  request.rate = str(from.rate);
  request.n_headers = headers.size();
  request.headers = headers.data();
  request.n_body = body.size();
  request.body = body.data();
  request.deadline_ns = from.deadline_ns;
  request.batch = from.batch;
  penstock_error error{};
  error.struct_size = sizeof error;
  Answer answer;
  const penstock_http* http = connection.table();
  answer.result = http->execute(http->ctx, &request, keep_response, &answer, &error);
  answer.reason = error.reason;
  answer.message = error.message;
  CHECK(answer.responses == (answer.result == PENSTOCK_OK ? 1 : 0));
  CHECK_THAT(answer.message, !Catch::Contains(kToken));
  return answer;
}

inline Request get(const std::string& url) {
  Request request;
  request.method = "GET";
  request.url = url;
  return request;
}

inline Request post(const std::string& url, std::vector<std::string> body) {
  Request request;
  request.url = url;
  request.body = std::move(body);
  return request;
}

struct World {
  SystemClock clock;
  HttpConnection connection;
  explicit World(HttpOptions options = {}) : connection((ready(), std::move(options)), clock) {}
  static void ready() { REQUIRE(initialise_http().ok()); }
  [[nodiscard]] std::int64_t in(std::chrono::nanoseconds time) const {
    return clock.monotonic_ns() + time.count();
  }
};

inline HttpOptions options_with_token() {
  HttpOptions options;
  options.connection = "linkedin";
  options.access_token = Secret(kToken);
  return options;
}

// Answers every request with its own text as the body.
inline void echo(Conversation& conversation) {
  while (true) {
    const std::string request = conversation.read_request();
    if (request.empty() || !conversation.write(http_answer(200, request))) return;
  }
}

// A flag that tests wait for instead of sleeping.
class Event {
 public:
  void set() {
    const std::lock_guard<std::mutex> lock(mutex_);
    set_ = true;
    wake_.notify_all();
  }
  bool wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    return wake_.wait_for(lock, std::chrono::seconds(20), [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool set_ = false;
};

}  // namespace penstock::test
