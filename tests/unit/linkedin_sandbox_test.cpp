// Guards the simulated LinkedIn API: one case per row of the contract's table of a faithful
// simulator.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "linkedin_sandbox/sandbox.hpp"
#include "linkedin_sandbox_client.hpp"

namespace {

using linkedin_sandbox::Grant;
using linkedin_sandbox::Options;
using linkedin_sandbox::Sandbox;
using nlohmann::json;

constexpr std::int64_t kNoon = 1'793'448'000'000;  // 2026-10-31T12:00:00Z
const std::string kSegments = "/rest/dmpSegments";
const std::string kFind = "/rest/dmpSegments?q=account&account=urn:li:sponsoredAccount:1";

Options quick() {
  Options options;
  options.behaviour.segment_ready_ms = 0;
  options.frozen_at_ms = kNoon;
  return options;
}

// A started sandbox whose segments can be written at once and whose clock stands still.
struct Fixture {
  explicit Fixture(Options options = quick()) : sandbox(std::move(options)) {
    REQUIRE(sandbox.start().ok());
    client = std::make_unique<SandboxClient>(sandbox.api_port());
  }
  void behave(const json& changes) { REQUIRE(sandbox.change_behaviour(changes).message() == ""); }

  Sandbox sandbox;
  std::unique_ptr<SandboxClient> client;
};

void check_error(const Answer& answer, long status, int service_code, const std::string& code) {
  CHECK(answer.status == status);
  const json body = answer.json();
  REQUIRE(body.is_object());
  CHECK(body.value("status", 0) == status);
  CHECK(body.value("serviceErrorCode", 0) == service_code);
  CHECK(body.value("code", "") == code);
  CHECK_FALSE(body.value("message", "").empty());
}

}  // namespace

TEST_CASE("Row 1: a request without a token is refused, and every reply has LinkedIn's headers") {
  Fixture f;
  f.client->headers.erase("Authorization");
  const Answer answer = f.client->get(kFind);
  check_error(answer, 401, 401, "EMPTY_ACCESS_TOKEN");
  for (const char* name : {"x-li-uuid", "x-li-fabric", "x-li-pop"})
    CHECK(answer.headers.count(name) == 1);
  CHECK(answer.headers.at("x-restli-error-response") == "true");
  f.behave({{"empty_token_service_code", 65604}});
  check_error(f.client->get(kFind), 401, 65604, "EMPTY_ACCESS_TOKEN");
}

TEST_CASE("Row 2: unknown, expired and revoked tokens each have a code of their own") {
  Fixture f;
  f.client->headers["Authorization"] = "Bearer unknown";
  check_error(f.client->get(kFind), 401, 65600, "INVALID_ACCESS_TOKEN");
  f.client->headers["Authorization"] = "Bearer sandbox-token";
  REQUIRE(f.sandbox.expire_token("sandbox-token"));
  check_error(f.client->get(kFind), 401, 65602, "EXPIRED_ACCESS_TOKEN");
  f.behave({{"expired_token_as_invalid", true}});
  check_error(f.client->get(kFind), 401, 65600, "INVALID_ACCESS_TOKEN");
  REQUIRE(f.sandbox.revoke_token("sandbox-token"));
  check_error(f.client->get(kFind), 401, 65601, "REVOKED_ACCESS_TOKEN");
}

TEST_CASE("Row 3: a missing scope is refused, and a VIEWER may read but not write") {
  Fixture f;
  Grant viewer;
  viewer.role = "VIEWER";
  f.sandbox.add_token("viewer", viewer, std::chrono::hours(1));
  Grant poor;
  poor.scopes = {"r_ads"};
  f.sandbox.add_token("poor", poor, std::chrono::hours(1));
  f.client->headers["Authorization"] = "Bearer poor";
  check_error(f.client->get(kFind), 403, 100, "ACCESS_DENIED");
  f.client->headers["Authorization"] = "Bearer viewer";
  CHECK(f.client->get(kFind).status == 200);
  const Answer refused = f.client->post(kSegments, segment_body("a"));
  check_error(refused, 403, 100, "ACCESS_DENIED");
  CHECK(refused.body.find("Not enough permissions to access: dmpSegments.CREATE") !=
        std::string::npos);
}

TEST_CASE("Row 4: a missing version is refused with the status that was chosen") {
  Fixture f;
  f.client->headers.erase("LinkedIn-Version");
  check_error(f.client->get(kFind), 400, 0, "VERSION_MISSING");
  f.behave({{"missing_version_status", 403}});
  check_error(f.client->get(kFind), 403, 0, "VERSION_MISSING");
}

