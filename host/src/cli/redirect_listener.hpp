// RedirectListener: receives the browser's redirect at the end of a login, on this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "model/status.hpp"

namespace penstock::cli {

// One at a time. [control-thread]
class RedirectListener {
 public:
  // On 127.0.0.1; port 0: a free one. StatusCode::io when it is taken.
  static Result<RedirectListener> open(std::uint16_t port);
  RedirectListener(RedirectListener&& other) noexcept;
  RedirectListener& operator=(RedirectListener&& other) noexcept;
  RedirectListener(const RedirectListener&) = delete;
  RedirectListener& operator=(const RedirectListener&) = delete;
  ~RedirectListener();

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // [may-block] The target ("/callback?code=...") of the first request to `path`; others are
  // answered 404. The browser is shown what `answer` makes of it: text, which is escaped.
  // StatusCode::authorization when none comes in this time.
  Result<std::string> wait(const std::string& path, std::chrono::milliseconds timeout,
                           const std::function<std::string(const std::string& target)>& answer);

 private:
  RedirectListener(int socket, std::uint16_t port) : socket_(socket), port_(port) {}
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace penstock::cli
