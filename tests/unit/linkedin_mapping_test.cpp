// Guards what the LinkedIn plugin makes of a record: settings, action, identifiers, attributes,
// keys.
#include <catch2/catch.hpp>

#include "linkedin_fixture.hpp"

namespace penstock::linkedin {
namespace {

// printf %s trial.user@example.com | sha256sum
const std::string kHash = "4e5233f4b40e29f07a7b3023ab2c3506143a80f6c2f9148a1909b48affcfade0";

const std::string kDevice = "65f30779-f6ee-4cdb-ad79-a2d1506e50c7";

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
  std::erase(fewer[0].fields, "dmp_user_action");
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
  const std::pair<const char*, const char*> pairs[] = {
      {"ZOË@EXAMPLE.COM", "zoë@example.com"},     {"ŠIMEK@EXAMPLE.COM", "šimek@example.com"},
      {"ŽŁ@EXAMPLE.COM", "žł@example.com"},       {"ИВАН@EXAMPLE.COM", "иван@example.com"},
      {"ΝΊΚΟΣ@EXAMPLE.COM", "νίκος@example.com"}, {"ԱՐԱՄ@EXAMPLE.COM", "արամ@example.com"},
      {"ẞẠ@EXAMPLE.COM", "ßạ@example.com"},       {"𐐨𐐀@EXAMPLE.COM", "𐐨𐐨@example.com"}};
  for (const auto& [upper, lower] : pairs) {
    CAPTURE(upper);
    CHECK(map({{"email", upper}}).payload == map({{"email", lower}}).payload);
  }
}

TEST_CASE("characters that nobody can see are removed from an e-mail address like white space") {
  for (const char32_t character :
       {U'\u200B', U'\u200C', U'\u200D', U'\u200E', U'\u200F', U'\u202A', U'\u202C', U'\u202E',
        U'\u2060', U'\u00AD', U'\uFEFF', U'\u2066', U'\u3000'}) {
    std::string utf8;
    if (character < 0x800) utf8 += static_cast<char>(0xC0 | character >> 6);
    if (character >= 0x800) utf8 += static_cast<char>(0xE0 | character >> 12);
    if (character >= 0x800) utf8 += static_cast<char>(0x80 | (character >> 6 & 0x3F));
    utf8 += static_cast<char>(0x80 | (character & 0x3F));
    CAPTURE(static_cast<std::uint32_t>(character));
    CHECK(map({{"email", utf8 + "trial" + utf8 + ".user@example.com" + utf8}}).payload ==
          map({}).payload);
    CHECK(map({{"email", utf8}}).reason == "no_identifier");
  }
}

TEST_CASE("an e-mail address with an impossible host name is refused") {
  for (const char* const address :
       {"a@exam/ple.com", "a@example.com/", "a@'example.com", "a@example.com'", "a@exam_ple.com",
        "a@example.c?m", "a@-example.com", "a@example-.com", "a@example.com!", "a@10.0.0.1",
        "a@mailto:example.com", "a@exam%ple.com", "a@example.com&b=1"}) {
    CAPTURE(address);
    CHECK(map({{"email", address}}).reason == "invalid_email");
  }
  for (const char* const address :
       {"o'neil@example.com", "a/b@example.com", "a+b@sub.example.co", "a@xn--mnchen-3ya.example",
        "a@münchen.example", "a_b@1und1.example"}) {
    CAPTURE(address);
    CHECK(map({{"email", address}}).code == PENSTOCK_OK);
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
      {{{"google_advertising_id", kDevice}, {"email", ""}},
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
       "invalid_advertising_id"},
      {{{"email", ""}, {"google_advertising_id", "unknown"}}, {}, "invalid_advertising_id"}};
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
  const MapResult result =
      map({{"email", "nobody"}, {"google_advertising_id", " " + kDevice + " "}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload ==
        R"({"action":"ADD","userIds":[{"idType":"GOOGLE_AID","idValue":")" + kDevice + "\"}]}");
  CHECK(result.coalesce_key == "a:" + kDevice);
  REQUIRE(result.warnings.size() == 1);
  CHECK(result.warnings[0] == std::pair<std::string, std::string>("attribute_omitted", "email"));
}

TEST_CASE("an address that was hashed by SHA-512 is sent as such") {
  // printf %s trial.user@example.com | sha512sum
  const std::string hash =
      "84e30bd204a64e2fd2211e3ba72e49a53670dfd1f449e4724c9f78234612a306"
      "a80de3b4118a07850f89ebaf155cfd4ae348dbd78a2bdf61c5a6c3838c50422a";
  const MapResult result = map({{"email", " " + hash + " "}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload ==
        R"({"action":"ADD","userIds":[{"idType":"SHA512_EMAIL","idValue":")" + hash + "\"}]}");
  CHECK(result.coalesce_key == "e:" + hash);
  CHECK(map({{"email", std::string(128, '0')}}).reason == "invalid_email");
  CHECK(map({{"email", hash.substr(1)}}).reason == "invalid_email");
  // printf %s null | sha512sum
  CHECK(map({{"email",
              "04f8ff2682604862e405bf88de102ed7710ac45c1205957625e4ee3e5f5a2241"
              "e453614acc451345b91bafc88f38804019c7492444595674e94e8cf4be53817f"}})
            .reason == "invalid_email");
}

TEST_CASE("a hash that stands for nobody does not pass as an e-mail address") {
  // printf %s WORD | sha256sum
  for (const char* const hash :
       {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  // nothing
        "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b",  // null
        "fb329000228cc5a24c264c57139de8bf854fc86fc18bf1c04ab61a2b5cb4b921",  // NULL
        "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c",  // undefined
        "b23a6a8439c0dde5515893e7c90c1e3233b8616e634470f20dc4928bcf3609bc",  // unknown
        "b764cdc0eab7137467211272fa539f1260d1bf2e71bcf6ff3bdc960f5c16aa14",  // Unknown
        "a683c5c5349f6f7fb903ba8a9e7e55d0ba1b8f03579f95be83f4954c33e81098",  // n/a
        "e2f79e5b60330bba4c289962231b6ba2957d0b14e7deb3110417003c79dea635",  // N/A
        "dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91",  // None
        "9b2d5b4678781e53038e91ea5324530a03f27dc1d0e5f6c9bc9d493a23be9de0",  // nan
        "d5b592c05dc25b5032553f1b27f4139be95e881f73db33b02b05ab20c3f9981e",  // NaN
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    CAPTURE(hash);
    CHECK(map({{"email", hash}}).reason == "invalid_email");
    const MapResult beside = map({{"email", hash}, {"google_advertising_id", kDevice}});
    CHECK(beside.coalesce_key == "a:" + kDevice);
    CHECK(beside.warnings.size() == 1);
  }
}

// printf %s b@example.com | sha256sum
const std::string kSecondHash = "e8f39b3e1382367d6d41ab34dc270d4e7533f978c9e9a775dfe2185b2f96b96c";

TEST_CASE("of several e-mail addresses all are sent, and the first that is one is the person") {
  using sdk::test::TestValue;
  const std::string both = R"("userIds":[{"idType":"SHA256_EMAIL","idValue":")" + kHash +
                           R"("},{"idType":"SHA256_EMAIL","idValue":")" + kSecondHash + R"("}]})";
  const TestValue lists[] = {
      TestValue::json(R"(["trial.user@example.com","b@example.com"])"),
      TestValue::json(R"(["", null, "trial.user@example.com", "B@example.com ", "b@example.com"])"),
      R"(["trial.user@example.com","b@example.com"])",
      "trial.user@example.com,b@example.com",
      "trial.user@example.com; b@example.com;",
      "trial.user@example.com b@example.com",
      "trial.user @ example.com, " + kSecondHash};
  for (const TestValue& list : lists) {
    const MapResult result = map({{"email", list}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.payload.find(both) != std::string::npos);
    CHECK(result.coalesce_key == "e:" + kHash);
    CHECK(result.warnings.empty());
  }
}