TEST_CASE("Row 5: a version may be sunset during a run") {
  Fixture f;
  CHECK(f.client->get(kFind).status == 200);
  f.behave({{"active_versions", {"202609"}}});
  const Answer answer = f.client->get(kFind);
  check_error(answer, 426, 0, "NONEXISTENT_VERSION");
  CHECK(answer.json()["message"] == "Requested version 20260801 is not active");
}

TEST_CASE(
    "Row 6: the protocol version decides the id header, the error header and the key syntax") {
  Fixture f;
  const std::string form =
      "/rest/adAccountUsers/"
      "account=urn%3Ali%3AsponsoredAccount%3A1&user=urn%3Ali%3Aperson%3ASandboxPerson1";
  const std::string tuple =
      "/rest/adAccountUsers/"
      "(account:urn%3Ali%3AsponsoredAccount%3A1,user:urn%3Ali%3Aperson%3ASandboxPerson1)";
  CHECK(f.client->get(tuple).json()["role"] == "ACCOUNT_MANAGER");
  const Answer refused = f.client->get(form);
  CHECK(refused.status == 400);
  CHECK(refused.headers.count("x-restli-error-response") == 1);
  f.client->headers.erase("X-Restli-Protocol-Version");
  CHECK(f.client->get(form).status == 200);
  const Answer old_refused = f.client->get(tuple);
  CHECK(old_refused.status == 400);
  CHECK(old_refused.headers.count("x-linkedin-error-response") == 1);
  const Answer created = f.client->post(kSegments, segment_body("a"));
  CHECK(created.headers.count("x-linkedin-id") == 1);
  CHECK(created.headers.count("x-restli-id") == 0);
}

TEST_CASE("Row 7: a created segment has an id and no body, and a second creation makes a twin") {
  Fixture f;
  const Answer first = f.client->post(kSegments, segment_body("a"));
  CHECK(first.status == 201);
  CHECK(first.body.empty());
  CHECK(first.headers.at("location") == "/dmpSegments/" + first.headers.at("x-restli-id"));
  CHECK(f.client->create_segment("a") != first.headers.at("x-restli-id"));
  CHECK(f.sandbox.counters()["twin_segments"] == 1);
  f.behave({{"conflict_on_duplicate", true}});
  CHECK(f.client->post(kSegments, segment_body("a")).status == 409);
}

TEST_CASE("Row 8: over the cap of segments a creation is refused without Retry-After") {
  Fixture f;
  f.behave({{"max_segments", 1}, {"retry_after_seconds", 5}});
  f.client->create_segment("a");
  const Answer answer = f.client->post(kSegments, segment_body("b"));
  check_error(answer, 429, 0, "SEGMENT_LIMIT_EXCEEDED");
  CHECK(answer.headers.count("retry-after") == 0);
}

TEST_CASE("Row 9: a segment with a wrong field is refused by the field's name") {
  Fixture f;
  const int status = GENERATE(400, 422);
  f.behave({{"bad_create_status", status}});
  const std::vector<std::pair<std::string, json>> faults = {
      {"account", "urn:li:organization:1"},
      {"account", nullptr},
      {"name", nullptr},
      {"name", ""},
      {"type", "PEOPLE"},
      {"sourcePlatform", "GTM:OS"},
      {"sourceSegmentId", 7},
      {"colour", "blue"},
      {"destinations", {{{"destination", "X"}}}}};
  for (const auto& [field, value] : faults) {
    json body = segment_body("a");
    body[field] = value;
    if (value.is_null()) body.erase(field);
    CAPTURE(field, value);
    const Answer answer = f.client->post(kSegments, body);
    check_error(answer, status, 0, "");
    CHECK(answer.json()["message"].get<std::string>().find("/" + field) != std::string::npos);
  }
  CHECK(f.sandbox.counters()["segments"] == 0);
}

TEST_CASE("Row 10: a creation whose reply is lost has happened") {
  Fixture f;
  f.behave({{"lose_create_reply", 1}, {"max_faults", 1}});
  CHECK(f.client->post(kSegments, segment_body("a")).status == 0);
  const json found = f.client->get(kFind + "&sourceSegmentId=a").json();
  CHECK(found["elements"].size() == 1);
}

