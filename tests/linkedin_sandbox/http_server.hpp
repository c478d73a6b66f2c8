// The transport: HTTP/1.1 on a loopback port, with connections that can be cut on purpose.
#pragma once

#include <cstdint>
#include <memory>

#include "message.hpp"
#include "model/status.hpp"

namespace linkedin_sandbox {

class HttpServer {
 public:
  // threads: connections that are served at once; more have to wait.
  // on_connection: called for each accepted connection, may be empty.
  HttpServer(HttpHandler handler, std::size_t threads, std::function<void()> on_connection = {});
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on 127.0.0.1; port 0 takes a free one. [control-thread]
  [[nodiscard]] penstock::Status start(std::uint16_t port);
  // Requests in flight end, idle connections are closed. [control-thread]
  void stop();
  // 0 before start().
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace linkedin_sandbox