TEST_CASE(
    "an item of a list that is not an e-mail address is left out and counted, and costs nobody "
    "else") {
  using sdk::test::TestValue;
  const TestValue lists[] = {TestValue::json(R"(["nobody","trial.user@example.com"])"),
                             TestValue::json(R"([5,"trial.user@example.com",{}])"),
                             "trial.user@example.com, nobody"};
  for (const TestValue& list : lists) {
    const MapResult result = map({{"email", list}});
    REQUIRE(result.code == PENSTOCK_OK);
    CHECK(result.payload == map({}).payload);
    REQUIRE(result.warnings.size() == 1);
    CHECK(result.warnings[0].second == "email");
  }
  for (const char* const nobody :
       {R"(["nobody",""])", R"({"email":"a@example.com"})", "[[]]", "[5]"}) {
    CAPTURE(nobody);
    CHECK(map({{"email", TestValue::json(nobody)}}).reason == "invalid_email");
  }
  CHECK(map({{"email", TestValue::json("[]")}}).reason == "no_identifier");
  CHECK(map({{"email", TestValue::json(R"([""])")}}).reason == "no_identifier");
  CHECK(map({{"email", 5}}).reason == "invalid_email");
  CHECK(map({{"email", "[trial.user@example.com"}}).reason == "invalid_email");
}

