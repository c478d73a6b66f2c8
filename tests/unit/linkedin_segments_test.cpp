// Guards how the LinkedIn plugin finds, creates, remembers and forgets the segment of an audience.
#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "linkedin_segments_fixture.hpp"

namespace penstock::linkedin {
TEST_CASE("an existing segment is found by account, platform and key, and written to at once") {
  const auto host = make_host();
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  const SendResult result = send_one(*host);
  CHECK(result.outcomes[0].status == PENSTOCK_DELIVERED);
  const auto requests = host->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "GET");
  CHECK(requests[0].url ==
        "https://api.example.test/rest/"
        "dmpSegments?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678"
        "&sourcePlatform=DIRECT_API&sourceSegmentId=trial_users&start=0&count=100");
  CHECK(requests[0].rate.empty());
  CHECK(requests[0].flags == PENSTOCK_HTTP_AUTHORIZE);
  CHECK(requests[1].url == "https://api.example.test/rest/dmpSegments/77/users");
  CHECK(host->faults().empty());
}

TEST_CASE("a key with other characters is percent-encoded in the look-up") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(created("5"));
  (void)host->send({element("a")}, R"(["a&b=ü/ c","n"])");
  CHECK(host->requests()[0].url.find("sourceSegmentId=a%26b%3D%C3%BC%2F%20c&") !=
        std::string::npos);
}

TEST_CASE("only a USER segment with exactly the key counts, and the oldest of twins") {
  const auto host = make_host();
  host->reply(
      answer(200, found(segment("10", "1500000000000", "trial_users", "COMPANY") + "," +
                            segment("11", "1500000000000", "trial_users_2") + "," +
                            segment("12", "1600000000001") + "," + segment("13", "1600000000000"),
                        4)));
  host->reply(delivered(1));
  (void)send_one(*host);
  CHECK(host->requests()[1].url == "https://api.example.test/rest/dmpSegments/13/users");
}

TEST_CASE("the look-up follows the pages") {
  const auto host = make_host();
  host->reply(answer(200, found(segment("1", "1", "x") + "," + segment("2", "1", "y"), 3)));
  host->reply(answer(200, found(kOldSegment, 3)));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests()[1].url.find("&start=2&") != std::string::npos);
}

TEST_CASE("without a total the look-up goes on until a page is empty") {
  const auto host = make_host();
  host->reply(answer(200, R"({"elements":[)" + segment("1", "1", "x") + "]}"));
  host->reply(answer(200, R"({"elements":[)" + kOldSegment + "]}"));
  host->reply(answer(200, R"({"elements":[]})"));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("an absent segment is created, and nothing is written to it before it is ready") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(created("991"));
  SendResult result = send_one(*host);
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].reason == "segment_not_ready");
  CHECK(result.outcomes[0].retry_after_ms == 5000);
  CHECK(methods(*host) == Strings{"find", "create"});
  CHECK(
      host->requests()[1].body ==
      R"({"name":"Trial users","type":"USER","account":"urn:li:sponsoredAccount:512345678",)"
      R"("sourcePlatform":"DIRECT_API","sourceSegmentId":"trial_users","destinations":[{"destination":"LINKEDIN"}]})");

  host->advance_ms(3000);
  result = send_one(*host, 1);
  CHECK(result.outcomes[0].retry_after_ms == 2000);
  CHECK(host->requests().size() == 2);

  host->advance_ms(2000);
  host->reply(delivered(1));
  CHECK(send_one(*host, 2).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(host->requests()[2].url == "https://api.example.test/rest/dmpSegments/991/users");
  CHECK(host->faults().empty());
}

