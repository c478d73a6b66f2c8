// loopback_sink: takes LinkedIn-style batches as fast as possible and says yes to everything, so
// that a benchmark measures the client. One blocking thread per connection, no HTTP library.
//
//   GET  .../dmpSegments?...sourceSegmentId=S   one USER segment for any S
//   POST .../users, .../companies               200 and one {"status":201} per element
//   POST .../dmpSegments                        201 and an id
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kReadSize = 256 * 1024;
constexpr std::size_t kMostHeaderBytes = 64 * 1024;
constexpr std::size_t kMostBodyBytes = std::size_t{1} << 30;
constexpr int kBacklog = 1024;

std::atomic<std::uint64_t> requests{0};
std::atomic<std::uint64_t> elements{0};
std::atomic<std::uint64_t> bytes{0};

// Results for as many elements as any batch had so far, without the last comma.
class Results {
 public:
  [[nodiscard]] std::string_view of(std::size_t count) {
    while (text_.size() < count * kOne.size()) text_ += kOne;
    return std::string_view(text_).substr(0, count == 0 ? 0 : count * kOne.size() - 1);
  }

 private:
  static constexpr std::string_view kOne = R"({"status":201},)";
  std::string text_;
};

// Every element has one member "action", and nothing else in a body has. Within a JSON text the
// quotes would be escaped, so that a search for the bytes cannot mistake a person's data for it.
std::size_t count_elements(std::string_view body) {
  constexpr std::string_view kMember = "\"action\"";
  std::size_t count = 0;
  const char* position = body.data();
  const char* const end = body.data() + body.size();
  while (const void* found = ::memmem(position, static_cast<std::size_t>(end - position),
                                      kMember.data(), kMember.size())) {
    position = static_cast<const char*>(found) + kMember.size();
    const char* next = position;
    while (next != end && *next == ' ') ++next;
    if (next != end && *next == ':') ++count;
  }
  return count;
}

std::string_view header_value(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;
       line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() > name.size() && rest[name.size()] == ':' &&
        ::strncasecmp(rest.data(), name.data(), name.size()) == 0) {
      std::string_view value = rest.substr(name.size() + 1, rest.find("\r\n") - name.size() - 1);
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      return value;
    }
  }
  return {};
}

std::string_view query_value(std::string_view target, std::string_view name) {
  std::size_t begin = target.find('?');
  while (begin != std::string_view::npos) {
    const std::string_view pair = target.substr(begin + 1, target.find('&', begin + 1) - begin - 1);
    if (pair.size() > name.size() && pair.substr(0, name.size()) == name &&
        pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
    begin = target.find('&', begin + 1);
  }
  return {};
}

// Audience keys hold no character that is percent-encoded but the colons of the account.
std::string decode_colons(std::string_view text) {
  std::string decoded(text);
  for (std::size_t at = decoded.find("%3A"); at != std::string::npos;
       at = decoded.find("%3A", at)) {
    decoded.replace(at, 3, ":");
  }
  return decoded;
}

// The same id for the same audience in every run.
std::uint32_t segment_id(std::string_view source_segment_id) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char byte : source_segment_id) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 16'777'619U;
  }
  return hash;
}

std::string found_segment(std::string_view target) {
  const std::string source(query_value(target, "sourceSegmentId"));
  const std::string platform(query_value(target, "sourcePlatform"));
  const std::string id = std::to_string(segment_id(source));
  return R"({"paging":{"start":0,"count":1,"links":[],"total":1},"elements":[{"id":)" + id +
         R"(,"name":")" + source + R"(","type":"USER","account":")" +
         decode_colons(query_value(target, "account")) + R"(","sourcePlatform":")" +
         (platform.empty() ? "DIRECT_API" : platform) + R"(","sourceSegmentId":")" + source +
         R"(","created":0,"lastModified":0,"destinations":[{"destination":"LINKEDIN",)"
         R"("destinationSegmentId":"urn:li:adSegment:)" +
         id + R"(","status":"READY"}]}]})";
}

