// Guards audiences of companies: many records in every spelling that turns up, of which LinkedIn
// must hold exactly the companies that are in last. The truth is known by construction: each
// company's identifiers are made up first, and its spellings from them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "crowd.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

constexpr char kEngage[] = "target_accounts";
constexpr char kConnections[] = "Qualified accounts";
constexpr std::uint32_t kCompanies = 4'000;

// Made up as it is asked for; remembers what LinkedIn must hold.
class Companies {
 public:
  // One event, of one company and one of the two audiences.
  std::string next() {
    if (!line_.empty() && draw(20) == 0) {  // the same event again changes nothing
      ++matched_[mapping_];
      if (bad_) ++without_identifier_;
      return line_;
    }
    const bool engage = draw(2) == 0;
    const bool add = draw(100) < 65;
    mapping_ = engage ? "engage" : add ? "linked_in" : "linked_out";
    ++matched_[mapping_];
    bad_ = draw(100) == 0;
    json properties = json::object();
    if (bad_) {
      ++without_identifier_;
      properties = nobody();
    } else {
      const std::uint32_t company = draw(kCompanies);
      properties = spelt(company);
      std::set<std::string>& inside = engage ? engage_ : connections_;
      if (add) {
        inside.insert(member(company));
      } else {
        inside.erase(member(company));
      }
    }
    json event = {{"type", "track"}, {"userId", "u"}, {"properties", properties}};
    if (engage) {
      event["event"] = add ? "Audience Entered" : "Audience Exited";
      event["context"]["personas"]["computation_key"] = kEngage;
    } else {
      event["event"] = add ? "Account Qualified" : "Account Lost";
    }
    line_ = event.dump() + "\n";
    return line_;
  }

  [[nodiscard]] std::vector<std::string> engage() const { return {engage_.begin(), engage_.end()}; }
  [[nodiscard]] std::vector<std::string> connections() const {
    return {connections_.begin(), connections_.end()};
  }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& matched() const { return matched_; }
  [[nodiscard]] std::uint64_t without_identifier() const { return without_identifier_; }

