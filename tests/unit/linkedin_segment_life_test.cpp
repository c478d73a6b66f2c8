// Guards what the LinkedIn plugin does and says while segments live at LinkedIn: looked at again,
// archived, expired, failed, doubled, deleted, and refused.
#include <catch2/catch.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::int64_t kHour = 60 * 60 * 1000;

SendResult send_one(TestHost& host) {
  return host.send({element("a")}, kBatchKey);
}

std::size_t finds(const TestHost& host) {
  std::size_t count = 0;
  for (const HttpExchange& request : host.requests()) count += request.method == "GET" ? 1 : 0;
  return count;
}

// A host that has just delivered to a segment which LinkedIn shows so.
std::unique_ptr<TestHost> host_with(const std::string& segments, int count = 1) {
  auto host = make_host();
  host->reply(answer(200, found(segments, count)));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->faults().empty());
  return host;
}

}  // namespace

TEST_CASE("a segment is looked at once an hour, and batches meanwhile do not wait for it") {
  const auto host = host_with(with_status("77", "READY"));
  const std::size_t at_first = finds(*host);
  host->on_request([](const HttpExchange&) { return delivered(1); });
  host->advance_ms(kHour - 1);
  (void)send_one(*host);
  CHECK(finds(*host) == at_first);
  host->advance_ms(1);
  host->on_request([&](const HttpExchange& request) {
    if (request.method != "GET") return delivered(1);
    // While one batch asks, another goes out to the id that is known.
    CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
    return answer(200, found(with_status("77", "READY"), 1));
  });
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(finds(*host) == at_first + 1);
  CHECK(host->notices().empty());
}

TEST_CASE("a look that fails keeps nobody from writing to a segment that is known") {
  const auto host = host_with(with_status("77", "READY"));
  host->advance_ms(kHour);
  const HttpReply passing[] = {answer(500, ""),
                               HttpReply::failure(PENSTOCK_ERR_TIMEOUT),
                               answer(400, ""),
                               answer(200, "<html>"),
                               answer(429, R"({"message":"throttle limit"})"),
                               answer(429, R"({"message":"throttle APPLICATION DAY limit"})")};
  for (const HttpReply& reply : passing) {
    CAPTURE(reply.status);
    host->advance_ms(60'000);
    host->reply(reply);
    host->reply(delivered(1));
    CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  }
  host->advance_ms(60'000);
  host->reply(answer(426, ""));
  CHECK(send_one(*host).outcomes[0].reason == "api_version_inactive");
}

TEST_CASE("an archived, an expired and a failed segment are told once, and delivered to") {
  struct Case {
    const char* status;
    const char* code;
    std::int32_t level;
    const char* words;
  };
  const Case cases[] = {
      {"ARCHIVED", "audience_archived", PENSTOCK_LOG_WARNING, "add it to an active or draft"},
      {"EXPIRED", "audience_expired", PENSTOCK_LOG_ERROR, "resync the audience in Segment"},
      {"FAILED", "audience_failed", PENSTOCK_LOG_ERROR, "delete it in Campaign Manager"},
      {"ERROR", "audience_failed", PENSTOCK_LOG_ERROR, "delete it in Campaign Manager"}};
  for (const Case& c : cases) {
    CAPTURE(c.status);
    const auto host = host_with(with_status("77", c.status));
    REQUIRE(host->notices().size() == 1);
    const auto notice = host->notices()[0];
    CHECK(notice.code == c.code);
    CHECK(notice.level == c.level);
    CHECK(notice.message.find("\"Trial users\" (segment 77)") != std::string::npos);
    CHECK(notice.message.find(c.words) != std::string::npos);

    // Still so: nothing new. Over and again so: told again.
    for (const char* status : {c.status, "READY", c.status}) {
      host->advance_ms(kHour);
      host->reply(answer(200, found(with_status("77", status), 1)));
      host->reply(delivered(1));
      CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
    }
    CHECK(host->notices().size() == 2);
  }
}

TEST_CASE("a segment that is building, ready, updating or in an unknown state needs no word") {
  for (const char* status : {"BUILDING", "READY", "UPDATING", "SOMETHING_NEW"}) {
    CAPTURE(status);
    CHECK(host_with(with_status("77", status))->notices().empty());
  }
}

TEST_CASE("one notice names all audiences of which it holds") {
  const auto host = host_with(with_status("77", "EXPIRED"));
  std::string other = with_status("88", "EXPIRED");
  other.replace(other.find("trial_users"), 11, "churn_risks");
  other.replace(other.find("Trial users"), 11, "Churn risks");
  host->reply(answer(200, found(other, 1)));
  host->reply(delivered(1));
  (void)host->send({element("a")}, R"(["churn_risks","Churn risks"])");
  REQUIRE(host->notices().size() == 2);
  CHECK(host->notices()[1].message.find(
            "LinkedIn audiences \"Trial users\" (segment 77), \"Churn risks\" (segment 88) have "
            "expired") == 0);
}

TEST_CASE("of twins the oldest is used and the others are named") {
  const auto host = host_with(with_status("99", "READY", "1600000000002") + "," +
                                  with_status("77", "READY", "1600000000001"),
                              2);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_twins");
  CHECK(host->notices()[0].message.find("(segment 77) besides 99") != std::string::npos);
  CHECK(host->requests().back().url.find("/77/users") != std::string::npos);
}

TEST_CASE("a segment that was deleted is noticed by the hourly look and made again") {
  const auto host = host_with(with_status("77", "READY"));
  host->advance_ms(kHour);
  host->reply(answer(200, found("", 0)));
  host->reply(answer(404, R"({"message":"no such segment"})"));  // asked by id, to be sure
  host->reply(created("78"));
  CHECK(send_one(*host).outcomes[0].reason == "segment_not_ready");
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_deleted");
  CHECK(host->notices()[0].level == PENSTOCK_LOG_ERROR);
  host->advance_ms(5000);
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests().back().url.find("/78/users") != std::string::npos);
}

TEST_CASE("a segment that only the finder does not show is gone on with") {
  const auto host = host_with(with_status("77", "READY"));
  host->advance_ms(kHour);
  host->reply(answer(200, found("", 0)));
  host->reply(answer(200, with_status("77", "READY")));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->notices().empty());
}

