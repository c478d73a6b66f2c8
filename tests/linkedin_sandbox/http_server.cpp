#include "http_server.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>

#ifdef __SANITIZE_THREAD__
// The library comes built without ThreadSanitizer, which so does not see how its threads wait for
// one another. Only its own calls are left out: what our handlers do is checked.
extern "C" [[gnu::visibility("default")]] const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() {
  return "called_from_lib:libcpp-httplib.so\n";
}
#endif

namespace linkedin_sandbox {
namespace {

using penstock::Status;
using penstock::StatusCode;

constexpr const char* kAddress = "127.0.0.1";
// A client that goes silent in the middle of a request does not hold a thread for ever.
constexpr int kReadTimeoutMs = 30'000;
// Many clients may connect at the same moment; the library asks for 5.
constexpr int kBacklog = 1024;
constexpr std::time_t kAnnouncedKeepAliveSeconds = 3600;
constexpr std::size_t kAnnouncedKeepAliveRequests = 1'000'000;
constexpr std::size_t kReadSize = 64 * 1024;
constexpr const char* kAnyPath = R"([\s\S]*)";

// One connection. What is written is held back until the whole reply is there, so that a reply can
// be withheld or cut.
class Connection final : public httplib::Stream {
 public:
  Connection(int accepted, std::uint64_t ordinal) : number(ordinal), socket_(accepted) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() override {
    if (end == ConnectionEnd::reset) {
      // Lingering for zero seconds makes close() send a reset.
      const linger now{1, 0};
      ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // True when bytes of a next request are there; false when the client is gone or after stop().
  [[nodiscard]] bool wait_for_request() { return begin_ < input_.size() || fill(-1); }

  // Sends the held reply the way `end` says. False: nothing more can be sent.
  [[nodiscard]] bool finish_reply() {
    if (end == ConnectionEnd::reset) return false;
    if (end == ConnectionEnd::truncate) output_.resize(output_.size() / 2);
    return flush() && end == ConnectionEnd::keep;
  }

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override {
    // Reading more means that the client waits for what was written: "100 Continue".
    if (begin_ == input_.size() && (!flush() || !fill(kReadTimeoutMs))) return -1;
    const std::size_t count = std::min(size, input_.size() - begin_);
    std::memcpy(data, input_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, std::size_t size) override {
    output_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = kAddress;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip = kAddress;
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return socket_; }

  const std::uint64_t number;
  ConnectionEnd end = ConnectionEnd::keep;  // set by the handler

 private:
  [[nodiscard]] bool fill(int timeout_ms) {
    pollfd waiting{socket_, POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&waiting, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return false;
    input_.resize(kReadSize);
    begin_ = 0;
    ssize_t count = 0;
    do {
      count = ::recv(socket_, input_.data(), input_.size(), 0);
    } while (count < 0 && errno == EINTR);
    input_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return count > 0;
  }
  [[nodiscard]] bool flush() {
    std::size_t sent = 0;
    while (sent < output_.size()) {
      const ssize_t count =
          ::send(socket_, output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    output_.clear();
    return true;
  }

  const int socket_;
  std::string input_;
  std::size_t begin_ = 0;  // what of input_ was read
  std::string output_;
};

// The connection whose request this thread is working on: the library calls handlers without it.
thread_local Connection* current_connection = nullptr;

}  // namespace

class HttpServer::Implementation : public httplib::Server {
 public:
  Implementation(HttpHandler handler, std::size_t threads, std::function<void()> on_connection)
      : handler_(std::move(handler)), on_connection_(std::move(on_connection)) {
    new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
    // Not the library's SO_REUSEPORT: two sandboxes on one port must be an error.
    set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    // Connections are kept as long as the client likes; this is what the replies announce.
    set_keep_alive_timeout(kAnnouncedKeepAliveSeconds);
    set_keep_alive_max_count(kAnnouncedKeepAliveRequests);
    const Handler any = [this](const httplib::Request& request, httplib::Response& response) {
      serve(request, response);
    };
    Get(kAnyPath, any);
    Post(kAnyPath, any);
    Put(kAnyPath, any);
    Patch(kAnyPath, any);
    Delete(kAnyPath, any);
  }

  Status begin(std::uint16_t wanted) {
    const int bound =
        wanted == 0 ? bind_to_any_port(kAddress) : (bind_to_port(kAddress, wanted) ? wanted : -1);
    if (bound <= 0) {
      return {StatusCode::unavailable,
              "cannot listen on " + std::string(kAddress) + ":" + std::to_string(wanted) +
                  ": another program may use the port; 0 takes a free one"};
    }
    ::listen(svr_sock_, kBacklog);
    port_ = static_cast<std::uint16_t>(bound);
    listener_ = std::thread([this] { listen_after_bind(); });
    // From here on the system accepts connections; stop() needs the loop to have begun, though.
    while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  }

  void end() {
    if (!listener_.joinable()) return;
    stop();
    {
      // Idle connections wake up with an end of file; a reply in flight can still be sent.
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int socket : open_) ::shutdown(socket, SHUT_RD);
    }
    listener_.join();
    const std::lock_guard lock(mutex_);
    stopping_ = false;
    port_ = 0;
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  bool process_and_close_socket(socket_t socket) override {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      open_.insert(socket);
      if (stopping_) ::shutdown(socket, SHUT_RD);
      number = ++connections_;
    }
    if (on_connection_) on_connection_();
    {
      Connection connection(socket, number);
      current_connection = &connection;
      bool keep = true;
      while (keep && connection.wait_for_request()) {
        bool closed_by_client = false;
        keep = process_request(connection, false, closed_by_client, nullptr);
        keep = connection.finish_reply() && keep && !closed_by_client;
      }
      current_connection = nullptr;
      // Before close(): the system may give the number to a new connection at once.
      const std::lock_guard lock(mutex_);
      open_.erase(socket);
    }
    return true;
  }

  void serve(const httplib::Request& request, httplib::Response& response) {
    HttpRequest received;
    received.method = request.method;
    received.target = request.target;
    received.body = request.body;
    received.connection = current_connection->number;
    for (const auto& [name, value] : request.headers) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
      received.headers[std::move(lower)] = value;
    }
    HttpReply reply = handler_(received);
    response.status = reply.status;
    for (const auto& [name, value] : reply.headers) response.set_header(name, value);
    if (!reply.content_type.empty()) response.set_content(reply.body, reply.content_type);
    current_connection->end = reply.end;
  }

  const HttpHandler handler_;
  const std::function<void()> on_connection_;
  std::thread listener_;
  std::atomic<std::uint16_t> port_{0};
  std::mutex mutex_;  // guards everything below
  bool stopping_ = false;
  std::set<int> open_;
  std::uint64_t connections_ = 0;
};

HttpServer::HttpServer(HttpHandler handler, std::size_t threads,
                       std::function<void()> on_connection)
    : implementation_(std::make_unique<Implementation>(std::move(handler), threads,
                                                       std::move(on_connection))) {}

HttpServer::~HttpServer() {
  stop();
}

Status HttpServer::start(std::uint16_t port) {
  return implementation_->begin(port);
}
void HttpServer::stop() {
  implementation_->end();
}
std::uint16_t HttpServer::port() const {
  return implementation_->port();
}

}  // namespace linkedin_sandbox
