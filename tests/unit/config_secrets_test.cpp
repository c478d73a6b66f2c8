// Guards that secrets of a pipeline's manifest stay out of messages, and that one in clear is said.
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <utility>

#include "config_fixture.hpp"

namespace penstock::config::test {
namespace {

TEST_CASE("A secret in clear gets a warning, and no line of its file is shown") {
  Fixture fixture;
  std::string text = Fixture::with("\"${env:SECRET}\"", "in_clear_7");
  const auto good = fixture.load(text);
  REQUIRE(good.ok());
  REQUIRE(fixture.diagnostics.entries().size() == 1);
  CHECK(fixture.diagnostics.text() ==
        "/p/pipeline.yaml:7:59: warning: connections.main.client_secret: a secret is written here "
        "in clear\n"
        "    take it from outside: \"${env:NAME}\" or \"${file:PATH}\"\n");
  text.replace(text.find("{plugin: audiences, client"), 8, "{plgn:  ");
  CHECK_FALSE(fixture.load(text).ok());
  CHECK(fixture.diagnostics.text().find("in_clear_7") == std::string::npos);
}

TEST_CASE(
    "A secret of several parts that comes from outside gets no warning, and one in clear does") {
  Fixture fixture;
  std::string manifest = kAudiences;
  manifest.insert(manifest.find("actions:"), "  keys: {label: Keys, type: json, secret: true}\n");
  std::ofstream(fixture.directory() + "/audiences.yaml") << manifest;
  fixture.variables["PRIVATE"] = "Rr-private-1";
  const auto with_keys = [](const std::string& keys) {
    return Fixture::with("wait: 2s", "keys: " + keys + ", wait: 2s");
  };
  REQUIRE(fixture.load(with_keys("{type: robot, key: [\"${env:PRIVATE}\"]}")).ok());
  CHECK(fixture.diagnostics.text().empty());
  REQUIRE(fixture.load(with_keys("{type: robot, key: [in_clear_7]}")).ok());
  CHECK_THAT(fixture.diagnostics.text(),
             Catch::Contains("keys: a secret is written here in clear"));
}

TEST_CASE("What a variable gave is shown as its name, in messages about names and paths, too") {
  Fixture fixture;
  fixture.variables["WRONG"] = "Vv-token-of-somebody";
  for (const auto& [there, here] :
       {std::pair<const char*, const char*>{"plugin: audiences\n    connection",
                                            "plugin: \"${env:WRONG}\"\n    connection"},
        {"connection: main\n", "connection: \"${env:WRONG}\"\n"},
        {"trial: {fields", "trial: {action: \"${env:WRONG}\", fields"}}) {
    CAPTURE(here);
    CHECK_FALSE(fixture.load(Fixture::with(there, here)).ok());
    CHECK_THAT(fixture.diagnostics.text(), !Catch::Contains("Vv-token"));
  }
}

TEST_CASE("A secret under a key that is misspelt or stands at the wrong place is not shown") {
  constexpr char kSecret[] = "Wp1.Zq8sEcReT0xK.Pw==";
  const std::string written = "client_secret: \"${env:SECRET}\"";
  for (const char* key : {"client_secrt", "client_secret_key", "refresh_tokn", "acess_tokn",
                          "bearer", "api_key", "apikey", "auth", "pass", "Authorization"}) {
    CAPTURE(key);
    Fixture fixture;
    CHECK_FALSE(
        fixture.load(Fixture::with(written, std::string(key) + ": \"" + kSecret + "\"")).ok());
    CHECK_THAT(fixture.diagnostics.text(),
               Catch::Contains("unknown key") && !Catch::Contains("Zq8sEcReT0xK"));
  }
  for (const std::string& there : {"access_token: " + std::string(kSecret) + "\n  main:",
                                   "access_token:\n    - " + std::string(kSecret) + "\n  main:"}) {
    CAPTURE(there);
    Fixture fixture;
    CHECK_FALSE(fixture.load(Fixture::with("main:", there)).ok());
    CHECK_THAT(fixture.diagnostics.text(),
               Catch::Contains("connections.access_token") && !Catch::Contains("Zq8sEcReT0xK"));
  }
}

TEST_CASE("A secret that stands where the name of a variable or a file belongs is not shown") {
  for (const char* reference :
       {"${env:Wp1.Zq8sEcReT0xK.Pw==}", "${file:Wp1.Zq8sEcReT0xK.Pw==}", "${Wp1.Zq8sEcReT0xK.Pw==}",
        "${env:UNSET:-Wp1.Zq8sEcReT0xK.Pw==}"}) {
    CAPTURE(reference);
    Fixture fixture;
    CHECK_FALSE(
        fixture
            .load(Fixture::with("${env:SECRET}\"", std::string(reference) + "\", no_such_key: 1"))
            .ok());
    CHECK_THAT(fixture.diagnostics.text(), !Catch::Contains("Zq8sEcReT0xK"));
  }
}

TEST_CASE("A file that is no manifest is refused without showing what it holds") {
  for (const char* text :
       {"LINKEDIN_ACCESS_TOKEN=AQXdSP_W41\n", "Wp1.Zq8sEcReT0xK.Pw==\n",
        "e-mail,name\nada@example.com,Ada\n", "{\"email\":\"ada@example.com\"}\n",
        "{\"email\":\"ada@example.com\"}\n{\"email\":\"b@example.com\"}\n"}) {
    CAPTURE(text);
    Fixture fixture;
    CHECK_FALSE(fixture.load(text).ok());
    const std::string shown = fixture.diagnostics.text();
    CHECK_THAT(shown, !Catch::Contains("AQXdSP") && !Catch::Contains("Zq8s") &&
                          !Catch::Contains("ada@example"));
  }
}

TEST_CASE("A token is not shown, whatever key it stands under") {
  Fixture fixture;
  constexpr char kToken[] = "AQXdSP_W41_UPs5ioT_t8HESyODB4FqbkJ8LrV_mKqs";
  CHECK_FALSE(
      fixture.load(Fixture::with("client_id: me", std::string("client_id: me, x: ") + kToken))
          .ok());
  CHECK_THAT(fixture.diagnostics.text(),
             Catch::Contains("unknown key \"x\"") && !Catch::Contains("AQXdSP_W41"));
}

TEST_CASE("A password in a URL is not shown, nor the line that holds it") {
  Fixture fixture;
  CHECK_FALSE(fixture
                  .load(Fixture::with("client_id: me",
                                      "token_url: \"https://ada:pa55w0rd@example.com/\", "
                                      "client_id: me"))
                  .ok());
  CHECK_THAT(fixture.diagnostics.text(),
             Catch::Contains("token_url") && !Catch::Contains("pa55w0rd"));
}

TEST_CASE("A secret in clear is not shown even when the file is no YAML") {
  Fixture fixture;
  CHECK_FALSE(fixture.load("connections: {a: {client_secret: in_clear_7, b: @}}\n").ok());
  CHECK(fixture.diagnostics.text().find("in_clear_7") == std::string::npos);
  CHECK_FALSE(fixture.load("connections: {a: {access_token:\n  in_clear_7, b: @}}\n").ok());
  CHECK(fixture.diagnostics.text().find("in_clear_7") == std::string::npos);
}

TEST_CASE("A plugin's own secret setting in clear is neither shown nor quoted") {
  Fixture fixture;
  CHECK_FALSE(fixture.load(Fixture::with("wait: 2s", "key: cl3r, wait: 2s")).ok());
  const std::string text = fixture.diagnostics.text();
  CHECK(text.find("expected at least 5 characters, found 4") != std::string::npos);
  CHECK(text.find("cl3r") == std::string::npos);
}

}  // namespace
}  // namespace penstock::config::test
