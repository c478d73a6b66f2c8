// Guards what the LinkedIn plugin makes of a record about a company, and where it sends it.
#include <catch2/catch.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::uint32_t kCompanies = 1;  // the action

TestValues record(const TestValues& changes) {
  std::map<std::string, sdk::test::TestValue> all{{"company_action", "ADD"},
                                                  {"audience_source", "ENGAGE"},
                                                  {"computation_key", "target_accounts"},
                                                  {"company_domain", "acme.example"}};
  for (const auto& [name, value] : changes) all[name] = value;
  return TestValues(all.begin(), all.end());
}

MapResult map(const TestValues& changes) {
  const auto host = make_host();
  MapResult result = host->map(record(changes), kCompanies);
  CHECK(host->faults().empty());
  return result;
}

// What stands in the element for this domain, or "" when there is none.
std::string domain_of(const char* field, const std::string& raw) {
  const MapResult result = map({{"company_domain", ""}, {field, raw}, {"company_name", "Acme"}});
  const std::string start = std::string(R"(Domain":")");
  const std::size_t at = result.payload.find(start);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + start.size();
  return result.payload.substr(begin, result.payload.find('"', begin) - begin);
}

}  // namespace

TEST_CASE("a record becomes the JSON that LinkedIn's companies batch takes") {
  const MapResult result =
      map({{"linkedin_company_id", "1035"},
           {"company_name", " Acme \"A\" "},
           {"company_email_domain", "mail.acme.example"},
           {"company_page_url", "https://www.linkedin.com/company/acme/"},
           {"stock_symbol", "ACME"},
           {"industries", sdk::test::TestValue::json(R"(["Software"," Toys "])")},
           {"city", "Kiel"},
           {"state", "SH"},
           {"country", "de"},
           {"postal_code", "24103"}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload ==
        R"({"action":"ADD","organizationUrn":"urn:li:organization:1035",)"
        R"("companyWebsiteDomain":"acme.example","companyEmailDomain":"mail.acme.example",)"
        R"("companyPageUrl":"https://www.linkedin.com/company/acme/","companyName":"Acme \"A\"",)"
        R"("stockSymbol":"ACME","industries":["Software","Toys"],"city":"Kiel","state":"SH",)"
        R"("country":"DE","postalCode":"24103"})");
  CHECK(result.batch_key == R"(["target_accounts","target_accounts","COMPANY"])");
  CHECK(result.warnings.empty());
}

TEST_CASE("a domain loses everything that is not the domain") {
  const std::pair<const char*, const char*> cases[] = {
      {"acme.example", "acme.example"},
      {"  ACME.Example\t", "acme.example"},
      {"https://www.acme.example/about?x=1#y", "acme.example"},
      {"HTTP://WWW.ACME.EXAMPLE:8080", "acme.example"},
      {"//acme.example/", "acme.example"},
      {"acme.example/path//more", "acme.example"},
      {"https://user:secret@acme.example/", "acme.example"},
      {"someone@acme.example", "acme.example"},
      {"acme.example.", "acme.example"},
      {"acme.example?utm=//x", "acme.example"},
      {"www.com", "www.com"},
      {"www.co.example", "co.example"},
      {"shop.acme.example", "shop.acme.example"},
      {"MÜNCHEN.example", "münchen.example"},
      {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
      {"acme", ""},
      {"localhost:3000", ""},
      {"127.0.0.1", ""},
      {"http://[::1]/", ""},
      {"acme..example", ""},
      {"-acme.example", ""},
      {"acme_.example", ""},
      {"acme example.com", ""},
      {"n/a", ""},
      {"https://", ""},
      {"a.\xFF", ""}};
  for (const auto& [raw, expected] : cases) {
    CAPTURE(raw);
    CHECK(domain_of("company_domain", raw) == expected);
  }
  CHECK(domain_of("company_domain", std::string(64, 'a') + ".example").empty());
  CHECK(domain_of("company_email_domain", "Jane@Www.Acme.Example") == "www.acme.example");
}

TEST_CASE("a mail provider's domain does not identify a company") {
  for (const char* const text :
       {"gmail.com", "someone@gmail.com", "https://www.gmail.com/", "GoogleMail.com",
        "hotmail.co.uk", "yahoo.com.br", "gmx.de", "qq.com", "outlook.com", "web.de"}) {
    CAPTURE(text);
    CHECK(domain_of("company_domain", text).empty());
    CHECK(domain_of("company_email_domain", text).empty());
    const MapResult alone = map({{"company_domain", text}});
    CHECK(alone.reason == "no_identifier");
    CHECK(alone.field == "company_domain");
    const MapResult beside = map({{"company_domain", text}, {"linkedin_company_id", "1035"}});
    CHECK(beside.code == PENSTOCK_OK);
    CHECK(beside.warnings.size() == 1);
  }
  for (const char* const text : {"gmail.example", "yahoo.acme.example", "mygmail.com",
                                 "live.example", "gmx.industries", "mail.acme.com"}) {
    CAPTURE(text);
    CHECK(domain_of("company_domain", text) == text);
  }
}

TEST_CASE("a page at LinkedIn in the place of a domain is the company's page") {
  const std::pair<const char*, const char*> pages[] = {
      {"https://www.linkedin.com/company/acme/", "https://www.linkedin.com/company/acme/"},
      {" linkedin.com/company/acme ", "https://linkedin.com/company/acme"},
      {"https://de.linkedin.com/showcase/acme-labs?trk=x",
       "https://de.linkedin.com/showcase/acme-labs?trk=x"},
      {"LinkedIn.com/School/mit", "https://LinkedIn.com/School/mit"}};
  for (const auto& [raw, expected] : pages) {
    CAPTURE(raw);
    const MapResult result = map({{"company_domain", raw}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.payload ==
          std::string(R"({"action":"ADD","companyPageUrl":")") + expected + "\"}");
    CHECK(result.coalesce_key.substr(0, 2) == "p:");
    CHECK(result.warnings.empty());
  }
  // A page that the record names elsewhere comes first; a member's page is nobody's website.
  const MapResult both = map({{"company_domain", "linkedin.com/company/acme"},
                              {"company_page_url", "https://www.linkedin.com/company/other"}});
  CHECK(both.payload.find("other") != std::string::npos);
  CHECK(both.payload.find("acme") == std::string::npos);
  CHECK(both.warnings.size() == 1);
  CHECK(map({{"company_domain", "https://www.linkedin.com/in/someone"}}).reason == "no_identifier");
  CHECK(domain_of("company_domain", "https://www.linkedin.com/") == "linkedin.com");
  CHECK(domain_of("company_domain", "notlinkedin.com/company/acme") == "notlinkedin.com");
}

TEST_CASE("a company id is a number or a URN, and becomes a URN") {
  const std::pair<const char*, const char*> cases[] = {
      {"1035", "u:urn:li:organization:1035"},
      {" 001035 ", "u:urn:li:organization:1035"},
      {"urn:li:organization:1035", "u:urn:li:organization:1035"},
      {"URN:LI:Organization:1035", "u:urn:li:organization:1035"},
      {"urn:li:company:1035", "u:urn:li:organization:1035"},
      {"urn:li:person:1035", "d:acme.example"},
      {"urn:li:organization:", "d:acme.example"},
      {"0", "d:acme.example"},
      {"-5", "d:acme.example"},
      {"12345678901234567890", "d:acme.example"}};
  for (const auto& [raw, expected] : cases) {
    CAPTURE(raw);
    const MapResult result = map({{"linkedin_company_id", raw}});
    CHECK(result.coalesce_key == expected);
    CHECK(result.warnings.size() == (expected[0] == 'u' ? 0U : 1U));
  }
}

TEST_CASE("a company is its strongest identifier") {
  CHECK(map({{"linkedin_company_id", "7"}}).coalesce_key == "u:urn:li:organization:7");
  CHECK(map({{"company_domain", "Acme.Example"}}).coalesce_key == "d:acme.example");
  const TestValues none{{"company_domain", ""}};
  const auto alone = [&](const char* field, const std::string& value) {
    TestValues fields = none;
    fields.emplace_back(field, value);
    return map(fields).coalesce_key;
  };
  CHECK(alone("company_email_domain", "acme.example") == "m:acme.example");
  CHECK(alone("company_page_url", "https://LinkedIn.com/company/Acme") ==
        "p:https://linkedin.com/company/acme");
  CHECK(alone("company_name", "ACME Inc") == "n:acme inc");
  CHECK(alone("company_name", std::string(500, 'x')).size() < 512);
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += "é";
  CHECK(alone("company_name", wide).substr(0, 9) == "n:sha256:");
}

TEST_CASE("a company without a usable identifier is a dead letter that names what is wrong") {
  struct Case {
    TestValues fields;
    const char* field;
  };
  const Case cases[] = {
      {{{"company_domain", ""}}, "company_domain"},
      {{{"company_domain", sdk::test::TestValue()}, {"city", "Kiel"}}, "company_domain"},
      {{{"company_domain", "nonsense"}}, "company_domain"},
      {{{"company_domain", ""}, {"linkedin_company_id", "abc"}}, "linkedin_company_id"},
      {{{"company_domain", ""}, {"company_page_url", std::string(101, 'x')}}, "company_page_url"},
      {{{"company_domain", ""}, {"company_name", std::string(501, 'x')}}, "company_name"}};
  for (const Case& c : cases) {
    CAPTURE(c.field);
    const MapResult result = map(c.fields);
    CHECK(result.code == PENSTOCK_REJECT);
    CHECK(result.reason == "no_identifier");
    CHECK(result.field == c.field);
    CHECK(result.message.find(c.field) != std::string::npos);
  }
}

TEST_CASE("an attribute of a company that LinkedIn would refuse is left out and counted") {
  using sdk::test::TestValue;
  const auto json = [](const char* text) { return TestValue::json(text); };
  struct Case {
    const char* field;
    TestValue value;
    bool kept;  // all of it
  };
  const Case cases[] = {{"stock_symbol", "ACMES", true},
                        {"stock_symbol", "ACMEST", false},
                        {"city", std::string(50, 'x'), true},
                        {"city", std::string(51, 'x'), false},
                        {"state", std::string(51, 'x'), false},
                        {"country", "Germany", false},
                        {"postal_code", std::string(20, '1'), true},
                        {"postal_code", std::string(21, '1'), false},
                        {"company_page_url", std::string(101, 'x'), false},
                        {"company_domain", "n/a", false},
                        {"company_email_domain", "n/a", false},
                        {"industries", json(R"(["a","b","c"])"), true},
                        {"industries", json(R"(["a","b","c","d"])"), false},
                        {"industries", json("[1]"), false},
                        {"industries", json("[\"\"]"), true},
                        {"industries", std::string(51, 'x'), false}};
  for (const Case& c : cases) {
    CAPTURE(c.field);
    const MapResult result = map({{"company_name", "Acme"}, {c.field, c.value}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.warnings.size() == (c.kept ? 0U : 1U));
    if (!c.kept) {
      CHECK(result.warnings[0] ==
            std::pair<std::string, std::string>("attribute_omitted", c.field));
    }
  }
  CHECK(map({{"industries", json(R"(["a","b","c","d"])")}})
            .payload.find(R"("industries":["a","b","c"])") != std::string::npos);
}

TEST_CASE("where a company audience comes from decides which field names it") {
  const MapResult linked =
      map({{"audience_source", "CONNECTIONS"}, {"segment_name", "Big accounts"}});
  CHECK(linked.batch_key == R"(["Big accounts","Big accounts","COMPANY"])");
  struct Case {
    TestValues fields;
    const char* reason;
    const char* field;
  };
  const Case cases[] = {
      {{{"computation_key", ""}, {"segment_name", "x"}}, "no_audience_key", "computation_key"},
      {{{"audience_source", "CONNECTIONS"}}, "no_audience_key", "segment_name"},
      {{{"audience_source", "OTHER"}}, "audience_source_unknown", "audience_source"},
      {{{"company_action", "UPSERT"}}, "action_unknown", "company_action"},
      {{{"company_action", "AUTO"}, {"audience_source", "CONNECTIONS"}, {"segment_name", "x"}},
       "action_unknown",
       "company_action"},
      {{{"computation_key", std::string(300, 'x')}}, "audience_name_too_long", "computation_key"}};
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    const MapResult result = map(c.fields);
    CHECK(result.code == PENSTOCK_REJECT);
    CHECK(result.reason == c.reason);
    CHECK(result.field == c.field);
  }
}

TEST_CASE("companies of one name are told apart by their place") {
  const auto key = [](const TestValues& changes) {
    TestValues all{{"company_domain", ""}, {"company_name", "Delta"}};
    all.insert(all.end(), changes.begin(), changes.end());
    return map(all).coalesce_key;
  };
  CHECK(key({}) == "n:delta");
  CHECK(key({{"country", "US"}}) != key({{"country", "FR"}}));
  CHECK(key({{"country", "US"}}) != key({}));
  CHECK(key({{"city", "Kiel"}}) != key({{"state", "Kiel"}}));
  CHECK(key({{"country", "us"}}) == key({{"country", " US "}}));
}

TEST_CASE("under AUTO the event decides, if it is about this very audience") {
  const auto follow = [](const TestValues& changes) {
    TestValues all{{"company_action", "AUTO"},
                   {"event_name", "Audience Entered"},
                   {"source_segment_id", "target_accounts"}};
    all.insert(all.end(), changes.begin(), changes.end());
    const MapResult result = map(all);
    return result.emitted ? result.payload.substr(0, 16) : result.reason;
  };
  CHECK(follow({}) == R"({"action":"ADD",)");
  CHECK(follow({{"event_name", "Audience Exited"}}) == R"({"action":"REMOV)");
  CHECK(follow({{"event_name", "Account Qualified"}}) == "action_unknown");
  CHECK(follow({{"membership", false}}) == R"({"action":"REMOV)");
  CHECK(follow({{"event_name", "Account Qualified"}, {"membership", true}}) ==
        R"({"action":"ADD",)");
  CHECK(follow({{"event_name", "Step reached"}, {"computation_class", "journey_step"}}) ==
        R"({"action":"ADD",)");
  CHECK(follow({{"source_segment_id", "other_accounts"}}) == "audience_key_mismatch");
  CHECK(follow({{"source_segment_id", ""}}) == "audience_key_mismatch");
  CHECK(follow({{"event_computation_key", "target_accounts"}}) == R"({"action":"ADD",)");
  CHECK(follow({{"event_computation_key", "other_accounts"}}) == "audience_key_mismatch");
}

TEST_CASE("a company whose event says the opposite of ADD or REMOVE is not sent") {
  CHECK(map({{"company_action", "ADD"}, {"event_name", "Audience Exited"}}).reason ==
        "contradicts_event");
  CHECK(map({{"company_action", "REMOVE"}, {"membership", true}}).reason == "contradicts_event");
  CHECK(map({{"company_action", "REMOVE"}, {"event_name", "Audience Exited"}}).code == PENSTOCK_OK);
  CHECK(map({{"company_action", "ADD"},
             {"audience_source", "CONNECTIONS"},
             {"segment_name", "Qualified"},
             {"membership", false}})
            .reason == "contradicts_event");
}

TEST_CASE("a mapping from CONNECTIONS without an action is refused with the settings") {
  const auto settings_refuse = [](const std::string& literals) {
    sdk::test::Options options;
    options.mappings = R"([{"mapping":"linked","action":"sync_to_company_segment","literals":{)" +
                       literals + "}}]";
    TestHost host(hooks(), actions(), options);
    const HookResult result = host.settings(settings_with());
    return result.code == PENSTOCK_OK ? "" : result.message;
  };
  const std::string connections = R"("audience_source":"CONNECTIONS","segment_name":"x")";
  CHECK(settings_refuse(connections + R"(,"company_action":"AUTO")")
            .find("mapping linked: set company_action") == 0);
  CHECK(settings_refuse(connections + R"(,"company_action":"ADD")").empty());
  CHECK(settings_refuse(connections).empty());  // it comes from the events
  CHECK(settings_refuse(R"("audience_source":"ENGAGE","company_action":"AUTO")").empty());
}

TEST_CASE("companies go to a COMPANY segment at the companies' rate, beside people of that key") {
  const auto host = make_host();
  const std::string both = segment("10", "1", "trial_users", "COMPANY") + "," + kOldSegment;
  const std::string company = R"({"action":"REMOVE","companyWebsiteDomain":"acme.example"})";
  host->reply(answer(200, found(both, 2)));
  host->reply(delivered(1));
  const SendResult companies =
      host->send({company}, R"(["trial_users","trial_users","COMPANY"])", 0, kCompanies);
  CHECK(companies.outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(companies.outcomes[0].reason == "removed");
  CHECK(host->requests().back().url == "https://api.example.test/rest/dmpSegments/10/companies");
  CHECK(host->requests().back().rate == "companies");

  host->reply(answer(200, found(both, 2)));
  host->reply(delivered(1));
  const SendResult people = host->send({element("a")}, kBatchKey);
  CHECK(people.outcomes[0].reason == "added");
  CHECK(host->requests().back().url == "https://api.example.test/rest/dmpSegments/77/users");
  CHECK(host->requests().back().rate == "users");
  CHECK(host->stored().size() == 2);
}

TEST_CASE("a company segment is created with its type") {
  const auto host = make_host();
  host->reply(answer(200, found(kOldSegment, 1)));  // of people
  host->reply(created("5"));
  (void)host->send({R"({"action":"ADD","companyName":"Acme"})"},
                   R"(["trial_users","trial_users","COMPANY"])", 0, kCompanies);
  CHECK(host->requests()[1].body.find(R"("type":"COMPANY")") != std::string::npos);
}

TEST_CASE("what LinkedIn says about a company is shown as it is") {
  const auto host = make_host();
  host->reply(answer(200, found(segment("10", "1", "k", "COMPANY"), 1)));
  host->reply(answer(
      200, R"({"elements":[{"status":400,"error":{"message":"Invalid domain acme.example"}}]})"));
  const SendResult result =
      host->send({R"({"action":"ADD","companyWebsiteDomain":"acme.example"})"},
                 R"(["k","k","COMPANY"])", 0, kCompanies);
  CHECK(result.outcomes[0].status == PENSTOCK_REJECTED);
  CHECK(result.outcomes[0].message == "Invalid domain acme.example");
}

TEST_CASE("companies of a warehouse's rows follow the row, and need no fixed action") {
  const auto row = [](const char* change) {
    return map({{"company_action", "AUTO"},
                {"audience_source", "CONNECTIONS"},
                {"segment_name", "Qualified"},
                {"sync_mode", "mirror"},
                {"row_change", change}});
  };
  CHECK(row("insert").payload.find(R"({"action":"ADD")") == 0);
  CHECK(row("updated").payload.find(R"({"action":"ADD")") == 0);
  CHECK(row("deleted").payload.find(R"({"action":"REMOVE")") == 0);
  CHECK(row("Account Qualified").reason == "action_unknown");
}

TEST_CASE("a sync mode and a fixed action exclude each other at load") {
  const auto settings = [](const std::string& literals) {
    sdk::test::Options options;
    options.mappings = "[" + literals + "]";
    TestHost host(PENSTOCK_TEST_HOOKS(linkedin_audiences), actions(), options);
    return host.settings(settings_with());
  };
  const std::string companies =
      R"({"mapping":"m","action":"sync_to_company_segment","literals":{"segment_name":"Q","audience_source":"CONNECTIONS",)";
  CHECK(settings(companies + R"("company_action":"AUTO","sync_mode":"mirror"}})").code ==
        PENSTOCK_OK);
  CHECK(settings(companies + R"("company_action":"AUTO"}})").code == PENSTOCK_ERR_INVALID);
  const HookResult both = settings(companies + R"("company_action":"ADD","sync_mode":"mirror"}})");
  CHECK(both.code == PENSTOCK_ERR_INVALID);
  CHECK(both.field == "company_action");
  const HookResult people = settings(
      R"({"mapping":"m","action":"sync_to_dmp_segment","literals":{"personas_audience_key":"k",)"
      R"("dmp_user_action":"REMOVE","sync_mode":"delete"}})");
  CHECK(people.code == PENSTOCK_ERR_INVALID);
  CHECK(people.field == "dmp_user_action");
  CHECK(people.message.find("sync_mode") != std::string::npos);
}

TEST_CASE("without consent no company is added, and removals are sent") {
  CHECK(map({{"consent_withheld", "integration_off"}}).reason == "integration_off");
  CHECK(map({{"consent_withheld", "integration_off"}}).code == PENSTOCK_SKIP);
  CHECK(map({{"consent_withheld", "integration_off"}, {"company_action", "REMOVE"}}).emitted);
}

}  // namespace penstock::linkedin
