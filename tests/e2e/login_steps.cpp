#include "login_steps.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

namespace penstock::e2e {
namespace {

using linkedin_sandbox::Sandbox;

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::string free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return std::to_string(ntohs(address.sin_port));
}

}  // namespace

std::string write_login_pipeline(const Workspace& workspace, const Sandbox& sandbox,
                                 const Crowd& crowd, const CrowdPipeline& options,
                                 const std::string& tokens, const std::string& further) {
  const std::string path = write_crowd_pipeline(workspace, sandbox, crowd, options);
  std::string text = read_file(path);
  const std::string line = R"(    access_token: "${env:LINKEDIN_ACCESS_TOKEN:-sandbox-token}")";
  const std::size_t at = text.find(line);
  REQUIRE(at != std::string::npos);
  std::string lines =
      tokens +
      "    client_id: sandbox-client\n    client_secret: \"${env:SECRET:-sandbox-secret}\"\n";
  if (further.find("_url:") == std::string::npos) {
    lines += "    authorize_url: " + sandbox.api_url() + "/oauth/v2/authorization\n";
    lines += "    token_url: " + sandbox.api_url() + "/oauth/v2/accessToken\n";
  }
  if (further.find("redirect_uri:") == std::string::npos)
    lines += "    redirect_uri: http://127.0.0.1:" + free_port() + "/callback\n";
  lines += further;
  lines.pop_back();
  text.replace(at, line.size(), lines);
  std::ofstream(path) << text;
  return path;
}

std::size_t token_requests(const Sandbox& sandbox) {
  // Not the log, which forgets.
  const nlohmann::json counters = sandbox.counters();
  const nlohmann::json& endpoints = counters.at("by_endpoint");
  if (!endpoints.contains("token")) return 0;
  std::size_t count = 0;
  for (const auto& number : endpoints.at("token")) count += number.get<std::size_t>();
  return count;
}

int connect_to(const std::string& url) {
  constexpr std::size_t kPort = sizeof("http://127.0.0.1:") - 1;
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address =
      loopback_address(static_cast<std::uint16_t>(std::stoi(url.substr(kPort))));
  REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

std::string browse(const std::string& url, const std::string& host) {
  const std::size_t slash = url.find('/', sizeof("http://127.0.0.1:") - 1);
  const int socket = connect_to(url);
  const std::string request =
      "GET " + url.substr(slash) + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  REQUIRE(::send(socket, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(count));
  ::close(socket);
  return answer;
}

std::string word_after(const std::string& text, const std::string& mark) {
  const std::size_t begin = text.find(mark);
  if (begin == std::string::npos) return {};
  const std::size_t from = text.find_first_not_of(" \n", begin + mark.size());
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_first_of(" \r\n", from) - from);
}

std::string login_address(const Process& login) {
  std::string url;
  wait_until(
      [&] {
        const std::string err = login.err();
        const std::size_t mark = err.find("redirect URL):");
        if (mark != std::string::npos &&
            err.find("\n\n", err.find("http://127", mark)) != std::string::npos)
          url = word_after(err, "redirect URL):");
        return !url.empty();
      },
      "the address of the login");
  return url;
}

Finished log_in(const Workspace& workspace, const std::string& pipeline,
                const std::string& timeout) {
  Process login(workspace, penstock_arguments({"auth", "login", pipeline, "--timeout", timeout}));
  const std::string back = word_after(browse(login_address(login)), "Location:");
  REQUIRE_FALSE(back.empty());
  CHECK_THAT(browse(back), Catch::Contains("200 OK"));
  return login.wait();
}

void check_no_secrets(const std::string& text) {
  for (const char* secret :
       {"sandbox-token", "sandbox-refresh", "sandbox-access", "sandbox-secret"})
    CHECK_THAT(text, !Catch::Contains(secret));
}

}  // namespace penstock::e2e
