// Guards the words in which people hear what is the matter at LinkedIn: from the sandbox's answers,
// over real sockets, to outcomes, errors and notices, compared with
// tests/data/linkedin_messages.txt. PENSTOCK_WRITE_MESSAGES=1 in the environment writes that file
// anew; read it before you keep it.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "linkedin_fixture.hpp"
#include "linkedin_sandbox/sandbox.hpp"
#include "linkedin_sandbox_client.hpp"
#include "services/abi_text.hpp"
#include "services/credentials.hpp"

namespace penstock::linkedin {
namespace {

using nlohmann::json;

constexpr std::int64_t kNowMs = 1'790'000'000'000;  // the test host's time
constexpr const char* kAccount = "512345678";

linkedin_sandbox::Options sandbox_options() {
  linkedin_sandbox::Options options;
  options.frozen_at_ms = kNowMs;
  options.behaviour.known_accounts = {kAccount};
  options.behaviour.segment_ready_ms = 0;
  return options;
}

// The plugin in a test host whose requests go to a sandbox.
class World {
 public:
  explicit World(const TestValues& settings = {}, std::int64_t wall_ns = kNowMs * 1'000'000)
      : sandbox_(sandbox_options()) {
    REQUIRE(sandbox_.start().ok());
    client_ = std::make_unique<SandboxClient>(sandbox_.api_port());
    TestValues all = settings;
    all.emplace_back("api_url", sandbox_.api_url() + "/rest");
    all.emplace_back("segment_ready_after", 0);
    sdk::test::Options options;
    options.wall_ns = wall_ns;
    host_ = make_host(all, options);
    host_->on_request([this](const HttpExchange& exchange) { return forward(exchange); });
  }

  std::string token = "sandbox-token";
  bool send_version = true;
  // Changes what the sandbox answers, where it cannot say so itself.
  std::function<void(std::string& body)> rewrite;
  // Unless 0, every write of members is answered by this and by these words.
  int write_status = 0;
  std::string write_words;

  linkedin_sandbox::Sandbox& sandbox() { return sandbox_; }
  TestHost& host() { return *host_; }
  void change(const json& behaviour) { REQUIRE(sandbox_.change_behaviour(behaviour).ok()); }
  void use_token(const std::string& role, const std::set<std::string>& without = {}) {
    linkedin_sandbox::Grant grant;
    grant.role = role;
    for (const std::string& scope : without) grant.scopes.erase(scope);
    token = "other-token";
    sandbox_.add_token(token, grant, std::chrono::hours(1));
  }

  // What people read of a batch of so many.
  std::string send(int elements = 1, const std::string& name = "Trial users",
                   const std::string& audience_key = "trial_users") {
    std::vector<std::string> payloads;
    for (int i = 0; i < elements; ++i) payloads.push_back(element(std::to_string(i)));
    const std::string key = json::array({audience_key, name}).dump();
    const std::string words = words_of(host_->send(payloads, key).outcomes.front());
    return words + notices();
  }
  std::string check() {
    const HookResult result = host_->check();
    if (result.code == PENSTOCK_OK) return "passed\n" + notices();
    CHECK(result.message.size() < sizeof(penstock_error::message) - 1);
    return "refused (" + std::to_string(result.code) + ") " + result.reason + field(result) + ": " +
           result.message + "\n" + notices();
  }
  std::string rename(const std::string& name) {
    const json arguments = {{"action", "sync_to_dmp_segment"},
                            {"literals", {{"personas_audience_key", "trial_users"}}},
                            {"name", name}};
    const auto result = host_->query("rename", arguments.dump());
    if (result.code == PENSTOCK_OK) return result.answer + "\n";
    return "refused (" + std::to_string(result.code) + ") " + result.reason + ": " +
           result.message + "\n";
  }

 private:
  static std::string field(const HookResult& result) {
    return result.field.empty() ? "" : " [" + result.field + "]";
  }
  static std::string words_of(const sdk::test::SentOutcome& outcome) {
    static const char* const kNames[] = {"unknown",   "delivered", "dead letter", "waits",
                                         "throttled", "paused",    "paused",      "split"};
    std::string text = kNames[outcome.status];
    if (outcome.status == PENSTOCK_AUTH) text += " (login needed)";
    if ((outcome.flags & PENSTOCK_OUTCOME_BATCH_KEY_ONLY) != 0) text += " (this audience alone)";
    if (outcome.retry_after_ms >= 0) {
      text += " for " + std::to_string(outcome.retry_after_ms / 1000) + " s";
    }
    text += " " + outcome.reason;
    return text + (outcome.message.empty() ? "" : ": " + outcome.message) + "\n";
  }
  std::string notices() {
    std::string text;
    for (std::size_t i = seen_; i < host_->notices().size(); ++i) {
      const auto notice = host_->notices()[i];
      text += (notice.level == PENSTOCK_LOG_ERROR ? "error " : "warning ") + notice.code + ": " +
              notice.message + "\n";
    }
    seen_ = host_->notices().size();
    return text;
  }

