// Guards what the LinkedIn plugin answers about audiences, and how it renames one.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

std::string with_counts(const std::string& id, const std::string& key, const std::string& type,
                        const std::string& destination) {
  return R"({"id":)" + id + R"(,"name":"Name of )" + key + R"(","type":")" + type +
         R"(","sourcePlatform":"DIRECT_API","sourceSegmentId":")" + key + R"(","created":)" + id +
         R"(,"destinations":[{"destination":"LINKEDIN",)" + destination + "}]}";
}

json user_mapping(const std::string& key) {
  return {{"mapping", "m_" + key},
          {"action", "sync_to_dmp_segment"},
          {"literals", {{"personas_audience_key", key}, {"dmp_segment_name", "My " + key}}}};
}
json company_mapping(const json& literals) {
  return {{"mapping", "companies"}, {"action", "sync_to_company_segment"}, {"literals", literals}};
}

json audiences(TestHost& host, const json& mappings) {
  const auto result = host.query("audiences", json{{"mappings", mappings}}.dump());
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(host.faults().empty());
  return json::parse(result.answer).at("audiences");
}

}  // namespace

TEST_CASE("the audiences of all mappings are answered in order with one list") {
  const auto host = make_host();
  host->reply(
      answer(200, found(with_counts("1", "trial", "USER",
                                    R"("status":"READY","audienceSize":1234,"matchedCount":40,)"
                                    R"("inputCount":50)") +
                            "," + with_counts("2", "trial", "COMPANY", R"("status":"BUILDING")") +
                            "," + with_counts("3", "trial", "USER", R"("status":"READY")") + "," +
                            with_counts("4", "old", "USER", R"("status":"EXPIRED")"),
                        4)));
  const json shown =
      audiences(*host, {user_mapping("new"), user_mapping("trial"), user_mapping("old"),
                        company_mapping({{"computation_key", "trial"}})});
  CHECK(host->requests().size() == 1);
  CHECK(host->requests()[0].url.find("sourceSegmentId") == std::string::npos);
  REQUIRE(shown.size() == 4);
  CHECK(shown[0].at("mapping") == "m_new");
  CHECK(shown[0].at("id").is_null());
  CHECK(shown[0].at("name") == "My new");
  CHECK(shown[0].at("status") == "NOT_CREATED");
  CHECK(shown[0].at("note").get<std::string>().find("created") != std::string::npos);

  json trial = shown[1];
  CHECK_FALSE(trial.at("note").get<std::string>().empty());  // of the twin
  trial.erase("note");
  CHECK(trial == json{{"mapping", "m_trial"},
                      {"key", "trial"},
                      {"name", "Name of trial"},
                      {"id", "1"},
                      {"type", "USER"},
                      {"status", "READY"},
                      {"size", 1234},
                      {"matched", 40},
                      {"input", 50},
                      {"twins", {"3"}}});
  CHECK(shown[2].at("note").get<std::string>().find("--from-start") != std::string::npos);
  CHECK(shown[3].at("id") == "2");
  CHECK(shown[3].at("type") == "COMPANY");
  CHECK(shown[3].at("size").is_null());
  CHECK(shown[3].at("note").get<std::string>().find("48 hours") != std::string::npos);
}

TEST_CASE("a small audience is explained, and a large one needs no word") {
  const auto host = make_host();
  host->reply(answer(
      200, found(with_counts("1", "a", "USER", R"("status":"READY","audienceSize":299)") + "," +
                     with_counts("2", "b", "USER", R"("status":"READY","audienceSize":300)"),
                 2)));
  const json shown = audiences(*host, {user_mapping("a"), user_mapping("b")});
  CHECK(shown[0].at("note").get<std::string>().find("300") != std::string::npos);
  CHECK(shown[1].at("note") == "");
}

