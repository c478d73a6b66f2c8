// Guards what people and other threads get to know of tokens: the words of failed renewals,
// warnings, and logins that fall between.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "oauth_fixture.hpp"
#include "services/log.hpp"

namespace penstock::services {
namespace {

TokenSet login_tokens(const std::string& access_token, const std::string& refresh_token = "") {
  TokenSet tokens;
  tokens.access_token = Secret(access_token);
  tokens.refresh_token = Secret(refresh_token);
  tokens.origin = TokenOrigin::login;
  return tokens;
}

// A token endpoint and a resource: answers POST with `refusal` and 401 with `unauthorized` to
// tokens other than `accepted`.
struct RefusingServer {
  std::string refusal = R"({"error":"invalid_grant"})";
  std::string unauthorized = "{}";
  std::string accepted = "fresh-token";
  std::atomic<int> asked{0};
  ScriptedServer server{[this](Conversation& conversation) {
    for (;;) {
      const std::string request = conversation.read_request();
      if (request.empty()) return;
      std::string answer = http_answer(200, "{}");
      if (request.rfind("POST /token", 0) == 0) {
        ++asked;
        answer = http_answer(400, refusal);
      } else if (request.find("Bearer " + accepted) == std::string::npos) {
        answer = http_answer(401, unauthorized);
      }
      if (!conversation.write(answer)) return;
    }
  }};
};

}  // namespace

TEST_CASE("The command of a failed renewal survives a long path and a talkative server") {
  REQUIRE(initialise_http().ok());
  const store::Directory directory;
  const SystemClock clock;
  const std::string code = GENERATE(std::string("invalid_grant"), std::string("invalid_client"));
  RefusingServer endpoint;
  endpoint.refusal =
      R"({"error":")" + code + R"(","error_description":")" + std::string(200, 'x') + R"("})";
  HttpOptions options = options_for(endpoint.server.url("/token"), directory.path);
  options.login->pipeline = std::string(150, 'p');
  HttpConnection connection(std::move(options), clock);
  const Answer answer = get(connection, endpoint.server.url("/x"));
  CHECK(answer.result == PENSTOCK_ERR_AUTH);
  CHECK_THAT(answer.message, Catch::StartsWith(code == "invalid_grant" ? "Refresh Token Expired: "
                                                                       : "Oauth Refresh Failed: "));
  CHECK_THAT(answer.message,
             Catch::Contains("penstock auth login " + std::string(150, 'p') + " linkedin"));
}

TEST_CASE("A refresh token that was refused is remembered in the file until somebody logs in") {
  World world;
  REQUIRE(world.sandbox.revoke_token(kRefreshToken));
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  CHECK(world.ask().reason == "refresh_token_expired");
  CHECK(world.stored().refused);
  world.log_in(login_tokens("sandbox-token", "other"));
  CHECK_FALSE(world.stored().refused);
}

TEST_CASE("A login that a request saw first is still told to those that wait for one") {
  World world;
  REQUIRE(world.ask().status == 200);
  CHECK_FALSE(world.connection->credentials().take_over_changes());
  world.sandbox.add_token("fresh-token", {}, std::chrono::hours(1));
  world.log_in(login_tokens("fresh-token"));
  world.clock.advance(std::chrono::seconds(2));
  REQUIRE(world.ask().status == 200);  // takes the new token over
  CHECK(world.connection->credentials().take_over_changes());
  CHECK_FALSE(world.connection->credentials().take_over_changes());
}

TEST_CASE("A refusal of the token of before is no news after a login, also when it was revoked") {
  World world;
  REQUIRE(world.ask().status == 200);
  Credentials& credentials = world.connection->credentials();
  const std::function<bool()> never = [] { return false; };
  const Credentials::Caller caller{std::numeric_limits<std::int64_t>::max(), never};
  const Credentials::Answer old = credentials.token(caller);
  world.log_in(login_tokens("fresh-token"));
  const Credentials::Answer answer =
      credentials.renew(old.token, R"({"serviceErrorCode":65601})", caller);
  CHECK(answer.status == PENSTOCK_OK);
  CHECK(answer.token.number != old.token.number);
}

TEST_CASE("A token that is said to be revoked by a word alone is not renewed") {
  REQUIRE(initialise_http().ok());
  const store::Directory directory;
  const SystemClock clock;
  RefusingServer endpoint;
  endpoint.unauthorized = R"({"code":"REVOKED_ACCESS_TOKEN"})";
  HttpConnection connection(options_for(endpoint.server.url("/token"), directory.path), clock);
  CHECK(get(connection, endpoint.server.url("/x")).status == 401);
  CHECK(endpoint.asked == 0);
}

TEST_CASE("A login while a renewal ends is not lost") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  world.sandbox.add_token("fresh-token", {}, std::chrono::hours(1));
  // What is logged between the end of the file's lock and the use of the new tokens.
  set_log_sink([&](std::string_view line) {
    if (line.find("was renewed") != std::string_view::npos)
      world.log_in(login_tokens("fresh-token"));
  });
  CHECK(world.ask().status == 200);
  set_log_sink({});
  world.clock.advance(std::chrono::seconds(2));
  REQUIRE(world.ask().status == 200);
  REQUIRE(world.sandbox.expire_token("fresh-token"));
  CHECK(world.ask().status == 401);  // the login had no refresh token
}