TEST_CASE("Row 11: the finder pages when asked to, shows both types, and may lag") {
  Fixture f;
  for (int i = 0; i < 12; ++i) f.client->create_segment("s" + std::to_string(i));
  f.client->create_segment("s0", "COMPANY");
  CHECK(f.client->get(kFind).json()["elements"].size() == 13);
  const json page = f.client->get(kFind + "&start=10").json();
  CHECK(page["elements"].size() == 3);
  CHECK(page["paging"] ==
        json{{"start", 10}, {"count", 10}, {"links", json::array()}, {"total", 13}});
  CHECK(f.client->get(kFind + "&start=2&count=4").json()["elements"][0]["sourceSegmentId"] == "s2");
  CHECK(f.client->get(kFind + "&start=99").json()["elements"].empty());
  const Answer encoded = f.client->get(
      "/rest/dmpSegments?q=account&account=urn%3Ali%3AsponsoredAccount%3A1&sourceSegmentId=s0");
  REQUIRE(encoded.json()["elements"].size() == 2);
  const json element = encoded.json()["elements"][0];
  CHECK(element["id"].is_number());
  CHECK(element["type"] == "USER");
  CHECK(element["destinations"][0]["status"] == "READY");
  CHECK(f.client->get("/rest/dmpSegments?q=account&account=urn:li:sponsoredAccount:0")
            .json()["elements"]
            .empty());
  CHECK(f.client->get("/rest/dmpSegments?q=other").status == 400);
  f.behave({{"find_lag_ms", 1000}});
  CHECK(f.client->get(kFind).json()["elements"].empty());
  f.sandbox.advance_clock(std::chrono::seconds(1));
  CHECK(f.client->get(kFind).json()["elements"].size() == 13);
}

TEST_CASE("Row 12: a segment can be read, changed and deleted once") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  const json patch = {{"patch", {{"$set", {{"name", "other"}}}}}};
  CHECK(f.client->post(kSegments + "/" + id, patch, "PARTIAL_UPDATE").status == 204);
  CHECK(f.client->get(kSegments + "/" + id).json()["name"] == "other");
  CHECK(f.client->request("DELETE", kSegments + "/" + id).status == 204);
  CHECK(f.client->request("DELETE", kSegments + "/" + id).status == 404);
  CHECK(f.client->get(kSegments + "/" + id).status == 404);
}

TEST_CASE("Row 13: a fresh segment answers 404 or loses what is written, until it is ready") {
  Fixture f;
  f.behave({{"segment_ready_ms", 5000}});
  const std::string id = f.client->create_segment("a");
  const Answer answer = f.client->write_users(id, {user("ADD", "x")});
  CHECK(answer.status == 404);
  CHECK(answer.json()["message"] == "Could not find DMP segment with ID " + id);
  f.behave({{"not_ready_mode", "drop"}});
  CHECK(element_statuses(f.client->write_users(id, {user("ADD", "x")})) == std::vector{201});
  CHECK(f.sandbox.members("a").empty());
  CHECK(f.sandbox.counters()["elements"]["dropped"] == 1);
  f.sandbox.advance_clock(std::chrono::milliseconds(5000));
  f.client->write_users(id, {user("ADD", "x")});
  CHECK(f.sandbox.members("a") == std::vector<std::string>{"GOOGLE_AID=x"});
}

TEST_CASE("Row 14: a batch is answered by one 201 per element, also for what changes nothing") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.client->write_users(id, {user("ADD", "x")});
  const Answer answer =
      f.client->write_users(id, {user("ADD", "x"), user("REMOVE", "y"), user("ADD", "z")});
  CHECK(answer.status == 200);
  CHECK(element_statuses(answer) == std::vector{201, 201, 201});
  CHECK(f.sandbox.members("a") == std::vector<std::string>{"GOOGLE_AID=x", "GOOGLE_AID=z"});
}

TEST_CASE("Row 15: a bad element is refused on its own, in legacy mode with all others") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  const auto with = [](const std::string& field, const json& value) {
    json element = user("ADD", "bad");
    element[field] = value;
    return element;
  };
  const auto ids = [](const std::string& type, const std::string& value) {
    return json{{"action", "ADD"}, {"userIds", {{{"idType", type}, {"idValue", value}}}}};
  };
  const json bad = {ids("SHA256_EMAIL", std::string(63, 'a')),
                    ids("SHA256_EMAIL", std::string(64, 'g')),
                    ids("SHA512_EMAIL", std::string(64, 'a')),
                    ids("PHONE", "1"),
                    ids("GOOGLE_AID", ""),
                    with("action", "UPSERT"),
                    with("userIds", json::array()),
                    with("firstName", std::string(36, 'a')),
                    with("title", std::string(51, 'a')),
                    with("country", "Dhaka"),
                    with("colour", "blue"),
                    json("text")};
  json elements = bad;
  elements.push_back(user("ADD", "good"));
  const Answer answer = f.client->write_users(id, elements);
  CHECK(answer.status == 200);
  const json results = answer.json()["elements"];
  REQUIRE(results.size() == elements.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    CHECK(results[i]["status"] == 400);
    CHECK(results[i]["error"]["status"] == 400);
    CHECK_FALSE(results[i]["error"]["message"].get<std::string>().empty());
    CHECK(results[i]["batchIndex"] == i);
  }
  CHECK(results.back() == json{{"status", 201}});
  CHECK(f.sandbox.members("a") == std::vector<std::string>{"GOOGLE_AID=good"});

  // Of all pairs of letters those that ISO 3166-1 assigns are countries.
  json pairs = json::array();
  for (char first = 'A'; first <= 'Z'; ++first) {
    for (char second = 'A'; second <= 'Z'; ++second)
      pairs.push_back(with("country", std::string{first, second}));
  }
  const std::vector<int> statuses = element_statuses(f.client->write_users(id, pairs));
  CHECK(std::count(statuses.begin(), statuses.end(), 201) == 249);

  f.behave({{"legacy_batches", true}});
  CHECK(f.client->write_users(id, {user("ADD", "other"), bad[0]}).status == 400);
  CHECK(f.sandbox.members("a").size() == 2);
}

