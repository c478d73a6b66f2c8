// Guards proxies of the environment: which requests take one, and what is said of one that fails.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "http_fixture.hpp"

using namespace penstock;
using namespace penstock::services;
using namespace penstock::test;

TEST_CASE("A proxy of the environment serves https, and never loopback") {
  Event asked;
  ScriptedServer proxy([&](Conversation& conversation) {
    if (conversation.read_head().rfind("CONNECT api.example.com:443 ", 0) == 0) asked.set();
    conversation.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  ScriptedServer server(echo);
  for (const char* name : {"https_proxy", "http_proxy", "all_proxy"})
    setenv(name, proxy.url("").c_str(), 1);
  {
    World world;
    CHECK(execute(world.connection, post(server.url("/"), {"x"})).result == PENSTOCK_OK);
    CHECK(proxy.connections() == 0);
    CHECK(execute(world.connection, get("https://api.example.com/")).result ==
          PENSTOCK_ERR_CONNECT);
    CHECK(asked.wait());
  }
  for (const char* name : {"https_proxy", "http_proxy", "all_proxy"}) unsetenv(name);
}

namespace {

// The environment with one variable, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

void check_names(const std::string& message, const char* variable, const std::string& place) {
  INFO(message);
  CHECK_THAT(message, Catch::Contains(place));
  CHECK_THAT(message, Catch::Contains(variable));
  CHECK_THAT(message, Catch::Contains("api.example.com"));
  for (const char* secret : {"hunter2", "proxyuser", "@"})
    CHECK_THAT(message, !Catch::Contains(secret));
}

}  // namespace

TEST_CASE("A proxy that is dead is named with its variable, and its password is not") {
  World world;
  const auto failed = [&](const char* variable, const std::string& value) {
    const Variable set(variable, value);
    const Answer answer = execute(world.connection, get("https://api.example.com/"));
    CHECK(answer.result == PENSTOCK_ERR_CONNECT);
    CHECK(answer.reason == "proxy_failed");
    return answer.message;
  };
  const std::string dead = "127.0.0.1:" + std::to_string(closed_port());
  for (const char* variable : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const std::string message = failed(variable, "http://proxyuser:hunter2@" + dead + "/");
    check_names(message, variable, dead);
    CHECK_THAT(message, Catch::Contains("connection refused"));
  }
  check_names(failed("https_proxy", "proxyuser:hunter2@" + dead), "https_proxy", dead);
  check_names(failed("https_proxy", "http://proxyuser:hunter2@no-such-proxy.invalid:3128"),
              "https_proxy", "no-such-proxy.invalid:3128");
  // Nothing that can be a proxy; libcurl quotes all of it.
  check_names(failed("https_proxy", "gopher://proxyuser:hunter2@proxy.example.com:70"),
              "https_proxy", "proxy.example.com:70");
  check_names(failed("https_proxy", "http://proxyuser:hunter2@proxy.example.com:99999"),
              "https_proxy", "proxy.example.com:99999");
}

TEST_CASE("What a proxy answers is said, and whether it wants a password") {
  for (const auto& [status, words] :
       {std::pair{407, "answers 407, so it wants a user name"}, std::pair{503, "answers 503"}}) {
    ScriptedServer proxy([answered = status](Conversation& conversation) {
      conversation.read_head();
      conversation.write(http_answer(answered, ""));
    });
    const Variable set("https_proxy", proxy.url(""));
    World world;
    const Answer answer = execute(world.connection, get("https://api.example.com/"));
    CHECK(answer.reason == "proxy_failed");
    CHECK_THAT(answer.message, Catch::Contains(words));
    check_names(answer.message, "https_proxy", "127.0.0.1:" + std::to_string(proxy.port()));
  }
}

TEST_CASE("A proxy that accepts and says nothing is named") {
  Event over;
  ScriptedServer proxy([&](Conversation& conversation) {
    conversation.read_head();
    over.wait();
  });
  const Variable set("https_proxy", proxy.url(""));
  HttpOptions options;
  options.timeout = std::chrono::milliseconds(300);
  World world(options);
  const Answer answer = execute(world.connection, get("https://api.example.com/"));
  over.set();
  check_names(answer.message, "https_proxy", "127.0.0.1:" + std::to_string(proxy.port()));
}

TEST_CASE("A host that no_proxy excepts is reached without the proxy, and none is blamed") {
  const Variable set("https_proxy", "http://127.0.0.1:" + std::to_string(closed_port()));
  const Variable except("no_proxy", "no-such-host.invalid");
  World world;
  const Answer answer = execute(world.connection, get("https://no-such-host.invalid/"));
  CHECK(answer.reason == "resolve_failed");
  CHECK_THAT(answer.message, !Catch::Contains("proxy"));
}
