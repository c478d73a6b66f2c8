// Guards what the LinkedIn plugin makes of a record: settings, action, identifiers, attributes,
// keys.
#include <catch2/catch.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

// printf %s trial.user@example.com | sha256sum
const std::string kHash = "4e5233f4b40e29f07a7b3023ab2c3506143a80f6c2f9148a1909b48affcfade0";

TestValues record(const TestValues& changes) {
  std::map<std::string, sdk::test::TestValue> all{{"personas_audience_key", "trial_users"},
                                                  {"event_name", "Audience Entered"},
                                                  {"email", "trial.user@example.com"}};
  for (const auto& [name, value] : changes) all[name] = value;
  // The event is about the mapping's audience, unless a test says otherwise.
  all.try_emplace("source_segment_id", all["personas_audience_key"]);
  return TestValues(all.begin(), all.end());
}

MapResult map(const TestValues& changes, const TestValues& settings = {}) {
  const auto host = make_host(settings);
  MapResult result = host->map(record(changes));
  CHECK(host->faults().empty());
  return result;
}

std::string action_of(const MapResult& result) {
  const std::string start = R"({"action":")";
  return result.payload.substr(start.size(), result.payload.find('"', start.size()) - start.size());
}

}  // namespace

TEST_CASE("settings that no manifest can check are refused by name") {
  struct Case {
    const char* setting;
    sdk::test::TestValue value;
    const char* field;
  };
  const Case cases[] = {{"ad_account_id", "", "ad_account_id"},
                        {"ad_account_id", "urn:li:sponsoredAccount:5", "ad_account_id"},
                        {"api_version", "2026-08", "api_version"},
                        {"segment_ready_after", -1, "segment_ready_after"}};
  for (const Case& c : cases) {
    CAPTURE(c.setting);
    TestHost host(PENSTOCK_TEST_HOOKS(linkedin_audiences), actions());
    const HookResult result = host.settings(settings_with({{c.setting, c.value}}));
    CHECK(result.code == PENSTOCK_ERR_INVALID);
    CHECK(result.field == c.field);
    CHECK_FALSE(result.message.empty());
  }
}

TEST_CASE("settings that switch both identifiers off are refused") {
  TestHost host(PENSTOCK_TEST_HOOKS(linkedin_audiences), actions());
  const HookResult result =
      host.settings(settings_with({{"send_email", false}, {"send_google_advertising_id", false}}));
  CHECK(result.code == PENSTOCK_ERR_INVALID);
  CHECK(result.message.find("send_email") != std::string::npos);
}

TEST_CASE("a manifest without a field that the plugin reads is refused by that field's name") {
  auto fewer = actions();
  fewer[0].fields.pop_back();
  TestHost host(PENSTOCK_TEST_HOOKS(linkedin_audiences), fewer);
  const HookResult result = host.settings(settings_with());
  CHECK(result.code == PENSTOCK_ERR_INVALID);
  CHECK(result.field == "dmp_user_action");
}

TEST_CASE("a record becomes the JSON that LinkedIn's users batch takes") {
  const MapResult result = map({{"google_advertising_id", "65f30779-f6ee-4cdb-ad79-a2d1506e50c7"},
                                {"first_name", "Uma"},
                                {"last_name", "Yılmaz"},
                                {"title", "Analyst \"A\""},
                                {"company", "Acme, Inc."},
                                {"country", "tr"}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(
      result.payload ==
      R"({"action":"ADD","userIds":[{"idType":"SHA256_EMAIL","idValue":")" + kHash +
          R"("},{"idType":"GOOGLE_AID","idValue":"65f30779-f6ee-4cdb-ad79-a2d1506e50c7"}],)"
          R"("firstName":"Uma","lastName":"Yılmaz","title":"Analyst \"A\"","company":"Acme, Inc.","country":"TR"})");
  CHECK(result.warnings.empty());
}