TEST_CASE("a mapping whose key comes from events shows every audience of its type") {
  const std::string list = with_counts("1", "a", "COMPANY", R"("status":"READY")") + "," +
                           with_counts("2", "a", "USER", R"("status":"READY")") + "," +
                           with_counts("3", "b", "COMPANY", R"("status":"READY")");
  const auto host = make_host();
  host->reply(answer(200, found(list, 3)));
  const json shown =
      audiences(*host, json::array({company_mapping({{"audience_source", "ENGAGE"}})}));
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].at("key") == "a");
  CHECK(shown[1].at("key") == "b");
  host->reply(answer(200, found("", 0)));
  const json none = audiences(*host, json::array({company_mapping(json::object())}));
  REQUIRE(none.size() == 1);
  CHECK(none[0].at("key").is_null());
  CHECK(none[0].at("status") == "NOT_CREATED");
}

TEST_CASE("a linked audience is found by its name") {
  const auto host = make_host();
  host->reply(answer(200, found(with_counts("1", "Big", "COMPANY", R"("status":"READY")"), 1)));
  const json linked = {{"audience_source", "CONNECTIONS"}, {"segment_name", "Big"}};
  const json shown = audiences(*host, json::array({company_mapping(linked)}));
  CHECK(shown[0].at("id") == "1");
}

TEST_CASE("renaming changes the oldest segment's name and nothing else") {
  const auto host = make_host();
  host->reply(answer(200, found(with_counts("9", "trial", "USER", R"("status":"READY")") + "," +
                                    with_counts("5", "trial", "USER", R"("status":"READY")"),
                                2)));
  host->reply(answer(204, ""));
  json arguments = user_mapping("trial");
  arguments["name"] = " Trial \"2\" ";
  const auto result = host->query("rename", arguments.dump());
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(
      json::parse(result.answer) ==
      json{{"id", "5"}, {"key", "trial"}, {"old_name", "Name of trial"}, {"name", "Trial \"2\""}});
  const HttpExchange request = host->requests().back();
  CHECK(request.url == "https://api.example.test/rest/dmpSegments/5");
  CHECK(request.headers.find("X-RestLi-Method")->second == "PARTIAL_UPDATE");
  CHECK(json::parse(request.body) == json{{"patch", {{"$set", {{"name", "Trial \"2\""}}}}}});
}

TEST_CASE("a question that cannot be answered says why") {
  json no_name = user_mapping("trial");
  json rename = no_name;
  rename["name"] = "New";
  json from_events = company_mapping(json::object());
  from_events["name"] = "New";
  const std::string mappings = json{{"mappings", json::array({user_mapping("a")})}}.dump();
  struct Case {
    const char* name;
    std::string arguments;
    std::vector<HttpReply> replies;
    std::int32_t code;
    const char* reason;
  };
  const HttpReply one =
      answer(200, found(with_counts("5", "trial", "USER", R"("status":"READY")"), 1));
  const Case cases[] = {
      {"other", "{}", {}, PENSTOCK_ERR_UNSUPPORTED, "unknown_query"},
      {"audiences", "[", {}, PENSTOCK_ERR_INVALID, "invalid_arguments"},
      {"audiences", "{}", {}, PENSTOCK_ERR_INVALID, "invalid_arguments"},
      {"rename", no_name.dump(), {}, PENSTOCK_ERR_INVALID, "invalid_arguments"},
      {"rename", from_events.dump(), {}, PENSTOCK_ERR_INVALID, "invalid_arguments"},
      {"rename", R"({"action":"x","name":"y"})", {}, PENSTOCK_ERR_INVALID, "invalid_arguments"},
      {"rename",
       rename.dump(),
       {answer(200, found("", 0))},
       PENSTOCK_ERR_NOT_FOUND,
       "audience_not_created"},
      {"rename",
       rename.dump(),
       {one, answer(400, R"({"message":"too long"})")},
       PENSTOCK_ERR_INVALID,
       "rename_refused"},
      {"rename", rename.dump(), {one, answer(403, "")}, PENSTOCK_ERR_INVALID, "permission_denied"},
      {"audiences", mappings, {answer(426, "")}, PENSTOCK_ERR_INVALID, "api_version_inactive"},
      {"audiences", mappings, {answer(401, "")}, PENSTOCK_ERR_AUTH, "access_token_refused"},
      {"audiences", mappings, {answer(500, "")}, PENSTOCK_ERR_TRANSPORT, "server_error"}};
  for (const Case& c : cases) {
    CAPTURE(c.name, c.arguments, c.reason);
    const auto host = make_host();
    for (const HttpReply& reply : c.replies) host->reply(reply);
    const auto result = host->query(c.name, c.arguments);
    CHECK(result.code == c.code);
    CHECK(result.reason == c.reason);
    CHECK(result.answer.empty());
    CHECK_FALSE(result.message.empty());
    CHECK(host->faults().empty());
  }
}

