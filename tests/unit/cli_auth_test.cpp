// Guards what `auth status` says of each state that tokens can be in.
#include <catch2/catch.hpp>
#include <fstream>

#include "cli/auth.hpp"
#include "cli/redirect_request.hpp"
#include "store_fixture.hpp"

namespace penstock::cli {
namespace {

constexpr std::int64_t kAuthDayMs = 86'400'000;
constexpr std::int64_t kAuthNowMs = 20'000 * kAuthDayMs;
constexpr unsigned kAuthWarnDays = 30;

struct LoginWorld {
  store::Directory directory;
  PipelineConfig config;
  ConnectionConfig connection;
  services::TokenSet tokens;

  LoginWorld() {
    config.path = "pipeline.yaml";
    config.state_dir = directory.path + "/state";
    connection.name = "linkedin";
    connection.client_id = "client";
    connection.oauth2.emplace();
    tokens.origin = services::TokenOrigin::login;
    tokens.access_token = Secret("access");
    tokens.refresh_token = Secret("refresh");
    tokens.access_expires_ms = kAuthNowMs + 60 * kAuthDayMs;
    tokens.refresh_expires_ms = kAuthNowMs + 300 * kAuthDayMs;
  }
  [[nodiscard]] AuthState state() const {
    REQUIRE(replace_tokens(config, connection, tokens).ok());
    return auth_state(config, connection, kAuthWarnDays, kAuthNowMs);
  }
};

}  // namespace

TEST_CASE("auth status asks for a person exactly when one is needed") {
  LoginWorld world;
  std::string words;
  SECTION("all is well") {}
  SECTION("the access token has expired, which is renewed by itself") {
    world.tokens.access_expires_ms = kAuthNowMs - 1;
  }
  SECTION("it is not known when the refresh token ends") {
    world.tokens.refresh_expires_ms = 0;
  }
  SECTION("the refresh token has expired") {
    world.tokens.refresh_expires_ms = kAuthNowMs;
    words = "The refresh token has expired";
  }
  SECTION("the refresh token ends in 30 days") {
    world.tokens.refresh_expires_ms = kAuthNowMs + kAuthWarnDays * kAuthDayMs;
    words = "ends within 30 days";
  }
  SECTION("the refresh token was refused") {
    world.tokens.refused = true;
    words = "Refresh Token Expired: ";
  }
  SECTION("nothing renews the access token, which has expired") {
    world.connection.client_id.clear();
    world.tokens.access_expires_ms = kAuthNowMs;
    words = "has expired and cannot be renewed";
  }
  SECTION("nothing renews the access token, which ends soon") {
    world.tokens.refresh_token = Secret();
    world.tokens.access_expires_ms = kAuthNowMs + kAuthDayMs;
    words = "ends soon and cannot be renewed";
  }
  const AuthState state = world.state();
  CHECK(state.action_needed == !words.empty());
  CHECK_THAT(state.advice, Catch::Contains(words));
  if (state.action_needed)
    CHECK_THAT(state.advice, Catch::Contains("penstock auth login pipeline.yaml linkedin"));
}

TEST_CASE("auth status asks for a person when the stored tokens cannot be read") {
  const LoginWorld world;
  REQUIRE_FALSE(world.state().action_needed);
  std::ofstream(world.config.state_dir + "/tokens/linkedin.json") << "{";
  const AuthState state = auth_state(world.config, world.connection, kAuthWarnDays, kAuthNowMs);
  CHECK(state.action_needed);
  CHECK_THAT(state.advice, Catch::Contains("penstock auth login"));
}

TEST_CASE("auth status says how to learn an end that is not known") {
  LoginWorld world;
  world.tokens.refresh_expires_ms = 0;
  CHECK_THAT(world.state().advice, Catch::Contains("penstock auth refresh pipeline.yaml linkedin"));
}

TEST_CASE("auth status names the member, and none where nobody has told") {
  LoginWorld world;
  CHECK_THAT(auth_text({world.state()}, kAuthNowMs), Catch::Contains("member        not known"));
  world.tokens.member = {"id1", "Ann Other"};
  CHECK_THAT(auth_text({world.state()}, kAuthNowMs), Catch::Contains("Ann Other (id1)"));
}

TEST_CASE("A request to the listener of a login is for this machine where it says so, once") {
  const auto head = [](const std::string& headers) {
    return "GET /callback?code=a HTTP/1.1\r\n" + headers + "\r\n\r\n";
  };
  for (const char* good : {"Host: 127.0.0.1:8765", "host:localhost", "HOST: \tLocalHost:1 ",
                           "Accept: */*\r\nHost: [::1]:8765", "Host: [::1]"}) {
    CAPTURE(good);
    CHECK(is_for_this_machine(head(good)));
    CHECK(request_target(head(good)) == "/callback?code=a");
  }
  for (const char* bad :
       {"", "Accept: */*", "Host:", "Host: evil.example.com", "Host: evil.example.com:127.0.0.1",
        "Host: 127.0.0.1.example.com", "Host: localhost\r\nHost: localhost",
        "Host: evil.example.com\r\nHost: localhost", "X-Host: localhost",
        "Accept: x\r\n\r\nHost: localhost"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_for_this_machine(head(bad)));
  }
  CHECK(request_target("POST /callback HTTP/1.1\r\n\r\n").empty());
  CHECK(request_target("").empty());
}

}  // namespace penstock::cli