TEST_CASE("an e-mail address is lower-cased, freed of all white space and hashed") {
  const char* const spellings[] = {
      "trial.user@example.com",         "TRIAL.User@Example.COM",
      "  trial.user@example.com\r\n",   "trial.user @ example.com",
      "trial.user\xC2\xA0@example.com", "trial.user\xE2\x80\x89@example.com"};
  for (const char* const email : spellings) {
    CAPTURE(email);
    const MapResult result = map({{"email", email}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.payload.find(kHash) != std::string::npos);
    CHECK(result.coalesce_key == "e:" + kHash);
  }
}

TEST_CASE("letters beyond ASCII are lower-cased before hashing") {
  const std::pair<const char*, const char*> pairs[] = {{"ZOË@EXAMPLE.COM", "zoë@example.com"},
                                                       {"ŠIMEK@EXAMPLE.COM", "šimek@example.com"},
                                                       {"ŽŁ@EXAMPLE.COM", "žł@example.com"},
                                                       {"ИВАН@EXAMPLE.COM", "иван@example.com"},
                                                       {"ΝΊΚΟΣ@EXAMPLE.COM", "νΊκοσ@example.com"}};
  for (const auto& [upper, lower] : pairs) {
    CAPTURE(upper);
    CHECK(map({{"email", upper}}).payload == map({{"email", lower}}).payload);
  }
}

TEST_CASE("an address that was hashed before is passed on in lower case") {
  std::string upper = kHash;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(map({{"email", " " + upper}}).payload == map({}).payload);
}

TEST_CASE("a record without a usable identifier is rejected with the reason") {
  struct Case {
    TestValues fields;
    TestValues settings;
    const char* reason;
  };
  const Case cases[] = {
      {{{"email", ""}}, {}, "no_identifier"},
      {{{"email", " \t "}}, {}, "no_identifier"},
      {{{"email", sdk::test::TestValue()}, {"first_name", "A"}, {"last_name", "B"}},
       {},
       "no_identifier"},
      {{{"google_advertising_id", "aid-1"}, {"email", ""}},
       {{"send_google_advertising_id", false}},
       "no_identifier"},
      {{}, {{"send_email", false}}, "no_identifier"},
      {{{"email", ""}, {"google_advertising_id", "00000000-0000-0000-0000-000000000000"}},
       {},
       "no_identifier"},
      {{{"email", "not an address"}}, {}, "invalid_email"},
      {{{"email", "a@b@example.com"}}, {}, "invalid_email"},
      {{{"email", "a@localhost"}}, {}, "invalid_email"},
      {{{"email", "a@example..com"}}, {}, "invalid_email"},
      {{{"email", "@example.com"}}, {}, "invalid_email"},
      {{{"email", "a@.example.com"}}, {}, "invalid_email"},
      {{{"email", "a@example.com."}}, {}, "invalid_email"},
      {{{"email", "<a@example.com>"}}, {}, "invalid_email"},
      {{{"email", kHash.substr(1)}}, {}, "invalid_email"},
      {{{"email", ""}, {"google_advertising_id", std::string(100, 'a')}},
       {},
       "invalid_advertising_id"}};
  for (const Case& c : cases) {
    const MapResult result = map(c.fields, c.settings);
    CAPTURE(c.reason, result.payload);
    CHECK(result.code == PENSTOCK_REJECT);
    CHECK(result.reason == c.reason);
  }
}

TEST_CASE("no rejection repeats what the record held") {
  const MapResult result = map({{"email", "secret-person at example.com"}});
  CHECK(result.reason == "invalid_email");
  CHECK(result.message.find("secret") == std::string::npos);
}

TEST_CASE("an invalid e-mail beside an advertising id is left out and counted") {
  const MapResult result = map({{"email", "nobody"}, {"google_advertising_id", " aid-1 "}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload ==
        R"({"action":"ADD","userIds":[{"idType":"GOOGLE_AID","idValue":"aid-1"}]})");
  CHECK(result.coalesce_key == "a:aid-1");
  REQUIRE(result.warnings.size() == 1);
  CHECK(result.warnings[0] == std::pair<std::string, std::string>("attribute_omitted", "email"));
}

TEST_CASE("one person has one coalesce key, with or without a device") {
  CHECK(map({{"google_advertising_id", "aid-1"}}).coalesce_key == map({}).coalesce_key);
}

TEST_CASE("an attribute that LinkedIn would refuse is left out, and the person still delivered") {
  struct Case {
    const char* field;
    std::string value;
    bool kept;
  };
  std::string accented_35, accented_36;
  for (int i = 0; i < 36; ++i) (i < 35 ? accented_35 : accented_36) += "é";
  accented_36 += accented_35;
  const Case cases[] = {{"first_name", std::string(35, 'x'), true},
                        {"first_name", std::string(36, 'x'), false},
                        {"first_name", accented_35, true},
                        {"last_name", accented_36, false},
                        {"title", std::string(50, 'x'), true},
                        {"title", std::string(51, 'x'), false},
                        {"company", std::string(51, 'x'), false},
                        {"country", "de", true},
                        {"country", "Germany", false},
                        {"country", "D1", false},
                        {"country", "EU", false},
                        {"country", "XX", false},
                        {"country", "ÄÖ", false}};
  for (const Case& c : cases) {
    CAPTURE(c.field, c.value);
    const MapResult result = map({{c.field, c.value}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.warnings.size() == (c.kept ? 0U : 1U));
    if (!c.kept) CHECK(result.warnings[0].second == c.field);
  }
}

TEST_CASE("an attribute that is no text is left out, and the person still delivered") {
  using sdk::test::TestValue;
  const auto json = [](const char* text) { return TestValue::json(text); };
  const std::pair<const char*, TestValue> omitted[] = {{"company", json(R"({"industry":"Steel"})")},
                                                       {"title", json(R"(["a","b"])")},
                                                       {"first_name", true},
                                                       {"last_name", 1.5},
                                                       {"country", json("{}")}};
  for (const auto& [field, value] : omitted) {
    CAPTURE(field);
    const MapResult result = map({{field, value}});
    REQUIRE(result.code == PENSTOCK_OK);
    REQUIRE(result.warnings.size() == 1);
    CHECK(result.warnings[0].second == field);
  }
  const MapResult number = map({{"company", std::int64_t{1035}}});
  CHECK(number.warnings.empty());
  CHECK(number.payload.find(R"("company":"1035")") != std::string::npos);
}

TEST_CASE("an attribute that holds an e-mail address is neither stored nor sent") {
  for (const char* text : {"ada@example.com", "x @ ada@example.com y", "ada%40example.com",
                           "ada\xEF\xBC\xA0"
                           "example.com"}) {
    CAPTURE(text);
    const MapResult result = map({{"title", text}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.warnings.size() == 1);
    CHECK(result.payload.find("example") == std::string::npos);
  }
  CHECK(map({{"company", "@home"}}).warnings.empty());
  CHECK(map({{"title", "Engineer @ Acme"}}).warnings.empty());
}

TEST_CASE("a country is one of the 249 codes of ISO 3166-1, and UK is the United Kingdom's") {
  std::size_t kept = 0;
  for (char first = 'A'; first <= 'Z'; ++first) {
    for (char second = 'A'; second <= 'Z'; ++second) {
      const std::string code{first, second};
      const MapResult result = map({{"country", code}});
      if (!result.warnings.empty()) continue;
      ++kept;
      const std::string written = code == "UK" ? "GB" : code;
      CAPTURE(code);
      CHECK(result.payload.find(R"("country":")" + written + '"') != std::string::npos);
    }
  }
  CHECK(kept == 249 + 1);
  CHECK(map({{"country", " uk "}}).payload.find(R"("country":"GB")") != std::string::npos);
}

TEST_CASE("under AUTO membership decides before the event's name, and nothing is guessed") {
  struct Case {
    TestValues fields;
    const char* expected;  // an action, or the reason of the rejection
  };
  const sdk::test::TestValue none;
  const Case cases[] = {
      {{{"event_name", "Audience Entered"}}, "ADD"},
      {{{"event_name", "Audience Exited"}}, "REMOVE"},
      {{{"event_name", "Audience Exited"}, {"membership", true}}, "ADD"},
      {{{"event_name", "Audience Entered"}, {"membership", false}}, "REMOVE"},
      {{{"event_name", none}, {"membership", false}}, "REMOVE"},
      {{{"event_name", none}}, "action_unknown"},
      {{{"event_name", "audience entered"}}, "action_unknown"},
      {{{"event_name", "Winback"}, {"dmp_user_action", "AUTO"}}, "action_unknown"},
      {{{"event_name", "Winback"}, {"dmp_user_action", "ADD"}}, "ADD"},
      {{{"membership", true}, {"dmp_user_action", "REMOVE"}}, "REMOVE"}};
  for (const Case& c : cases) {
    CAPTURE(c.expected);
    const MapResult result = map(c.fields);
    CHECK((result.emitted ? action_of(result) : result.reason) == c.expected);
  }
}

TEST_CASE("under AUTO an event of another audience is rejected") {
  CHECK(map({{"source_segment_id", "churn_risk"}}).reason == "audience_key_mismatch");
  CHECK(map({{"source_segment_id", "trial_users"}}).code == PENSTOCK_OK);
  // An event may name two, one of which membership is read by.
  CHECK(map({{"event_computation_key", "churn_risk"}}).reason == "audience_key_mismatch");
  CHECK(map({{"event_computation_key", "trial_users"}}).code == PENSTOCK_OK);
  CHECK(map({{"event_computation_key", "churn_risk"}, {"dmp_user_action", "ADD"}}).code ==
        PENSTOCK_OK);
  CHECK(map({{"source_segment_id", ""}}).reason == "audience_key_mismatch");
  CHECK(map({{"source_segment_id", ""}, {"dmp_user_action", "ADD"}}).code == PENSTOCK_OK);
  CHECK(map({{"source_segment_id", "churn_risk"}, {"dmp_user_action", "ADD"}}).code == PENSTOCK_OK);
}

TEST_CASE("the batch key is the audience's, whatever the mapping calls it") {
  CHECK(map({}).batch_key == R"(["trial_users","trial_users"])");
  CHECK(map({{"dmp_segment_name", "Trial \"users\""}}).batch_key == map({}).batch_key);
}

TEST_CASE("an audience key too long for a batch key is rejected instead of cut") {
  const std::string key(300, 'x');
  const MapResult result = map({{"personas_audience_key", key}, {"source_segment_id", key}});
  CHECK(result.code == PENSTOCK_REJECT);
  CHECK(result.reason == "audience_name_too_long");
  CHECK(result.field == "personas_audience_key");
  CHECK(map({{"dmp_segment_name", std::string(600, 'x')}}).code == PENSTOCK_OK);
}

TEST_CASE("bytes that are no UTF-8 become replacement characters in the element") {
  const MapResult result = map({{"first_name", "Zo\xEB"}});
  CHECK(result.payload.find("Zo\xEF\xBF\xBD\"") != std::string::npos);
}

TEST_CASE("without consent nobody is added, whatever else is wrong, and removals are sent") {
  const TestValues refused = {{"consent_withheld", "consent_refused"}};
  const auto with = [&](TestValues more) {
    more.insert(more.end(), refused.begin(), refused.end());
    return map(more);
  };
  for (const TestValues& adding :
       {TestValues{}, TestValues{{"dmp_user_action", "ADD"}, {"event_name", "Winback"}},
        TestValues{{"email", sdk::test::TestValue()}}}) {
    const MapResult result = with(adding);
    CHECK(result.code == PENSTOCK_SKIP);
    CHECK(result.reason == "consent_refused");
    CHECK_FALSE(result.emitted);
  }
  CHECK(action_of(with({{"event_name", "Audience Exited"}})) == "REMOVE");
  CHECK(action_of(with({{"membership", false}})) == "REMOVE");
  CHECK(action_of(with({{"dmp_user_action", "REMOVE"}})) == "REMOVE");
}

TEST_CASE("under a sync mode the change of the row decides, in Segment's and RudderStack's words") {
  struct Case {
    const char* mode;
    const char* created;
    const char* changed;
    const char* gone;
  };
  const char* const skipped = "not_in_sync_mode";
  const Case cases[] = {{"add", "ADD", "ADD", skipped},
                        {"update", skipped, "ADD", skipped},
                        {"upsert", "ADD", "ADD", skipped},
                        {"mirror", "ADD", "ADD", "REMOVE"},
                        {"delete", skipped, skipped, "REMOVE"}};
  const auto fate = [](const char* mode, const char* change) {
    const MapResult result = map({{"sync_mode", mode},
                                  {"row_change", change},
                                  {"event_name", change},
                                  {"source_segment_id", ""}});
    if (result.emitted) return action_of(result);
    CHECK(result.code == (result.reason == "not_in_sync_mode" ? PENSTOCK_SKIP : PENSTOCK_REJECT));
    return result.reason;
  };
  for (const Case& c : cases) {
    CAPTURE(c.mode);
    CHECK(fate(c.mode, "new") == c.created);
    CHECK(fate(c.mode, "insert") == c.created);
    CHECK(fate(c.mode, "updated") == c.changed);
    CHECK(fate(c.mode, "update") == c.changed);
    CHECK(fate(c.mode, "deleted") == c.gone);
    CHECK(fate(c.mode, "delete") == c.gone);
    for (const char* unknown : {"", "New", "Audience Entered", "upsert"}) {
      CHECK(fate(c.mode, unknown) == "action_unknown");
    }
  }
}

TEST_CASE(
    "a row adds nobody without consent, and a fixed action beside a sync mode nobody at all") {
  const TestValues row = {{"sync_mode", "mirror"}, {"row_change", "new"}};
  TestValues refused = row;
  refused.emplace_back("consent_withheld", "consent_refused");
  CHECK(map(refused).reason == "consent_refused");
  TestValues fixed = row;
  fixed.emplace_back("dmp_user_action", "REMOVE");
  CHECK(map(fixed).reason == "action_unknown");
}

}  // namespace penstock::linkedin
