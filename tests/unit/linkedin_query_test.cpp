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

}  // namespace penstock::linkedin
