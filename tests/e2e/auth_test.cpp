// Guards the promise of logins from the outside: expired access tokens are not noticed, a dead
// refresh token loses nothing, and `auth` says what to do. AUTH_EVENTS changes the size.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using linkedin_sandbox::Sandbox;

// A pipeline whose connection can log in at the sandbox.
std::string write_pipeline(const Workspace& workspace, const Sandbox& sandbox, const Crowd& crowd,
                           const std::string& source, const std::string& tokens,
                           const std::string& further = "") {
  CrowdPipeline options;
  options.source = source;
  const std::string path = write_crowd_pipeline(workspace, sandbox, crowd, options);
  std::string text = read_file(path);
  const std::string line = R"(    access_token: "${env:LINKEDIN_ACCESS_TOKEN:-sandbox-token}")";
  const std::size_t at = text.find(line);
  REQUIRE(at != std::string::npos);
  text.replace(
      at, line.size(),
      tokens +
          "    client_id: sandbox-client\n    client_secret: \"${env:SECRET:-sandbox-secret}\"\n"
          "    authorize_url: " +
          sandbox.api_url() + "/oauth/v2/authorization\n    token_url: " + sandbox.api_url() +
          "/oauth/v2/accessToken" + further);
  std::ofstream(path) << text;
  return path;
}

constexpr char kBothTokens[] =
    "    access_token: \"${env:ACCESS:-sandbox-token}\"\n"
    "    refresh_token: \"${env:REFRESH:-sandbox-refresh-token}\"\n";

std::size_t token_requests(const Sandbox& sandbox) {
  const nlohmann::json log = sandbox.requests(1'000'000);
  std::size_t count = 0;
  for (const auto& request : log.at("requests")) count += request.at("endpoint") == "token";
  return count;
}

// What a browser does with "http://127.0.0.1:PORT/...": one GET. Returns the whole answer.
std::string browse(const std::string& url) {
  constexpr std::size_t kPort = sizeof("http://127.0.0.1:") - 1;
  const std::size_t slash = url.find('/', kPort);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(kPort))));
  REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string request =
      "GET " + url.substr(slash) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
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

// `auth login` with a person who follows the address that it prints.
Finished log_in(const Workspace& workspace, const std::string& pipeline) {
  Process login(workspace, penstock_arguments({"auth", "login", pipeline, "--timeout", "60s"}));
  std::string url;
  wait_until(
      [&] {
        const std::string err = login.err();
        if (err.find("redirect URL):") != std::string::npos &&
            err.find("\n\n", err.find("http://127", err.find("redirect URL):"))) !=
                std::string::npos)
          url = word_after(err, "redirect URL):");
        return !url.empty();
      },
      "the address of the login");
  const std::string back = word_after(browse(url), "Location:");
  REQUIRE_FALSE(back.empty());
  CHECK_THAT(browse(back), Catch::Contains("200 OK"));
  return login.wait();
}

void check_no_secrets(const std::string& text) {
  for (const char* secret :
       {"sandbox-token", "sandbox-refresh", "sandbox-access", "sandbox-secret"})
    CHECK_THAT(text, !Catch::Contains(secret));
}

