// Guards the gate: no text of others shows a secret, an address or a character that deceives.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "gate/escape.hpp"
#include "gate/foreign_text.hpp"
#include "gate/secrets.hpp"
#include "gate/shapes.hpp"

using namespace penstock::gate;

TEST_CASE("Characters that steer a terminal or deceive its reader are shown as escapes") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x1b]0;owned\x07", "\\x1b]0;owned\\x07"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"line\nforged\r\t", "line\\nforged\\r\\t"},
      {"\x7f", "\\x7f"},
      {"\xc2\x80 \xc2\x9f \xc2\xa0", "\\u0080 \\u009f \xc2\xa0"},
      {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
      {"\xe2\x80\xaa\xe2\x80\xae", "\\u202a\\u202e"},
      {"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"},
      {"\xff cut \xe2\x82", "\\xff cut \\xe2\\x82"},
      {"Gr\xc3\xbc\xc3\x9f"
       "e \xe2\x82\xac \xf0\x9d\x84\x9e \"\\",
       "Gr\xc3\xbc\xc3\x9f"
       "e \xe2\x82\xac \xf0\x9d\x84\x9e \"\\"},
      {"", ""},
  };
  for (const auto& [text, shown] : cases) {
    CAPTURE(shown);
    CHECK(escaped(text) == shown);
    CHECK(escaped(shown) == shown);
  }
}

TEST_CASE("A JSON document that was escaped means what it meant, and holds no raw character") {
  const std::string text = "\x7f \xc2\x9b \xe2\x80\xae \x1b \n \xe2\x82\xac";
  const std::string document = nlohmann::json{{"a", text}}.dump(2) + "\n";
  const std::string shown = escaped(document, Medium::document);
  CHECK(nlohmann::json::parse(shown).at("a") == text);
  CHECK(shown.find("\xc2\x9b") == std::string::npos);
  CHECK(shown.find('\x7f') == std::string::npos);
  CHECK(nlohmann::json::parse("\"" + escaped(text, Medium::json) + "\"") == text);
}

TEST_CASE("A secret is masked by value, wherever it stands and however it is written") {
  keep_secret("Xq7/zz \"9-Lo");
  keep_secret("Xq7/zz \"9-Lo");
  CHECK(mask_secrets("a Xq7/zz \"9-Lo b") == "a [secret] b");
  CHECK(mask_secrets(R"({"k":"Xq7/zz \"9-Lo"})") == R"({"k":"[secret]"})");
  CHECK(mask_secrets("?k=Xq7%2Fzz%20%229-Lo&") == "?k=[secret]&");
  CHECK(mask_secrets("Xq7/zz \"9-LoXq7/zz \"9-Lo") == "[secret][secret]");
  CHECK(mask_secrets("Xq7/zz") == "Xq7/zz");  // may be anything
  keep_secret("abc");
  CHECK(mask_secrets("abc") == "abc");
  keep_secret("");
  CHECK(mask_secrets("") == "");
}

TEST_CASE(
    "A secret that is made like a word is masked where it stands alone, and wrecks no other") {
  keep_secret("fused");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Refused, confused, fuseds, fused9, 2fused", "Refused, confused, fuseds, fused9, 2fused"},
      {"token fused refused", "token [secret] refused"},
      {"fused", "[secret]"},
      {"k=fused&x", "k=[secret]&x"},
      {"\"fused\"/fused.fused-fused_fused", "\"[secret]\"/[secret].[secret]-[secret]_[secret]"},
      {"\xe2\x80\x9e"
       "fused\xe2\x80\x9c",
       "\xe2\x80\x9e[secret]\xe2\x80\x9c"},
      {"k%3Dfused, a\\nfused, \\u003dfused, \\x3dfused",
       "k%3D[secret], a\\n[secret], \\u003d[secret], \\x3d[secret]"},
  };
  for (const auto& [text, shown] : cases) {
    CAPTURE(text);
    CHECK(mask_secrets(text) == shown);
  }
  keep_secret("40127");
  CHECK(mask_secrets("140127 records, pin 40127") == "140127 records, pin [secret]");
  keep_secret("4711");
  CHECK(mask_secrets("47112 and 4711.") == "47112 and [secret].");
  keep_secret("Q7x!");
  CHECK(mask_secrets("aQ7x!b Q7x!") == "aQ7x!b [secret]");
}

