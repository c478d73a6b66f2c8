// Guards how an event's consent is read: as Segment reads it, and never a grant by mistake.
#include <catch2/catch.hpp>

#include "mapping/consent.hpp"
#include "mapping_fixture.hpp"

namespace penstock::mapping {
namespace {

PluginManifest plugin() {
  PluginManifest manifest;
  manifest.title = "LinkedIn Audiences";
  manifest.integration_names = {"LinkedIn Audiences", "Linkedin Audiences"};
  return manifest;
}

std::string refusal(const ConsentConfig& config, const std::string& event) {
  PathTable paths;
  const Consent consent(config, plugin(), paths);
  const TestEvent parsed(event, paths);
  const Consent::Refusal* refused = consent.refusal_of(parsed.view());
  return refused != nullptr ? std::string(refused->reason) : "";
}

std::string by_preferences(const std::string& consent, bool required = false) {
  return refusal({{"Advertising", "Personal.ads"}, false, required},
                 R"({"context":{"consent":)" + consent + "}}");
}

std::string by_integrations(const std::string& integrations) {
  return refusal({{}, true, false}, R"({"integrations":)" + integrations + "}");
}

}  // namespace

TEST_CASE("only preferences that grant every category grant, and an event without them does too") {
  CHECK(by_preferences(R"({"categoryPreferences":{"Advertising":true,"Personal.ads":true}})")
            .empty());
  CHECK(by_preferences(R"({"categoryPreferences":{"Advertising":"true","Personal.ads":true}})")
            .empty());
  for (const char* none : {"{}", "null", R"({"categoryPreferences":null})", "[]"}) {
    CAPTURE(none);
    CHECK(by_preferences(none).empty());
    CHECK(by_preferences(none, true) == kConsentMissing);
  }
  for (const char* refused :
       {R"({"Advertising":true,"Personal.ads":false})",
        R"({"Advertising":false,"Personal.ads":true})", R"({"Advertising":true})", "{}",
        R"({"Advertising":1,"Personal.ads":true})",
        R"({"Advertising":"false","Personal.ads":true})",
        R"({"Advertising":"no","Personal.ads":true})",
        R"({"Advertising":null,"Personal.ads":true})",
        R"({"advertising":true,"Personal.ads":true})", R"("Advertising")",
        R"(["Advertising","Personal.ads"])", "true", "false"}) {
    CAPTURE(refused);
    CHECK(by_preferences(R"({"categoryPreferences":)" + std::string(refused) + "}") ==
          kConsentRefused);
  }
}

TEST_CASE("integrations exclude the destination by name, or by All where they do not name it") {
  for (const char* allowed : {"{}", "null", R"({"All":true})", R"({"LinkedIn Audiences":true})",
                              R"({"All":false,"LinkedIn Audiences":true})",
                              R"({"All":false,"LinkedIn Audiences":{"option":1}})",
                              R"({"All":false,"Linkedin Audiences":true})", R"({"Other":false})",
                              R"({"linkedin audiences":false})"}) {
    CAPTURE(allowed);
    CHECK(by_integrations(allowed).empty());
  }
  for (const char* excluded :
       {R"({"LinkedIn Audiences":false})", R"({"All":true,"LinkedIn Audiences":false})",
        R"({"All":false})", R"({"All":false,"LinkedIn Audiences":null})", R"({"All":"false"})",
        R"({"All":false,"Other":true})", R"({"LinkedIn Audiences":"false"})",
        R"({"LinkedIn Audiences":true,"Linkedin Audiences":false})"}) {
    CAPTURE(excluded);
    CHECK(by_integrations(excluded) == kIntegrationOff);
  }
}

TEST_CASE("what is not respected is not looked at") {
  const std::string event =
      R"({"context":{"consent":{"categoryPreferences":{"Advertising":false}}},"integrations":{"All":false}})";
  CHECK(refusal({{}, true, false}, event) == kIntegrationOff);
  CHECK(refusal({{"Advertising"}, false, false}, event) == kConsentRefused);
  CHECK(refusal({{"Advertising"}, true, false}, event) == kConsentRefused);
}

}  // namespace penstock::mapping
