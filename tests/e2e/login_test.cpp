// Guards `penstock auth` from the outside: each way to give tokens, each refusal, and what it says.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "login_steps.hpp"
#include "services/pkce.hpp"
#include "unit/scripted_server.hpp"

namespace penstock::e2e {
namespace {

using linkedin_sandbox::Sandbox;

std::string stdin_pipeline(const Workspace& workspace, const Sandbox& sandbox, const Crowd& crowd,
                           const std::string& further = "") {
  CrowdPipeline options;
  options.source = "{type: stdin}";
  return write_login_pipeline(workspace, sandbox, crowd, options, "", further);
}

struct Place {
  Workspace workspace;
  Sandbox sandbox;
  Crowd crowd{{10, 10, 1, 0, 1, true}};
  std::string pipeline;
  explicit Place(const std::string& further = "") {
    REQUIRE(sandbox.start().ok());
    pipeline = stdin_pipeline(workspace, sandbox, crowd, further);
  }
  [[nodiscard]] nlohmann::json stored() const {
    return nlohmann::json::parse(workspace.read("state/tokens/linkedin.json"));
  }
};

// A program whose standard input is written while it runs.
class Typed {
 public:
  Typed(const Workspace& workspace, std::vector<std::string> arguments)
      : process_(workspace, penstock_arguments(std::move(arguments)), {}, open_pipe()) {}
  ~Typed() {
    if (pipe_[1] >= 0) ::close(pipe_[1]);
  }
  Typed(const Typed&) = delete;
  Typed& operator=(const Typed&) = delete;
  [[nodiscard]] const Process& process() const { return process_; }
  Finished type(const std::string& text) {
    REQUIRE(::write(pipe_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(pipe_[1]);
    pipe_[1] = -1;
    Finished finished = process_.wait();
    check_no_secrets(finished.out + finished.err);
    return finished;
  }

 private:
  int open_pipe() {
    REQUIRE(::pipe2(pipe_.data(), O_CLOEXEC) == 0);
    return pipe_[0];
  }
  std::array<int, 2> pipe_{-1, -1};
  Process process_;
};

}  // namespace

TEST_CASE(
    "auth: status says what to do, login, set, refresh and logout do it, with their exit codes") {
  const Workspace workspace;
  Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Crowd crowd({10, 10, 1, 0, 1, true});
  const std::string pipeline = stdin_pipeline(workspace, sandbox, crowd);
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
  CHECK(linkedin.at("member").at("id") == "SandboxPerson1");
  CHECK(linkedin.at("member").at("name") == "Sandbox Person");
  CHECK_THAT(auth({"status"}).out, Catch::Contains("Sandbox Person (SandboxPerson1)"));
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
  const std::string pipeline = stdin_pipeline(workspace, sandbox, crowd);
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"user_cancelled_login", "cancelled on the sign-in page"},
      {"user_cancelled_authorize", "press Allow"},
      {"unauthorized_scope_error", "has not been granted the scope rw_dmp_segments"},
      {"wrong_state", "its state is another one"}};
  for (const auto& [refusal, words] : refusals) {
    INFO(refusal);
    REQUIRE(sandbox.change_behaviour({{"authorize_refusal", refusal}}).ok());
    // What belongs to another login is not the end of this one.
    const Finished login = log_in(workspace, pipeline, refusal == "wrong_state" ? "2s" : "60s");
    CHECK(login.exit_code == 77);
    CHECK_THAT(login.err, Catch::Contains(words) && Catch::Contains("Nothing was changed"));
    CHECK(token_requests(sandbox) == 0);
  }
}

TEST_CASE("A login takes the address or the code that a person pastes, and no other login's") {
  const Place place("    redirect_uri: https://example.com/landing\n");
  // https: nothing here can receive it.
  Typed login(place.workspace, {"auth", "login", place.pipeline});
  const std::string back = word_after(browse(login_address(login.process())), "Location:");
  const std::size_t state = back.find("&state=");
  REQUIRE(state != std::string::npos);
  const std::size_t code = back.find("code=");
  SECTION("the address") {
    CHECK(login.type(back + "\n").exit_code == 0);
    CHECK(place.stored().at("origin") == "login");
  }
  SECTION("the code") {
    CHECK(login.type(back.substr(code + 5, state - code - 5) + "\n").exit_code == 0);
    CHECK(place.stored().at("origin") == "login");
  }
  SECTION("the part behind the question mark, of another login") {
    const Finished finished = login.type(back.substr(code, state - code) + "&state=other\n");
    CHECK(finished.exit_code == 77);
    CHECK_THAT(finished.err, Catch::Contains("its state is another one"));
    CHECK(token_requests(place.sandbox) == 0);
  }
  SECTION("nothing") {
    CHECK(login.type("\n").exit_code == 77);
  }
  SECTION("a refusal without a state, in colours") {
    const Finished finished =
        login.type("https://example.com/landing?error=odd%1B[31m&error_description=x%1B[2J\n");
    CHECK(finished.exit_code == 77);
    CHECK_THAT(finished.err,
               Catch::Contains("the login was refused with odd\\x1b[31m (x\\x1b[2J)"));
  }
}

TEST_CASE("Without a redirect_uri a login uses the one that the documentation names") {
  Place place;
  place.pipeline = stdin_pipeline(place.workspace, place.sandbox, place.crowd,
                                  "    redirect_uri: http://127.0.0.1:8765/callback\n");
  std::string manifest = place.workspace.read("pipeline.yaml");
  const std::string line = "\n    redirect_uri: http://127.0.0.1:8765/callback";
  manifest.erase(manifest.find(line), line.size());
  place.workspace.write("pipeline.yaml", manifest);
  REQUIRE(
      place.sandbox.change_behaviour({{"redirect_uris", {"http://127.0.0.1:8765/callback"}}}).ok());
  // --paste: the port need not be free on the machine of the test.
  Typed login(place.workspace, {"auth", "login", place.pipeline, "--paste"});
  const std::string back = word_after(browse(login_address(login.process())), "Location:");
  CHECK_THAT(back, Catch::StartsWith("http://127.0.0.1:8765/callback?code="));
  CHECK(login.type(back + "\n").exit_code == 0);
}

TEST_CASE("A stranger's request does not end a login") {
  const Place place;
  Process login(place.workspace,
                penstock_arguments({"auth", "login", place.pipeline, "--timeout", "60s"}));
  const std::string back = word_after(browse(login_address(login)), "Location:");
  const std::string callback = back.substr(0, back.find('?'));
  CHECK_THAT(browse(callback + "?code=x&state=x"), Catch::Contains("Not logged in"));
  CHECK_THAT(browse(callback + "?error=user_cancelled_login"), Catch::Contains("sign-in page"));
  CHECK_THAT(browse(back), Catch::Contains("the terminal says whether the login succeeded"));
  const Finished finished = login.wait();
  CHECK(finished.exit_code == 0);
  CHECK_THAT(finished.err, Catch::Contains("Still waiting"));
}

TEST_CASE("Connections on which nothing is said do not keep the browser waiting") {
  const Place place;
  Process login(place.workspace,
                penstock_arguments({"auth", "login", place.pipeline, "--timeout", "60s"}));
  const std::string back = word_after(browse(login_address(login)), "Location:");
  std::vector<int> silent;
  // More than are kept open at once.
  for (int i = 0; i < 100; ++i) silent.push_back(connect_to(back));
  const std::string half = "GET /callback HT";
  REQUIRE(::send(silent.back(), half.data(), half.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(half.size()));
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THAT(browse(back), Catch::Contains("200 OK"));
  // Before, each of them took a second.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(8));
  CHECK(login.wait().exit_code == 0);
  for (const int socket : silent) ::close(socket);
}

TEST_CASE("A request that came to a login under another host's name is not taken") {
  const Place place;
  Process login(place.workspace,
                penstock_arguments({"auth", "login", place.pipeline, "--timeout", "60s"}));
  const std::string back = word_after(browse(login_address(login)), "Location:");
  for (const char* host : {"evil.example.com", "evil.example.com:8765", "localhost.example.com", "",
                           "127.0.0.1\r\nHost: evil.example.com"}) {
    CAPTURE(host);
    const std::string answer = browse(back, host);
    CHECK_THAT(answer, Catch::Contains("421") && !Catch::Contains("succeeded"));
  }
  CHECK_THAT(browse(back, "127.0.0.1:8765"), Catch::Contains("200 OK"));
  CHECK(login.wait().exit_code == 0);
}

TEST_CASE("A login shows the ad accounts of the member, with the role on each") {
  Place place;
  REQUIRE(place.sandbox.change_behaviour({{"known_accounts", {"512345678", "7654321"}}}).ok());
  const Finished finished = log_in(place.workspace, place.pipeline);
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  CHECK_THAT(finished.err, Catch::Contains("512345678") && Catch::Contains("7654321") &&
                               Catch::Contains("ACCOUNT_MANAGER") &&
                               Catch::Contains("the one in the manifest"));
  // What a program reads holds none of it.
  CHECK_THAT(finished.out, !Catch::Contains("7654321"));
}

TEST_CASE("Where the manifest says pkce, a login proves that it asked for the code") {
  std::string exchanged;
  std::mutex mutex;
  test::ScriptedServer tokens([&](test::Conversation& conversation) {
    const std::string request = conversation.read_request();
    {
      const std::lock_guard lock(mutex);
      exchanged = request;
    }
    conversation.write(test::http_answer(200,
                                         R"({"access_token":"sandbox-token","expires_in":3600})",
                                         "Content-Type: application/json\r\n"));
  });
  // The plugin as it is, but for its name and this.
  const Workspace plugins;
  std::string manifest = read_file(data_path("") + "../../manifests/linkedin_audiences.yaml");
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = manifest.find(from);
    REQUIRE(at != std::string::npos);
    manifest.replace(at, from.size(), to);
  };
  replace("name: linkedin_audiences", "name: linkedin_pkce");
  replace("  type: oauth2\n", "  type: oauth2\n  pkce: true\n");
  const std::string path = plugins.write("linkedin_pkce.yaml", manifest);
  std::filesystem::create_symlink(std::string(PENSTOCK_PLUGIN_DIR) + "/linkedin_audiences.so",
                                  plugins.path("linkedin_audiences.so"));

  Sandbox sandbox;
  REQUIRE(sandbox.start().ok());
  const Crowd crowd({10, 10, 1, 0, 1, true});
  const Workspace workspace;
  const std::string pipeline =
      stdin_pipeline(workspace, sandbox, crowd,
                     "    authorize_url: " + sandbox.api_url() +
                         "/oauth/v2/authorization\n    token_url: " + tokens.url("/token") + "\n");
  std::string text = read_file(pipeline);
  for (std::size_t at = text.find("plugin: linkedin_audiences"); at != std::string::npos;
       at = text.find("plugin: linkedin_audiences"))
    text.replace(at, 26, "plugin: linkedin_pkce");
  std::ofstream(pipeline) << text;

  Process login(workspace, penstock_arguments({"auth", "login", pipeline, "--timeout", "60s"}),
                {{"PENSTOCK_PLUGIN_PATH", path.substr(0, path.rfind('/'))}});
  const std::string url = login_address(login);
  CHECK_THAT(url, Catch::Contains("&code_challenge_method=S256"));
  const std::string challenge = word_after(url, "&code_challenge=");
  CHECK_THAT(browse(word_after(browse(url), "Location:")), Catch::Contains("200 OK"));
  const Finished finished = login.wait();
  INFO(finished.err);
  CHECK(finished.exit_code == 0);
  const std::lock_guard lock(mutex);
  const std::size_t at = exchanged.find("&code_verifier=");
  REQUIRE(at != std::string::npos);
  const std::size_t begin = at + std::string("&code_verifier=").size();
  const std::string verifier = exchanged.substr(begin, exchanged.find('&', begin) - begin);
  CHECK(verifier.size() == 43);
  CHECK(challenge.substr(0, challenge.find('&')) == services::pkce_challenge(verifier));
  CHECK(finished.err.find(verifier) == std::string::npos);
  // LinkedIn takes none.
  const Place place;
  Process plain(place.workspace,
                penstock_arguments({"auth", "login", place.pipeline, "--timeout", "60s"}));
  CHECK_THAT(login_address(plain), !Catch::Contains("code_challenge"));
}

TEST_CASE("A login does not wait for the browser that it opened") {
  const Place place;
  // Says what it was given, and stays open as long as the workspace is there.
  const std::string browser = place.workspace.write(
      "xdg-open", "#!/bin/sh\necho \"$1\" >'" + place.workspace.path("opened") +
                      "'\necho noise\nwhile [ -e '" + place.workspace.path("xdg-open") +
                      "' ]; do sleep 0.1; done\n");
  REQUIRE(::chmod(browser.c_str(), 0700) == 0);
  const std::string programs =
      browser.substr(0, browser.rfind('/')) + ":" + std::string(std::getenv("PATH"));
  Process login(place.workspace,
                penstock_arguments({"auth", "login", place.pipeline, "--open", "--timeout", "60s",
                                    "--format", "json"}),
                {{"PATH", programs}});
  const std::string url = login_address(login);
  wait_until(
      [&] {
        return ::access(place.workspace.path("opened").c_str(), R_OK) == 0 &&
               place.workspace.read("opened") == url + "\n";
      },
      "the browser");
  CHECK_THAT(browse(word_after(browse(url), "Location:")), Catch::Contains("200 OK"));
  const Finished finished = login.wait();
  CHECK(finished.exit_code == 0);
  CHECK(finished.json().at("connections").contains("linkedin"));
}

TEST_CASE("auth set takes tokens as lines, as a token endpoint's reply and from the environment") {
  const Place place;
  const std::vector<std::string> set = {"auth", "set", place.pipeline};
  SECTION("lines") {
    CHECK(Typed(place.workspace, set).type("sandbox-token\nsandbox-refresh-token\n").exit_code ==
          0);
  }
  SECTION("JSON") {
    const Finished finished =
        Typed(place.workspace, set)
            .type(R"({"access_token":"sandbox-token","refresh_token":"sandbox-refresh-token",)"
                  R"("expires_in":864000,"refresh_token_expires_in":864000})");
    CHECK(finished.exit_code == 0);
    // It ends within the 30 days of which people are told.
    CHECK(run_penstock(place.workspace, {"auth", "status", place.pipeline}).exit_code == 77);
  }
  SECTION("environment") {
    CHECK(run_penstock(place.workspace, {"auth", "set", place.pipeline, "--from-env"},
                       {{"PENSTOCK_ACCESS_TOKEN", "sandbox-token"},
                        {"PENSTOCK_REFRESH_TOKEN", "sandbox-refresh-token"}})
              .exit_code == 0);
  }
  CHECK(place.stored().at("access_token") == "sandbox-token");
  CHECK(place.stored().at("refresh_token") == "sandbox-refresh-token");
  CHECK(place.stored().at("origin") == "set");
}

TEST_CASE("A login that ends within days is an issue of the report and of status") {
  Place place;
  REQUIRE(place.sandbox.change_behaviour({{"segment_ready_ms", 0}}).ok());
  REQUIRE(Typed(place.workspace, {"auth", "set", place.pipeline})
              .type(R"({"access_token":"sandbox-token","refresh_token":"sandbox-refresh-token",)"
                    R"("expires_in":86400,"refresh_token_expires_in":432000})")
              .exit_code == 0);
  std::string events;
  place.crowd.append_lines(10, events);
  const Finished run =
      Typed(place.workspace, {"run", place.pipeline, "--format", "json"}).type(events);
  CHECK(run.exit_code == 0);
  CHECK_THAT(run.out, Catch::Contains("refresh_token_expires_soon") &&
                          Catch::Contains("penstock auth login " + place.pipeline));
  CHECK_THAT(run_penstock(place.workspace, {"status", place.pipeline}).out,
             Catch::Contains("refresh_token_expires_soon"));
}

TEST_CASE("A login asks for the scopes that the connection names") {
  const Place place("    scopes: [rw_dmp_segments]\n");
  CHECK(log_in(place.workspace, place.pipeline).exit_code == 0);
  CHECK(place.stored().at("scopes") == nlohmann::json{"rw_dmp_segments"});
}

}  // namespace penstock::e2e