TEST_CASE("A secret that no word looks like is masked inside of others, too") {
  keep_secret("hunter7");
  CHECK(mask_secrets("keyhunter7x") == "key[secret]x");
  keep_secret("heMixes");
  CHECK(mask_secrets("xheMixesx") == "x[secret]x");
  keep_secret("correct horse battery");  // long
  CHECK(mask_secrets("xcorrect horse batteryx") == "x[secret]x");
}

TEST_CASE("A secret that is the beginning of another leaves no rest of it to be seen") {
  keep_secret("Vv8-part");
  keep_secret("Vv8-part-and-the-rest");
  keep_secret("the-rest-and-more-4");
  CHECK(mask_secrets("a Vv8-part-and-the-rest-and-more-4 b") == "a [secret] b");
  CHECK(mask_secrets("a Vv8-part b") == "a [secret] b");
}

TEST_CASE("A mask is not masked again where a secret is called like it") {
  for (const char* const value : {"secret", "token", "e-mail"}) keep_secret(value);
  CHECK(mask_secrets("[secret] [token] [e-mail]") == "[secret] [token] [e-mail]");
  CHECK(foreign_text("a secret for ada@example.com", 100) == "a [secret] for [e-mail]");
  CHECK(mask_secrets("[secrets] [a secret]") == "[secrets] [a [secret]]");
}

TEST_CASE("A beginning of a secret that is a word is masked only where the text was cut") {
  keep_secret("audience-manager-77");
  CHECK(mask_secrets("the audience-manager refused") == "the audience-manager refused");
  CHECK(mask_secrets("key audience-mana...") == "key [secret]...");
  CHECK(mask_secrets("key audience-mana") == "key [secret]");
  CHECK(mask_secrets("key audience-manager-7 refused") == "key [secret] refused");
}

TEST_CASE("The beginning of a secret that was cut off is masked as well") {
  const std::string token = "Kp" + std::string(30, 'j') + "-end-of-the-token";
  keep_secret(token);
  CHECK(mask_secrets("refused: " + token.substr(0, 30)) == "refused: [secret]");
  CHECK(mask_secrets("refused: " + token.substr(0, 26) + "... by") == "refused: [secret]... by");
  CHECK(mask_secrets("Kpjjjj is short") == "Kpjjjj is short");
}

TEST_CASE("Lines of a secret of several lines are secrets, and so are all strings of secret JSON") {
  keep_secret("-----BEGIN-----\nMIIEvQIBADANBgkqhkiG\n-----END-----");
  CHECK(mask_secrets("key MIIEvQIBADANBgkqhkiG refused") == "key [secret] refused");
  keep_secrets_in_json(R"({"type":"robot_account","key":{"id":"Zz-inner-1"},"pin":8675309})", true);
  CHECK(mask_secrets("Zz-inner-1, 8675309") == "[secret], [secret]");
  keep_secrets_in_json(
      R"({"headers":{"X-Api-Key":"Yy2-of-header","Accept":"text/plain"},"list":[{"token":["Ww3-of-list"]}]})",
      false);
  CHECK(mask_secrets("Yy2-of-header, Ww3-of-list as text/plain") ==
        "[secret], [secret] as text/plain");
  keep_secrets_in_json("no JSON", true);
}

TEST_CASE("A name says whether what it names is secret") {
  for (const char* const name :
       {"api_key", "X-Api-Key", "clientSecret", "ACCESS_TOKEN", "password", "DB_PASS", "smtp.pwd",
        "pin", "card-pin", "Authorization", "Cookie", "private_key", "aws_access_key_id"}) {
    CAPTURE(name);
    CHECK(names_secret(name));
  }
  for (const char* const name : {"", "PWD", "OLDPWD", "bypass", "compass", "spin", "HOME", "user",
                                 "pass_through", "key_of_audience", "_", "_pas"}) {
    CAPTURE(name);
    CHECK_FALSE(names_secret(name));
  }
}

TEST_CASE("Of a header's value the token alone is a secret, too") {
  keep_secrets_in_json(R"({"headers":{"Authorization":"Bearer Hh5-of-the-header"}})", false);
  CHECK(mask_secrets("refused Hh5-of-the-header") == "refused [secret]");
  CHECK(mask_secrets("sent Bearer Hh5-of-the-header.") == "sent [secret].");
}

TEST_CASE("With more secrets than are remembered, the first and the latest are masked still") {
  keep_secret("The-First-One-Of-All");
  for (int i = 0; i < 1000; ++i) keep_secret(std::to_string(i * 7919 + 100'000'000) + "-renewed");
  CHECK(mask_secrets("The-First-One-Of-All") == "[secret]");
  CHECK(mask_secrets(std::to_string(999 * 7919 + 100'000'000) + "-renewed") == "[secret]");
  CHECK(secrets_generation() >= 1000);
}