TEST_CASE("An element at its limits is accepted: a name pair alone, and 35 letters of two bytes") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  std::string letters;
  for (int i = 0; i < 35; ++i) letters += "\xC3\xA9";
  const json pair = {
      {"action", "ADD"}, {"firstName", letters}, {"lastName", "B"}, {"country", "DE"}};
  CHECK(element_statuses(f.client->write_users(id, {pair})) == std::vector{201});
}

TEST_CASE("Row 16: an element with a fault of its own is not applied, the others are") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  const auto [key, status] =
      GENERATE(table<std::string, int>({{"element_throttle", 429}, {"element_error", 500}}));
  f.behave({{key, 1}, {"max_faults", 1}});
  const Answer answer = f.client->write_users(id, {user("ADD", "x"), user("ADD", "y")});
  CHECK(element_statuses(answer) == std::vector{status, 201});
  CHECK(f.sandbox.members("a") == std::vector<std::string>{"GOOGLE_AID=y"});
}

TEST_CASE("Row 17: a reply may have too few elements or none, although all were applied") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.behave({{"short_elements", 1}});
  CHECK(element_statuses(f.client->write_users(id, {user("ADD", "x"), user("ADD", "y")})).size() ==
        1);
  CHECK(f.sandbox.members("a").size() == 2);
  f.behave({{"short_elements", 0}, {"missing_elements", 1}});
  const Answer answer = f.client->write_users(id, {user("ADD", "z")});
  CHECK(answer.status == 200);
  CHECK_FALSE(answer.json().contains("elements"));
  CHECK(f.sandbox.members("a").size() == 3);
}

TEST_CASE("Row 18: 5,000 elements pass in one call, 5,001 are refused and none is applied") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  json elements = json::array();
  for (int i = 0; i < 5000; ++i) {
    const std::string number = std::to_string(i);
    elements.push_back({{"action", "ADD"},
                        {"userIds",
                         {{{"idType", "SHA256_EMAIL"},
                           {"idValue", std::string(64 - number.size(), '0') + number}}}}});
  }
  CHECK(element_statuses(f.client->write_users(id, elements)).size() == 5000);
  CHECK(f.sandbox.counters()["largest_request_elements"] == 5000);
  elements.push_back(user("ADD", "x"));
  const int status = GENERATE(400, 413);
  f.behave({{"too_many_elements_status", status}});
  CHECK(f.client->write_users(id, elements).status == status);
  CHECK(f.sandbox.members("a").size() == 5000);
}

TEST_CASE("Row 19: elements without BATCH_CREATE are refused, one element alone is accepted") {
  Fixture f;
  const std::string users = kSegments + "/" + f.client->create_segment("a") + "/users";
  const int status = GENERATE(400, 422);
  f.behave({{"missing_method_status", status}});
  CHECK(f.client->post(users, {{"elements", json::array({user("ADD", "x")})}}).status == status);
  CHECK(f.sandbox.members("a").empty());
  CHECK(f.client->post(users, user("ADD", "x")).status == 201);
  CHECK(f.sandbox.members("a").size() == 1);
  CHECK(f.client->post(users, user("ADD", "x"), "BATCH_CREATE").status == 400);
}

TEST_CASE("Row 20: users go to a USER segment only") {
  Fixture f;
  const int status = GENERATE(400, 422);
  f.behave({{"wrong_segment_type_status", status}});
  for (const char* type : {"COMPANY", "USER_LIST_UPLOAD"}) {
    const std::string id = f.client->create_segment("a", type);
    CHECK(f.client->write_users(id, {user("ADD", "x")}).status == status);
  }
  const std::string company = f.client->create_segment("c", "COMPANY");
  const json element = {{"action", "ADD"}, {"companyWebsiteDomain", "example.com"}};
  const json bad = {{"action", "ADD"}, {"organizationUrn", "urn:li:organization:x"}};
  const Answer answer = f.client->post(kSegments + "/" + company + "/companies",
                                       {{"elements", {element, bad}}}, "BATCH_CREATE");
  CHECK(element_statuses(answer) == std::vector{201, 400});
}

