// Guards penstock.http/1: what is sent, what is refused, and what each way in which a server can
// fail is called.
#include "services/http.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "http_fixture.hpp"
#include "services/http_rules.hpp"

using namespace penstock;
using namespace penstock::services;
using namespace penstock::test;

TEST_CASE("A request arrives with method, path, headers and all parts of the body in order") {
  ScriptedServer server(echo);
  World world;
  Request request = post(server.url("/rest/x?q=1"), {"{\"elements\":[", "", "1,2", "]}"});
  request.headers = {{"X-Restli-Protocol-Version", "2.0.0"},
                     {"Content-Type", "application/json"},
                     {"X-Empty", ""}};
  const Answer answer = execute(world.connection, request);
  REQUIRE(answer.result == PENSTOCK_OK);
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, Catch::StartsWith("POST /rest/x?q=1 HTTP/1.1\r\n"));
  CHECK_THAT(answer.body, Catch::Contains("\r\nX-Restli-Protocol-Version: 2.0.0\r\n"));
  CHECK_THAT(answer.body, Catch::Contains("\r\nContent-Type: application/json\r\n"));
  CHECK_THAT(answer.body, Catch::Contains("\r\nX-Empty:\r\n"));
  CHECK_THAT(answer.body, Catch::Contains("\r\nContent-Length: 18\r\n"));
  CHECK_THAT(answer.body, Catch::Contains("\r\nUser-Agent: penstock/"));
  CHECK_THAT(answer.body, !Catch::Contains("Expect:"));
  CHECK_THAT(answer.body, !Catch::Contains("Authorization:"));
  CHECK_THAT(answer.body, Catch::EndsWith("\r\n\r\n{\"elements\":[1,2]}"));
}

TEST_CASE("Every method arrives as itself, with a body where there is one") {
  ScriptedServer server(echo);
  World world;
  for (const std::string method : {"GET", "PUT", "PATCH", "DELETE", "POST"}) {
    CAPTURE(method);
    Request request = get(server.url("/m"));
    request.method = method;
    CHECK_THAT(execute(world.connection, request).body,
               Catch::StartsWith(method + " /m HTTP/1.1\r\n"));
    request.body = {"payload"};
    const Answer answer = execute(world.connection, request);
    CHECK_THAT(answer.body, Catch::StartsWith(method + " /m HTTP/1.1\r\n"));
    CHECK_THAT(answer.body, Catch::EndsWith("\r\n\r\npayload"));
    CHECK_THAT(answer.body, !Catch::Contains("x-www-form-urlencoded"));
  }
}

TEST_CASE("A large body in many parts arrives whole") {
  std::atomic<std::size_t> received{0};
  ScriptedServer server([&](Conversation& conversation) {
    received = conversation.read_request().size();
    conversation.write(http_answer(200, ""));
  });
  World world;
  const std::vector<std::string> parts(5'000, std::string(1'000, 'x'));
  REQUIRE(execute(world.connection, post(server.url("/"), parts)).result == PENSTOCK_OK);
  CHECK(received > 5'000'000);
  CHECK(world.connection.counters().bytes_sent == 5'000'000);
}

TEST_CASE(
    "The names of response headers are in lower case, and an interim answer leaves none behind") {
  ScriptedServer server([](Conversation& conversation) {
    conversation.read_request();
    conversation.write("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" +
                       http_answer(201, "made", "X-RestLi-Id:  42 \r\nRetry-After: 7\r\n"));
  });
  World world;
  const Answer answer = execute(world.connection, post(server.url("/"), {"x"}));
  CHECK(answer.status == 201);
  CHECK(answer.body == "made");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"x-restli-id", "42"}, {"retry-after", "7"}, {"content-length", "4"}};
  CHECK(answer.headers == expected);
}

TEST_CASE("Requests one after the other share one connection") {
  ScriptedServer server(echo);
  World world;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(execute(world.connection, post(server.url("/"), {"x"})).result == PENSTOCK_OK);
  }
  CHECK(server.connections() == 1);
  CHECK(world.connection.counters().requests == 5);
}