TEST_CASE("more e-mail addresses than a person has are left out") {
  std::string list;
  for (int i = 0; i < 5000; ++i) list += "a" + std::to_string(i) + "@example.com,";
  const MapResult result = map({{"email", list}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload.size() < 2000);
  CHECK(result.warnings.size() == 1);
}

TEST_CASE("an advertising id is a UUID in any spelling, and is sent in one") {
  for (const char* const spelling :
       {"65f30779-f6ee-4cdb-ad79-a2d1506e50c7", "65F30779-F6EE-4CDB-AD79-A2D1506E50C7",
        " 65f30779f6ee4cdbad79a2d1506e50c7\n", "65F30779F6EE4CDBAD79A2D1506E50C7",
        "\xE2\x80\x8B"
        "65f30779-f6ee-4cdb-ad79-a2d1506e50c7"}) {
    CAPTURE(spelling);
    CHECK(map({{"email", ""}, {"google_advertising_id", spelling}}).coalesce_key == "a:" + kDevice);
  }
}

TEST_CASE("words and numbers do not pass as advertising ids, which would make one person of many") {
  for (const char* const text :
       {"null", "undefined", "unknown", "limit_ad_tracking", "NA", "123", "n/a",
        "65f30779-f6ee-4cdb-ad79-a2d1506e50c", "65f30779-f6ee-4cdb-ad79-a2d1506e50c77",
        "65f30779f-6ee-4cdb-ad79-a2d1506e50c7", "{65f30779-f6ee-4cdb-ad79-a2d1506e50c7}",
        "g5f30779-f6ee-4cdb-ad79-a2d1506e50c7", "65f30779_f6ee_4cdb_ad79_a2d1506e50c7",
        "ffffffff-ffff-ffff-ffff-ffffffffffff"}) {
    CAPTURE(text);
    CHECK(map({{"email", ""}, {"google_advertising_id", text}}).reason == "invalid_advertising_id");
    const MapResult beside = map({{"google_advertising_id", text}});
    REQUIRE(beside.code == PENSTOCK_OK);
    CHECK(beside.payload == map({}).payload);
    REQUIRE(beside.warnings.size() == 1);
    CHECK(beside.warnings[0].second == "google_advertising_id");
  }
  for (const char* const nothing :
       {"", " ", "0", "\xE2\x80\x8B", "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000"}) {
    CAPTURE(nothing);
    CHECK(map({{"email", ""}, {"google_advertising_id", nothing}}).reason == "no_identifier");
    CHECK(map({{"google_advertising_id", nothing}}).warnings.empty());
  }
}

TEST_CASE("the advertising id of a device that limits ad tracking adds nobody") {
  using sdk::test::TestValue;
  const TestValue no[] = {false, "false", "False", "0", "no", 0, TestValue::json("[]")};
  for (const TestValue& limited : no) {
    CAPTURE(limited.c().type);
    const MapResult alone =
        map({{"email", ""}, {"google_advertising_id", kDevice}, {"ad_tracking_enabled", limited}});
    CHECK(alone.reason == "no_identifier");
    CHECK(alone.field == "google_advertising_id");
    const MapResult beside =
        map({{"google_advertising_id", kDevice}, {"ad_tracking_enabled", limited}});
    REQUIRE(beside.code == PENSTOCK_OK);
    CHECK(beside.payload == map({}).payload);
    REQUIRE(beside.warnings.size() == 1);
    CHECK(beside.warnings[0] ==
          std::pair<std::string, std::string>("attribute_omitted", "google_advertising_id"));
    // There is nothing to leave out where there is no id.
    CHECK(map({{"ad_tracking_enabled", limited}}).warnings.empty());
  }
  const TestValue yes[] = {true, "true", "1", 1, TestValue(), TestValue::null()};
  for (const TestValue& allowed : yes) {
    CAPTURE(allowed.c().type);
    CHECK(map({{"email", ""}, {"google_advertising_id", kDevice}, {"ad_tracking_enabled", allowed}})
              .coalesce_key == "a:" + kDevice);
  }
}

TEST_CASE("who limits ad tracking is still taken out by the advertising id") {
  const MapResult result = map({{"google_advertising_id", kDevice},
                                {"ad_tracking_enabled", false},
                                {"event_name", "Audience Exited"}});
  REQUIRE(result.code == PENSTOCK_OK);
  CHECK(result.payload.find(kDevice) != std::string::npos);
}

TEST_CASE("only an Android device's advertising id is sent") {
  for (const char* const type :
       {"ios", "iOS", "apple", "Apple", " iPhone 15", "iPad", "tvOS", "macOS", "Windows", "Roku"}) {
    CAPTURE(type);
    CHECK(map({{"email", ""}, {"google_advertising_id", kDevice}, {"device_type", type}}).reason ==
          "no_identifier");
    CHECK(map({{"google_advertising_id", kDevice}, {"device_type", type}}).warnings.size() == 1);
  }
  for (const char* const type : {"android", "Android", "mobile", "", "Pixel"}) {
    CAPTURE(type);
    CHECK(map({{"email", ""}, {"google_advertising_id", kDevice}, {"device_type", type}}).code ==
          PENSTOCK_OK);
  }
}

TEST_CASE("one person has one coalesce key, with or without a device") {
  CHECK(map({{"google_advertising_id", kDevice}}).coalesce_key == map({}).coalesce_key);
}

TEST_CASE("the host is told each identifier that is sent, and none that is left out") {
  using Identifiers = std::vector<std::pair<std::string, std::string>>;
  const std::string other = "50b313b4b64bd2a2ab9305ad1965147e85239555815da6857bf532010c74b0d6";
  CHECK(map({{"google_advertising_id", kDevice}}).identifiers ==
        Identifiers{{kHash, "email"}, {kDevice, "google_advertising_id"}});
  CHECK(map({{"email", "trial.user@example.com, c@example.com"}}).identifiers ==
        Identifiers{{kHash, "email"}, {other, "email"}});
  CHECK(map({{"google_advertising_id", "unknown"}}).identifiers == Identifiers{{kHash, "email"}});
  CHECK(map({{"google_advertising_id", kDevice}, {"ad_tracking_enabled", false}}).identifiers ==
        Identifiers{{kHash, "email"}});
  CHECK(map({{"google_advertising_id", kDevice}}, {{"send_email", false}}).identifiers ==
        Identifiers{{kDevice, "google_advertising_id"}});
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
      {{{"membership", false}, {"dmp_user_action", "REMOVE"}}, "REMOVE"}};
  for (const Case& c : cases) {
    CAPTURE(c.expected);
    const MapResult result = map(c.fields);
    CHECK((result.emitted ? action_of(result) : result.reason) == c.expected);
  }
}

