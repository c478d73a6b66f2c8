#include "cli/redirect_listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace penstock::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A code and a state have some hundred bytes; browsers add cookies and more.
constexpr std::size_t kMaxRequestBytes = 64 * 1024;
// Browsers open connections in advance and say nothing on them; one that speaks does so at once.
constexpr std::chrono::milliseconds kRequestTimeout{1000};
constexpr int kBacklog = 16;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool readable_until(int fd, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// The target of a GET, or "" when it is none.
std::string read_target(int fd, Clock::time_point end) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos && request.size() < kMaxRequestBytes) {
    if (!readable_until(fd, end)) return {};
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    request.append(buffer, static_cast<std::size_t>(count));
  }
  if (request.rfind("GET ", 0) != 0) return {};
  const std::size_t end_of_target = request.find_first_of(" \r\n", 4);
  return request.substr(4, end_of_target - 4);
}

std::string escaped(const std::string& text) {
  std::string html;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"') {
      html += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      html += c;
    }
  }
  return html;
}

void write_answer(int fd, const std::string& status, const std::string& text) {
  const std::string body = "<!doctype html><meta charset=\"utf-8\"><title>Penstock</title><p>" +
                           escaped(text) + "</p>\n";
  const std::string answer = "HTTP/1.1 " + status +
                             "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " +
                             std::to_string(body.size()) +
                             "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer"
                             "\r\nConnection: close\r\n\r\n" +
                             body;
  // A browser that does not read it is none of our concern.
  (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
}

}  // namespace

Result<RedirectListener> RedirectListener::open(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (socket.fd() < 0 || ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.fd(), kBacklog) != 0) {
    return Status{StatusCode::io,
                  "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                      std::generic_category().message(errno) +
                      ". End the program that uses the port, take another in redirect_uri, or "
                      "use --paste"};
  }
  return RedirectListener(socket.release());
}

RedirectListener::RedirectListener(RedirectListener&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)) {}

RedirectListener& RedirectListener::operator=(RedirectListener&& other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}

RedirectListener::~RedirectListener() {
  if (socket_ >= 0) ::close(socket_);
}

Status RedirectListener::wait(const std::string& path, std::chrono::milliseconds timeout,
                              const std::function<Answer(const std::string& target)>& answer) {
  const Clock::time_point end = Clock::now() + timeout;
  while (readable_until(socket_, end)) {
    const Socket browser(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
    if (browser.fd() < 0) continue;
    const std::string target =
        read_target(browser.fd(), std::min(end, Clock::now() + kRequestTimeout));
    if (target.substr(0, target.find('?')) != path) {
      write_answer(browser.fd(), "404 Not Found", "Nothing is here.");
      continue;
    }
    const Answer said = answer(target);
    write_answer(browser.fd(), "200 OK", said.text);
    if (said.final) return {};
  }
  return Status{StatusCode::authorization,
                "nobody came back from the login within " + std::to_string(timeout.count() / 1000) +
                    " s. Nothing was changed. Run the command again; if the browser showed an "
                    "error, redirect_uri may not be registered for the app"};
}

}  // namespace penstock::cli
