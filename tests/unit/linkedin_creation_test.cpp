// Guards the creation of a segment whose end is not known, or that conflicts with what is there.
#include <catch2/catch.hpp>

#include "linkedin_segments_fixture.hpp"

namespace penstock::linkedin {

TEST_CASE("a creation whose answer was lost is looked for before another is made") {
  const HttpReply lost[] = {HttpReply::failure(PENSTOCK_ERR_TRANSPORT),
                            HttpReply::failure(PENSTOCK_ERR_TIMEOUT),
                            answer(502, "<html>bad gateway</html>"), answer(201, "")};
  for (const HttpReply& reply : lost) {
    CAPTURE(reply.result, reply.status);
    const auto host = make_host();
    host->reply(answer(200, found("", 0)));
    host->reply(reply);
    SendResult result = send_one(*host);
    CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
    CHECK(result.outcomes[0].retry_after_ms == 5000);

    // The finder lags: the segment exists, but is not found yet.
    host->advance_ms(1000);
    host->reply(answer(200, found("", 0)));
    result = send_one(*host, 1);
    CHECK(result.outcomes[0].reason == "segment_create_unconfirmed");
    CHECK(result.outcomes[0].retry_after_ms == 5000);

    // For longer than a new segment needs, and shorter than another is waited with.
    host->advance_ms(110'000);
    host->reply(answer(200, found("", 0)));
    result = send_one(*host, 2);
    CHECK(result.outcomes[0].reason == "segment_create_unconfirmed");
    CHECK(result.outcomes[0].retry_after_ms == 9000);  // all that is left of two minutes

    host->advance_ms(5000);
    host->reply(answer(200, found(segment("55", "1790000000000"), 1)));
    host->reply(delivered(1));
    CHECK(send_one(*host, 3).outcomes[0].status == PENSTOCK_DELIVERED);
    CHECK(methods(*host) == Strings{"find", "create", "find", "find", "find", "users"});
  }
}

TEST_CASE(
    "the wait after a lost creation counts from when it was given up, however long that took") {
  const auto host = make_host();
  host->on_request([&host](const HttpExchange& request) {
    if (request.method != "POST") return answer(200, found("", 0));
    host->advance_ms(30'000);  // the request's whole time
    return HttpReply::failure(PENSTOCK_ERR_TIMEOUT);
  });
  const SendResult result = send_one(*host);
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].retry_after_ms == 5000);
  host->advance_ms(119'000);
  CHECK(send_one(*host, 1).outcomes[0].reason == "segment_create_unconfirmed");
  host->advance_ms(1'000);
  host->on_request([](const HttpExchange& request) {
    return request.method == "POST" ? created("1") : answer(200, found("", 0));
  });
  CHECK(send_one(*host, 2).outcomes[0].reason == "segment_not_ready");
}

TEST_CASE("how long a creation is waited with before it is repeated can be set") {
  const auto host = make_host({{"create_again_after", 7000}});
  host->reply(answer(200, found("", 0)));
  host->reply(HttpReply::failure(PENSTOCK_ERR_TIMEOUT));
  (void)send_one(*host);
  host->advance_ms(7000);
  host->reply(answer(200, found("", 0)));
  host->reply(created("1"));
  CHECK(send_one(*host, 1).outcomes[0].reason == "segment_not_ready");
}

TEST_CASE("a creation that a crash interrupted is not repeated at once after the restart") {
  std::map<std::string, std::string> stored;
  {
    const auto host = make_host();
    host->on_request([&](const HttpExchange& request) {
      if (request.method == "GET") return answer(200, found("", 0));
      stored = host->stored();  // what the disk holds while the request is under way
      return created("1");
    });
    (void)send_one(*host);
  }
  const auto host = make_host();
  host->set_stored(stored);
  host->reply(answer(200, found("", 0)));
  CHECK(send_one(*host).outcomes[0].reason == "segment_create_unconfirmed");
  host->advance_ms(120'000);
  host->reply(answer(200, found("", 0)));
  host->reply(created("2"));
  CHECK(send_one(*host).outcomes[0].reason == "segment_not_ready");
}

TEST_CASE("a creation that never arrived is repeated without a pause") {
  const HttpReply refused[] = {HttpReply::failure(PENSTOCK_ERR_CONNECT),
                               answer(429, R"({"message":"Resource level throttle limit"})")};
  for (const HttpReply& reply : refused) {
    const auto host = make_host();
    host->reply(answer(200, found("", 0)));
    host->reply(reply);
    (void)send_one(*host);
    host->reply(answer(200, found("", 0)));
    host->reply(created("1"));
    CHECK(send_one(*host, 1).outcomes[0].reason == "segment_not_ready");
  }
}

TEST_CASE("a conflict on creation leads back to the finder") {
  const auto host = make_host({{"segment_ready_after", 0}});
  host->reply(answer(200, found("", 0)));
  host->reply(answer(409, R"({"status":409,"message":"exists"})"));
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("a lost answer to a creation is a warning at once, and said once") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(HttpReply::failure(PENSTOCK_ERR_TIMEOUT));
  (void)send_one(*host);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].level == PENSTOCK_LOG_WARNING);
  CHECK(host->notices()[0].code == "audience_unconfirmed");
  CHECK(host->notices()[0].message.find("\"Trial users\" may or may not") != std::string::npos);
  CHECK(host->notices()[0].message.size() < sizeof(penstock_error::message) - 1);

  // Said once, and again when another creation is lost later.
  host->advance_ms(5'000);
  host->reply(answer(200, found("", 0)));
  (void)send_one(*host, 1);
  CHECK(host->notices().size() == 1);
  host->advance_ms(115'000);
  host->reply(answer(200, found("", 0)));
  host->reply(answer(400, ""));
  CHECK(send_one(*host, 2).outcomes[0].reason == "segment_refused");
  host->reply(answer(200, found("", 0)));
  host->reply(HttpReply::failure(PENSTOCK_ERR_TIMEOUT));
  (void)send_one(*host, 3);
  CHECK(host->notices().size() == 2);
}

TEST_CASE("a creation whose end is not known is looked up ever more rarely") {
  const auto host = make_host({{"segment_ready_after", 0}, {"create_again_after", 600'000}});
  host->reply(answer(200, found("", 0)));
  host->reply(HttpReply::failure(PENSTOCK_ERR_TIMEOUT));
  std::int64_t pause_ms = send_one(*host).outcomes[0].retry_after_ms;
  CHECK(pause_ms == 1'000);
  std::vector<std::int64_t> pauses;
  std::int64_t waited_ms = 0;
  while (waited_ms + pause_ms < 600'000) {
    host->advance_ms(pause_ms);
    waited_ms += pause_ms;
    host->reply(answer(200, found("", 0)));
    const SendResult result = send_one(*host, 1);
    REQUIRE(result.outcomes[0].reason == "segment_create_unconfirmed");
    pause_ms = result.outcomes[0].retry_after_ms;
    pauses.push_back(pause_ms);
  }
  REQUIRE(pauses.size() > 6);
  CHECK(std::vector<std::int64_t>(pauses.begin(), pauses.begin() + 6) ==
        std::vector<std::int64_t>{1'000, 2'000, 4'000, 8'000, 16'000, 30'000});
  CHECK(pauses.size() < 30);
}

TEST_CASE("an older audience that a conflict on creation tells of is written to at once") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));  // the finder lagged
  host->reply(answer(409, ""));
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(methods(*host) == Strings{"find", "create", "find", "users"});
}

TEST_CASE("a conflict with what LinkedIn does not show yet is looked up again within a second") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(answer(409, R"({"status":409,"message":"exists"})"));
  host->reply(answer(200, found("", 0)));
  host->reply(answer(200, found("", 0)));
  const auto outcome = send_one(*host).outcomes[0];
  CHECK(outcome.status == PENSTOCK_RETRY);
  CHECK(outcome.reason == "segment_conflict");
  CHECK(outcome.retry_after_ms == 1'000);
  CHECK(outcome.message.find("\"Trial users\" exists already") != std::string::npos);
  host->advance_ms(1'000);
  host->reply(answer(200, found("", 0)));
  CHECK(send_one(*host, 1).outcomes[0].reason == "segment_conflict");
  // It is known to exist: there is nothing to warn of.
  CHECK(host->notices().empty());
  host->advance_ms(1'000);
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  CHECK(send_one(*host, 1).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("a conflict with an audience of another type holds up the audience and names both") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(answer(409, R"({"status":409,"message":"exists"})"));
  host->reply(answer(200, found("", 0)));
  host->reply(
      answer(200, found(segment("55", "1600000000000", "trial_users", "USER_LIST_UPLOAD"), 1)));
  const auto outcome = send_one(*host).outcomes[0];
  CHECK(outcome.status == PENSTOCK_BLOCKED);
  CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
  CHECK(outcome.reason == "segment_of_other_type");
  for (const char* word : {"segment 55", "USER_LIST_UPLOAD", "Trial users"})
    CHECK(outcome.message.find(word) != std::string::npos);
  CHECK(host->stored().empty());
}

TEST_CASE("a conflict with an audience of another platform holds up the audience and names both") {
  const auto host = make_host();
  std::string other = segment("55", "1600000000000");
  other.replace(other.find("DIRECT_API"), 10, "SEGMENT");
  host->reply(answer(200, found("", 0)));
  host->reply(answer(409, R"({"status":409,"message":"exists"})"));
  host->reply(answer(200, found("", 0)));
  host->reply(answer(200, found(other, 1)));
  const auto outcome = send_one(*host).outcomes[0];
  CHECK(host->requests().back().url.find("sourcePlatform") == std::string::npos);
  CHECK(outcome.status == PENSTOCK_BLOCKED);
  CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
  CHECK(outcome.reason == "segment_of_other_platform");
  for (const char* word : {"segment 55", "SEGMENT", "DIRECT_API", "source_platform"})
    CHECK(outcome.message.find(word) != std::string::npos);
  CHECK(host->stored().empty());
}

}  // namespace penstock::linkedin
