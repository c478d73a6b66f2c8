// Guards mappings that name a segment of the account by its id (existing_segment_id).
#include <catch2/catch.hpp>

#include "linkedin_segments_fixture.hpp"

namespace penstock::linkedin {

namespace {

const std::string kExistingMappings =
    R"([{"mapping":"m","action":"sync_to_dmp_segment","literals":)"
    R"({"personas_audience_key":"trial_users","existing_segment_id":"88"}}])";

std::unique_ptr<TestHost> make_existing_host() {
  sdk::test::Options options;
  options.mappings = kExistingMappings;
  return make_host({}, options);
}

std::string by_hand(const std::string& type = "USER", const std::string& platform = "DIRECT_API",
                    const std::string& account = "urn:li:sponsoredAccount:512345678") {
  return R"({"id":88,"name":"By hand","type":")" + type + R"(","account":")" + account +
         R"(","sourcePlatform":")" + platform + R"(","sourceSegmentId":"another_key","created":5})";
}

}  // namespace

TEST_CASE("an audience that a mapping names by its id is looked at and written to, not created") {
  const auto host = make_existing_host();
  host->reply(answer(200, by_hand()));
  host->reply(delivered(1));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  const auto requests = host->requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].url == "https://api.example.test/rest/dmpSegments/88");
  CHECK(requests[2].url == "https://api.example.test/rest/dmpSegments/88/users");
  CHECK(host->notices().empty());
}

TEST_CASE("an audience that is named by its id and does not fit is not written to") {
  struct Case {
    HttpReply reply;
    const char* reason;
    const char* words;
  };
  const Case cases[] = {
      {answer(404, ""), "existing_segment_missing", "does not exist"},
      {answer(200, by_hand("COMPANY")), "existing_segment_wrong_type", "COMPANY"},
      {answer(200, by_hand("USER_LIST_UPLOAD")), "existing_segment_wrong_type", "uploaded"},
      {answer(200, by_hand("USER", "SEGMENT")), "existing_segment_other_platform",
       "source_platform"},
      {answer(200, by_hand("USER", "DIRECT_API", "urn:li:sponsoredAccount:1")),
       "existing_segment_elsewhere", "urn:li:sponsoredAccount:1"}};
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    const auto host = make_existing_host();
    host->reply(c.reply);
    const auto outcome = send_one(*host).outcomes[0];
    CHECK(outcome.status == PENSTOCK_BLOCKED);
    CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
    CHECK(outcome.reason == c.reason);
    CHECK(outcome.message.find(c.words) != std::string::npos);
    CHECK(outcome.message.find("88") != std::string::npos);
    CHECK(host->requests().size() == 1);
    // Repaired at LinkedIn: it goes on.
    host->reply(answer(200, by_hand()));
    host->reply(delivered(1));
    CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  }
}

TEST_CASE("an audience that is named by its id and gone is not made again") {
  const auto host = make_existing_host();
  host->reply(answer(200, by_hand()));
  host->reply(answer(404, ""));
  CHECK(send_one(*host).outcomes[0].reason == "segment_gone");
  host->reply(answer(404, ""));
  CHECK(send_one(*host, 1).outcomes[0].reason == "existing_segment_missing");
  for (const HttpExchange& request : host->requests())
    CHECK(request.url != "https://api.example.test/rest/dmpSegments");
}

TEST_CASE("an id that another audience was found under before gives way to the one that is named") {
  const auto before = make_host();
  before->reply(answer(200, found(kOldSegment, 1)));
  before->reply(delivered(1));
  (void)send_one(*before);
  const auto host = make_existing_host();
  host->set_stored(before->stored());
  host->reply(answer(200, by_hand()));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests().back().url == "https://api.example.test/rest/dmpSegments/88/users");
}

TEST_CASE("a check says of an audience that is named by its id and does not fit") {
  const auto host = make_existing_host();
  host->on_request([](const HttpExchange& request) {
    if (request.url.find("/dmpSegments/88") != std::string::npos)
      return answer(200, by_hand("COMPANY"));
    if (request.url.find("/me") != std::string::npos) return answer(200, R"({"id":"P"})");
    if (request.url.find("/adAccountUsers") != std::string::npos)
      return answer(200, R"({"role":"CAMPAIGN_MANAGER"})");
    return answer(200, found("", 0));
  });
  CHECK(host->check().code == PENSTOCK_OK);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].level == PENSTOCK_LOG_ERROR);
  CHECK(host->notices()[0].code == "existing_segment_wrong_type");
}

}  // namespace penstock::linkedin
