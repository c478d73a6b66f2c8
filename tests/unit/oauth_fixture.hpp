// Connections with tokens to renew, against the sandbox of LinkedIn.
#pragma once

#include <catch2/catch.hpp>
#include <limits>
#include <memory>

#include "linkedin_sandbox/sandbox.hpp"
#include "scripted_server.hpp"
#include "services/http.hpp"
#include "store_fixture.hpp"

namespace penstock::services {

using linkedin_sandbox::Sandbox;
using penstock::test::Conversation;
using penstock::test::http_answer;
using penstock::test::ScriptedServer;

inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr char kRefreshToken[] = "sandbox-refresh-token";

inline penstock_str str(std::string_view text) {
  return {text.data(), text.size()};
}

inline LoginOptions login_to(const std::string& token_url, const std::string& state_dir) {
  LoginOptions login;
  login.pipeline = "pipeline.yaml";
  login.state_dir = state_dir;
  login.application.token_url = token_url;
  login.application.client_id = "sandbox-client";
  login.application.client_secret = Secret("sandbox-secret");
  login.application.dead_codes = {"invalid_grant", "invalid_request"};
  login.revoked_codes = {"65601", "REVOKED_ACCESS_TOKEN"};
  login.refresh_token = Secret(kRefreshToken);
  return login;
}

inline HttpOptions options_for(const std::string& token_url, const std::string& state_dir) {
  HttpOptions options;
  options.connection = "linkedin";
  options.access_token = Secret("sandbox-token");
  options.login = login_to(token_url, state_dir);
  return options;
}

struct Answer {
  std::int32_t result = 0;
  std::string reason;
  std::string message;
  int status = 0;
  std::string body;
};

inline Answer get(HttpConnection& connection, const std::string& url,
                  std::int64_t deadline_ns = std::numeric_limits<std::int64_t>::max()) {
  const penstock_header version{str("LinkedIn-Version"), str("202608")};
  penstock_http_request request{};
  request.struct_size = sizeof request;
  request.flags = PENSTOCK_HTTP_AUTHORIZE;
  request.method = str("GET");
  request.url = str(url);
  request.n_headers = 1;
  request.headers = &version;
  request.deadline_ns = deadline_ns;
  penstock_error error{};
  error.struct_size = sizeof error;
  Answer answer;
  answer.result = connection.execute(
      request,
      [](void* user, const penstock_http_response* response) {
        auto& into = *static_cast<Answer*>(user);
        into.status = response->status;
        into.body.assign(response->body.data, response->body.size);
      },
      &answer, &error);
  answer.reason = error.reason;
  answer.message = error.message;
  for (const char* secret : {"sandbox-token", "sandbox-secret", kRefreshToken, "sandbox-access"})
    CHECK_THAT(answer.message, !Catch::Contains(secret));
  return answer;
}

// How many requests of the sandbox's log have this value.
inline std::size_t requests_with(const Sandbox& sandbox, const char* key,
                                 const nlohmann::json& value) {
  const nlohmann::json log = sandbox.requests(1'000'000);
  std::size_t count = 0;
  for (const auto& request : log.at("requests")) count += request.at(key) == value;
  return count;
}

inline std::size_t token_requests(const Sandbox& sandbox) {
  return requests_with(sandbox, "endpoint", "token");
}

struct World {
  Sandbox sandbox;
  ManualClock clock;
  store::Directory directory;
  std::unique_ptr<HttpConnection> connection;

  World() {
    REQUIRE(initialise_http().ok());
    REQUIRE(sandbox.start().ok());
    clock.set_wall_ns(SystemClock().wall_ns());
    open();
  }
  void open() {
    connection.reset();
    connection = std::make_unique<HttpConnection>(options_for(token_url(), state_dir()), clock);
  }
  [[nodiscard]] std::string token_url() const {
    return sandbox.api_url() + "/oauth/v2/accessToken";
  }
  [[nodiscard]] std::string state_dir() const { return directory.path + "/state"; }
  [[nodiscard]] Answer ask() { return get(*connection, sandbox.api_url() + "/rest/me"); }
  [[nodiscard]] TokenSet stored() const {
    auto tokens = TokenStore(state_dir(), "linkedin").load();
    REQUIRE(tokens.ok());
    REQUIRE(*tokens);
    return **tokens;
  }
  // As `auth login` does.
  void log_in(const TokenSet& tokens) const {
    const TokenStore store(state_dir(), "linkedin");
    auto lock = store.lock([] { return false; });
    REQUIRE(lock.ok());
    REQUIRE(store.save(tokens, *lock).ok());
  }
};

}  // namespace penstock::services