struct Feed {
  Workspace workspace;
  Sandbox sandbox;
  Crowd crowd;
  std::string pipeline;
  explicit Feed(std::uint64_t events) : crowd({events, 10'000, 4, 0, 1, true}) {
    REQUIRE(sandbox.start().ok());
    // A fresh segment that is not known yet would be an issue of its own.
    REQUIRE(sandbox.change_behaviour({{"segment_ready_ms", 0}}).ok());
    workspace.write("events.ndjson", "");
    pipeline = write_pipeline(workspace, sandbox, crowd,
                              "{type: file, path: events.ndjson, follow: true}", kBothTokens);
  }
  void feed(std::uint64_t percent) {
    std::string text;
    crowd.append_lines(crowd.plan().events * percent / 100, text);
    std::ofstream(workspace.path("events.ndjson"), std::ios::app) << text;
  }
  [[nodiscard]] bool delivered() const {
    for (std::uint32_t a = 0; a < crowd.plan().audiences; ++a) {
      if (sandbox.members(crowd.audience(a)) != crowd.members(a)) return false;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("Access tokens that expire in the middle of a run are renewed once each, unnoticed") {
  Feed feed(size_from_environment("AUTH_EVENTS", 100'000));
  Process run(feed.workspace, penstock_arguments({"run", feed.pipeline, "--format", "json"}));
  std::string token = "sandbox-token";
  for (std::size_t round = 1; round <= 2; ++round) {
    feed.feed(34);
    wait_until([&] { return feed.delivered(); }, "the first events");
    feed.feed(10);  // so that requests are under way
    REQUIRE(feed.sandbox.expire_token(token));
    feed.feed(6);
    wait_until([&] { return token_requests(feed.sandbox) == round && feed.delivered(); },
               "the renewal");
    const auto stored = nlohmann::json::parse(feed.workspace.read("state/tokens/linkedin.json"));
    token = stored.at("access_token");
  }
  feed.feed(100);
  wait_until([&] { return feed.delivered(); }, "all");
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(finished.json().at("issues").empty());
  CHECK(token_requests(feed.sandbox) == 2);
  check_finished(all_time(feed.workspace), feed.crowd);
  check_no_secrets(finished.out + finished.err);
}

TEST_CASE(
    "A refresh token that dies pauses the destination, and a login while it runs resumes it") {
  Feed feed(20'000);
  Process run(feed.workspace, penstock_arguments({"run", feed.pipeline, "--format", "json"}));
  feed.feed(50);
  wait_until([&] { return feed.delivered(); }, "the first half");
  REQUIRE(feed.sandbox.revoke_token("sandbox-refresh-token"));
  REQUIRE(feed.sandbox.expire_token("sandbox-token"));
  feed.feed(100);
  wait_until(
      [&] {
        const store::State state = all_time(feed.workspace);
        return state.events.received == feed.crowd.counts().received &&
               state.destinations.at(0).state == "authorization_needed";
      },
      "the pause");
  CHECK(pending(all_time(feed.workspace)) > 0);
  const Finished status = run_penstock(feed.workspace, {"status", feed.pipeline});
  CHECK_THAT(status.out, Catch::Contains("Refresh Token Expired: "));
  CHECK_THAT(status.out, Catch::Contains("penstock auth login "));
  const Finished login = log_in(feed.workspace, feed.pipeline);
  INFO(login.err);
  CHECK(login.exit_code == 0);
  wait_until([&] { return feed.delivered(); }, "the rest, after the login");
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  CHECK(finished.exit_code == 0);
  CHECK(finished.json().at("issues").at(0).at("code") == "refresh_token_expired");
  check_finished(all_time(feed.workspace), feed.crowd);
  check_members(feed.sandbox, feed.crowd);
  check_no_secrets(finished.out + finished.err + status.out + login.out + login.err);
}

TEST_CASE(
    "auth: status says what to do, login, set, refresh and logout do it, with their exit codes") {
  const Workspace workspace;
  Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Crowd crowd({10, 10, 1, 0, 1, true});
  const std::string pipeline = write_pipeline(workspace, sandbox, crowd, "{type: stdin}", "");
  const auto auth = [&](std::vector<std::string> words) {
    words.insert(words.begin() + 1, pipeline);
    words.insert(words.begin(), "auth");
    Finished finished = run_penstock(workspace, words);
    check_no_secrets(finished.out + finished.err);
    return finished;
  };
  Finished status = auth({"status"});
  CHECK(status.exit_code == 77);
  CHECK_THAT(status.out, Catch::Contains("Not logged in. Run: penstock auth login "));
  CHECK(auth({"refresh"}).exit_code == 77);

  REQUIRE(log_in(workspace, pipeline).exit_code == 0);
  struct stat file {};
  REQUIRE(stat(workspace.path("state/tokens/linkedin.json").c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  status = auth({"status", "--format", "json"});
  CHECK(status.exit_code == 0);
  const nlohmann::json linkedin = status.json().at("connections").at("linkedin");
  CHECK(linkedin.at("origin") == "login");
  CHECK(linkedin.at("scopes").size() == 3);
  CHECK(linkedin.at("access_token_expires").is_string());
  CHECK(linkedin.at("refresh_token_expires").is_string());
  CHECK(auth({"status", "--warn-days", "366"}).exit_code == 77);
  CHECK(auth({"refresh", "linkedin"}).exit_code == 0);
  CHECK(token_requests(sandbox) == 2);
  CHECK(auth({"status", "nobody"}).exit_code == 64);

  CHECK(auth({"logout"}).exit_code == 0);
  CHECK(auth({"status"}).exit_code == 77);

  workspace.write("access", "sandbox-token\n");
  workspace.write("refresh", "sandbox-refresh-token\n");
  CHECK(auth({"set", "--access-token-file", workspace.path("access"), "--refresh-token-file",
              workspace.path("refresh")})
            .exit_code == 0);
  CHECK(auth({"status"}).exit_code == 0);
  CHECK(auth({"refresh"}).exit_code == 0);
  REQUIRE(sandbox.revoke_token("sandbox-refresh-token"));
  const Finished dead = auth({"refresh"});
  CHECK(dead.exit_code == 77);
  CHECK_THAT(dead.err, Catch::Contains("Refresh Token Expired: "));
  CHECK(auth({"set"}).exit_code == 65);  // nothing on standard input
}

TEST_CASE("auth login explains each refusal and changes nothing") {
  const Workspace workspace;
  Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Crowd crowd({10, 10, 1, 0, 1, true});
  const std::string pipeline = write_pipeline(workspace, sandbox, crowd, "{type: stdin}", "");
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"user_cancelled_login", "cancelled on the sign-in page"},
      {"user_cancelled_authorize", "press Allow"},
      {"unauthorized_scope_error", "has not been granted the scope rw_dmp_segments"},
      {"wrong_state", "its state is another one"}};
  for (const auto& [refusal, words] : refusals) {
    INFO(refusal);
    REQUIRE(sandbox.change_behaviour({{"authorize_refusal", refusal}}).ok());
    const Finished login = log_in(workspace, pipeline);
    CHECK(login.exit_code == 77);
    CHECK_THAT(login.err, Catch::Contains(words) && Catch::Contains("Nothing was changed"));
    CHECK(token_requests(sandbox) == 0);
  }
}

}  // namespace penstock::e2e