TEST_CASE("AUTHORIZE adds the token, which no redirect carries elsewhere") {
  ScriptedServer elsewhere(echo);
  ScriptedServer server([&](Conversation& conversation) {
    const std::string request = conversation.read_request();
    conversation.write(http_answer(307, request, "Location: " + elsewhere.url("/") + "\r\n"));
  });
  World world(options_with_token());
  Request request = post(server.url("/"), {"x"});
  request.flags = PENSTOCK_HTTP_AUTHORIZE;
  const Answer answer = execute(world.connection, request);
  CHECK(answer.status == 307);
  CHECK_THAT(answer.body,
             Catch::Contains(std::string("\r\nAuthorization: Bearer ") + kToken + "\r\n"));
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("AUTHORIZE without a usable token is ERR_AUTH and says what to set") {
  Request request = post("https://api.example.com/", {"x"});
  request.flags = PENSTOCK_HTTP_AUTHORIZE;
  HttpOptions options;
  SECTION("a connection without a token") {
    options.connection = "linkedin";
    World world(options);
    const Answer answer = execute(world.connection, request);
    CHECK(answer.result == PENSTOCK_ERR_AUTH);
    CHECK_THAT(answer.message, Catch::Contains("Connection linkedin has no access token") &&
                                   Catch::Contains("connections.linkedin.access_token"));
  }
  SECTION("no connection") {
    World world(options);
    CHECK_THAT(execute(world.connection, request).message, Catch::Contains("names no connection"));
  }
  SECTION("a token with a line end, as a file gives it") {
    options.connection = "linkedin";
    options.access_token = Secret(std::string(kToken) + "\r\nX-Evil: 1");
    World world(options);
    const Answer answer = execute(world.connection, request);
    CHECK(answer.result == PENSTOCK_ERR_AUTH);
    CHECK_THAT(answer.message, Catch::Contains("line ends"));
  }
}

TEST_CASE("Requests that break the rules are refused before anything is sent") {
  struct Case {
    const char* name;
    std::function<void(Request&)> spoil;
    const char* says;
  };
  const std::vector<Case> cases = {
      {"plain http", [](Request& r) { r.url = "http://api.example.com/"; },
       "plain http to api.example.com:80"},
      {"name that begins like loopback",
       [](Request& r) { r.url = "http://127.0.0.1.example.com/"; }, "plain http"},
      {"loopback as user name", [](Request& r) { r.url = "http://127.0.0.1@example.com/"; },
       "plain http"},
      {"password in URL", [](Request& r) { r.url = "https://u:hunter2@example.com/"; },
       "user name or password"},
      {"file URL", [](Request& r) { r.url = "file:///etc/passwd"; }, "only https"},
      {"no URL", [](Request& r) { r.url = "not a url"; }, "blanks"},
      {"relative URL", [](Request& r) { r.url = "/rest/x"; }, "https://host/path"},
      {"line end in URL", [](Request& r) { r.url += "\r\nX-Evil: 1"; }, "control characters"},
      {"line end in header",
       [](Request& r) {
         r.headers = {{"X-A", "1\r\nX-Evil: 1"}};
       },
       "\"x-a\""},
      {"header without name",
       [](Request& r) {
         r.headers = {{"", "1"}};
       },
       "header's name"},
      {"colon in header name",
       [](Request& r) {
         r.headers = {{"X: 1\r\nY", "1"}};
       },
       "header's name"},
      {"own length",
       [](Request& r) {
         r.headers = {{"Content-Length", "1"}};
       },
       "set by the host"},
      {"own encoding",
       [](Request& r) {
         r.headers = {{"Transfer-Encoding", "chunked"}};
       },
       "set by the host"},
      {"blank in method", [](Request& r) { r.method = "GET /x"; }, "method"},
      {"unknown rate", [](Request& r) { r.rate = "user"; }, "companies, users"},
      {"two authorizations",
       [](Request& r) {
         r.flags = PENSTOCK_HTTP_AUTHORIZE;
         r.headers = {{"authorization", "x"}};
       },
       "leave one out"},
  };
  HttpOptions options = options_with_token();
  options.rates = {{"users", {600, std::chrono::seconds(60)}},
                   {"companies", {300, std::chrono::seconds(60)}}};
  World world(options);
  for (const Case& one : cases) {
    DYNAMIC_SECTION(one.name) {
      Request request = post("https://127.0.0.1:" + std::to_string(closed_port()) + "/", {"x"});
      one.spoil(request);
      const Answer answer = execute(world.connection, request);
      CHECK(answer.result == PENSTOCK_ERR_INVALID);
      CHECK_THAT(answer.message, Catch::Contains(one.says));
      CHECK_THAT(answer.message, !Catch::Contains("hunter2"));
    }
  }
}

TEST_CASE("Loopback is known by all its names, and by nothing else") {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"}) {
    CAPTURE(host);
    CHECK(is_loopback(host));
  }
  for (const char* host : {"localhost.example.com", "127.0.0.1.example.com", "128.0.0.1", "[::2]",
                           "0.0.0.0", "", "10.0.0.1"}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("Each way in which a transfer can fail has its own status and says what to do") {
  World world;
  SECTION("nobody listens") {
    const std::string port = std::to_string(closed_port());
    const Answer answer =
        execute(world.connection, get("http://127.0.0.1:" + port + "/secret?token=hunter2"));
    CHECK(answer.result == PENSTOCK_ERR_CONNECT);
    CHECK(
        answer.message ==
        "Could not connect to 127.0.0.1:" + port +
            ": connection refused. Is the service running, and is the URL in the settings right?");
    CHECK(world.connection.counters().requests == 0);
  }
  SECTION("no such host") {
    const Answer answer = execute(world.connection, get("https://no-such-host.invalid/"));
    CHECK(answer.result == PENSTOCK_ERR_CONNECT);
    CHECK_THAT(answer.message, Catch::Contains("no-such-host.invalid"));
  }
  SECTION("the server speaks no TLS") {
    ScriptedServer server([](Conversation& conversation) { conversation.write("hello\r\n\r\n"); });
    const Answer answer =
        execute(world.connection, get("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
    CHECK(answer.result == PENSTOCK_ERR_CONNECT);
    CHECK(answer.reason == "tls_failed");
  }
  SECTION("closed before an answer") {
    ScriptedServer server([](Conversation& conversation) { conversation.read_request(); });
    const Answer answer = execute(world.connection, post(server.url("/"), {"x"}));
    CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
    CHECK(answer.reason == "no_response");
    CHECK_THAT(answer.message, Catch::Contains("may have been carried out"));
    CHECK(server.connections() == 1);
  }
  SECTION("reset before an answer") {
    ScriptedServer server([](Conversation& conversation) {
      conversation.read_request();
      conversation.reset_on_close();
    });
    CHECK(execute(world.connection, post(server.url("/"), {"x"})).result == PENSTOCK_ERR_TRANSPORT);
    CHECK(server.connections() == 1);
  }
  SECTION("closed in the middle of the answer") {
    ScriptedServer server([](Conversation& conversation) {
      conversation.read_request();
      conversation.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    });
    const Answer answer = execute(world.connection, post(server.url("/"), {"x"}));
    CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
    CHECK(answer.reason == "connection_lost");
  }
  SECTION("an answer that is not HTTP") {
    ScriptedServer server([](Conversation& conversation) {
      conversation.read_request();
      conversation.write("220 mail.example.com ESMTP\r\n\r\n");
    });
    const Answer answer = execute(world.connection, post(server.url("/"), {"x"}));
    CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
    CHECK(answer.reason == "not_http");
  }
  SECTION("an answer without end") {
    ScriptedServer server([](Conversation& conversation) {
      conversation.read_request();
      conversation.write("HTTP/1.1 200 OK\r\n\r\n");
      const std::string block(1024 * 1024, 'x');
      while (conversation.write(block)) {
      }
    });
    const Answer answer = execute(world.connection, post(server.url("/"), {"x"}));
    CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
    CHECK_THAT(answer.message, Catch::Contains("larger than 64 MiB"));
  }
  CHECK(world.connection.counters().transport_errors == 1);
}

TEST_CASE("A connection that dies in the pool costs a GET nothing and a POST no second sending") {
  std::atomic<int> requests{0};
  ScriptedServer server([&](Conversation& conversation) {
    if (conversation.read_request().empty()) return;  // a connection that nothing was sent on
    ++requests;
    conversation.write(http_answer(200, "first"));
    // The next request on this connection is read, and then there is no answer.
    if (!conversation.read_request().empty()) ++requests;
  });
  World world;
  REQUIRE(execute(world.connection, get(server.url("/"))).result == PENSTOCK_OK);
  SECTION("GET") {
    CHECK(execute(world.connection, get(server.url("/"))).result == PENSTOCK_OK);
    CHECK(requests == 3);
  }
  SECTION("POST") {
    CHECK(execute(world.connection, post(server.url("/"), {"x"})).result == PENSTOCK_ERR_TRANSPORT);
    CHECK(requests == 2);
  }
  SECTION("POST without a body") {
    CHECK(execute(world.connection, post(server.url("/"), {})).result == PENSTOCK_ERR_TRANSPORT);
    CHECK(requests == 2);
  }
}

TEST_CASE(
    "A server that does not answer is ERR_TIMEOUT, by the deadline or the connection's timeout") {
  ScriptedServer server([](Conversation& conversation) { conversation.wait_for_close(); });
  SECTION("deadline") {
    World world;
    Request request = post(server.url("/"), {"x"});
    request.deadline_ns = world.in(std::chrono::milliseconds(60));
    const Answer answer = execute(world.connection, request);
    CHECK(answer.result == PENSTOCK_ERR_TIMEOUT);
    CHECK_THAT(answer.message, Catch::Contains("No complete answer from 127.0.0.1:"));
  }
  SECTION("timeout") {
    HttpOptions options;
    options.timeout = std::chrono::milliseconds(60);
    World world(options);
    CHECK(execute(world.connection, post(server.url("/"), {"x"})).result == PENSTOCK_ERR_TIMEOUT);
  }
  SECTION("a deadline that has passed sends nothing") {
    World world;
    Request request = post(server.url("/"), {"x"});
    request.deadline_ns = world.in(std::chrono::nanoseconds(0));
    CHECK(execute(world.connection, request).result == PENSTOCK_ERR_TIMEOUT);
    CHECK(server.connections() == 0);
  }
}

TEST_CASE("Answers 429 are counted and are no transport error") {
  ScriptedServer server([](Conversation& conversation) {
    conversation.read_request();
    conversation.write(http_answer(429, "slow down"));
  });
  World world;
  CHECK(execute(world.connection, post(server.url("/"), {"x"})).status == 429);
  CHECK(world.connection.counters().throttled == 1);
  CHECK(world.connection.counters().transport_errors == 0);
}

TEST_CASE("Many threads share one connection object") {
  ScriptedServer server(echo);
  HttpOptions options;
  options.rates = {{"users", {100'000, std::chrono::seconds(1)}}};
  World world(options);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        Request request = post(server.url("/"), {std::to_string(thread * 100 + i)});
        request.rate = "users";
        penstock_error error{};
        error.struct_size = sizeof error;
        const penstock_str body = str(request.body[0]);
        penstock_http_request raw{};
        raw.struct_size = sizeof raw;
        raw.method = str(request.method);
        raw.url = str(request.url);
        raw.rate = str(request.rate);
        raw.n_body = 1;
        raw.body = &body;
        raw.deadline_ns = request.deadline_ns;
        Answer answer;
        if (world.connection.execute(raw, keep_response, &answer, &error) == PENSTOCK_OK &&
            answer.body.substr(answer.body.find("\r\n\r\n") + 4) == request.body[0]) {
          ++good;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 200);
  CHECK(world.connection.counters().requests == 200);
  CHECK(server.connections() <= 8);
}
