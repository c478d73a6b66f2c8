// Guards the host's handling of OAuth tokens: one renewal however many ask, expiry that is never
// extended, and what each refusal of a token endpoint leads to; over real sockets.
#include <atomic>
#include <thread>

#include "oauth_fixture.hpp"
#include "services/pkce.hpp"

namespace penstock::services {

TEST_CASE("Sixteen requests that meet an expired token make one renewal and all succeed") {
  World world;
  for (std::size_t round = 1; round <= 3; ++round) {
    REQUIRE(world.sandbox.expire_token(round == 1 ? "sandbox-token"
                                                  : world.stored().access_token.reveal()));
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&] {
        for (int request = 0; request < 5; ++request) good += world.ask().status == 200;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 80);
    CHECK(token_requests(world.sandbox) == round);
  }
}

TEST_CASE("A token is renewed before it expires, and requests go on with it meanwhile") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  REQUIRE(world.ask().status == 200);
  const TokenSet first = world.stored();
  CHECK(first.access_expires_ms - first.access_obtained_ms == 60 * kDayMs);
  CHECK(first.refresh_expires_ms > first.access_expires_ms);
  world.clock.advance(std::chrono::hours(24 * 58));
  REQUIRE(world.ask().status == 200);
  CHECK(token_requests(world.sandbox) == 1);
  world.clock.advance(std::chrono::hours(30));
  REQUIRE(world.ask().status == 200);
  world.connection.reset();  // waits for the renewal
  CHECK(token_requests(world.sandbox) == 2);
  CHECK(world.stored().access_token.reveal() != first.access_token.reveal());
}

TEST_CASE("A token that has expired by the clock is renewed before anything is sent with it") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  REQUIRE(world.ask().status == 200);
  const std::string first = world.stored().access_token.reveal();
  world.clock.advance(std::chrono::hours(24 * 61));
  REQUIRE(world.ask().status == 200);
  CHECK(token_requests(world.sandbox) == 2);
  CHECK(requests_with(world.sandbox, "status", 401) == 1);  // the very first
}

TEST_CASE("A renewal keeps the refresh token's end, also over a restart") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  REQUIRE(world.ask().status == 200);
  const TokenSet first = world.stored();
  world.sandbox.advance_clock(std::chrono::hours(24 * 100));
  world.clock.advance(std::chrono::hours(24 * 100));
  world.open();
  REQUIRE(world.ask().status == 200);
  const TokenSet second = world.stored();
  CHECK(second.access_token.reveal() != first.access_token.reveal());
  CHECK(second.refresh_expires_ms <= first.refresh_expires_ms);
  CHECK(second.refresh_expires_ms > first.refresh_expires_ms - 60'000);
}

TEST_CASE("A revoked token is not renewed; the answer goes to the plugin") {
  World world;
  REQUIRE(world.sandbox.revoke_token("sandbox-token"));
  const Answer answer = world.ask();
  CHECK(answer.status == 401);
  CHECK_THAT(answer.body, Catch::Contains("65601"));
  CHECK(token_requests(world.sandbox) == 0);
}

TEST_CASE("A dead refresh token is ERR_AUTH that names the command, and a login ends it") {
  World world;
  const std::string code = GENERATE(std::string("invalid_grant"), std::string("invalid_request"));
  REQUIRE(world.sandbox.change_behaviour({{"refresh_error", code}}).ok());
  REQUIRE(world.sandbox.revoke_token(kRefreshToken));
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  const Answer answer = world.ask();
  CHECK(answer.result == PENSTOCK_ERR_AUTH);
  CHECK(answer.reason == "refresh_token_expired");
  CHECK_THAT(answer.message, Catch::StartsWith("Refresh Token Expired: ") &&
                                 Catch::Contains("penstock auth login pipeline.yaml linkedin"));
  CHECK(world.ask().reason == "refresh_token_expired");
  CHECK(token_requests(world.sandbox) == 1);  // the second was not asked for nothing

  world.sandbox.add_token("fresh-token", {}, std::chrono::hours(1));
  TokenSet tokens;
  tokens.access_token = Secret("fresh-token");
  tokens.origin = TokenOrigin::login;
  world.log_in(tokens);
  world.clock.advance(std::chrono::seconds(1));
  CHECK(world.connection->credentials().take_over_changes());
  CHECK(world.ask().status == 200);
}

TEST_CASE(
    "A refusal that is no dead token is Oauth Refresh Failed, and passing failures are retried") {
  REQUIRE(initialise_http().ok());
  store::Directory directory;
  SystemClock clock;
  std::atomic<int> asked{0};
  std::atomic<int> failures{0};
  int status = 503;
  std::string body = "<html>";
  const ScriptedServer server([&](Conversation& conversation) {
    for (;;) {
      const std::string request = conversation.read_request();
      if (request.empty()) return;
      std::string answer = http_answer(200, "{}");
      if (request.rfind("POST /token", 0) == 0) {
        ++asked;
        answer = --failures >= 0 ? http_answer(status, body)
                                 : http_answer(200, R"({"access_token":"fresh","expires_in":60})");
      } else if (request.find("Bearer fresh") == std::string::npos) {
        answer = http_answer(401, "{}");
      }
      if (!conversation.write(answer)) return;
    }
  });
  HttpConnection connection(options_for(server.url("/token"), directory.path), clock);
  SECTION("503 twice passes inside the request") {
    failures = 2;
    const Answer answer = get(connection, server.url("/x"));
    CHECK(answer.result == PENSTOCK_OK);
    CHECK(answer.status == 200);
    CHECK(asked == 3);
  }
  SECTION("503 without end is a transport error, for which plugins retry") {
    failures = 1000;
    const Answer answer = get(connection, server.url("/x"));
    CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
    CHECK(answer.reason == "oauth_refresh_failed");
    CHECK_THAT(answer.message, Catch::StartsWith("Oauth Refresh Failed: ") &&
                                   Catch::Contains("penstock auth refresh pipeline.yaml linkedin"));
    CHECK(asked == TokenEndpoint::kAttempts);
  }
  SECTION("a wrong client secret needs a person") {
    failures = 1000;
    status = 401;
    body = R"({"error":"invalid_client","error_description":"sandbox-secret is wrong"})";
    const Answer answer = get(connection, server.url("/x"));
    CHECK(answer.result == PENSTOCK_ERR_AUTH);
    CHECK(answer.reason == "oauth_refresh_failed");
    CHECK_THAT(answer.message,
               Catch::StartsWith("Oauth Refresh Failed: ") && Catch::Contains("invalid_client"));
    CHECK(asked == 1);
  }
  SECTION("an answer without tokens is not believed") {
    failures = 1000;
    status = 200;
    body = R"({"access_token":"with blank"})";
    CHECK(get(connection, server.url("/x")).reason == "oauth_refresh_failed");
    CHECK(asked == 1);
  }
}

