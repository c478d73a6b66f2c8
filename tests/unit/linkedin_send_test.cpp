// Guards the users batch: what goes out, and which outcome each of LinkedIn's answers gives to each
// element.
#include <catch2/catch.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

// A host whose segment is known, so that the next reply answers the users batch.
std::unique_ptr<TestHost> ready_host() {
  auto host = make_host();
  host->reply(answer(200, found(kOldSegment, 1)));
  host->reply(delivered(1));
  (void)host->send({element("0")}, kBatchKey);
  return host;
}

SendResult send_three(TestHost& host, const HttpReply& reply) {
  host.reply(reply);
  SendResult result = host.send({element("a"), element("b"), element("c")}, kBatchKey);
  CHECK(host.faults().empty());
  CHECK(result.code == PENSTOCK_OK);
  for (const auto& outcome : result.outcomes) CHECK(outcome.reported);
  return result;
}

std::vector<std::uint32_t> statuses(const SendResult& result) {
  std::vector<std::uint32_t> all;
  for (const auto& outcome : result.outcomes) all.push_back(outcome.status);
  return all;
}

using Statuses = std::vector<std::uint32_t>;
constexpr std::uint32_t kDelivered = PENSTOCK_DELIVERED, kUnknown = PENSTOCK_UNKNOWN,
                        kRejected = PENSTOCK_REJECTED, kRetry = PENSTOCK_RETRY;

}  // namespace

TEST_CASE("a batch goes out as one BATCH_CREATE with the payloads as they are") {
  const auto host = ready_host();
  (void)send_three(*host, delivered(3));
  const HttpExchange request = host->requests().back();
  CHECK(request.method == "POST");
  CHECK(request.url == "https://api.example.test/rest/dmpSegments/77/users");
  CHECK(request.rate == "users");
  CHECK(request.flags == PENSTOCK_HTTP_AUTHORIZE);
  CHECK(request.deadline_ns == host->monotonic_ns() + 30'000'000'000);
  CHECK(request.body ==
        R"({"elements":[)" + element("a") + "," + element("b") + "," + element("c") + "]}");
  const std::pair<const char*, const char*> headers[] = {{"X-RestLi-Method", "BATCH_CREATE"},
                                                         {"X-Restli-Protocol-Version", "2.0.0"},
                                                         {"LinkedIn-Version", "202608"},
                                                         {"Content-Type", "application/json"}};
  for (const auto& [name, value] : headers) {
    CAPTURE(name);
    REQUIRE(request.headers.count(name) == 1);
    CHECK(request.headers.find(name)->second == value);
  }
  CHECK(request.headers.count("Authorization") == 0);
}

TEST_CASE("each element's own status decides its outcome") {
  struct Case {
    const char* second;  // the element between two that were delivered
    std::uint32_t status;
    const char* reason;
  };
  const Case cases[] = {
      {R"({"status":201})", PENSTOCK_DELIVERED, "added"},
      {R"({"status":200,"id":"7"})", PENSTOCK_DELIVERED, "added"},
      {R"({"status":400,"error":{"status":400,"message":"bad hash"}})", PENSTOCK_REJECTED,
       "element_refused"},
      {R"({"status":422,"batchIndex":1})", PENSTOCK_REJECTED, "element_refused"},
      {R"({"status":429})", PENSTOCK_RETRY, "element_throttled"},
      {R"({"status":500})", PENSTOCK_RETRY, "element_server_error"},
      {R"({"status":503,"error":{"message":"later"}})", PENSTOCK_RETRY, "element_server_error"},
      {R"({"status":401})", PENSTOCK_AUTH, "access_token_refused"},
      {R"({"status":403})", PENSTOCK_BLOCKED, "permission_denied"},
      {R"({"status":409})", PENSTOCK_RETRY, "element_not_now"},
      {R"({"status":302})", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"({"status":"201"})", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"({"status":2e2})", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"({"status":4294967497})", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"({"error":{"status":201}})", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"({"other":{"status":201}})", PENSTOCK_UNKNOWN, "no_element_status"},
      {"{}", PENSTOCK_UNKNOWN, "no_element_status"},
      {"null", PENSTOCK_UNKNOWN, "no_element_status"},
      {R"([{"status":201}])", PENSTOCK_UNKNOWN, "no_element_status"}};
  for (const Case& c : cases) {
    CAPTURE(c.second);
    const auto host = ready_host();
    const SendResult result =
        send_three(*host, answer(200, std::string(R"({"elements":[{"status":201},)") + c.second +
                                          R"(,{"status":201}]})"));
    CHECK(statuses(result) == Statuses{kDelivered, c.status, kDelivered});
    CHECK(result.outcomes[1].reason == c.reason);
  }
}

TEST_CASE("a rejected element carries LinkedIn's message and status") {
  const auto host = ready_host();
  const SendResult result = send_three(
      *host,
      answer(
          200,
          R"({"elements":[{"status":201},{"status":400,"error":{"status":400,"message":"idType is unknown"}},{"status":201}]})"));
  CHECK(result.outcomes[1].remote_status == 400);
  CHECK(result.outcomes[1].message == "idType is unknown");
}

TEST_CASE("an answer that does not fit the request is not guessed at") {
  const std::string ok = R"({"status":201})";
  struct Case {
    std::string body;
    Statuses expected;
  };
  const Case cases[] = {
      {"", {kUnknown, kUnknown, kUnknown}},
      {"<html>OK</html>", {kUnknown, kUnknown, kUnknown}},
      {"{}", {kUnknown, kUnknown, kUnknown}},
      {"[]", {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":null})", {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[]})", {kUnknown, kUnknown, kUnknown}},
      // One is missing; which one, nobody says.
      {R"({"elements":[)" + ok + "," + ok + "]}", {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[)" + ok + "," + ok + "," + ok + "," + ok + "]}",
       {kUnknown, kUnknown, kUnknown}},
      // The one that names its index is certain.
      {R"({"elements":[)" + ok + R"(,{"status":400,"batchIndex":2}]})",
       {kUnknown, kUnknown, kRejected}},
      {R"({"elements":[{"status":400,"error":{"message":"x","batchIndex":1}}]})",
       {kUnknown, kRejected, kUnknown}},
      // As many as were sent, but named otherwise than they stand: nothing of it is certain.
      {R"({"elements":[{"status":400,"batchIndex":2},)" + ok + "," + ok + "]}",
       {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[{"status":429,"batchIndex":1},{"status":201,"batchIndex":1},)" + ok + "]}",
       {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[{"status":400,"batchIndex":9},{"status":400,"batchIndex":-1}]})",
       {kUnknown, kUnknown, kUnknown}},
      // Cut off, or with something behind it.
      {R"({"elements":[)" + ok + "," + ok + "," + ok + "]", {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[)" + ok + "," + ok + "," + ok + "]}}", {kUnknown, kUnknown, kUnknown}},
      {R"({"elements":[)" + ok + "," + ok + "," + ok + R"(],"elements":[]})",
       {kUnknown, kUnknown, kUnknown}},
      // Spaces and other members are no fault.
      {" {\n\"elements\" : [ " + ok + ", {\"status\" : 204 } ,\t" + ok + "] }\n",
       {kDelivered, kDelivered, kDelivered}},
      {R"({"paging":{"elements":[1]},"elements":[)" + ok + "," + ok + "," + ok + "]}",
       {kDelivered, kDelivered, kDelivered}}};
  for (const Case& c : cases) {
    CAPTURE(c.body);
    const auto host = ready_host();
    CHECK(statuses(send_three(*host, answer(200, c.body))) == c.expected);
  }
}