TEST_CASE("A dead refresh token is told while the access token still holds, and asked for rarely") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  REQUIRE(world.ask().status == 200);
  const std::string refresh = world.stored().refresh_token.reveal();
  REQUIRE(world.sandbox.revoke_token(refresh));
  world.clock.advance(std::chrono::hours(24 * 60 - 12));
  Credentials& credentials = world.connection->credentials();
  std::optional<LoginWarning> warning;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!warning && std::chrono::steady_clock::now() < end) {
    REQUIRE(world.ask().status == 200);
    warning = credentials.next_warning();
  }
  REQUIRE(warning);
  CHECK(warning->code == "refresh_token_expired");
  CHECK_THAT(warning->message, Catch::StartsWith("Refresh Token Expired: "));
  for (int i = 0; i < 20; ++i) {
    world.clock.advance(std::chrono::minutes(1));
    REQUIRE(world.ask().status == 200);
    CHECK_FALSE(credentials.next_warning());
  }
  world.connection.reset();  // waits for a renewal that is under way
  CHECK(token_requests(world.sandbox) == 2);
}

TEST_CASE("Without a refresh token a person is warned before the access token ends") {
  World world;
  TokenSet tokens = login_tokens("sandbox-token");
  tokens.access_expires_ms = world.clock.wall_ns() / 1'000'000 + 60 * kDayMs;
  world.log_in(tokens);
  world.open();
  Credentials& credentials = world.connection->credentials();
  CHECK_FALSE(credentials.next_warning());
  world.clock.advance(std::chrono::hours(24 * 31));
  const auto warning = credentials.next_warning();
  REQUIRE(warning);
  CHECK(warning->code == "access_token_expires_soon");
  CHECK_THAT(warning->message, Catch::Contains("penstock auth login pipeline.yaml linkedin"));
}

TEST_CASE("After a warning at one day a login with twenty days left is warned of too") {
  LoginWarnings warnings;
  const LoginPlace place{"pipeline.yaml", "linkedin"};
  TokenSet tokens = login_tokens("a", "b");
  tokens.refresh_expires_ms = 365 * kDayMs;
  CHECK(warnings.next(tokens, true, 364 * kDayMs + 1, place));
  tokens.refresh_expires_ms = 385 * kDayMs;
  CHECK(warnings.next(tokens, true, 365 * kDayMs, place));
  CHECK_FALSE(warnings.next(tokens, true, 365 * kDayMs, place));
}

TEST_CASE("A refresh token that ends before its access token is of unknown end") {
  TokenReply reply;
  reply.access_token = Secret("access");
  reply.refresh_token = Secret("refresh");
  reply.expires_in_s = 5'184'000;
  reply.refresh_expires_in_s = 525'600;  // a year in minutes, as documentation shows
  constexpr std::int64_t kNowMs = 1'000 * kDayMs;
  CHECK(apply_reply({}, reply, kNowMs).refresh_expires_ms == 0);

  TokenSet ended = login_tokens("a", "refresh");
  ended.refresh_expires_ms = kNowMs - 1;
  reply.refresh_expires_in_s = 31'536'000;
  CHECK(apply_reply(ended, reply, kNowMs).refresh_expires_ms == kNowMs + 365 * kDayMs);
}

}  // namespace penstock::services
