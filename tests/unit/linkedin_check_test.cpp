// Guards the LinkedIn plugin's check: what it asks, in which order, and what it says of each
// answer.
#include <catch2/catch.hpp>

#include "api_version.hpp"
#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

// LinkedIn's answers to the questions of a check.
struct Answers {
  HttpReply me = answer(200, R"({"id":"Person1"})");
  HttpReply account = answer(200, R"({"id":512345678,"name":"Acme"})");
  HttpReply role = answer(200, R"({"role":"CAMPAIGN_MANAGER"})");
  HttpReply roles = answer(200, R"({"elements":[]})");
  HttpReply more_roles = answer(200, R"({"elements":[]})");
  HttpReply audiences = answer(200, R"({"elements":[],"paging":{"total":0}})");
  HttpReply list = answer(200, R"({"elements":[],"paging":{"total":0}})");
};

HookResult check(TestHost& host, const Answers& answers) {
  host.on_request([answers](const HttpExchange& request) {
    CHECK(request.method == "GET");
    CHECK(request.flags == PENSTOCK_HTTP_AUTHORIZE);
    CHECK(request.rate.empty());
    const std::string path = request.url.substr(request.url.find("/rest") + 5);
    if (path == "/me") return answers.me;
    if (path == "/adAccounts/512345678") return answers.account;
    if (path ==
        "/adAccountUsers/(account:urn%3Ali%3AsponsoredAccount%3A512345678,"
        "user:urn%3Ali%3Aperson%3APerson1)") {
      return answers.role;
    }
    if (path == "/adAccountUsers?q=authenticatedUser&start=0&count=100") return answers.roles;
    if (path == "/adAccountUsers?q=authenticatedUser&start=2&count=100") return answers.more_roles;
    if (path ==
        "/dmpSegments?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678"
        "&sourcePlatform=DIRECT_API&start=0&count=100") {
      return answers.list;
    }
    CHECK(path ==
          "/dmpSegments?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678&start=0&count=1");
    return answers.audiences;
  });
  HookResult result = host.check();
  CHECK(host.faults().empty());
  // Longer ones would be cut off.
  CHECK(result.message.size() < sizeof(penstock_error::message) - 1);
  return result;
}

}  // namespace

TEST_CASE("a check asks about member, account, role and audiences, and changes nothing") {
  const auto host = make_host();
  CHECK(check(*host, {}).code == PENSTOCK_OK);
  CHECK(host->requests().size() == 5);
  CHECK(host->notices().empty());
  CHECK(host->stored().empty());
}

TEST_CASE("a check tells what became of an audience that nothing is sent to") {
  Answers answers;
  answers.list = answer(200, found(with_status("77", "EXPIRED"), 1));
  const auto host = make_host();
  CHECK(check(*host, answers).code == PENSTOCK_OK);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].code == "audience_expired");
  answers.list = answer(500, "");  // then it shows later
  const auto other = make_host();
  CHECK(check(*other, answers).code == PENSTOCK_OK);
  CHECK(other->notices().empty());
}

TEST_CASE("without a role, a refused look at the audiences is not blamed on the permission alone") {
  Answers answers;
  answers.account = answers.role = answers.roles = answers.audiences = answer(403, "");
  const HookResult unknown = check(*make_host(), answers);
  CHECK(unknown.code == PENSTOCK_ERR_AUTH);
  CHECK(unknown.message.find("ad_account_id is wrong") != std::string::npos);
  answers.role = answer(200, R"({"role":"CAMPAIGN_MANAGER"})");
  const HookResult known = check(*make_host(), answers);
  CHECK(known.message.find("lacks the permission rw_dmp_segments") != std::string::npos);
}