TEST_CASE("a segment is created under the first name that a mapping of its audience gives") {
  const auto name_of_created = [](const std::string& mappings, const std::string& batch_key) {
    sdk::test::Options options;
    options.mappings = mappings;
    const auto host = make_host({}, options);
    host->reply(answer(200, found("", 0)));
    host->reply(created("991"));
    (void)host->send({element("a")}, batch_key);
    const std::string body = host->requests().at(1).body;
    const std::string begin = R"({"name":")";
    return body.substr(begin.size(), body.find('"', begin.size()) - begin.size());
  };
  const auto mapping = [](const std::string& key, const std::string& name) {
    return R"({"mapping":"m","action":"sync_to_dmp_segment","literals":{"personas_audience_key":")" +
           key + "\"" + (name.empty() ? "" : R"(,"dmp_segment_name":")" + name + "\"") + "}}";
  };
  const std::string unnamed = mapping("trial_users", "");
  const std::string old_name = mapping("trial_users", "Trials");
  const std::string new_name = mapping("trial_users", "New trials");
  const std::string other = mapping("churn_risk", "Churn");
  const std::string company =
      R"({"mapping":"c","action":"sync_to_company_segment","literals":{"computation_key":"trial_users"}})";
  const auto list = [](const std::string& a, const std::string& b, const std::string& c) {
    return "[" + a + "," + b + "," + c + "]";
  };
  CHECK(name_of_created(list(other, unnamed, old_name), kBatchKey) == "Trials");
  CHECK(name_of_created(list(company, new_name, old_name), kBatchKey) == "New trials");
  CHECK(name_of_created(list(company, other, unnamed), kBatchKey) == "trial_users");
  // A batch key that an earlier version stored, with the name in it.
  const std::string stored = R"(["trial_users","As stored"])";
  CHECK(name_of_created(list(company, other, unnamed), stored) == "As stored");
  CHECK(name_of_created(list(other, unnamed, new_name), stored) == "New trials");
  // A host that tells of no mappings, and one that tells nonsense.
  CHECK(name_of_created("[]", kBatchKey) == "trial_users");
  CHECK(name_of_created("{", stored) == "As stored");
  CHECK(name_of_created("[1,{}]", kBatchKey) == "trial_users");
}

TEST_CASE("the id of a created segment is taken from wherever LinkedIn puts it") {
  const std::vector<std::pair<std::string, std::string>> headers[] = {
      {{"x-restli-id", "42"}},
      {{"x-linkedin-id", "42"}},
      {{"location", "/rest/dmpSegments/42"}},
      {{"location", "https://api.example.test/rest/dmpSegments/42?x=y"}}};
  for (const auto& header : headers) {
    const auto host = make_host({{"segment_ready_after", 0}});
    host->reply(answer(200, found("", 0)));
    host->reply(answer(201, "", header));
    host->reply(delivered(1));
    CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
    CHECK(host->requests()[2].url == "https://api.example.test/rest/dmpSegments/42/users");
  }
}

TEST_CASE("the id outlives a restart, and so does the time that a new segment needs") {
  std::map<std::string, std::string> stored;
  {
    const auto host = make_host();
    host->reply(answer(200, found("", 0)));
    host->reply(created("991"));
    (void)send_one(*host);
    stored = host->stored();
  }
  const auto host = make_host();
  host->set_stored(stored);
  host->reply(answer(200, found("", 0)));  // the finder lags, which makes no second segment
  CHECK(send_one(*host).outcomes[0].reason == "segment_not_ready");
  host->advance_ms(5000);
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(methods(*host) == Strings{"find", "users"});
}

TEST_CASE("the ids of two accounts are kept apart") {
  const auto first = make_host();
  first->reply(answer(200, found(kOldSegment, 1)));
  first->reply(delivered(1));
  (void)send_one(*first);
  const auto second = make_host({{"ad_account_id", "999"}});
  second->set_stored(first->stored());
  second->reply(answer(200, found(kOldSegment, 1)));
  second->reply(delivered(1));
  (void)send_one(*second);
  CHECK(methods(*second) == Strings{"find", "users"});
}