TEST_CASE("Addresses, hashes and tokens are masked, and the rest is left alone") {
  const std::string hash(64, 'a');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"sent to jane.doe+x@example.com.", "sent to [e-mail]"},
      {"<JANE@EXAMPLE.COM>, \"j@x\"", "<[e-mail]>, \"[e-mail]\""},
      {"?email=jane%40example.com&x=1", "?email=[e-mail]&x=1"},
      {"jané@exämple.org", "[e-mail]"},
      {"id " + hash + " refused", "id [hash] refused"},
      {"by" + hash + ".", "by[hash]."},
      {"authorization: Bearer AQV-x_y.z/1=, next", "authorization: Bearer [token], next"},
      {"bearer\tabc 'Bearer abc' x=BEARER  abc",
       "Bearer [token] 'Bearer [token]' x=Bearer [token]"},
      {"the bearer of news", "the Bearer [token] news"},
      {"segment urn:li:dmpSegment:123, 45%, %40, @, a@, @b, 100 % ok",
       "segment urn:li:dmpSegment:123, 45%, %40, @, a@, @b, 100 % ok"},
      {"trace 0123456789abcdef0123456789abcdef", "trace 0123456789abcdef0123456789abcdef"},
      {"POST https://ada:pa55@example.com/x, ftp://bob@h",
       "POST https://[credentials]@example.com/x, "
       "ftp://[credentials]@h"},
      {"https://example.com/@ada and ://", "https://example.com/@ada and ://"},
      {"Authorization: Basic dXNlcjpwYXNz; x", "Authorization: Basic [token]; x"},
      {R"({"access_token":"abc-123","n":1})", R"({"access_token":"[token]","n":1})"},
      {R"({\"client_secret\": \"abc-123\"})", R"({\"client_secret\": \"[token]\"})"},
      {"password=hunter2&x=1", "password=[token]&x=1"},
      {"Authorization: Qx9-secret next", "Authorization: [token] next"},
      {"access_token: Bearer abc-123.x", "access_token: Bearer [token]"},
      {"the password was wrong", "the password was wrong"},
      {"AQXdSP_W41_UPs5ioT-t8HESyODB4FqbkJ8LrV of", "[token] of"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "[token]"},
      {"2f1e0c52-1a0b-4b7e-9d3c-5f6a7b8c9d0e", "2f1e0c52-1a0b-4b7e-9d3c-5f6a7b8c9d0e"},
      {"audience_refuses_members_for_good_and_all", "audience_refuses_members_for_good_and_all"},
      {"", ""},
  };
  for (const auto& [text, shown] : cases) {
    CAPTURE(text);
    CHECK(mask_shapes(text) == shown);
    CHECK(mask_shapes(shown) == shown);
  }
}

TEST_CASE(
    "Foreign text goes through the whole gate, is cut, and comes back unchanged from a second") {
  keep_secret("Tk-5544332211");
  const std::string text = "\x1b[1m jane@example.com said Tk-5544332211\n";
  const std::string shown = foreign_text(text, 100);
  CHECK(shown == "\\x1b[1m [e-mail] said [secret]\\n");
  CHECK(foreign_text(shown, 100) == shown);
  // Masked before it is cut, so that no half of an address is left.
  CHECK(foreign_text("to jane@example.com", 10) == "to [e-mail");
  CHECK(foreign_text("\xe2\x82\xac\xe2\x82\xac", 4) == "\xe2\x82\xac");
  constexpr std::string_view kBytes = "\x1b\xc2\x9b\xe2\x80\xae@:/=\"\\[]%40 .aB3";
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string noise;
    for (unsigned n = random() % 40; n > 0; --n) noise += kBytes[random() % kBytes.size()];
    const std::string once = foreign_text(noise, 1000);
    CAPTURE(noise, once);
    CHECK(foreign_text(once, 1000) == once);
    CHECK(once.find('\x1b') == std::string::npos);
    CHECK(is_utf8(once));
  }
}

TEST_CASE("The host's own lines keep their line ends and lose passwords of URLs") {
  keep_secret("Tk-5544332211");
  CHECK(own_text("a\nproxy http://u:p@host:1/ Tk-5544332211 ada@example.com\x1b") ==
        "a\nproxy http://[credentials]@host:1/ [secret] ada@example.com\\x1b");
}
