#include "scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace penstock::test {

namespace {

int bound_socket(std::uint16_t& port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (socket < 0 || bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the test server cannot have a socket");
  }
  port = ntohs(address.sin_port);
  return socket;
}

}  // namespace

bool Conversation::read_more() {
  char bytes[64 * 1024];
  const ssize_t size = recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

std::string Conversation::read_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  std::string head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return head;
}

std::string Conversation::read_request() {
  std::string request = read_head();
  const std::size_t length_at = request.find("Content-Length: ");
  if (length_at == std::string::npos) return request;
  const std::size_t length = std::strtoull(request.c_str() + length_at + 16, nullptr, 10);
  while (buffer_.size() < length) {
    if (!read_more()) return {};
  }
  request += buffer_.substr(0, length);
  buffer_.erase(0, length);
  return request;
}

bool Conversation::write(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<std::size_t>(size);
  }
  return true;
}

void Conversation::wait_for_close() {
  while (read_more()) buffer_.clear();
}

void Conversation::reset_on_close() {
  const linger now{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
  listener_ = bound_socket(port_);
  if (listen(listener_, 16) != 0) throw std::runtime_error("the test server cannot listen");
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    for (const int socket : sockets_) {
      if (socket >= 0) shutdown(socket, SHUT_RDWR);
    }
  }
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

int ScriptedServer::connections() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(sockets_.size());
}

void ScriptedServer::accept_all() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) close(socket);
      return;
    }
    const std::size_t index = sockets_.size();
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket, index] {
      Conversation conversation(socket);
      script_(conversation);
      const std::lock_guard<std::mutex> own_lock(mutex_);
      sockets_[index] = -1;
      close(socket);
    });
  }
}

std::string http_answer(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) + " Status\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  close(bound_socket(port));
  return port;
}

}  // namespace penstock::test