TEST_CASE("an answer for the whole request gives every element the same outcome") {
  struct Case {
    HttpReply reply;
    std::uint32_t status;
    const char* reason;
  };
  const Case cases[] = {
      {answer(400, R"({"status":400,"message":"schema"})"), PENSTOCK_SPLIT, "request_refused"},
      {answer(422, R"({"message":"Index: 1, ERROR :: /country"})"), PENSTOCK_SPLIT,
       "request_refused"},
      {answer(413, "<html>"), PENSTOCK_SPLIT, "request_too_large"},
      {answer(400, R"({"code":"VERSION_MISSING"})"), PENSTOCK_BLOCKED, "api_version_missing"},
      {answer(401, R"({"code":"EXPIRED_ACCESS_TOKEN"})"), PENSTOCK_AUTH, "access_token_refused"},
      {answer(403, R"({"serviceErrorCode":100})"), PENSTOCK_BLOCKED, "permission_denied"},
      {answer(404, ""), PENSTOCK_RETRY, "segment_gone"},
      {answer(409, ""), PENSTOCK_RETRY, "conflict"},
      {answer(426, R"({"code":"NONEXISTENT_VERSION"})"), PENSTOCK_BLOCKED, "api_version_inactive"},
      {answer(429, R"({"serviceErrorCode":101,"message":"throttle limit"})"), PENSTOCK_THROTTLED,
       "throttled"},
      {answer(429, "<html>"), PENSTOCK_THROTTLED, "throttled"},
      {answer(429, R"({"code":"SEGMENT_LIMIT_EXCEEDED"})"), PENSTOCK_BLOCKED,
       "segment_limit_exceeded"},
      {answer(500, ""), PENSTOCK_RETRY, "server_error"},
      {answer(503, "<html>\xFF</html>"), PENSTOCK_RETRY, "server_error"},
      {answer(302, ""), PENSTOCK_UNKNOWN, "unexpected_status"},
      {HttpReply::failure(PENSTOCK_ERR_AUTH, "not_logged_in", "Log in"), PENSTOCK_AUTH,
       "not_logged_in"},
      {HttpReply::failure(PENSTOCK_ERR_AUTH, "", ""), PENSTOCK_AUTH, "not_authorized"},
      {answer(401, R"({"serviceErrorCode":65601})"), PENSTOCK_AUTH, "access_token_revoked"},
      {answer(401, R"({"code":"REVOKED_ACCESS_TOKEN"})"), PENSTOCK_AUTH, "access_token_revoked"},
      {HttpReply::failure(PENSTOCK_ERR_CONNECT), PENSTOCK_RETRY, "connect_failed"},
      {HttpReply::failure(PENSTOCK_ERR_TRANSPORT), PENSTOCK_UNKNOWN, "connection_lost"},
      {HttpReply::failure(PENSTOCK_ERR_TIMEOUT), PENSTOCK_UNKNOWN, "timeout"},
      {HttpReply::failure(PENSTOCK_ERR_CANCELLED), PENSTOCK_UNKNOWN, "cancelled"},
      {HttpReply::failure(PENSTOCK_ERR_INVALID), PENSTOCK_BLOCKED, "request_refused_here"},
      {HttpReply::failure(-99), PENSTOCK_UNKNOWN, "no_answer"}};
  for (const Case& c : cases) {
    CAPTURE(c.reply.result, c.reply.status, c.reply.body);
    const auto host = ready_host();
    const SendResult result = send_three(*host, c.reply);
    CHECK(statuses(result) == Statuses{c.status, c.status, c.status});
    CHECK(result.outcomes[2].reason == c.reason);
    CHECK_FALSE(result.outcomes[2].message.empty());
  }
}

