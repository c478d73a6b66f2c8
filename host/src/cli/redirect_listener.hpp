// RedirectListener: receives the browser's redirect at the end of a login, on this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "model/status.hpp"

namespace penstock::cli {

// Serves several connections at once, each with a deadline, so that none keeps the browser's from
// being heard. [control-thread]
class RedirectListener {
 public:
  // On 127.0.0.1. StatusCode::io when the port is taken.
  static Result<RedirectListener> open(std::uint16_t port);
  RedirectListener(RedirectListener&& other) noexcept;
  RedirectListener& operator=(RedirectListener&& other) noexcept;
  RedirectListener(const RedirectListener&) = delete;
  RedirectListener& operator=(const RedirectListener&) = delete;
  ~RedirectListener();

  struct Answer {
    std::string text;  // for the browser; it is escaped
    bool final = true;
  };
  // [may-block] Requests to `path` are answered with what `answer` makes of their target
  // ("/callback?code=..."), until one answer is final; others are answered 404, and those
  // whose Host is not this machine 421.
  // StatusCode::authorization when none comes in this time.
  Status wait(const std::string& path, std::chrono::milliseconds timeout,
              const std::function<Answer(const std::string& target)>& answer);

 private:
  explicit RedirectListener(int socket) : socket_(socket) {}
  int socket_ = -1;
};

}  // namespace penstock::cli