 private:
  // Every company is known by the same things in all its records.
  enum class Kind : std::uint32_t { domain, id, id_and_domain, email_domain, name, page, kinds };
  static Kind kind_of(std::uint32_t company) {
    return static_cast<Kind>(company % static_cast<std::uint32_t>(Kind::kinds));
  }
  static std::string domain(std::uint32_t company) {
    return "company" + std::to_string(company) + ".example";
  }
  static std::string id(std::uint32_t company) { return std::to_string(1'000 + company); }
  static std::string page(std::uint32_t company) {
    return "https://www.linkedin.com/company/no-" + std::to_string(company) + "/";
  }
  static std::string name(std::uint32_t company) {
    return "Company " + std::to_string(company) + " & Söhne";
  }

  // As the sandbox names members.
  static std::string member(std::uint32_t company) {
    const std::string urn = "organizationUrn=urn:li:organization:" + id(company);
    switch (kind_of(company)) {
      case Kind::domain:
        return "companyWebsiteDomain=" + domain(company);
      case Kind::id:
        return urn;
      case Kind::id_and_domain:
        return "companyWebsiteDomain=" + domain(company) + "|" + urn;
      case Kind::email_domain:
        return "companyEmailDomain=" + domain(company);
      case Kind::name:
        return "companyName=" + name(company);
      case Kind::page:
      case Kind::kinds:
        break;
    }
    return "companyPageUrl=" + page(company);
  }

  json spelt(std::uint32_t company) {
    switch (kind_of(company)) {
      case Kind::domain:
        return {{"website", spelt_website(company)}};
      case Kind::id:
        return {{"id", spelt_id(company)}};
      case Kind::id_and_domain:
        return {{"id", spelt_id(company)}, {"website", spelt_website(company)}};
      case Kind::email_domain:
        return {{"mail", spelt_mail(company)}, {"country", draw(2) == 0 ? "de" : "Germany"}};
      case Kind::name:
        return {{"name", name(company)}, {"website", draw(2) == 0 ? "" : "none"}};
      case Kind::page:
      case Kind::kinds:
        break;
    }
    return {{"page", page(company)}, {"symbol", draw(2) == 0 ? "CMPY" : "TOO LONG"}};
  }
  std::string spelt_website(std::uint32_t company) {
    const std::string number = std::to_string(company);
    const std::vector<std::string> spellings = {
        domain(company),
        "Company" + number + ".EXAMPLE",
        "  company" + number + ".example \t",
        "https://company" + number + ".example",
        "HTTP://COMPANY" + number + ".EXAMPLE/About Us?from=ad#team",
        "www.company" + number + ".example",
        "https://Www.Company" + number + ".example/",
        "company" + number + ".example/imprint",
        "company" + number + ".example:8443",
        "company" + number + ".example.",
        "//company" + number + ".example/x",
    };
    return spellings[draw(static_cast<std::uint32_t>(spellings.size()))];
  }
  json spelt_id(std::uint32_t company) {
    const std::string number = id(company);
    const std::vector<json> spellings = {
        number, " " + number + " ", "urn:li:organization:" + number, "urn:li:company:" + number,
        " urn:li:organization:" + number + "\n"};
    return spellings[draw(static_cast<std::uint32_t>(spellings.size()))];
  }
  std::string spelt_mail(std::uint32_t company) {
    const std::string number = std::to_string(company);
    const std::vector<std::string> spellings = {
        domain(company), "COMPANY" + number + ".example", "@company" + number + ".example",
        "Sales.Team@Company" + number + ".Example", " company" + number + ".example "};
    return spellings[draw(static_cast<std::uint32_t>(spellings.size()))];
  }
  // Nothing that could be a company.
  json nobody() {
    switch (draw(4)) {
      case 0:
        return {{"country", "DE"}};
      case 1:
        return {{"website", "http://192.0.2.7/start"}};
      case 2:
        return {{"website", "localhost"}, {"name", "  "}};
      default:
        return {{"id", "urn:li:person:77"}};
    }
  }
  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  std::mt19937_64 random_{1};
  std::set<std::string> engage_;
  std::set<std::string> connections_;
  std::map<std::string, std::uint64_t> matched_;
  std::uint64_t without_identifier_ = 0;
  std::string line_;  // the last one
  std::string mapping_;
  bool bad_ = false;
};

std::string pipeline(const Workspace& workspace, const linkedin_sandbox::Sandbox& sandbox,
                     const std::string& events) {
  const std::string fields =
      "company_domain: $.properties.website, linkedin_company_id: $.properties.id, "
      "company_name: $.properties.name, company_email_domain: $.properties.mail, "
      "company_page_url: $.properties.page, stock_symbol: $.properties.symbol, "
      "country: $.properties.country";
  const std::string linked =
      "audience_source: CONNECTIONS, segment_name: " + std::string(kConnections) + ", " + fields;
  return workspace.write("pipeline.yaml", R"(version: 1
name: companies
state_dir: state
source: {type: file, path: ")" + events + R"("}
connections:
  linkedin:
    plugin: linkedin_audiences
    access_token: sandbox-token
    rates: {users: {requests: 100000, per: 1s}, companies: {requests: 100000, per: 1s}}
destinations:
  linkedin:
    plugin: linkedin_audiences
    connection: linkedin
    batch: {max_records: 500, max_age: 50ms}
    settings:
      ad_account_id: "512345678"
      api_url: )" + sandbox.api_url() + R"(/rest
      segment_ready_after: 20ms
    mappings:
      engage:
        action: sync_to_company_segment
        fields: {computation_key: )" + kEngage +
                                              ", " + fields + R"(}
      linked_in:
        action: sync_to_company_segment
        trigger: 'event = "Account Qualified"'
        fields: {company_action: ADD, )" + linked +
                                              R"(}
      linked_out:
        action: sync_to_company_segment
        trigger: 'event = "Account Lost"'
        fields: {company_action: REMOVE, )" + linked +
                                              R"(}
      people:
        action: sync_to_dmp_segment
        fields: {personas_audience_key: )" + kEngage +
                                              R"(}
)");
}

std::vector<std::string> members(const json& dump, const std::string& key,
                                 const std::string& type) {
  std::vector<std::string> found;
  std::size_t segments = 0;
  for (const json& segment : dump.at("segments")) {
    if (segment.at("sourceSegmentId") != key || segment.at("type") != type) continue;
    ++segments;
    for (const json& member : segment.at("members")) found.push_back(member);
  }
  INFO(key << " " << type);
  REQUIRE(segments == 1);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

TEST_CASE(
    "Companies in every spelling: LinkedIn holds exactly those that are in last, beside people of "
    "the same key") {
  linkedin_sandbox::Options setup;
  setup.behaviour.segment_ready_ms = 0;
  setup.behaviour.companies_per_minute = 0;
  setup.behaviour.users_per_minute = 0;
  linkedin_sandbox::Sandbox sandbox(setup);
  REQUIRE(sandbox.start().ok());

  Companies companies;
  std::string events;
  const std::uint64_t records = size_from_environment("COMPANY_RECORDS", 20'000);
  for (std::uint64_t i = 0; i < records; ++i) events += companies.next();
  // Also entered the audience of people, whose key is the same.
  events +=
      R"({"type":"track","event":"Audience Entered","userId":"u","properties":{"audience_key":"target_accounts","target_accounts":true},"context":{"traits":{"email":"a@example.com"}}})"
      "\n";
  const Workspace workspace;
  const std::string manifest =
      pipeline(workspace, sandbox, workspace.write("events.ndjson", events));

  const Finished finished = run_penstock(workspace, {"run", manifest, "--format", "json"});
  INFO(finished.err);
  REQUIRE(finished.exit_code == 0);
  const json dump = sandbox.dump_members();
  const auto engage = members(dump, kEngage, "COMPANY");
  const auto connections = members(dump, kConnections, "COMPANY");
  CHECK(engage.size() == companies.engage().size());
  CHECK((engage == companies.engage()));  // thousands of them: too many to print
  CHECK(connections.size() == companies.connections().size());
  CHECK((connections == companies.connections()));
  CHECK(members(dump, kEngage, "USER").size() == 1);
  CHECK(sandbox.counters().at("requests_with_a_person_twice") == 0);

  // Each record has one outcome, and only those of nobody were refused.
  const json report = finished.json();
  const json& mappings = report.at("destinations").at("linkedin").at("mappings");
  std::uint64_t refused = 0;
  for (const auto& [mapping, matched] : companies.matched()) {
    const json& counts = mappings.at(mapping);
    INFO(mapping << " " << counts.dump(2));
    CHECK(counts.at("matched") == matched);
    CHECK(counts.at("pending") == 0);
    CHECK(counts.at("delivered").get<std::uint64_t>() +
              counts.at("superseded").get<std::uint64_t>() +
              counts.at("dead_lettered").get<std::uint64_t>() ==
          matched);
    CHECK(counts.at("dead_lettered") == counts.at("reasons").value("no_identifier", 0));
    refused += counts.at("dead_lettered").get<std::uint64_t>();
  }
  CHECK(refused == companies.without_identifier());

  // The commands tell the two audiences of one key apart.
  const json audiences =
      run_penstock(workspace, {"audiences", manifest, "--format", "json"}).json();
  std::map<std::string, std::string> types;
  for (const json& audience : audiences.at("destinations").at(0).at("audiences"))
    types[audience.at("mapping")] = audience.at("type").get<std::string>();
  CHECK(types["engage"] == "COMPANY");
  CHECK(types["people"] == "USER");
}

}  // namespace penstock::e2e