TEST_CASE("A person that is named as refused gets 400, or costs the whole call") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  const json good = user("ADD", "x");
  const json bad = user("ADD", "y");
  const std::string identifier = "GOOGLE_AID=" + bad["userIds"][0]["idValue"].get<std::string>();
  f.behave({{"refused_identifiers", {identifier}}});
  CHECK(element_statuses(f.client->write_users(id, {good, bad})) == std::vector{201, 400});
  f.behave({{"legacy_batches", true}});
  CHECK(f.client->write_users(id, {good, bad}).status == 400);
  f.behave({{"refused_identifiers", json::array()}});
  CHECK(element_statuses(f.client->write_users(id, {good, bad})) == std::vector{201, 201});
}

TEST_CASE("An audience that is named as failing takes no members, the others do") {
  Fixture f;
  const std::string down = f.client->create_segment("down");
  const std::string well = f.client->create_segment("well");
  const json source = f.client->get(kSegments + "/" + down).json()["sourceSegmentId"];
  f.behave({{"failing_audiences", {source}}});
  CHECK(f.client->write_users(down, {user("ADD", "x")}).status == 503);
  CHECK(f.client->write_users(well, {user("ADD", "x")}).status == 200);
  f.behave({{"failing_audiences", json::array()}});
  CHECK(f.client->write_users(down, {user("ADD", "x")}).status == 200);
}

TEST_CASE("Row 21: an empty batch is answered by no elements") {
  Fixture f;
  const Answer answer = f.client->write_users(f.client->create_segment("a"), json::array());
  CHECK(answer.status == 200);
  CHECK(answer.json() == json{{"elements", json::array()}});
}

TEST_CASE(
    "Row 22: requests over the limit of a minute are throttled, and none tells when to retry") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.behave({{"users_per_minute", 2}});
  CHECK(f.client->write_users(id, {user("ADD", "x")}).status == 200);
  CHECK(f.client->write_users(id, {user("ADD", "x")}).status == 200);
  const Answer answer = f.client->write_users(id, {user("ADD", "y")});
  check_error(answer, 429, 101, "TOO_MANY_REQUESTS");
  CHECK(answer.headers.count("retry-after") == 0);
  CHECK(f.client->get(kFind).status == 200);
  Grant other;
  other.member = "SandboxPerson2";
  f.sandbox.add_token("other", other, std::chrono::hours(1));
  f.client->headers["Authorization"] = "Bearer other";
  CHECK(f.client->write_users(id, {user("ADD", "z")}).status == 200);
  f.client->headers["Authorization"] = "Bearer sandbox-token";
  f.behave({{"retry_after_seconds", 7}});
  CHECK(f.client->write_users(id, {user("ADD", "y")}).headers.at("retry-after") == "7");
  f.sandbox.advance_clock(std::chrono::seconds(60));
  CHECK(f.client->write_users(id, {user("ADD", "y")}).status == 200);
  CHECK(f.sandbox.counters()["busiest_minute"]["users"] == 5);
}

TEST_CASE("Row 23: a daily quota names the day and clears at midnight UTC") {
  Fixture f;
  const auto [key, text] = GENERATE(table<std::string, std::string>(
      {{"application_day_limit", "APPLICATION DAY"}, {"member_day_limit", "MEMBER DAY"}}));
  f.behave({{key, 1}});
  CHECK(f.client->get(kFind).status == 200);
  f.sandbox.advance_clock(std::chrono::hours(12) - std::chrono::milliseconds(1));
  const Answer answer = f.client->get(kFind);
  CHECK(answer.status == 429);
  CHECK(answer.body.find(text) != std::string::npos);
  f.sandbox.advance_clock(std::chrono::milliseconds(1));
  CHECK(f.client->get(kFind).status == 200);
}

TEST_CASE("Row 24: server errors come with JSON, HTML or nothing, before or after the write") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.behave(
      {{"server_error", 1}, {"server_error_statuses", {"503"}}, {"server_error_bodies", {"html"}}});
  const Answer html = f.client->write_users(id, {user("ADD", "x")});
  CHECK(html.status == 503);
  CHECK(html.body.find("<html>") == 0);
  f.behave({{"server_error_bodies", {"empty"}}});
  CHECK(f.client->write_users(id, {user("ADD", "x")}).body.empty());
  f.behave({{"server_error_bodies", {"json"}}});
  CHECK(f.client->get(kFind).json()["status"] == 503);
  CHECK(f.sandbox.members("a").empty());
  f.behave({{"server_error", 0}, {"late_server_error", 1}});
  CHECK(f.client->write_users(id, {user("ADD", "x")}).status == 503);
  CHECK(f.sandbox.members("a").size() == 1);
}