TEST_CASE("a segment that is gone when it is written to is made again at once") {
  const auto host = host_with(with_status("77", "READY"));
  host->reply(answer(404, ""));
  const SendResult gone = send_one(*host);
  CHECK(gone.outcomes[0].reason == "segment_gone");
  CHECK(gone.outcomes[0].retry_after_ms == 0);
  CHECK(host->notices().empty());
  host->reply(answer(200, found("", 0)));
  host->reply(answer(404, ""));  // asked by id, to be sure
  host->reply(created("78"));
  CHECK(send_one(*host).outcomes[0].reason == "segment_not_ready");
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_deleted");
}

TEST_CASE(
    "a 404 to a write about a segment that is still there makes no other, and is no deletion") {
  const auto host = host_with(with_status("77", "READY"));
  const auto deliver_after = [&](const std::vector<HttpReply>& look) {
    host->reply(answer(404, ""));
    CHECK(send_one(*host).outcomes[0].reason == "segment_gone");
    for (const HttpReply& reply : look) host->reply(reply);
    host->reply(delivered(1));
    CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
    CHECK(host->requests().back().url.find("/77/users") != std::string::npos);
  };
  deliver_after({answer(200, found(with_status("77", "READY"), 1))});
  deliver_after({answer(200, found("", 0)), answer(200, with_status("77", "READY"))});
  CHECK(host->notices().empty());

  // Nothing is written, and nothing made, while LinkedIn cannot be asked.
  host->reply(answer(404, ""));
  (void)send_one(*host);
  for (const HttpReply& reply : {answer(500, ""), answer(200, found("", 0)), answer(500, "")})
    host->reply(reply);
  CHECK(send_one(*host).outcomes[0].reason == "server_error");
  CHECK(send_one(*host).outcomes[0].reason == "server_error");
  CHECK(host->notices().empty());
}

TEST_CASE("that the segment was deleted and another one took its place is told") {
  const auto host = host_with(with_status("77", "READY"));
  host->advance_ms(kHour);
  host->reply(answer(200, found(with_status("88", "READY", "1600000000009"), 1)));
  host->reply(answer(404, ""));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests().back().url.find("/88/users") != std::string::npos);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_moved");
  const std::string message = host->notices()[0].message;
  CHECK(message.find("(segment 88) in place of segment 77") != std::string::npos);
  CHECK(message.find("made again") == std::string::npos);
}

