// Guards how much of answers is read, and what ends a request early: a cancel, or its rate.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "http_fixture.hpp"

using namespace penstock;
using namespace penstock::services;
using namespace penstock::test;

TEST_CASE("Of an answer to a delivery no more than 8 MiB are read") {
  ScriptedServer server([](Conversation& conversation) {
    conversation.read_request();
    conversation.write("HTTP/1.1 200 OK\r\n\r\n");
    const std::string block(1024 * 1024, 'x');
    while (conversation.write(block)) {
    }
  });
  World world;
  penstock_batch batch{};
  batch.struct_size = sizeof batch;
  batch.cancelled = [](void*) -> std::uint32_t { return 0; };
  Request request = post(server.url("/"), {"x"});
  request.batch = &batch;
  const Answer answer = execute(world.connection, request);
  CHECK(answer.result == PENSTOCK_ERR_TRANSPORT);
  CHECK(answer.reason == "response_too_large");
  CHECK_THAT(answer.message, Catch::Contains("larger than 8 MiB"));
}

TEST_CASE("Answers that are read at once hold 64 MiB together, and give that back") {
  constexpr std::size_t kMebibyte = 1024 * 1024;
  std::atomic<int> requests{0};
  // The first two answers stop after 40 MiB without an end; the third one has one.
  ScriptedServer server([&](Conversation& conversation) {
    conversation.read_request();
    const bool ends = ++requests > 2;
    conversation.write("HTTP/1.1 200 OK\r\nContent-Length: " +
                       std::to_string((ends ? 40 : 41) * kMebibyte) + "\r\n\r\n");
    const std::string block(kMebibyte, 'x');
    for (int i = 0; i < 40 && conversation.write(block); ++i) {
    }
    if (!ends) conversation.wait_for_close();
  });
  const std::string url = server.url("/");
  {
    World world;
    std::string other_reason;
    // Whichever of the two has no room ends the other.
    std::thread other([&] {
      penstock_http_request request{};
      request.struct_size = sizeof request;
      request.method = str("GET");
      request.url = str(url);
      request.deadline_ns = std::numeric_limits<std::int64_t>::max();
      penstock_error error{};
      error.struct_size = sizeof error;
      Answer ignored;
      const penstock_http* http = world.connection.table();
      http->execute(http->ctx, &request, keep_response, &ignored, &error);
      other_reason = error.reason;
      world.connection.cancel_all();
    });
    const Answer answer = execute(world.connection, get(url));
    world.connection.cancel_all();
    other.join();
    CHECK((answer.reason == "no_memory_for_response" || other_reason == "no_memory_for_response"));
  }
  World world;
  const Answer third = execute(world.connection, get(url));
  CHECK(third.result == PENSTOCK_OK);
  CHECK(third.body.size() == 40 * kMebibyte);
}

TEST_CASE("A batch that is cancelled, or cancel_all, ends a transfer at once") {
  Event asked;
  ScriptedServer server([&](Conversation& conversation) {
    conversation.read_head();
    asked.set();
    conversation.wait_for_close();
  });
  World world;
  std::atomic<std::uint32_t> flag{0};
  penstock_batch batch{};
  batch.struct_size = sizeof batch;
  batch.ctx = &flag;
  batch.cancelled = [](void* ctx) -> std::uint32_t {
    return *static_cast<std::atomic<std::uint32_t>*>(ctx);
  };
  Request request = post(server.url("/"), {"x"});
  request.batch = &batch;
  Answer answer;
  std::thread sender([&] { answer = execute(world.connection, request); });
  REQUIRE(asked.wait());
  const bool by_batch = GENERATE(true, false);
  const std::int64_t start = world.clock.monotonic_ns();
  if (by_batch) {
    flag = 1;
  } else {
    world.connection.cancel_all();
  }
  sender.join();
  CHECK(answer.result == PENSTOCK_ERR_CANCELLED);
  CHECK_THAT(answer.message, Catch::Contains("may have been carried out"));
  CHECK(world.clock.monotonic_ns() - start < 2'000'000'000);
  if (!by_batch)
    CHECK(execute(world.connection, post(server.url("/"), {})).result == PENSTOCK_ERR_CANCELLED);
}

TEST_CASE(
    "Requests wait for their rate; a turn after the deadline is ERR_TIMEOUT at once and takes no "
    "place") {
  ScriptedServer server(echo);
  HttpOptions options;
  options.rates = {{"users", {2, std::chrono::seconds(3600)}},
                   {"other", {1, std::chrono::milliseconds(200)}}};
  World world(options);
  Request request = post(server.url("/"), {"x"});
  request.rate = "users";
  request.deadline_ns = world.in(std::chrono::seconds(60));
  CHECK(execute(world.connection, request).result == PENSTOCK_OK);
  CHECK(execute(world.connection, request).result == PENSTOCK_OK);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = execute(world.connection, request);
    CHECK(answer.result == PENSTOCK_ERR_TIMEOUT);
    CHECK_THAT(answer.message, Catch::Contains("rate limit"));
  }
  CHECK(world.connection.counters().requests == 2);
  request.rate = "other";
  const std::int64_t start = world.clock.monotonic_ns();
  CHECK(execute(world.connection, request).result == PENSTOCK_OK);
  CHECK(execute(world.connection, request).result == PENSTOCK_OK);
  CHECK(world.clock.monotonic_ns() - start >= 200'000'000);
}

TEST_CASE("cancel_all ends the wait for a rate") {
  ScriptedServer server(echo);
  HttpOptions options;
  options.rates = {{"users", {1, std::chrono::seconds(3600)}}};
  World world(options);
  Request request = post(server.url("/"), {"x"});
  request.rate = "users";
  REQUIRE(execute(world.connection, request).result == PENSTOCK_OK);
  std::thread sender([&] {
    const Answer answer = execute(world.connection, request);
    CHECK(answer.result == PENSTOCK_ERR_CANCELLED);
    CHECK_THAT(answer.message, Catch::Contains("nothing was sent"));
  });
  world.connection.cancel_all();
  sender.join();
}
