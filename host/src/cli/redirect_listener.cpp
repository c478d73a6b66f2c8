#include "cli/redirect_listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/redirect_request.hpp"

namespace penstock::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A code and a state have some hundred bytes; browsers add cookies and more.
constexpr std::size_t kMaxRequestBytes = 64 * 1024;
// Browsers open connections in advance and say nothing on them, and so may anything else on this
// machine: each has so long to say what it wants.
constexpr std::chrono::seconds kRequestTimeout{10};
// As many at once; one more takes the place of the oldest.
constexpr std::size_t kMaxConnections = 64;
constexpr int kBacklog = 16;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// One of a browser, or of whatever came here.
struct Connection {
  Socket socket;
  Clock::time_point end;
  std::string request{};

  // What has come. False: nothing more will, or it is too much.
  bool read() {
    char buffer[4096];
    for (;;) {
      const ssize_t count = ::recv(socket.fd(), buffer, sizeof buffer, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
      if (count == 0) return false;
      request.append(buffer, static_cast<std::size_t>(count));
      if (request.size() > kMaxRequestBytes) return false;
    }
  }
  [[nodiscard]] bool whole() const { return request.find("\r\n\r\n") != std::string::npos; }
};

// False when waiting is impossible.
bool poll_until(std::vector<pollfd>& waiting, Clock::time_point end) {
  constexpr std::int64_t kLongestMs = 60'000;
  // Rounded up, or the last millisecond would be spent asking again and again.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
  const auto wait_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLongestMs));
  return ::poll(waiting.data(), waiting.size(), wait_ms) >= 0 || errno == EINTR;
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
  std::vector<Connection> connections;
  // Whether the login is over.
  const auto respond = [&](const Connection& connection) {
    const std::string target = request_target(connection.request);
    if (!is_for_this_machine(connection.request)) {
      write_answer(connection.socket.fd(), "421 Misdirected Request",
                   "This address is for a login on this machine only.");
      return false;
    }
    if (target.substr(0, target.find('?')) != path) {
      write_answer(connection.socket.fd(), "404 Not Found", "Nothing is here.");
      return false;
    }
    const Answer said = answer(target);
    write_answer(connection.socket.fd(), "200 OK", said.text);
    return said.final;
  };
  for (Clock::time_point now = Clock::now(); now < end; now = Clock::now()) {
    Clock::time_point wake = end;
    std::vector<pollfd> waiting = {{socket_, POLLIN, 0}};
    waiting.reserve(connections.size() + 1);
    for (const Connection& connection : connections) {
      waiting.push_back({connection.socket.fd(), POLLIN, 0});
      wake = std::min(wake, connection.end);
    }
    if (!poll_until(waiting, wake)) break;
    for (std::size_t i = connections.size(); i-- > 0;) {
      bool over = Clock::now() >= connections[i].end;
      if (waiting[i + 1].revents != 0) {
        over = !connections[i].read();
        if (connections[i].whole()) {
          if (respond(connections[i])) return {};
          over = true;
        }
      }
      if (over) connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[0].revents == 0) continue;
    Socket browser(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (browser.fd() < 0) continue;
    if (connections.size() == kMaxConnections) connections.erase(connections.begin());
    connections.push_back({std::move(browser), Clock::now() + kRequestTimeout});
  }
  return Status{StatusCode::authorization,
                "nobody came back from the login within " + std::to_string(timeout.count() / 1000) +
                    " s. Nothing was changed. Run the command again; if the browser showed an "
                    "error, redirect_uri may not be registered for the app"};
}

}  // namespace penstock::cli