TEST_CASE("each role but those four is refused") {
  for (const char* role :
       {"ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER", "CREATIVE_MANAGER"}) {
    Answers answers;
    answers.role = answer(200, std::string(R"({"role":")") + role + "\"}");
    CHECK(check(*make_host(), answers).code == PENSTOCK_OK);
  }
  for (const char* role : {"VIEWER", "NEW_ROLE", ""}) {
    CAPTURE(role);
    Answers answers;
    answers.role = answer(200, std::string(R"({"role":")") + role + "\"}");
    const HookResult result = check(*make_host(), answers);
    CHECK(result.code == PENSTOCK_ERR_INVALID);
    CHECK(result.reason == "role_insufficient");
    CHECK(result.message.find("512345678") != std::string::npos);
  }
}

TEST_CASE("what is not in order is the check's error") {
  const auto with = [](HttpReply Answers::*which, HttpReply reply) {
    Answers answers;
    answers.*which = std::move(reply);
    return answers;
  };
  struct Case {
    Answers answers;
    std::int32_t code;
    const char* reason;
    const char* field;
  };
  const HttpReply gone = answer(426, R"({"code":"NONEXISTENT_VERSION"})");
  const Case cases[] = {
      {with(&Answers::me, HttpReply::failure(PENSTOCK_ERR_AUTH, "not_logged_in", "Log in")),
       PENSTOCK_ERR_AUTH, "not_logged_in", ""},
      {with(&Answers::me, answer(401, "")), PENSTOCK_ERR_AUTH, "access_token_refused", ""},
      {with(&Answers::me, gone), PENSTOCK_ERR_INVALID, "api_version_inactive", "api_version"},
      {with(&Answers::me, HttpReply::failure(PENSTOCK_ERR_CONNECT)), PENSTOCK_ERR_CONNECT,
       "connect_failed", ""},
      {with(&Answers::me, HttpReply::failure(PENSTOCK_ERR_TIMEOUT)), PENSTOCK_ERR_TIMEOUT,
       "timeout", ""},
      {with(&Answers::me, answer(503, "<html>")), PENSTOCK_ERR_TRANSPORT, "server_error", ""},
      {with(&Answers::account, answer(404, "")), PENSTOCK_ERR_INVALID, "unknown_account",
       "ad_account_id"},
      {with(&Answers::role, answer(404, "")), PENSTOCK_ERR_INVALID, "no_role", "ad_account_id"},
      {with(&Answers::audiences, answer(403, "")), PENSTOCK_ERR_AUTH, "permission_denied", ""},
      {with(&Answers::audiences, gone), PENSTOCK_ERR_INVALID, "api_version_inactive",
       "api_version"},
      {with(&Answers::audiences, answer(429, "")), PENSTOCK_ERR_TRANSPORT, "throttled", ""},
      {with(&Answers::audiences, answer(400, "")), PENSTOCK_ERR_INVALID, "unexpected_status", ""}};
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    const HookResult result = check(*make_host(), c.answers);
    CHECK(result.code == c.code);
    CHECK(result.reason == c.reason);
    CHECK(result.field == c.field);
    CHECK_FALSE(result.message.empty());
  }
}

TEST_CASE("the first answer that asks for fewer requests ends a check") {
  HttpReply Answers::*const questions[] = {&Answers::me, &Answers::account, &Answers::role,
                                           &Answers::audiences};
  std::size_t asked = 0;
  for (HttpReply Answers::*const question : questions) {
    ++asked;
    CAPTURE(asked);
    Answers answers;
    answers.*question = answer(429, "");
    const auto host = make_host();
    const HookResult result = check(*host, answers);
    CHECK(result.code == PENSTOCK_ERR_TRANSPORT);
    CHECK(result.reason == "throttled");
    CHECK(host->requests().size() == asked);
  }
  Answers list;
  list.me = answer(403, "");
  list.roles = answer(429, "");
  const auto host = make_host();
  CHECK(check(*host, list).reason == "throttled");
  CHECK(host->requests().size() == 3);
}