TEST_CASE(
    "Row 25: connections are reset before or after the write, cut, or closed without a word") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.behave({{"reset_before_commit", 1}, {"max_faults", 1}});
  // The libcurl client may itself repeat a request on a dead connection that it had kept: use a new
  // one.
  Answer answer = SandboxClient(f.sandbox.api_port()).write_users(id, {user("ADD", "x")});
  CHECK(answer.failure == CURLE_RECV_ERROR);
  CHECK(answer.headers.empty());
  CHECK(f.sandbox.members("a").empty());
  f.behave({{"reset_before_commit", 0}, {"reset_after_commit", 1}, {"max_faults", 1}});
  answer = SandboxClient(f.sandbox.api_port()).write_users(id, {user("ADD", "x")});
  CHECK(answer.failure == CURLE_RECV_ERROR);
  CHECK(answer.headers.empty());
  CHECK(f.sandbox.members("a").size() == 1);
  f.behave({{"reset_after_commit", 0}, {"truncate_reply", 1}, {"max_faults", 1}});
  answer = SandboxClient(f.sandbox.api_port()).write_users(id, {user("ADD", "y")});
  CHECK(answer.status == 0);
  CHECK(f.sandbox.members("a").size() == 2);

  f.behave({{"truncate_reply", 0}, {"close_connection", 1}, {"max_faults", 1}});
  SandboxClient client(f.sandbox.api_port());
  answer = client.get(kFind);
  CHECK(answer.status == 200);
  CHECK(answer.headers.count("connection") == 0);
  CHECK(client.get(kFind).new_connections == 1);
  CHECK(client.get(kFind).new_connections == 0);
}