TEST_CASE("who reaches a journey step is added unless the event says that they left") {
  struct Case {
    TestValues fields;
    const char* expected;  // an action, or the reason of the rejection
  };
  const sdk::test::TestValue nothing;
  const Case cases[] = {
      {{{"event_name", "Winback step reached"}}, "ADD"},
      {{{"event_name", nothing}}, "ADD"},
      {{{"event_name", "Winback step reached"}, {"membership", false}}, "REMOVE"},
      {{{"event_name", "Audience Exited"}}, "REMOVE"},
      // A membership that is neither true nor false: nothing is guessed.
      {{{"event_name", "Winback step reached"}, {"membership", sdk::test::TestValue::null()}},
       "action_unknown"},
      {{{"event_name", "Winback step reached"}, {"computation_class", "audience"}},
       "action_unknown"},
      {{{"event_name", "Winback step reached"}, {"source_segment_id", "other"}},
       "audience_key_mismatch"}};
  for (const Case& c : cases) {
    CAPTURE(c.expected);
    TestValues fields = c.fields;
    fields.insert(fields.begin(), {"computation_class", "journey_step"});
    const MapResult result = map(fields);
    CHECK((result.emitted ? action_of(result) : result.reason) == c.expected);
  }
}

TEST_CASE("an event that says the opposite of ADD or REMOVE is not sent, whatever its audience") {
  struct Case {
    TestValues fields;
    const char* expected;
  };
  const Case cases[] = {
      {{{"dmp_user_action", "ADD"}, {"event_name", "Audience Exited"}}, "contradicts_event"},
      {{{"dmp_user_action", "ADD"}, {"membership", false}}, "contradicts_event"},
      {{{"dmp_user_action", "REMOVE"}, {"event_name", "Audience Entered"}}, "contradicts_event"},
      {{{"dmp_user_action", "REMOVE"}, {"membership", true}}, "contradicts_event"},
      {{{"dmp_user_action", "ADD"},
        {"event_name", "Audience Exited"},
        {"source_segment_id", "winback__step"}},
       "contradicts_event"},
      {{{"dmp_user_action", "ADD"}, {"event_name", "Audience Entered"}}, "ADD"},
      {{{"dmp_user_action", "REMOVE"}, {"event_name", "Renewal done"}}, "REMOVE"},
      // Who leaves one audience may be added to another: the mapping says so by membership.
      {{{"dmp_user_action", "ADD"},
        {"event_name", "Audience Exited"},
        {"source_segment_id", "paying"},
        {"membership", true}},
       "ADD"}};
  for (const Case& c : cases) {
    CAPTURE(c.expected);
    const MapResult result = map(c.fields);
    CHECK((result.emitted ? action_of(result) : result.reason) == c.expected);
    if (!result.emitted) CHECK(result.field == "dmp_user_action");
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
  CHECK(action_of(with({{"dmp_user_action", "REMOVE"}, {"event_name", "Renewal done"}})) ==
        "REMOVE");
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