namespace {

// LinkedIn's segment 77 of this type and platform.
std::string existing(const std::string& type, const std::string& platform,
                     const std::string& account = "urn:li:sponsoredAccount:512345678") {
  return R"({"id":77,"name":"By hand","type":")" + type + R"(","account":")" + account +
         R"(","sourcePlatform":")" + platform + R"(","created":1600000000000})";
}

json existing_mapping() {
  json mapping = user_mapping("trial");
  mapping["literals"]["existing_segment_id"] = "77";
  return mapping;
}

json test_arguments(const std::string& change, const std::string& email = "Ann@Example.com ") {
  json arguments = user_mapping("trial");
  arguments["email"] = email;
  arguments["change"] = change;
  return arguments;
}

}  // namespace

TEST_CASE("an audience that is named by its id is shown, and renamed, whatever its key") {
  const auto host = make_host();
  host->reply(answer(200, found(with_counts("1", "trial", "USER", R"("status":"READY")"), 1)));
  host->reply(answer(200, existing("USER", "DIRECT_API")));
  json shown = audiences(*host, json::array({existing_mapping()}));
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].at("id") == "77");
  CHECK(shown[0].at("name") == "By hand");

  // One that does not fit says so in place of a status.
  host->reply(answer(200, found("", 0)));
  host->reply(answer(200, existing("COMPANY", "DIRECT_API")));
  shown = audiences(*host, json::array({existing_mapping()}));
  CHECK(shown[0].at("id") == "77");
  CHECK(shown[0].at("note").get<std::string>().find("of type COMPANY") != std::string::npos);

  json arguments = user_mapping("trial");
  arguments["name"] = "New";
  arguments["mappings"] = json::array({existing_mapping()});
  host->reply(answer(200, existing("USER", "DIRECT_API")));
  host->reply(answer(204, ""));
  const auto renamed = host->query("rename", arguments.dump());
  CHECK(renamed.code == PENSTOCK_OK);
  CHECK(host->requests().back().url == "https://api.example.test/rest/dmpSegments/77");
}

TEST_CASE("all audiences of the account are listed with who fills them and what prevents it") {
  std::string of_segment = segment("3", "3", "other");
  of_segment.replace(of_segment.find("DIRECT_API"), 10, "SEGMENT");
  const auto host = make_host();
  host->reply(answer(
      200, found(with_counts("1", "trial", "USER", R"("status":"READY","audienceSize":400)") + "," +
                     segment("2", "2", "list", "USER_LIST_UPLOAD") + "," + of_segment + "," +
                     existing("USER", "DIRECT_API"),
                 4)));
  json mapping = user_mapping("elsewhere");
  mapping["literals"]["existing_segment_id"] = "77";
  const auto result =
      host->query("account_audiences", json{{"mappings", {user_mapping("trial"), mapping}}}.dump());
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(host->requests()[0].url.find("sourcePlatform") == std::string::npos);
  const json list = json::parse(result.answer);
  CHECK(list.at("account") == "512345678");
  const json& all = list.at("audiences");
  REQUIRE(all.size() == 4);
  CHECK(all[0] == json{{"mapping", "m_trial"},
                       {"key", "trial"},
                       {"name", "Name of trial"},
                       {"id", "1"},
                       {"type", "USER"},
                       {"platform", "DIRECT_API"},
                       {"status", "READY"},
                       {"size", 400},
                       {"note", ""}});
  CHECK(all[1].at("mapping").is_null());
  CHECK(all[1].at("note").get<std::string>().find("uploaded") != std::string::npos);
  CHECK(all[2].at("note").get<std::string>().find("source_platform to SEGMENT") !=
        std::string::npos);
  CHECK(all[3].at("id") == "77");
  CHECK(all[3].at("mapping") == "m_elsewhere");
  CHECK(host->query("account_audiences", "{}").code == PENSTOCK_ERR_INVALID);
}