TEST_CASE("LinkedIn is not asked again before the time that it named, over a restart, too") {
  Answers answers;
  answers.me = answer(429, R"({"message":"slow down"})", {{"retry-after", "600"}});
  const auto first = make_host();
  CHECK(check(*first, answers).reason == "throttled");
  const auto host = make_host();
  host->set_stored(first->stored());
  const HookResult again = check(*host, {});
  CHECK(again.code == PENSTOCK_ERR_TRANSPORT);
  CHECK(again.reason == "throttled");
  CHECK(again.message.find("for 600 s more") != std::string::npos);
  CHECK(again.message.find("slow down") != std::string::npos);
  CHECK(host->requests().empty());
  // Who the member is has nothing to do with deliveries.
  host->on_request([](const HttpExchange& request) {
    return request.method == "GET" ? answer(200, found(kOldSegment, 1)) : delivered(1);
  });
  CHECK(host->send({element("a")}, kBatchKey).outcomes[0].status == PENSTOCK_DELIVERED);
  host->advance_ms(600'000);
  CHECK(check(*host, {}).code == PENSTOCK_OK);
}

TEST_CASE("A check that was asked to wait with questions about audiences holds deliveries, too") {
  Answers answers;
  answers.audiences = answer(429, "", {{"retry-after", "60"}});
  const auto host = make_host();
  CHECK(check(*host, answers).reason == "throttled");
  const std::size_t asked = host->requests().size();
  const auto outcome = host->send({element("a")}, kBatchKey).outcomes[0];
  CHECK(outcome.status == PENSTOCK_THROTTLED);
  CHECK(outcome.reason == "throttled");
  CHECK(outcome.retry_after_ms == 60'000);
  CHECK(host->requests().size() == asked);
  host->advance_ms(60'000);
  host->on_request([](const HttpExchange& request) {
    return request.method == "GET" ? answer(200, found(kOldSegment, 1)) : delivered(1);
  });
  CHECK(host->send({element("a")}, kBatchKey).outcomes[0].status == PENSTOCK_DELIVERED);
}

TEST_CASE("What is stored of a wait and makes no sense is ignored") {
  Answers answers;
  answers.me = answer(429, "", {{"retry-after", "600"}});
  const auto first = make_host();
  CHECK(check(*first, answers).reason == "throttled");
  for (const char* value : {"", "{", "[]", "{}", R"({"until_ms":"soon"})",
                            R"({"until_ms":9007199254740991,"of":"account"})"}) {
    CAPTURE(value);
    auto stored = first->stored();
    REQUIRE(stored.size() == 1);
    stored.begin()->second = value;
    const auto host = make_host();
    host->set_stored(stored);
    CHECK(check(*host, {}).code == PENSTOCK_OK);
  }
}

TEST_CASE("what a login that is good for deliveries may not see is a warning") {
  Answers answers;
  answers.me = answer(403, "");
  answers.account = answer(403, "");
  answers.roles = answer(403, "");
  const auto host = make_host();
  CHECK(check(*host, answers).code == PENSTOCK_OK);
  REQUIRE(host->notices().size() == 1);
  CHECK(host->notices()[0].level == PENSTOCK_LOG_WARNING);
  CHECK(host->notices()[0].code == "role_not_checked");
}

TEST_CASE("when LinkedIn does not say who asks, the role is taken from the list of roles") {
  Answers answers;
  answers.me = answer(403, "");
  const auto roles = [](const std::string& role) {
    return answer(200, R"({"elements":[{"account":"urn:li:sponsoredAccount:1","role":"VIEWER"},)"
                       R"({"account":"urn:li:sponsoredAccount:512345678","role":")" +
                           role + "\"}]}");
  };
  answers.roles = roles("ACCOUNT_MANAGER");
  const auto host = make_host();
  CHECK(check(*host, answers).code == PENSTOCK_OK);
  CHECK(host->notices().empty());
  answers.roles = roles("VIEWER");
  CHECK(check(*make_host(), answers).reason == "role_insufficient");
}

TEST_CASE(
    "an ad account that the member's list does not have is refused, whatever hides the role") {
  const std::string two = R"({"elements":[{"account":"urn:li:sponsoredAccount:1","role":"VIEWER"},)"
                          R"({"account":"urn:li:sponsoredAccount:2","role":"ACCOUNT_MANAGER"}])";
  const HttpReply own = answer(
      200, R"({"elements":[{"account":"urn:li:sponsoredAccount:512345678","role":"VIEWER"}]})");
  Answers no_member;
  no_member.me = answer(403, "");
  Answers no_entry;
  no_entry.role = answer(403, "");
  for (Answers answers : {no_member, no_entry}) {
    answers.account = answer(403, "");
    answers.roles = answer(200, two + R"(,"paging":{"total":2}})");
    CHECK(check(*make_host(), answers).reason == "no_role");
    answers.roles = answer(200, two + "}");  // another page tells that this is all
    CHECK(check(*make_host(), answers).reason == "no_role");
    answers.roles = answer(200, R"({"elements":[]})");
    CHECK(check(*make_host(), answers).reason == "no_role");
    // On the second page.
    answers.roles = answer(200, two + R"(,"paging":{"total":3}})");
    answers.more_roles = own;
    CHECK(check(*make_host(), answers).reason == "role_insufficient");
    // What cannot be read says nothing.
    for (const HttpReply& reply : {answer(403, ""), answer(200, "<html>")}) {
      answers.roles = reply;
      const auto host = make_host();
      CHECK(check(*host, answers).code == PENSTOCK_OK);
      REQUIRE(host->notices().size() == 1);
      CHECK(host->notices()[0].code == "role_not_checked");
    }
  }
}

TEST_CASE("a text that is no API version is neither one to come nor one that ages") {
  for (const char* text : {"", "2026", "20260", "202613", "2026-8", "2026081"}) {
    CAPTURE(text);
    CHECK_FALSE(is_future_version(text, 0));
    CHECK(api_version_warning(text, INT64_MAX).empty());
  }
}

TEST_CASE("an API version is warned of from 30 days before its first birthday") {
  constexpr std::int64_t kNsPerDay = 86'400'000'000'000;
  constexpr std::int64_t kBirthday = 1'818'288'000'000'000'000;  // 2027-08-15T00:00:00Z, of 202608
  struct Case {
    std::int64_t wall_ns;
    const char* words;  // null: no warning
  };
  const Case cases[] = {{kBirthday - 30 * kNsPerDay - 1, nullptr},
                        {kBirthday - 30 * kNsPerDay, "will be a year old on about 2027-08-15"},
                        {kBirthday - 1, "will be a year old on about 2027-08-15"},
                        {kBirthday, "a year old since about 2027-08-15"}};
  for (const Case& c : cases) {
    CAPTURE(c.wall_ns);
    sdk::test::Options options;
    options.wall_ns = c.wall_ns;
    const auto host = make_host({}, options);
    CHECK(check(*host, {}).code == PENSTOCK_OK);
    REQUIRE(host->notices().size() == (c.words == nullptr ? 0U : 1U));
    if (c.words == nullptr) continue;
    CHECK(host->notices()[0].message.find(c.words) != std::string::npos);
    CHECK(host->notices()[0].message.find("api_version") != std::string::npos);
  }
}

TEST_CASE("a member's id gets into a URL only encoded") {
  const auto host = make_host();
  host->reply(answer(200, R"({"id":"a/b),x"})"));
  host->on_request([](const HttpExchange&) { return answer(404, ""); });
  (void)host->check();
  host->reply(answer(200, R"({"id":"a/b),x"})"));
  host->reply(answer(200, "{}"));
  (void)host->check();
  CHECK(host->requests().back().url.find("person%3Aa%2Fb%29%2Cx)") != std::string::npos);
}

}  // namespace penstock::linkedin