TEST_CASE("a refused request of one element is that element's last word") {
  for (const int status : {400, 413, 422}) {
    const auto host = ready_host();
    host->reply(answer(status, R"({"message":"no"})"));
    const SendResult result = host->send({element("a")}, kBatchKey);
    CHECK(statuses(result) == Statuses{kRejected});
    CHECK(result.outcomes[0].remote_status == status);
  }
}

TEST_CASE(
    "a request that is refused whoever is in it holds up the audience and costs one at most") {
  const auto host = ready_host();  // a request was taken before
  host->on_request(
      [](const HttpExchange&) { return answer(400, R"({"message":"segment 77 takes nobody"})"); });
  CHECK(statuses(host->send({element("a"), element("b")}, kBatchKey)) ==
        Statuses{PENSTOCK_SPLIT, PENSTOCK_SPLIT});
  CHECK(statuses(host->send({element("a")}, kBatchKey)) == Statuses{kRejected});
  for (int i = 0; i < 3; ++i) {
    const auto outcome = host->send({element("b")}, kBatchKey).outcomes[0];
    CHECK(host->requests().back().body == R"({"elements":[]})");
    CHECK(outcome.status == PENSTOCK_BLOCKED);
    CHECK(outcome.flags == PENSTOCK_OUTCOME_BATCH_KEY_ONLY);
    CHECK(outcome.reason == "audience_refuses_members");
    CHECK(outcome.message.find("segment 77 takes nobody") != std::string::npos);
  }
  host->on_request([](const HttpExchange&) { return delivered(1); });
  CHECK(statuses(host->send({element("b")}, kBatchKey)) == Statuses{kDelivered});
}

TEST_CASE("a request with nobody in it that is taken, or refused for that, puts it on the person") {
  const HttpReply controls[] = {answer(200, R"({"elements":[]})"),
                                answer(400, R"({"message":"/elements must not be empty"})"),
                                answer(500, ""), HttpReply::failure(PENSTOCK_ERR_TIMEOUT)};
  for (const HttpReply& control : controls) {
    CAPTURE(control.status, control.body);
    const auto host = ready_host();
    host->on_request([&](const HttpExchange& request) {
      return request.body == R"({"elements":[]})" ? control : answer(400, R"({"message":"no"})");
    });
    for (int i = 0; i < 3; ++i)
      CHECK(statuses(host->send({element("a")}, kBatchKey)) == Statuses{kRejected});
  }
}