TEST_CASE("the ad accounts of the member are listed with names and roles, whichever is set") {
  const auto host = make_host();
  host->on_request([](const HttpExchange& request) {
    if (request.url.find("/adAccountUsers?q=authenticatedUser&start=0") != std::string::npos) {
      return answer(
          200, R"({"elements":[{"account":"urn:li:sponsoredAccount:512345678","role":"VIEWER"},)"
               R"({"account":"urn:li:sponsoredAccount:7","role":"CAMPAIGN_MANAGER"}],)"
               R"("paging":{"total":2}})");
    }
    if (request.url.find("pageToken=next%2F2") != std::string::npos)
      return answer(200, R"({"elements":[{"id":7,"name":"Seven"}],"metadata":{}})");
    CHECK(request.url == "https://api.example.test/rest/adAccounts?q=search&pageSize=100");
    return answer(200, R"({"elements":[{"id":512345678,"name":"Acme"},{"id":"x"},5],)"
                       R"("metadata":{"nextPageToken":"next/2"}})");
  });
  const auto result = host->query("accounts", "{}");
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(json::parse(result.answer).at("accounts") == json{{{"id", "512345678"},
                                                           {"name", "Acme"},
                                                           {"role", "VIEWER"},
                                                           {"usable", false},
                                                           {"configured", true}},
                                                          {{"id", "7"},
                                                           {"name", "Seven"},
                                                           {"role", "CAMPAIGN_MANAGER"},
                                                           {"usable", true},
                                                           {"configured", false}}});
}

TEST_CASE("ad accounts without names, and none at all because the login may not see them") {
  const auto host = make_host();
  host->on_request([](const HttpExchange& request) {
    return request.url.find("/adAccounts?") != std::string::npos
               ? answer(403, "")
               : answer(200, R"({"elements":[{"account":"urn:li:sponsoredAccount:7",)"
                             R"("role":"VIEWER"}],"paging":{"total":1}})");
  });
  const json accounts = json::parse(host->query("accounts", "{}").answer).at("accounts");
  REQUIRE(accounts.size() == 1);
  CHECK(accounts[0].at("name").is_null());

  host->on_request([](const HttpExchange&) { return answer(403, ""); });
  const auto untold = host->query("accounts", "{}");
  REQUIRE(untold.code == PENSTOCK_OK);
  CHECK(json::parse(untold.answer).at("accounts").empty());
  CHECK(json::parse(untold.answer).at("note").get<std::string>().find("r_ads") !=
        std::string::npos);
  for (const HttpReply& reply : {answer(429, ""), answer(200, "<html>"), answer(500, "")}) {
    host->on_request([reply](const HttpExchange&) { return reply; });
    CHECK(host->query("accounts", "{}").code == PENSTOCK_ERR_TRANSPORT);
  }
}

TEST_CASE("a test puts one person in, hashed, and says what was answered") {
  const auto host = make_host();
  host->reply(answer(200, found(segment("5", "5", "trial"), 1)));
  host->reply(delivered(1));
  const auto result = host->query("test_member", test_arguments("ADD").dump());
  REQUIRE(result.code == PENSTOCK_OK);
  const auto requests = host->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].url == "https://api.example.test/rest/dmpSegments/5/users");
  CHECK(requests[1].rate == "users");
  CHECK(requests[1].body.rfind(R"({"elements":[{"action":"ADD","userIds":[{"idType":)"
                               R"("SHA256_EMAIL","idValue":")",
                               0) == 0);
  const json told = json::parse(result.answer);
  CHECK(told.at("segment_id") == "5");
  CHECK(told.at("request").at("body").dump() == json::parse(requests[1].body).dump());
  CHECK(told.at("status") == 200);
  CHECK(told.at("answer") == json::parse(R"({"elements":[{"status":201}]})"));
  CHECK(told.at("accepted") == true);
  CHECK(told.at("certain") == true);
  CHECK(told.at("problem").is_null());
  CHECK(result.answer.find("xample.com") == std::string::npos);

  // Written as it is, and in other letters: one person.
  host->reply(answer(200, found(segment("5", "5", "trial"), 1)));
  host->reply(delivered(1));
  REQUIRE(host->query("test_member", test_arguments("REMOVE", "ann@example.com").dump()).code ==
          PENSTOCK_OK);
  std::string removal = host->requests().back().body;
  CHECK(removal.find(R"("action":"REMOVE")") != std::string::npos);
  removal.replace(removal.find("REMOVE"), 6, "ADD");
  CHECK(removal == requests[1].body);
}

