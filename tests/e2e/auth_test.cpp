// Guards the promise of logins from the outside: expired access tokens are not noticed, a dead
// refresh token loses nothing, and `auth` says what to do. AUTH_EVENTS changes the size.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "login_steps.hpp"

namespace penstock::e2e {
namespace {

using linkedin_sandbox::Sandbox;

struct Feed {
  Workspace workspace;
  Sandbox sandbox;
  Crowd crowd;
  std::string pipeline;
  explicit Feed(std::uint64_t events, const std::string& batch = "{max_age: 50ms}",
                const std::string& further = "")
      : crowd({events, 10'000, 4, 0, 1, true}) {
    REQUIRE(sandbox.start().ok());
    // A fresh segment that is not known yet would be an issue of its own.
    REQUIRE(sandbox.change_behaviour({{"segment_ready_ms", 0}}).ok());
    workspace.write("events.ndjson", "");
    CrowdPipeline options;
    options.source = "{type: file, path: events.ndjson, follow: true}";
    options.batch = batch;
    pipeline = write_login_pipeline(workspace, sandbox, crowd, options, kBothTokens, further);
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

TEST_CASE("Access tokens that expire under 16 concurrent sends are renewed once each, unnoticed") {
  Feed feed(size_from_environment("AUTH_EVENTS", 100'000), "{max_age: 50ms, max_records: 100}");
  // Small batches are more than LinkedIn's 600 requests a minute.
  REQUIRE(feed.sandbox.change_behaviour({{"users_per_minute", 0}}).ok());
  // The plugin as it is, but for how much it sends at once.
  const std::string plugins = feed.workspace.path("plugins");
  std::filesystem::copy(PENSTOCK_PLUGIN_DIR, plugins);
  std::string manifest = feed.workspace.read("plugins/linkedin_audiences.yaml");
  const std::size_t limits = manifest.find("limits:\n");
  REQUIRE(limits != std::string::npos);
  manifest.insert(limits + sizeof("limits:\n") - 1, "  concurrency: {min: 16, max: 16}\n");
  feed.workspace.write("plugins/linkedin_audiences.yaml", manifest);
  Process run(feed.workspace,
              {PENSTOCK_BINARY, "run", feed.pipeline, "--format", "json", "--plugin-dir", plugins});
  std::string token = "sandbox-token";
  for (std::size_t round = 1; round <= 2; ++round) {
    feed.feed(30);
    wait_until([&] { return feed.delivered(); }, "the first events");
    // Each request takes so long that all sends are seen under way at once.
    REQUIRE(feed.sandbox.change_behaviour({{"delay", 1}, {"delay_ms", 250}}).ok());
    feed.feed(5);
    wait_until([&] { return feed.sandbox.counters().at("requests_under_way") >= 16; },
               "sixteen sends at once");
    REQUIRE(feed.sandbox.expire_token(token));
    REQUIRE(feed.sandbox.change_behaviour({{"delay", 0}}).ok());
    feed.feed(10);
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
  const nlohmann::json counters = feed.sandbox.counters();
  std::size_t refused = 0;
  for (const auto& [endpoint, outcomes] : counters.at("by_endpoint").items())
    refused += outcomes.value("401", std::size_t{0});
  CHECK(refused >= 16);  // the sends that were under way
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
  CHECK(run_penstock(feed.workspace, {"auth", "status", feed.pipeline}).exit_code == 77);
  const Finished status = run_penstock(feed.workspace, {"status", feed.pipeline});
  CHECK_THAT(status.out, Catch::Contains("Refresh Token Expired: "));
  CHECK_THAT(status.out, Catch::Contains("penstock auth login "));
  const Finished login = log_in(feed.workspace, feed.pipeline);
  INFO(login.err);
  CHECK(login.exit_code == 0);
  CHECK(run_penstock(feed.workspace, {"auth", "status", feed.pipeline}).exit_code == 0);
  wait_until([&] { return feed.delivered(); }, "the rest, after the login");
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  CHECK(finished.exit_code == 0);
  CHECK(finished.json().at("issues").at(0).at("code") == "refresh_token_expired");
  CHECK_THAT(finished.json().at("issues").at(0).at("message").get<std::string>(),
             Catch::StartsWith("Refresh Token Expired: "));
  CHECK_THAT(finished.err, Catch::Contains("Refresh Token Expired: "));
  check_finished(all_time(feed.workspace), feed.crowd);
  check_members(feed.sandbox, feed.crowd);
  check_no_secrets(finished.out + finished.err + status.out + login.out + login.err);
}

TEST_CASE("Access that is revoked pauses the destination, and a login while it runs resumes it") {
  Feed feed(2'000);
  Process run(feed.workspace, penstock_arguments({"run", feed.pipeline, "--format", "json"}));
  feed.feed(50);
  wait_until([&] { return feed.delivered(); }, "the first half");
  REQUIRE(feed.sandbox.revoke_token("sandbox-token"));
  feed.feed(100);
  wait_until(
      [&] { return all_time(feed.workspace).destinations.at(0).code == "access_token_revoked"; },
      "the pause");
  const Finished status = run_penstock(feed.workspace, {"auth", "status", feed.pipeline});
  CHECK(status.exit_code == 77);
  CHECK_THAT(status.out, Catch::Contains("was revoked"));
  CHECK(token_requests(feed.sandbox) == 0);
  CHECK(log_in(feed.workspace, feed.pipeline).exit_code == 0);
  wait_until([&] { return feed.delivered(); }, "the rest, after the login");
  CHECK(run_penstock(feed.workspace, {"auth", "status", feed.pipeline}).exit_code == 0);
  run.signal(SIGTERM);
  CHECK(run.wait().exit_code == 0);
  check_finished(all_time(feed.workspace), feed.crowd);
}

TEST_CASE("A token endpoint that stays away is shown as Oauth Refresh Failed, with the command") {
  Feed feed(2'000, "{max_age: 50ms}",
            "    authorize_url: http://127.0.0.1:1/authorize\n"
            "    token_url: http://127.0.0.1:1/token\n");
  Process run(feed.workspace, penstock_arguments({"run", feed.pipeline, "--format", "json",
                                                  "--drain-timeout", "1s"}));
  feed.feed(50);
  wait_until([&] { return feed.delivered(); }, "the first half");
  REQUIRE(feed.sandbox.expire_token("sandbox-token"));
  feed.feed(100);
  wait_until(
      [&] { return all_time(feed.workspace).destinations.at(0).code == "oauth_refresh_failed"; },
      "the failure");
  const Finished status = run_penstock(feed.workspace, {"status", feed.pipeline});
  CHECK_THAT(status.out, Catch::Contains("Oauth Refresh Failed: ") &&
                             Catch::Contains("penstock auth refresh " + feed.pipeline));
  CHECK(pending(all_time(feed.workspace)) > 0);
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  CHECK_THAT(finished.out, Catch::Contains("Oauth Refresh Failed: "));
  CHECK_THAT(finished.err, Catch::Contains("Oauth Refresh Failed: "));
}

TEST_CASE("With a dead token a run of a whole file ends with 77, and delivers after a login") {
  const Workspace workspace;
  Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  REQUIRE(sandbox.change_behaviour({{"segment_ready_ms", 0}}).ok());
  Crowd crowd({1'000, 500, 4, 0, 1, true});
  std::string text;
  crowd.append_lines(1'000, text);
  workspace.write("events.ndjson", text);
  CrowdPipeline options;
  options.source = "{type: file, path: events.ndjson}";
  const std::string pipeline =
      write_login_pipeline(workspace, sandbox, crowd, options, kBothTokens);
  REQUIRE(sandbox.revoke_token("sandbox-refresh-token"));
  REQUIRE(sandbox.expire_token("sandbox-token"));
  const Finished refused = run_penstock(workspace, {"run", pipeline, "--drain-timeout", "1s"});
  CHECK(refused.exit_code == 77);
  CHECK_THAT(refused.err, Catch::Contains("Refresh Token Expired: "));
  REQUIRE(log_in(workspace, pipeline).exit_code == 0);
  CHECK(run_penstock(workspace, {"run", pipeline}).exit_code == 0);
  check_finished(all_time(workspace), crowd);
  check_members(sandbox, crowd);
}

}  // namespace penstock::e2e
