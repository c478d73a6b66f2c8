// A server on a real loopback socket that does what a test's script says, to its clients' surprise.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::test {

// One accepted connection, as a script sees it. The script's thread only.
class Conversation {
 public:
  explicit Conversation(int socket) : socket_(socket) {}
  // The next request: head and body (by Content-Length); "" when the client has closed.
  std::string read_request();
  // Only as far as the end of the head.
  std::string read_head();
  // False when the client has closed.
  bool write(const std::string& bytes);
  // Waits until the client closes; what it still sends is thrown away.
  void wait_for_close();
  // Closes in a way that the client sees as a reset rather than an end.
  void reset_on_close();

 private:
  bool read_more();
  int socket_;
  std::string buffer_;
};

class ScriptedServer {
 public:
  // `script` runs on a thread of its own for each connection; the connection closes when it
  // returns.
  using Script = std::function<void(Conversation&)>;
  explicit ScriptedServer(Script script);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();  // cuts all connections and waits for all scripts

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] int connections() const;

 private:
  void accept_all();
  Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  bool stopping_ = false;             // guarded by mutex_
  std::vector<int> sockets_;          // guarded by mutex_; -1 where closed
  std::vector<std::thread> threads_;  // guarded by mutex_
};

// "HTTP/1.1 200 OK" and so on, with a Content-Length.
[[nodiscard]] std::string http_answer(int status, const std::string& body,
                                      const std::string& headers = "");

// A port of this machine on which nothing listens.
[[nodiscard]] std::uint16_t closed_port();

}  // namespace penstock::test