TEST_CASE("a damaged stored id is asked for again instead of being used") {
  const auto host = make_host();
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  (void)send_one(*host);
  auto stored = host->stored();
  REQUIRE(stored.size() == 1);
  for (auto& [key, value] : stored) value = "{half";
  const auto again = make_host();
  again->set_stored(stored);
  again->reply(answer(200, found(kOldSegment, 1)));
  again->reply(delivered(1));
  CHECK(send_one(*again).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("a host without a store costs a look-up, not the delivery") {
  sdk::test::Options options;
  options.offer_kv = false;
  const auto host = make_host({}, options);
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  host->reply(delivered(1));
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(methods(*host) == Strings{"find", "users", "users"});
}

TEST_CASE("mappings that name segments which cannot work are refused with the settings") {
  const auto mapping = [](const std::string& name, const std::string& key, const std::string& id) {
    return R"({"mapping":")" + name + R"(","action":"sync_to_dmp_segment","literals":{)" +
           (key.empty() ? "" : R"("personas_audience_key":")" + key + "\",") +
           R"("existing_segment_id":")" + id + "\"}}";
  };
  const auto settings = [](const std::string& mappings) {
    sdk::test::Options options;
    options.mappings = mappings;
    TestHost host(hooks(), actions(), options);
    return host.settings(settings_with());
  };
  const std::string first = mapping("a", "k", "88");
  CHECK(settings("[" + first + "," + mapping("b", "k", "88") + "]").code == PENSTOCK_OK);
  for (const std::string& wrong :
       {"[" + mapping("a", "k", "8/8") + "]", "[" + mapping("a", "", "88") + "]",
        "[" + first + "," + mapping("b", "k", "89") + "]",
        "[" + first + "," + mapping("b", "other", "88") + "]"}) {
    CAPTURE(wrong);
    const HookResult result = settings(wrong);
    CHECK(result.code == PENSTOCK_ERR_INVALID);
    CHECK(result.field == "existing_segment_id");
  }
}

TEST_CASE("failures of look-up and creation are told apart") {
  struct Case {
    HttpReply find;
    HttpReply create;
    std::uint32_t status;
    const char* reason;
  };
  const HttpReply none = answer(200, found("", 0));
  const Case cases[] = {
      {HttpReply::failure(PENSTOCK_ERR_AUTH, "not_logged_in", "Log in"), none, PENSTOCK_AUTH,
       "not_logged_in"},
      {HttpReply::failure(PENSTOCK_ERR_TIMEOUT), none, PENSTOCK_RETRY, "timeout"},
      {answer(401, ""), none, PENSTOCK_AUTH, "access_token_refused"},
      {answer(403, ""), none, PENSTOCK_BLOCKED, "permission_denied"},
      {answer(404, ""), none, PENSTOCK_BLOCKED, "segment_lookup_refused"},
      {answer(426, ""), none, PENSTOCK_BLOCKED, "api_version_inactive"},
      {answer(429, ""), none, PENSTOCK_THROTTLED, "throttled"},
      {answer(500, ""), none, PENSTOCK_RETRY, "server_error"},
      {answer(200, "<html>"), none, PENSTOCK_RETRY, "unreadable_answer"},
      {answer(200, R"({"elements":5})"), none, PENSTOCK_RETRY, "unreadable_answer"},
      {none, answer(400, R"({"message":"name is too long"})"), PENSTOCK_BLOCKED, "segment_refused"},
      {none, answer(403, ""), PENSTOCK_BLOCKED, "permission_denied"},
      {none, answer(429, R"({"code":"SEGMENT_LIMIT_EXCEEDED","message":"1000"})"), PENSTOCK_BLOCKED,
       "segment_limit_exceeded"}};
  for (const Case& c : cases) {
    CAPTURE(c.find.status, c.create.status, c.reason);
    const auto host = make_host();
    host->reply(c.find);
    host->reply(c.create);
    const SendResult result = send_one(*host);
    CHECK(result.code == PENSTOCK_OK);
    CHECK(result.outcomes[0].status == c.status);
    CHECK(result.outcomes[0].reason == c.reason);
    CHECK(methods(*host).back() != "users");
  }
}