  HttpReply forward(const HttpExchange& exchange) {
    client_->headers.clear();
    if (!token.empty()) client_->headers["Authorization"] = "Bearer " + token;
    for (const auto& [name, value] : exchange.headers) {
      if (send_version || name != "LinkedIn-Version") client_->headers[name] = value;
    }
    const std::string target = exchange.url.substr(exchange.url.find("/rest"));
    Answer answer = client_->request(exchange.method, target, exchange.body);
    if (answer.status == 0) return HttpReply::failure(PENSTOCK_ERR_TRANSPORT);
    if (rewrite) rewrite(answer.body);
    if (write_status != 0 && target.find("/users") != std::string::npos) {
      answer.status = write_status;
      answer.body = write_words;
    }
    HttpReply reply;
    reply.status = static_cast<std::int32_t>(answer.status);
    reply.body = answer.body;
    reply.headers.assign(answer.headers.begin(), answer.headers.end());
    return reply;
  }

  linkedin_sandbox::Sandbox sandbox_;
  std::unique_ptr<SandboxClient> client_;
  std::unique_ptr<TestHost> host_;
  std::size_t seen_ = 0;
};

// Every message, by what is the matter.
class Book {
 public:
  void chapter(const std::string& title) { text_ << "\n## " << title << "\n"; }
  void add(const std::string& matter, const std::string& words) {
    text_ << "\n" << matter << "\n";
    std::istringstream lines(words);
    for (std::string line; std::getline(lines, line);) text_ << "    " << line << "\n";
  }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

void write_logins(Book& book) {
  book.chapter("The login");
  // What the host itself says goes to the plugin as services/http.cpp hands it on.
  const auto host_says = [](std::int32_t status, const std::string& reason,
                            const std::string& message) {
    World world;
    penstock_error error{};
    error.struct_size = sizeof error;
    services::fail(&error, status, reason, message);
    world.host().on_request([status, error](const HttpExchange&) {
      return HttpReply::failure(status, error.reason, error.message);
    });
    const std::string words = world.send();
    return words + world.check();
  };
  const auto no_token = [&] {
    const services::SystemClock clock;
    services::LoginOptions login;
    login.pipeline = "PIPELINE";
    services::Credentials credentials("CONNECTION", {}, login, clock);
    const std::function<bool()> never = [] { return false; };
    const auto answer = credentials.token({clock.monotonic_ns(), never});
    return host_says(answer.status, answer.reason, answer.message);
  };
  const auto not_renewed = [&](services::TokenAnswer::Kind kind, const std::string& words,
                               std::int32_t status = 0) {
    services::TokenAnswer answer;
    answer.kind = kind;
    answer.message = words;
    answer.fault_status = status;
    const auto fault = services::renewal_fault(answer, {"PIPELINE", "CONNECTION"});
    return host_says(fault.status, fault.reason, fault.message);
  };
  using Kind = services::TokenAnswer::Kind;
  book.add("Nobody has logged in", no_token());
  book.add("Refresh Token Expired",
           not_renewed(Kind::dead,
                       "www.linkedin.com answers 400 (invalid_request): The provided "
                       "authorization grant or refresh token is invalid, expired or revoked"));
  book.add("Oauth Refresh Failed: the client secret is wrong",
           not_renewed(Kind::failed,
                       "www.linkedin.com answers 401 (invalid_client): Client authentication "
                       "failed"));
  book.add("Oauth Refresh Failed: the token endpoint is broken",
           not_renewed(Kind::passing, "www.linkedin.com answers 503", PENSTOCK_ERR_TRANSPORT));
  const auto with_token = [](const std::function<void(World&)>& change) {
    World world;
    change(world);
    const std::string words = world.send();
    return words + world.check();
  };
  book.add("401 EMPTY_ACCESS_TOKEN", with_token([](World& world) { world.token.clear(); }));
  book.add("401, 65600 INVALID_ACCESS_TOKEN",
           with_token([](World& world) { world.token = "mistyped"; }));
  book.add("401, 65601 REVOKED_ACCESS_TOKEN",
           with_token([](World& world) { world.sandbox().revoke_token(world.token); }));
  book.add("401, 65602 EXPIRED_ACCESS_TOKEN",
           with_token([](World& world) { world.sandbox().expire_token(world.token); }));
}

void write_roles(Book& book) {
  book.chapter("Role, permissions and ad account");
  for (const char* role : {"ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER",
                           "CREATIVE_MANAGER", "VIEWER", "SOMETHING_NEW"}) {
    World world;
    world.use_token(role);
    book.add(std::string("Role ") + role, world.check());
  }
  {
    World world;
    world.use_token("VIEWER");
    book.add("403: a viewer's delivery", world.send());
  }
  const auto without = [&](const std::string& title, const std::set<std::string>& scopes) {
    World world;
    world.use_token("ACCOUNT_MANAGER", scopes);
    const std::string words = world.send();
    book.add(title, words + world.check());
  };
  {
    World world;
    world.use_token("");
    book.add("No role on the ad account", world.check());
  }
  without("403: without the permission rw_dmp_segments", {"rw_dmp_segments"});
  without("Without the permissions to see who and in which role",
          {"r_ads", "rw_ads", "r_basicprofile"});
  World elsewhere(TestValues{{"ad_account_id", "999"}});
  const std::string words = elsewhere.send();
  book.add("An ad account that does not exist or is another's", words + elsewhere.check());
}

void write_versions(Book& book) {
  book.chapter("The API version");
  World retired;
  retired.change({{"active_versions", {"202701"}}});
  const std::string words = retired.send();
  book.add("426 NONEXISTENT_VERSION", words + retired.check());
  World early(TestValues{{"api_version", "202612"}});
  const std::string early_words = early.send();
  book.add("426 for a version whose month has not come", early_words + early.check());
  World unsaid;
  unsaid.send_version = false;
  book.add("400 VERSION_MISSING", unsaid.send());
  constexpr std::int64_t kDayNs = 86'400'000'000'000;
  World old(TestValues{}, 1'818'288'000'000'000'000 - 20 * kDayNs);  // 2027-07-26
  book.add("20 days before the version's birthday", old.check());
  World older(TestValues{}, 1'818'288'000'000'000'000 + 20 * kDayNs);
  book.add("20 days after it", older.check());
}

void write_requests(Book& book) {
  book.chapter("Requests that LinkedIn does not carry out");
  const auto with = [](const json& behaviour, int elements = 1, bool warm = true) {
    World world;
    if (warm) (void)world.send();
    world.change(behaviour);
    return world.send(elements);
  };
  book.add("400 for a batch",
           with({{"legacy_batches", true},
                 {"refused_identifiers", {"SHA256_EMAIL=" + std::string(64, '1')}}},
                2));
  book.add("400 for one person",
           with({{"legacy_batches", true},
                 {"refused_identifiers", {"SHA256_EMAIL=" + std::string(64, '0')}}}));
  book.add("One person of a batch is refused",
           with({{"refused_identifiers", {"SHA256_EMAIL=" + std::string(64, '0')}}}, 2));
  book.add("413", with({{"max_body_bytes", 50}}, 2));
  book.add("429, of a minute", with({{"users_per_minute", 1}}));
  book.add("429, of a day", with({{"application_day_limit", 1}}));
  book.add("429, of a member's day", with({{"member_day_limit", 1}}));
  for (const char* status : {"502", "504"}) {
    book.add(std::string(status) + " without words", with({{"server_error", 1.0},
                                                           {"server_error_statuses", {status}},
                                                           {"server_error_bodies", {"empty"}}}));
  }
  const auto answered = [](int status, const std::string& words, int elements = 1) {
    World world;
    (void)world.send();
    world.write_status = status;
    world.write_words = words;
    return world.send(elements);
  };
  constexpr char kRefused[] = R"({"status":422,"message":"ERROR :: /elements/0/country"})";
  book.add("422 for a batch", answered(422, kRefused, 2));
  book.add("422 for one person", answered(422, kRefused));
  book.add("422 for one person of a batch",
           answered(200,
                    R"({"elements":[{"status":422,"error":{"status":422,"message":)"
                    R"("/country is not valid"}},{"status":201}]})",
                    2));
  book.add("409 for a batch", answered(409, R"({"status":409,"message":"Conflict"})", 2));
  book.add("414", answered(414, ""));
  book.add("304, which nobody expects", answered(304, ""));
  book.add("An answer about fewer elements", with({{"short_elements", 1.0}}, 2));
  book.add("400 when an audience is looked for",
           with({{"known_accounts", {"999"}}, {"unknown_account_find_status", 400}}, 1, false));
  book.add("500 with LinkedIn's words", with({{"server_error", 1.0},
                                              {"server_error_statuses", {"500"}},
                                              {"server_error_bodies", {"json"}}}));
  book.add("503 with a page of a gateway", with({{"server_error", 1.0},
                                                 {"server_error_statuses", {"503"}},
                                                 {"server_error_bodies", {"html"}}}));
  book.add("The connection breaks", with({{"reset_after_commit", 1.0}}));
  book.add("An answer that lacks elements", with({{"missing_elements", 1.0}}));
}

void write_audiences(Book& book) {
  book.chapter("Audiences");
  {
    World world;
    (void)world.send();
    (void)world.send(1, "Enterprise leads", "enterprise_leads");
    world.change({{"max_segments", 2}});
    book.add("429 SEGMENT_LIMIT_EXCEEDED", world.send(1, "Churn risk", "churn_risk"));
  }
  {
    World world;
    world.change({{"max_name_length", 5}});
    book.add("400 for a new audience", world.send());
  }
  {
    World world;
    (void)world.send();
    world.change({{"max_name_length", 5}});
    book.add("An audience is renamed", world.rename("New"));
  }
  book.add("Renaming one that does not exist", World().rename("New"));
  {
    World world;
    world.change({{"conflict_on_duplicate", true}, {"find_lag_ms", 60'000}});
    SandboxClient other(world.sandbox().api_port());
    json body = segment_body("trial_users");
    body["account"] = std::string("urn:li:sponsoredAccount:") + kAccount;
    REQUIRE(other.post("/rest/dmpSegments", body).status == 201);
    book.add("409 for a new audience", world.send());
  }
  const auto create_elsewhere = [](World& world, const std::string& platform) {
    SandboxClient other(world.sandbox().api_port());
    json body = segment_body("trial_users");
    body["account"] = std::string("urn:li:sponsoredAccount:") + kAccount;
    body["sourcePlatform"] = platform;
    REQUIRE(other.post("/rest/dmpSegments", body).status == 201);
  };
  {
    World world;
    world.change({{"conflict_on_duplicate", true}});
    create_elsewhere(world, "SEGMENT");
    book.add("409 for a new audience whose key another platform has", world.send());
  }
  {
    World world;
    world.change({{"failed_audiences", {"trial_users"}}, {"closed_take_members", false}});
    book.add("400 whoever is to be added", world.send());
  }
  {
    World world;
    world.change({{"find_lag_ms", 60'000}});
    create_elsewhere(world, "DIRECT_API");
    world.host().advance_ms(1'000);
    world.sandbox().advance_clock(std::chrono::seconds(1));
    (void)world.send();
    world.host().advance_ms(3'600'000);
    world.sandbox().advance_clock(std::chrono::hours(1));
    book.add("An older audience of the key turns up", world.send());
  }
  {
    World world;
    (void)world.send();
    world.change({{"segment_ready_ms", 60'000}});
    book.add("404 for a new audience", world.send());
  }
  {
    World world;
    (void)world.send();
    world.host().advance_ms(11 * 60'000);
    SandboxClient other(world.sandbox().api_port());
    REQUIRE(other.request("DELETE", "/rest/dmpSegments/10000001").status == 204);
    const std::string first = world.send();
    book.add("An audience was deleted at LinkedIn", first + world.send());
  }
  for (const char* status : {"ARCHIVED", "EXPIRED", "FAILED"}) {
    World world;
    (void)world.send();
    world.rewrite = [status](std::string& body) {
      const std::string ready = R"("status":"READY")";
      if (const std::size_t at = body.find(ready); at != std::string::npos) {
        body.replace(at, ready.size(), std::string(R"("status":")") + status + '"');
      }
    };
    world.host().advance_ms(3'600'000);
    book.add(std::string("An audience has the status ") + status, world.send());
  }
  {
    World world;
    SandboxClient other(world.sandbox().api_port());
    json body = segment_body("trial_users");
    body["account"] = std::string("urn:li:sponsoredAccount:") + kAccount;
    for (int i = 0; i < 3; ++i) REQUIRE(other.post("/rest/dmpSegments", body).status == 201);
    book.add("Three audiences have one key", world.send());
  }
}

std::string message_file() {
  return std::string(PENSTOCK_SOURCE_DIR) + "/tests/data/linkedin_messages.txt";
}

}  // namespace

TEST_CASE("what people read about LinkedIn is what was agreed on") {
  Book book;
  write_logins(book);
  write_roles(book);
  write_versions(book);
  write_requests(book);
  write_audiences(book);
  const std::string text =
      "What people read when something is the matter at LinkedIn, by what LinkedIn says or does.\n"
      "Written by linkedin_messages_test with PENSTOCK_WRITE_MESSAGES=1.\n" +
      book.text();
  if (std::getenv("PENSTOCK_WRITE_MESSAGES") != nullptr) {
    std::ofstream(message_file()) << text;
  }
  std::ifstream file(message_file());
  const std::string agreed((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  CHECK(text == agreed);
}

}  // namespace penstock::linkedin