TEST_CASE("a batch whose answers never fit it is sent in parts, and a single one is believed") {
  const auto three = [](const std::string& body, std::uint32_t attempt) {
    const auto host = ready_host();
    host->reply(answer(200, body));
    return statuses(host->send({element("a"), element("b"), element("c")}, kBatchKey, attempt));
  };
  const std::string counted_from_one =
      R"({"elements":[{"status":201},{"status":400,"batchIndex":2},{"status":201}]})";
  constexpr std::uint32_t kSplit = PENSTOCK_SPLIT;
  CHECK(three(counted_from_one, 1) == Statuses{kUnknown, kUnknown, kUnknown});
  CHECK(three(counted_from_one, 2) == Statuses{kSplit, kSplit, kSplit});
  CHECK(three(R"({"elements":[{"status":201},{"status":201}]})", 2) ==
        Statuses{kSplit, kSplit, kSplit});
  CHECK(three(R"({"elements":[{"status":400,"batchIndex":0}]})", 2) ==
        Statuses{kRejected, kSplit, kSplit});

  const auto host = ready_host();
  host->reply(answer(200, R"({"elements":[{"status":400,"batchIndex":1}]})"));
  CHECK(statuses(host->send({element("a")}, kBatchKey)) == Statuses{kRejected});
}

TEST_CASE("an inactive version names the version and the setting to change") {
  const auto host = ready_host();
  const SendResult result = send_three(*host, answer(426, ""));
  CHECK(result.outcomes[0].message.find("202608") != std::string::npos);
  CHECK(result.outcomes[0].message.find("api_version") != std::string::npos);
}

TEST_CASE("a version whose month has not come is said not to exist yet") {
  const auto words_about = [](const char* version) {
    const auto host = make_host({{"api_version", version}});
    host->reply(answer(426, R"({"code":"NONEXISTENT_VERSION"})"));
    return host->send({element("a")}, kBatchKey).outcomes[0].message;
  };
  // The test host's day is 2026-09-21.
  CHECK(words_about("202610").find("has no version 202610") != std::string::npos);
  CHECK(words_about("202609").find("has switched off version 202609") != std::string::npos);
}

TEST_CASE("a missing permission is named") {
  const auto host = ready_host();
  const SendResult result = send_three(*host, answer(403, ""));
  CHECK(result.outcomes[0].message.find("rw_dmp_segments") != std::string::npos);
}

TEST_CASE("a throttle of the day lasts until midnight UTC, another as long as LinkedIn says") {
  struct Case {
    const char* message;
    const char* retry_after;  // header, or null
    std::int64_t expected_ms;
  };
  // The test host's day: 1,790,000,000 s is 14:13:20 UTC.
  constexpr std::int64_t kToMidnight = (24 * 3600 - (14 * 3600 + 13 * 60 + 20)) * 1000;
  const Case cases[] = {{"throttle APPLICATION DAY limit", nullptr, kToMidnight},
                        {"quota per day reached", "30", kToMidnight},
                        {"try again on Monday or today", nullptr, -1},
                        {"throttle MEMBER MINUTE limit", nullptr, -1},
                        {"throttle", "17", 17'000},
                        {"throttle", "Mon, 21 Sep 2026 14:14:00 GMT", 40'000},
                        {"throttle", "Mon, 21 Sep 2026 14:00:00 GMT", -1},
                        {"throttle", "0", -1},
                        {"throttle", "soon", -1},
                        {"throttle", "-5", -1},
                        {"throttle", "99999999999999999999", -1},
                        {"throttle", "1000000", 86'400'000}};
  for (const Case& c : cases) {
    CAPTURE(c.message, c.retry_after);
    const auto host = ready_host();
    HttpReply reply = answer(429, std::string(R"({"message":")") + c.message + "\"}");
    if (c.retry_after != nullptr) reply.headers.emplace_back("retry-after", c.retry_after);
    const SendResult result = send_three(*host, reply);
    CHECK(result.outcomes[0].status == PENSTOCK_THROTTLED);
    CHECK(result.outcomes[0].retry_after_ms == c.expected_ms);
  }
}

TEST_CASE("LinkedIn's words are passed on without what could be personal data") {
  const std::string hash(64, 'a');
  const std::string payload = element("a", R"(,"firstName":"Jo","company":"Acme Corp")");
  const std::pair<std::string, std::string> cases[] = {
      {"bad value jane.doe@example.com in record", "bad value [e-mail] in record"},
      {"hash " + hash + " refused", "hash [hidden] refused"},
      {"hash " + std::string(64, 'F') + " refused", "hash [id] refused"},
      {"id 65f30779-f6ee-4cdb-ad79-a2d1506e50c7 refused", "id [id] refused"},
      {"firstName 'Jo' of Acme Corp is wrong; Join",
       "firstName '[hidden]' of [hidden] is wrong; Join"}};
  for (const auto& [words, expected] : cases) {
    const auto host = ready_host();
    host->reply(
        answer(200, R"({"elements":[{"status":400,"error":{"message":")" + words + "\"}}]}"));
    const SendResult result = host->send({payload}, kBatchKey);
    CHECK(result.outcomes[0].status == PENSTOCK_REJECTED);
    CHECK(result.outcomes[0].message == expected);
  }
}

TEST_CASE("words about a request are shown without the names of whoever is in it") {
  const std::string about_jo = R"({"message":"Jo of Acme Corp is not wanted"})";
  const std::string jo = element("a", R"(,"firstName":"Jo","company":"Acme Corp")");
  for (const int status : {400, 405, 409, 422, 500}) {
    CAPTURE(status);
    const auto host = ready_host();
    host->reply(answer(status, about_jo));
    const auto alone = host->send({jo}, kBatchKey).outcomes[0];
    CHECK(alone.message.find("[hidden] of [hidden] is not wanted") != std::string::npos);
    const auto another = ready_host();
    another->reply(answer(status, about_jo));
    const auto of_two = another->send({jo, element("b")}, kBatchKey).outcomes[0];
    CHECK_FALSE(of_two.message.empty());
    CHECK(of_two.message.find("wanted") == std::string::npos);
  }
  // A name that begins where the message is cut does not survive in part.
  std::string long_words;
  for (int i = 0; i < 39; ++i) long_words += "word ";
  const auto host = ready_host();
  host->reply(answer(405, R"({"message":")" + long_words + "Bartholomew\"}"));
  const auto outcome =
      host->send({element("a", R"(,"firstName":"Bartholomew")")}, kBatchKey).outcomes[0];
  CHECK(outcome.message.find("Bart") == std::string::npos);
}