// One connection, from accept to close.
class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void run() {
    while (read_head() && answer()) {
    }
  }

 private:
  // Reads until at least `wanted` bytes are there. False: the client is gone.
  bool need(std::size_t wanted) {
    while (filled_ < wanted) {
      if (input_.size() < std::max(wanted, filled_ + kReadSize / 4)) {
        input_.resize(std::max(wanted, filled_ + kReadSize));
      }
      const ssize_t count = ::recv(socket_, input_.data() + filled_, input_.size() - filled_, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      filled_ += static_cast<std::size_t>(count);
    }
    return true;
  }

  bool read_head() {
    std::size_t searched = 0;
    while (true) {
      const std::string_view there(input_.data(), filled_);
      const std::size_t end = there.find("\r\n\r\n", searched);
      if (end != std::string_view::npos) {
        head_size_ = end + 4;
        return true;
      }
      if (filled_ > kMostHeaderBytes) return false;
      searched = filled_ < 3 ? 0 : filled_ - 3;
      if (!need(filled_ + 1)) return false;
    }
  }

  bool answer() {
    std::string_view head(input_.data(), head_size_);
    const std::string_view length = header_value(head, "content-length");
    std::size_t body_size = 0;
    std::from_chars(length.data(), length.data() + length.size(), body_size);
    // Only Content-Length is understood: a chunked body would be read as the next request.
    if (body_size > kMostBodyBytes || !header_value(head, "transfer-encoding").empty())
      return false;
    const bool waits = !header_value(head, "expect").empty() && filled_ < head_size_ + body_size;
    if (waits && !send("HTTP/1.1 100 Continue\r\n\r\n", {}, {}, {})) return false;
    if (!need(head_size_ + body_size)) return false;

    head = std::string_view(input_.data(), head_size_);  // the buffer may have moved
    const std::string_view body(input_.data() + head_size_, body_size);
    const std::string_view method = head.substr(0, head.find(' '));
    const std::size_t target_begin = method.size() + 1;
    const std::string_view target =
        head.substr(target_begin, head.find(' ', target_begin) - target_begin);
    const bool close = header_value(head, "connection") == "close";
    const bool sent = reply(method, target, body);
    requests.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(head_size_ + body_size, std::memory_order_relaxed);

    const std::size_t used = head_size_ + body_size;
    std::memmove(input_.data(), input_.data() + used, filled_ - used);
    filled_ -= used;
    return sent && !close;
  }

  bool reply(std::string_view method, std::string_view target, std::string_view body) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (path.ends_with("/users") || path.ends_with("/companies")) {
      const std::size_t count = count_elements(body);
      elements.fetch_add(count, std::memory_order_relaxed);
      return send_json("{\"elements\":[", results_.of(count), "]}");
    }
    if (method == "GET" && path.ends_with("/dmpSegments")) {
      return send_json(found_segment(target), {}, {});
    }
    if (method == "POST" && path.ends_with("/dmpSegments")) {
      return send("HTTP/1.1 201 Created\r\nx-restli-id: 1\r\nContent-Length: 0\r\n\r\n", {}, {},
                  {});
    }
    return send_json("{}", {}, {});
  }

  bool send_json(std::string_view first, std::string_view second, std::string_view third) {
    std::array<char, 128> head{};
    const int size = std::snprintf(
        head.data(), head.size(),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        first.size() + second.size() + third.size());
    return send({head.data(), static_cast<std::size_t>(size)}, first, second, third);
  }

  bool send(std::string_view a, std::string_view b, std::string_view c, std::string_view d) {
    std::array<std::string_view, 4> parts = {a, b, c, d};
    while (true) {
      std::array<iovec, 4> vectors{};
      int used = 0;
      for (const std::string_view part : parts) {
        if (part.empty()) continue;
        vectors[static_cast<std::size_t>(used++)] = {const_cast<char*>(part.data()), part.size()};
      }
      if (used == 0) return true;
      msghdr message{};
      message.msg_iov = vectors.data();
      message.msg_iovlen = static_cast<std::size_t>(used);
      const ssize_t count = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      auto left = static_cast<std::size_t>(count);
      for (std::string_view& part : parts) {
        const std::size_t taken = std::min(left, part.size());
        part.remove_prefix(taken);
        left -= taken;
      }
    }
  }

  const int socket_;
  std::vector<char> input_;
  std::size_t filled_ = 0;
  std::size_t head_size_ = 0;
  Results results_;
};

// Serves connections until stop().
class Sink {
 public:
  // False: the port is taken.
  bool listen(std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, kBacklog) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      return false;
    }
    port_ = ntohs(address.sin_port);
    accepter_ = std::thread([this] { accept_all(); });
    return true;
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  void stop() {
    ::shutdown(listener_, SHUT_RDWR);
    accepter_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }

 private:
  void accept_all() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (socket < 0) return;
      {
        const std::lock_guard lock(mutex_);
        open_.insert(socket);
      }
      threads_.emplace_back([this, socket] {
        Connection(socket).run();
        const std::lock_guard lock(mutex_);
        open_.erase(socket);
        ::close(socket);
      });
    }
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread accepter_;
  std::vector<std::thread> threads_;  // joined by stop(): clients keep their connections
  std::mutex mutex_;                  // guards open_
  std::set<int> open_;
};

// By a rename, so that whoever waits for the file never sees half of it.
bool write_port_file(const std::string& path, std::uint16_t port) {
  const std::string unfinished = path + ".unfinished";
  std::ofstream file(unfinished, std::ios::trunc);
  file << port << "\n";
  file.close();
  return file && std::rename(unfinished.c_str(), path.c_str()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Takes LinkedIn-style batches on 127.0.0.1 and accepts everything, for benchmarks.");
  app.footer(
      "At SIGTERM or SIGINT it prints one line:\n  {\"requests\":N,\"elements\":N,\"bytes\":N}\n"
      "Example:\n  loopback_sink --port-file port & ... kill %1");
  std::uint16_t port = 0;
  std::string port_file;
  app.add_option("--port", port, "port to listen on; 0: a free one")->capture_default_str();
  app.add_option("--port-file", port_file, "write the port there once it listens");
  CLI11_PARSE(app, argc, argv);

  // Blocked before any thread starts, so that sigwait() below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Sink sink;
  if (!sink.listen(port)) {
    std::fprintf(stderr, "loopback_sink: cannot listen on 127.0.0.1:%u: %s\n", unsigned{port},
                 std::strerror(errno));
    return 1;
  }
  if (!port_file.empty() && !write_port_file(port_file, sink.port())) {
    std::fprintf(stderr, "loopback_sink: cannot write the port file %s\n", port_file.c_str());
    std::quick_exit(1);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  sink.stop();
  std::printf("{\"requests\":%llu,\"elements\":%llu,\"bytes\":%llu}\n",
              static_cast<unsigned long long>(requests.load()),
              static_cast<unsigned long long>(elements.load()),
              static_cast<unsigned long long>(bytes.load()));
  return 0;
}
