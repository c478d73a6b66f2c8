// Guards that no text shows a token that somebody else has written in another way.
#include <catch2/catch.hpp>
#include <cctype>
#include <cstdio>
#include <random>
#include <string>

#include "gate/pieces.hpp"
#include "gate/secrets.hpp"

using namespace penstock::gate;

namespace {

constexpr char kToken[] = "AQXdSP_W41_Zq7+b/9=kL0pTokenValue.Real-1234567890abcdefXYZ";

std::string each_as(const std::string& text, const char* format) {
  std::string out;
  for (const char c : text) {
    char written[16];
    std::snprintf(written, sizeof written, format, static_cast<unsigned>(c));
    out += written;
  }
  return out;
}

std::string with(const std::string& text, const std::string& between, std::size_t every) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && i % every == 0) out += between;
    out += text[i];
  }
  return out;
}

std::string with_replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

TEST_CASE("However a token is written, nothing of it is shown") {
  keep_secret(kToken);
  const std::string token = kToken;
  const std::string url =
      with_replaced(with_replaced(with_replaced(token, "+", "%2B"), "/", "%2F"), "=", "%3D");
  for (const std::string& written :
       {token, each_as(token, "%%%02X"), each_as(token, "%%%02x"), each_as(token, "\\u%04x"),
        each_as(token, "&#%u;"), each_as(token, "&#x%X;"), each_as(token, "\\x%02x"), url,
        with_replaced(url, "%", "%25"), with_replaced(with_replaced(url, "%", "%25"), "%", "%25"),
        with_replaced(token, "/", "\\/"), with(token, "\n", 8), with(token, "\\r\\n", 5),
        with(token, " ", 1), with(token, "\r\n ", 16), with(token, "%0A", 10),
        each_as(with(token, "\n", 20), "%%%02X")}) {
    CAPTURE(written);
    CHECK(mask_secrets("denied: " + written + " here") == "denied: [secret] here");
  }
}

TEST_CASE("The middle of a token is masked, and so is its end, in whatever case") {
  keep_secret(kToken);
  const std::string token = kToken;
  CHECK(mask_secrets("<" + token.substr(5, 30) + ">") == "<[secret]>");
  CHECK(mask_secrets("..." + token.substr(20)) == "...[secret]");
  std::string upper = token;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(mask_secrets(upper + " " + token.substr(30)) == "[secret] [secret]");
}

TEST_CASE("Texts that share only a few characters with a token stay as they are") {
  keep_secret(kToken);
  const std::string token = kToken;
  for (const std::string& text :
       {token.substr(10, kPieceBytes - 1), std::string("100 % of 25%2B5 &#"),
        std::string("\\u00 \\ % %2 &#1234567;"), std::string(),
        std::string("the token value is real")}) {
    CHECK(mask_pieces(text) == text);
  }
}

TEST_CASE("Words are no pieces: of a secret that is a sentence only what holds a digit is masked") {
  keep_pieces("the quick brown fox jumps over 13 lazy dogs");
  CHECK(mask_pieces("the quick brown fox jumps") == "the quick brown fox jumps");
  CHECK(mask_pieces("fox jumps over 13 lazy") == "[secret]");
}

TEST_CASE("A former token is masked long after others have come, and the manifest's for ever") {
  std::mt19937_64 random(7);
  const auto token = [&] {
    std::string made;
    for (int i = 0; i < 20; ++i) made += std::to_string(random());
    return made.substr(0, 300);
  };
  keep_secret(kToken);
  std::string former;
  for (int i = 0; i < 600; ++i) {
    former = token();
    keep_secret(former);
  }
  for (int i = 0; i < 100; ++i) keep_secret(token());
  CHECK(mask_pieces("a " + with(former, "\n", 20)) == "a [secret]");
  CHECK(mask_pieces("a " + with(kToken, "\n", 20)) == "a [secret]");
}