TEST_CASE("A delay holds a request up, and stopping the sandbox ends it") {
  Fixture f;
  f.behave({{"delay", 1}, {"delay_ms", 600'000}});
  std::thread waiting([&] { SandboxClient(f.sandbox.api_port()).get(kFind); });
  while (f.sandbox.counters()["faults"].value("delay", 0) == 0) std::this_thread::yield();
  CHECK(f.sandbox.requests(1)["requests"].empty());
  f.sandbox.stop();
  waiting.join();
}

TEST_CASE("Row 26: the last call wins for a person, and within one call any order may win") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  f.client->write_users(id, {user("ADD", "x")});
  f.client->write_users(id, {user("REMOVE", "x")});
  CHECK(f.sandbox.members("a").empty());
  f.behave({{"shuffle_order", true}});
  std::set<std::size_t> sizes;
  for (int i = 0; i < 64; ++i) {
    f.client->write_users(id, {user("ADD", "x"), user("REMOVE", "x")});
    sizes.insert(f.sandbox.members("a").size());
  }
  CHECK(sizes == std::set<std::size_t>{0, 1});
  CHECK(f.sandbox.counters()["requests_with_a_person_twice"] == 64);
}

TEST_CASE("A person's key joins the sorted identifiers, and sharing any of them counts as twice") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  json both = user("ADD", "x");
  const json email = {{"idType", "SHA256_EMAIL"}, {"idValue", std::string(64, 'a')}};
  both["userIds"].insert(both["userIds"].begin(), email);
  f.client->write_users(id, {both});
  CHECK(f.sandbox.members("a") ==
        std::vector<std::string>{"GOOGLE_AID=x|SHA256_EMAIL=" + std::string(64, 'a')});
  CHECK(f.sandbox.counters()["requests_with_a_person_twice"] == 0);
  f.client->write_users(id, {both, user("ADD", "x")});
  CHECK(f.sandbox.counters()["requests_with_a_person_twice"] == 1);
}

TEST_CASE("Row 28: a refresh keeps the end of the refresh token and never outlives it") {
  Fixture f;
  const std::string url = "/oauth/v2/accessToken";
  const std::string form =
      "grant_type=refresh_token&refresh_token=sandbox-refresh-token"
      "&client_id=sandbox-client&client_secret=sandbox-secret";
  json reply = f.client->post_form(url, form).json();
  CHECK(reply["expires_in"] == 5'184'000);
  CHECK(reply["refresh_token"] == "sandbox-refresh-token");
  CHECK(reply["refresh_token_expires_in"] == 31'536'000);
  f.client->headers["Authorization"] = "Bearer " + reply["access_token"].get<std::string>();
  CHECK(f.client->get(kFind).status == 200);
  f.sandbox.advance_clock(std::chrono::hours(24 * 360));
  reply = f.client->post_form(url, form).json();
  CHECK(reply["expires_in"] == 5 * 86'400);
  CHECK(reply["refresh_token_expires_in"] == 5 * 86'400);
  f.sandbox.advance_clock(std::chrono::hours(24 * 5));
  Answer refused = f.client->post_form(url, form);
  CHECK(refused.status == 400);
  CHECK(refused.json()["error"] == "invalid_request");
  f.behave({{"refresh_error", "invalid_grant"}});
  CHECK(f.client->post_form(url, form).json()["error"] == "invalid_grant");
  CHECK(f.client->post_form(url, form + "x").status == 401);
  CHECK(f.client->post_form(url, "grant_type=refresh_token").status == 400);
}

TEST_CASE("Row 29: introspection, the person and the ad accounts can be asked for") {
  Fixture f;
  const std::string credentials = "client_id=sandbox-client&client_secret=sandbox-secret&token=";
  const std::string introspect = "/oauth/v2/introspectToken";
  CHECK(f.client->post_form(introspect, credentials + "sandbox-token").json()["status"] ==
        "active");
  CHECK(f.client->post_form(introspect, credentials + "unknown").status == 400);
  CHECK(
      f.client->post_form(introspect, "client_id=sandbox-client&client_secret=no&token=x").status ==
      401);
  CHECK(f.client->get("/rest/me").json()["id"] == "SandboxPerson1");
  f.behave({{"known_accounts", {"7", "8"}}});
  CHECK(f.client->get("/rest/adAccounts/7").json()["id"] == 7);
  CHECK(f.client->get("/rest/adAccounts/9").status == 404);
  CHECK(f.client->get("/rest/adAccounts?q=search").json()["elements"].size() == 2);
  const json roles = f.client->get("/rest/adAccountUsers?q=authenticatedUser").json();
  CHECK(roles["elements"][1] == json{{"account", "urn:li:sponsoredAccount:8"},
                                     {"user", "urn:li:person:SandboxPerson1"},
                                     {"role", "ACCOUNT_MANAGER"}});
  CHECK(f.client->get("/rest/unknown").status == 404);
}

TEST_CASE("Row 30: the control port shows members, requests and counters, and switches behaviour") {
  Fixture f;
  SandboxClient control(f.sandbox.control_port());
  const std::string id = f.client->create_segment("a");
  f.client->write_users(id, {user("ADD", "y"), user("ADD", "x")});
  const json segment = control.get("/members").json()["segments"][0];
  CHECK(segment["sourceSegmentId"] == "a");
  CHECK(segment["members"] == json{"GOOGLE_AID=x", "GOOGLE_AID=y"});
  const json counted = control.get("/members?counts=1&source_segment_id=a").json()["segments"][0];
  CHECK(counted["size"] == 2);
  CHECK_FALSE(counted.contains("members"));
  const Answer log = control.get("/requests?last=1");
  CHECK(log.json()["requests"][0]["path"] == kSegments + "/" + id + "/users");
  CHECK(log.json()["requests"][0]["elements"] == 2);
  CHECK(log.body.find("sandbox-token") == std::string::npos);
  const json counters = control.get("/counters").json();
  CHECK(counters["by_endpoint"]["users"]["200"] == 1);
  CHECK(counters["elements"]["applied"] == 2);
  CHECK(control.request("PATCH", "/behaviour", R"({"users-per-minute":5})")
            .json()["users_per_minute"] == 5);
  const Answer wrong = control.request("PATCH", "/behaviour", R"({"throttle":2})");
  CHECK(wrong.status == 400);
  CHECK(wrong.json()["error"] == "behaviour throttle takes a number from 0 to 1");
  CHECK(control.request("PUT", "/behaviour", "{}").json()["users_per_minute"] == 600);
  CHECK(control.post("/clock", {{"advance_ms", 5}}).json()["now_ms"] == kNoon + 5);
  CHECK(control.post("/tokens", {{"token", "more"}, {"role", "VIEWER"}}).status == 200);
  f.client->headers["Authorization"] = "Bearer more";
  CHECK(f.client->get(kFind).status == 200);
  CHECK(control.post("/tokens", {{"token", "more"}, {"action", "revoke"}}).status == 200);
  CHECK(f.client->get(kFind).status == 401);
  CHECK(control.post("/reset", json::object()).status == 200);
  CHECK(control.get("/members").json()["segments"].empty());
  CHECK(control.get("/health").status == 200);
}

TEST_CASE("Row 27: an idle segment is archived after 30 days and loses its members after 90") {
  Options options = quick();
  options.behaviour.access_token_seconds = 365 * 86'400;
  Fixture f(options);
  const std::string id = f.client->create_segment("a");
  REQUIRE(f.client->write_users(id, {user("ADD", "x")}).status == 200);
  const auto status = [&] {
    return f.client->get(std::string(kSegments) + "/" + id)
        .json()["destinations"][0]["status"]
        .get<std::string>();
  };
  CHECK(status() == "READY");
  f.sandbox.advance_clock(std::chrono::hours(24 * 30));
  CHECK(status() == "ARCHIVED");
  CHECK(f.sandbox.members("a").size() == 1);
  f.sandbox.advance_clock(std::chrono::hours(24 * 60));
  CHECK(status() == "EXPIRED");
  CHECK(f.sandbox.members("a").empty());
  REQUIRE(f.client->write_users(id, {user("ADD", "y")}).status == 200);
  CHECK(status() == "READY");
  CHECK(f.sandbox.members("a").size() == 1);
}

TEST_CASE("Row 27: a segment builds, is ready, updates after a batch, and fails on demand") {
  Options options = quick();
  options.behaviour.segment_ready_ms = 5'000;
  options.behaviour.updating_ms = 60'000;
  Fixture f(options);
  const std::string id = f.client->create_segment("a");
  const auto destination = [&] {
    return f.client->get(kSegments + "/" + id).json()["destinations"][0];
  };
  CHECK(destination()["status"] == "BUILDING");
  CHECK_FALSE(destination().contains("audienceSize"));
  CHECK_FALSE(destination().contains("matchedCount"));
  f.sandbox.advance_clock(std::chrono::seconds(5));
  CHECK(destination()["status"] == "READY");
  REQUIRE(f.client->write_users(id, {user("ADD", "x")}).status == 200);
  CHECK(destination()["status"] == "UPDATING");
  f.sandbox.advance_clock(std::chrono::seconds(60));
  CHECK(destination()["status"] == "READY");
  f.behave({{"failed_audiences", {"a"}}});
  CHECK(destination()["status"] == "FAILED");
}

TEST_CASE("Row 27: sizes begin at 300, inputs and matches count for 7 days") {
  Fixture f;
  f.behave({{"match_percent", 60}});
  const std::string id = f.client->create_segment("a");
  const auto shown = [&] { return f.client->get(kSegments + "/" + id).json(); };
  std::vector<json> users;
  users.reserve(299);
  for (int i = 0; i < 299; ++i) users.push_back(user("ADD", std::to_string(i)));
  REQUIRE(f.client->write_users(id, users).status == 200);
  CHECK(shown()["destinations"][0]["audienceSize"] == 0);
  f.behave({{"small_audience_size", "hidden"}});
  CHECK_FALSE(shown()["destinations"][0].contains("audienceSize"));
  f.sandbox.advance_clock(std::chrono::hours(24 * 3));
  REQUIRE(f.client->write_users(id, {user("ADD", "one more")}).status == 200);
  CHECK(shown()["destinations"][0]["audienceSize"] == 300);
  CHECK(shown()["inputCount"] == 300);
  CHECK(shown()["destinations"][0]["matchedCount"] == 180);
  f.sandbox.advance_clock(std::chrono::hours(24 * 4));
  CHECK(shown()["inputCount"] == 1);
}

TEST_CASE("The same seed gives the same faults, and max_faults ends them") {
  const auto outcomes = [](std::uint64_t seed) {
    Options options = quick();
    options.seed = seed;
    options.behaviour.throttle = 0.3;
    options.behaviour.server_error = 0.3;
    options.behaviour.max_faults = 20;
    Fixture f(options);
    std::vector<long> statuses;
    for (int i = 0; i < 80; ++i) statuses.push_back(f.client->get(kFind).status);
    return statuses;
  };
  const std::vector<long> first = outcomes(1);
  CHECK(first == outcomes(1));
  CHECK(first != outcomes(2));
  CHECK(std::count(first.begin(), first.end(), 200) == 60);
  CHECK(first.back() == 200);
}

TEST_CASE("After max_faults_in_a_row faulty requests one is served") {
  Options options = quick();
  options.behaviour.throttle = 1;
  options.behaviour.max_faults_in_a_row = 3;
  Fixture f(options);
  std::vector<long> statuses;
  for (int i = 0; i < 8; ++i) statuses.push_back(f.client->get(kFind).status);
  CHECK(statuses == std::vector<long>{429, 429, 429, 200, 429, 429, 429, 200});
}

TEST_CASE("Forty clients at once are all served") {
  Fixture f;
  const std::string id = f.client->create_segment("a");
  std::vector<std::thread> threads;
  std::vector<long> statuses(40);
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] {
      SandboxClient client(f.sandbox.api_port());
      for (int round = 0; round < 5; ++round) {
        statuses[i] = client.write_users(id, {user("ADD", std::to_string(i))}).status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count(statuses.begin(), statuses.end(), 200) == 40);
  CHECK(f.sandbox.members("a").size() == 40);
}

TEST_CASE("A port that is taken is an error that says so") {
  Fixture f;
  Options options = quick();
  options.api_port = f.sandbox.api_port();
  Sandbox second(options);
  const penstock::Status status = second.start();
  REQUIRE_FALSE(status.ok());
  CHECK(status.message().find(std::to_string(f.sandbox.api_port())) != std::string::npos);
}