TEST_CASE("Deadline and cancellation of a request hold while it waits for a renewal") {
  REQUIRE(initialise_http().ok());
  store::Directory directory;
  SystemClock clock;
  const ScriptedServer server([](Conversation& conversation) {
    while (true) {
      const std::string request = conversation.read_request();
      if (request.empty()) return;
      if (request.rfind("POST /token", 0) == 0) return conversation.wait_for_close();
      if (!conversation.write(http_answer(401, "{}"))) return;
    }
  });
  HttpConnection connection(options_for(server.url("/token"), directory.path), clock);
  SECTION("deadline") {
    const Answer answer = get(connection, server.url("/x"), clock.monotonic_ns() + 300'000'000);
    CHECK(answer.result == PENSTOCK_ERR_TIMEOUT);
    CHECK(answer.reason == "deadline");
  }
  SECTION("cancellation of all") {
    std::thread canceller([&] {
      while (connection.counters().requests == 0) std::this_thread::yield();
      connection.cancel_all();
    });
    CHECK(get(connection, server.url("/x")).result == PENSTOCK_ERR_CANCELLED);
    canceller.join();
  }
}

TEST_CASE("Two connections of two processes on one state directory renew once") {
  World world;
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  HttpConnection other(options_for(world.token_url(), world.state_dir()), world.clock);
  std::thread thread(
      [&] { CHECK(get(other, world.sandbox.api_url() + "/rest/me").status == 200); });
  CHECK(world.ask().status == 200);
  thread.join();
  CHECK(token_requests(world.sandbox) == 1);
}

TEST_CASE("A person is warned at 30, 14, 7 and 1 days before the refresh token ends") {
  World world;
  TokenSet tokens;
  tokens.access_token = Secret("sandbox-token");
  tokens.refresh_token = Secret(kRefreshToken);
  tokens.refresh_expires_ms = world.clock.wall_ns() / 1'000'000 + 365 * kDayMs;
  tokens.origin = TokenOrigin::login;
  world.log_in(tokens);
  world.open();
  Credentials& credentials = world.connection->credentials();
  std::vector<int> warned;
  for (int left = 364; left >= -2; --left) {
    world.clock.advance(std::chrono::hours(24));
    if (const auto warning = credentials.next_warning()) {
      warned.push_back(left);
      CHECK(warning->code == "refresh_token_expires_soon");
      CHECK_THAT(warning->message, Catch::Contains("penstock auth login"));
    }
    CHECK_FALSE(credentials.next_warning());
  }
  CHECK(warned == std::vector<int>{30, 14, 7, 1});
}

TEST_CASE("Without a refresh token an answer 401 goes to the plugin as it is") {
  World world;
  HttpOptions options = options_for(world.token_url(), world.state_dir());
  options.login->refresh_token = Secret();
  HttpConnection connection(std::move(options), world.clock);
  CHECK(get(connection, world.sandbox.api_url() + "/rest/me").status == 200);
  REQUIRE(world.sandbox.expire_token("sandbox-token"));
  CHECK(get(connection, world.sandbox.api_url() + "/rest/me").status == 401);
  CHECK(token_requests(world.sandbox) == 0);
}

TEST_CASE("Without any token a request is refused as not logged in, with the command") {
  World world;
  HttpOptions options = options_for(world.token_url(), world.state_dir());
  options.access_token = Secret();
  options.login->refresh_token = Secret();
  HttpConnection connection(std::move(options), world.clock);
  const Answer answer = get(connection, world.sandbox.api_url() + "/rest/me");
  CHECK(answer.result == PENSTOCK_ERR_AUTH);
  CHECK(answer.reason == "not_logged_in");
  CHECK_THAT(answer.message, Catch::Contains("penstock auth login pipeline.yaml linkedin"));
}

TEST_CASE("A code verifier's challenge is that of RFC 7636, appendix B, and no two are alike") {
  CHECK(pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") ==
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  const Result<Pkce> one = make_pkce();
  const Result<Pkce> other = make_pkce();
  REQUIRE(one.ok());
  REQUIRE(other.ok());
  CHECK(one->challenge == pkce_challenge(one->verifier.reveal()));
  CHECK(one->verifier.reveal().size() == 43);
  CHECK(one->verifier.reveal().find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  CHECK(one->verifier.reveal() != other->verifier.reveal());
}

}  // namespace penstock::services