TEST_CASE("a long message is cut between characters") {
  const auto host = ready_host();
  std::string words;
  for (int i = 0; i < 300; ++i) words += "é ";
  host->reply(answer(200, R"({"elements":[{"status":400,"error":{"message":")" + words + "\"}}]}"));
  const std::string message = host->send({element("a")}, kBatchKey).outcomes[0].message;
  CHECK(message.size() <= 200);
  CHECK(message.size() > 190);
  CHECK(sdk::cut_utf8(message, message.size() - 1).size() < message.size());
}

TEST_CASE("a batch key of another plugin is refused, not sent to some audience") {
  const auto host = make_host();
  for (const char* key : {"", "trial_users", "[]", R"(["a"])", R"(["",""])", R"({"a":1})"}) {
    CAPTURE(key);
    const SendResult result = host->send({element("a")}, key);
    CHECK(statuses(result) == Statuses{kRejected});
  }
  CHECK(host->requests().empty());
}

TEST_CASE("more elements than LinkedIn takes are split, not sent") {
  const auto host = ready_host();
  const std::size_t before = host->requests().size();
  const SendResult result = host->send(std::vector<std::string>(5001, element("a")), kBatchKey);
  CHECK(result.outcomes[5000].status == PENSTOCK_SPLIT);
  CHECK(host->requests().size() == before);
}

TEST_CASE("a full batch of 5,000 is answered element by element") {
  const auto host = ready_host();
  std::string body = R"({"elements":[)";
  for (int i = 0; i < 5000; ++i) {
    body += i == 0 ? "" : ",";
    body += i == 4321 ? R"({"status":500})" : R"({"status":201})";
  }
  host->reply(answer(200, body + "]}"));
  const SendResult result = host->send(std::vector<std::string>(5000, element("a")), kBatchKey);
  CHECK(result.outcomes[4320].status == kDelivered);
  CHECK(result.outcomes[4321].status == kRetry);
  CHECK(result.outcomes[4999].status == kDelivered);
}

TEST_CASE("a refusal that no person can be the reason of pauses and costs nobody") {
  for (const int status : {405, 406, 415, 451}) {
    CAPTURE(status);
    const auto host = ready_host();
    const SendResult result = send_three(*host, answer(status, "{}"));
    for (const auto& outcome : result.outcomes) CHECK(outcome.status == PENSTOCK_BLOCKED);
  }
}

TEST_CASE("a host without an HTTP service blocks the destination instead of failing each batch") {
  sdk::test::Options options;
  options.offer_http = false;
  const auto host = make_host({}, options);
  CHECK(statuses(host->send({element("a")}, kBatchKey)) == Statuses{PENSTOCK_BLOCKED});
}

}  // namespace penstock::linkedin