TEST_CASE("a test says when the person was refused, and when that is not certain") {
  struct Case {
    HttpReply reply;
    bool certain;
    const char* words;
  };
  const Case cases[] = {
      {answer(200, R"({"elements":[{"status":400,"error":{"message":"bad hash"}}]})"), true,
       "bad hash"},
      {answer(403, ""), true, "rw_dmp_segments"},
      {answer(400, R"({"message":"no"})"), true, "400"},
      {answer(200, "<html>"), false, "could be read"},
      {answer(503, ""), false, "503"},
      {HttpReply::failure(PENSTOCK_ERR_TIMEOUT), false, "Sending the person"},
      {HttpReply::failure(PENSTOCK_ERR_TRANSPORT), false, "Sending the person"}};
  for (const Case& c : cases) {
    CAPTURE(c.reply.result, c.reply.status, c.reply.body);
    const auto host = make_host();
    host->reply(answer(200, found(segment("5", "5", "trial"), 1)));
    host->reply(c.reply);
    const auto result = host->query("test_member", test_arguments("ADD").dump());
    REQUIRE(result.code == PENSTOCK_OK);  // something was sent
    const json told = json::parse(result.answer);
    CHECK(told.at("accepted") == false);
    CHECK(told.at("certain") == c.certain);
    CHECK(told.at("problem").get<std::string>().find(c.words) != std::string::npos);
  }
}

TEST_CASE("a test shows no identifier in clear, whatever LinkedIn echoes") {
  const auto host = make_host();
  host->on_request([](const HttpExchange& request) {
    if (request.method == "GET") return answer(200, found(segment("5", "5", "trial"), 1));
    return answer(400, R"({"message":"ann@example.com is odd","echo":)" + request.body + "}");
  });
  const auto result = host->query("test_member", test_arguments("ADD").dump());
  CHECK(result.answer.find("ann@") == std::string::npos);
}

TEST_CASE("a test sends nothing where nobody can be put in") {
  const auto refused = [](const json& arguments, const TestValues& settings = {}) {
    const auto host = make_host(settings);
    host->reply(answer(200, found("", 0)));
    const auto result = host->query("test_member", arguments.dump());
    CHECK(result.message.find("xample.com") == std::string::npos);
    for (const HttpExchange& request : host->requests()) CHECK(request.method == "GET");
    return result;
  };
  CHECK(refused(test_arguments("ADD")).reason == "audience_not_created");
  CHECK(refused(test_arguments("ADD", "example.com")).field == "email");
  CHECK(refused(test_arguments("KEEP")).field == "change");
  CHECK(refused(test_arguments("ADD"), {{"send_email", false}}).field == "email");
  json company = company_mapping({{"computation_key", "trial"}});
  company["email"] = "ann@example.com";
  company["change"] = "ADD";
  CHECK(refused(company).message.find("companies") != std::string::npos);
  json unknown = test_arguments("ADD");
  unknown["literals"].erase("personas_audience_key");
  CHECK(refused(unknown).code == PENSTOCK_ERR_INVALID);
}

TEST_CASE("a test of an audience that is named by its id goes to that") {
  json arguments = test_arguments("ADD");
  arguments["mappings"] = json::array({existing_mapping()});
  const auto host = make_host();
  host->reply(answer(200, existing("USER", "DIRECT_API")));
  host->reply(delivered(1));
  CHECK(host->query("test_member", arguments.dump()).code == PENSTOCK_OK);
  CHECK(host->requests().back().url == "https://api.example.test/rest/dmpSegments/77/users");
}

}  // namespace penstock::linkedin