TEST_CASE(
    "a 404 is waited out for ten minutes after creation, then the segment is looked up again and "
    "asked for by its id") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(created("991"));
  (void)send_one(*host);
  host->advance_ms(5000);
  host->reply(answer(404, R"({"message":"Could not find DMP segment with ID 991"})"));
  SendResult result = send_one(*host, 1);
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].reason == "segment_not_found_yet");
  CHECK(result.outcomes[0].retry_after_ms == 5000);

  host->advance_ms(10 * 60 * 1000);
  host->reply(answer(404, ""));
  result = send_one(*host);
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].reason == "segment_gone");
  CHECK(result.outcomes[0].retry_after_ms == 0);

  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(answer(404, ""));
  host->reply(delivered(1));
  CHECK(send_one(*host, 1).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("an audience that took members and is then unknown is said to be deleted, perhaps") {
  const auto host = make_host();
  host->reply(answer(200, found("", 0)));
  host->reply(created("991"));
  (void)send_one(*host);
  host->advance_ms(5000);
  host->reply(answer(404, ""));
  CHECK(send_one(*host).outcomes[0].message.find("everywhere yet") != std::string::npos);
  host->reply(delivered(1));
  REQUIRE(send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED);
  host->reply(answer(404, ""));
  const SendResult result = send_one(*host);
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].reason == "segment_not_found_yet");
  CHECK(result.outcomes[0].message.find("deleted") != std::string::npos);
}

TEST_CASE("a segment that stays unknown after its creation is asked for ever more rarely") {
  const auto host = make_host({{"segment_ready_after", 20}});
  host->reply(answer(200, found("", 0)));
  host->reply(created("991"));
  (void)send_one(*host);
  host->advance_ms(20);
  std::int64_t waited_ms = 20;
  int requests = 0;
  for (; waited_ms < 5 * 60 * 1000; ++requests) {
    host->reply(answer(404, ""));
    const SendResult result = send_one(*host, 1);
    REQUIRE(result.outcomes[0].reason == "segment_not_found_yet");
    const std::int64_t pause_ms = result.outcomes[0].retry_after_ms;
    REQUIRE(pause_ms > 0);
    CHECK(pause_ms <= 60'000);
    host->advance_ms(pause_ms);
    waited_ms += pause_ms;
  }
  CHECK(requests < 20);
}

TEST_CASE("many batches that start at once make one look-up and one creation") {
  const auto host = make_host({{"segment_ready_after", 0}});
  std::atomic<int> finds{0}, creations{0};
  std::atomic<int> started{0};
  constexpr int kBatches = 8;
  host->on_request([&](const HttpExchange& request) {
    if (request.method == "GET") {
      ++finds;
      while (started < kBatches) std::this_thread::yield();  // all are under way
      return answer(200, found("", 0));
    }
    if (request.url.find("/users") != std::string::npos) return delivered(1);
    ++creations;
    return created("31");
  });
  std::vector<std::thread> threads;
  std::atomic<int> ok{0};
  for (int i = 0; i < kBatches; ++i) {
    threads.emplace_back([&] {
      ++started;
      if (send_one(*host).outcomes[0].status == PENSTOCK_DELIVERED) ++ok;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(finds == 1);
  CHECK(creations == 1);
  CHECK(ok == kBatches);
}

TEST_CASE("a batch that waits for another one's look-up ends when it is cancelled") {
  const auto host = make_host();
  std::atomic<bool> asked{false}, go_on{false};
  host->on_request([&](const HttpExchange&) {
    asked = true;
    while (!go_on) std::this_thread::yield();
    return answer(200, found(kOldSegment, 1));
  });
  std::thread leader([&] { (void)send_one(*host); });
  while (!asked) std::this_thread::yield();
  host->cancel_batches();
  const SendResult result = send_one(*host);
  go_on = true;
  leader.join();
  CHECK(result.outcomes[0].status == PENSTOCK_RETRY);
  CHECK(result.outcomes[0].reason == "segment_lookup_pending");
}

}  // namespace penstock::linkedin