TEST_CASE("a segment that the finder hides behind a newer twin is gone on with") {
  const auto host = host_with(with_status("77", "READY"));
  host->advance_ms(kHour);
  host->reply(answer(200, found(with_status("88", "READY", "1600000000009"), 1)));
  host->reply(answer(200, with_status("77", "READY")));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests().back().url.find("/77/users") != std::string::npos);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_twins");
}

TEST_CASE(
    "that an older segment takes the place of the one that was filled is an error with advice") {
  const auto host = host_with(with_status("88", "READY", "1600000000009"));
  host->advance_ms(kHour);
  host->reply(answer(
      200,
      found(with_status("77", "READY") + "," + with_status("88", "READY", "1600000000009"), 2)));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests().back().url.find("/77/users") != std::string::npos);
  REQUIRE(host->notices().size() == 2);
  CHECK(host->notices()[0].code == "audience_twins");
  CHECK(host->notices()[1].code == "audience_moved");
  CHECK(host->notices()[1].level == PENSTOCK_LOG_ERROR);
  CHECK(host->notices()[1].message.find("(segment 77) in place of segment 88") !=
        std::string::npos);
  CHECK(host->notices()[1].message.find("--from-start") != std::string::npos);
}

TEST_CASE("after a refusal that the segment may be the reason of, it is looked at soon") {
  const auto host = host_with(with_status("77", "READY"));
  const std::size_t at_first = finds(*host);
  host->advance_ms(60'000);
  host->reply(answer(400, R"({"message":"wrong segment type"})"));
  (void)send_one(*host);
  host->reply(answer(200, found(with_status("77", "FAILED"), 1)));
  host->reply(delivered(1));
  (void)send_one(*host);
  CHECK(finds(*host) == at_first + 1);
  CHECK(host->notices().size() == 1);
}

TEST_CASE("a full ad account holds up the new audience alone, and says how many there are") {
  struct Case {
    HttpReply count;
    const char* words;
  };
  const Case cases[] = {{answer(200, found(kOldSegment, 1000)), "512345678 has 1000 audiences"},
                        {answer(500, ""), "512345678 has as many audiences as it may have"}};
  for (const Case& c : cases) {
    const auto host = make_host();
    host->reply(answer(200, found("", 0)));
    host->reply(answer(429, R"({"code":"SEGMENT_LIMIT_EXCEEDED","message":"limit reached"})"));
    host->reply(c.count);
    const auto outcome = send_one(*host).outcomes[0];
    CHECK(outcome.status == PENSTOCK_BLOCKED);
    CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
    CHECK(outcome.reason == "segment_limit_exceeded");
    CHECK(outcome.message.find(c.words) != std::string::npos);
    CHECK(outcome.message.find("\"Trial users\"") != std::string::npos);
    CHECK(outcome.message.size() < 512);
    CHECK(host->stored().empty());
  }
}

TEST_CASE("an audience that LinkedIn refuses to create holds up no other") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(answer(400, R"({"message":"/name :: is too long"})"));
  const auto outcome = send_one(*host).outcomes[0];
  CHECK(outcome.status == PENSTOCK_BLOCKED);
  CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
  CHECK(outcome.message.find("/name :: is too long") != std::string::npos);
}

TEST_CASE("what all audiences share holds up the destination") {
  for (const HttpReply& reply : {answer(403, ""), answer(426, "")}) {
    const auto host = make_host();
    host->reply(answer(200, found("", 0)));
    host->reply(reply);
    const auto outcome = send_one(*host).outcomes[0];
    CHECK(outcome.status == PENSTOCK_BLOCKED);
    CHECK(outcome.flags == 0);
  }
}

TEST_CASE("a version near its first birthday is told once while records flow") {
  sdk::test::Options options;
  options.wall_ns = 1'815'695'999'000'000'000;  // 2027-07-15T23:59:59Z, 31 days before 15 August
  const auto host = make_host({}, options);
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  (void)send_one(*host);
  CHECK(host->notices().empty());
  for (int i = 0; i < 2; ++i) {
    host->advance_ms(24 * kHour);
    host->reply(answer(200, found(kOldSegment, 1)));
    host->reply(delivered(1));
    (void)send_one(*host);
  }
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "api_version_ages");
  CHECK(host->notices()[0].message.find("2027-08-15") != std::string::npos);
}

}  // namespace penstock::linkedin
