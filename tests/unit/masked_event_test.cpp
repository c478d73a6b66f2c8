// Guards what is kept of events that could not be delivered: no personal data, wherever in the
// event it stands, and still an event that can be found again.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "mapping/masked_event.hpp"
#include "model/event.hpp"

namespace penstock::mapping {
namespace {

constexpr std::size_t kPlenty = 1 << 20;

// The places of a usual mapping.
PersonalPlaces usual_places() {
  PersonalPlaces places;
  places.add({"context", "traits", "handle"});
  places.add({"traits", "given"});
  places.add({"traits", "family"});
  places.add({"people", "0", "id"});
  return places;
}

std::string masked(const std::string& json, const PersonalPlaces& places = usual_places(),
                   std::string_view resolved = {}) {
  std::string line = json;
  line.append(kEventPadding, ' ');
  EventParser parser;
  auto event = parser.parse(std::string_view(line).substr(0, json.size()));
  INFO(json);
  REQUIRE(event.ok());
  EventMasker masker(places);
  masker.begin();
  if (!resolved.empty()) {
    penstock_value value{};
    value.type = PENSTOCK_STRING;
    value.as.str = {resolved.data(), resolved.size()};
    masker.mask_value(value);
  }
  std::string out;
  REQUIRE(masker.append(out, *event, kPlenty));
  return out;
}

}  // namespace

TEST_CASE("What a personal-data field reads is masked with all that stands below it") {
  CHECK(
      masked(
          R"({"traits":{"given":{"first":"Ada","year":1815,"alive":true,"x":null},"plan":"pro"}})") ==
      R"({"traits":{"given":{"first":"***","year":0,"alive":false,"x":null},"plan":"pro"}})");
}

TEST_CASE("A path into a list masks the whole list") {
  CHECK(masked(R"({"people":[{"id":"u1"},{"id":"u2"}],"n":[1,true]})") ==
        R"({"people":[{"id":"***"},{"id":"***"}],"n":[1,true]})");
}

TEST_CASE("A path that begins with a number means that member of the event, not the event") {
  PersonalPlaces places;
  places.add({"0"});
  CHECK(masked(R"({"0":"u1","type":"track"})", places) == R"({"0":"***","type":"track"})");
}

TEST_CASE("A personal value is masked wherever else it stands") {
  CHECK(
      masked(
          R"({"traits":{"given":"Åsa"},"title":"hello ÅSA!","ÅSA's":1,"u":"/q?n=%C3%85sa","e":"Order"})") ==
      R"({"traits":{"given":"***"},"title":"***","***":1,"u":"***","e":"Order"})");
  CHECK(masked(R"({"id":15551234567,"other":"15551234567","n":7})", {}, "15551234567") ==
        R"({"id":0,"other":"***","n":7})");
}

TEST_CASE("A short personal value is masked where it is the whole text only") {
  CHECK(masked(R"({"traits":{"given":"us"},"code":"US","event":"Business"})") ==
        R"({"traits":{"given":"***"},"code":"***","event":"Business"})");
}

TEST_CASE("What looks like an address, a telephone number or a hash is masked in any place") {
  const auto text = GENERATE(
      as<std::string>(), "ada@example.com", "ADA@EXAMPLE.COM", "mailto:ada@example.com?x=1",
      "https://x.example/?e=ada%40example.com", "ada%2540example.com", "ada&#64;example.com",
      "{\\\"e\\\":\\\"ada\\\\u0040example.com\\\"}", "ada＠example.com", "+49 (151) 234-56789",
      "call +49 151 23456789", "0049 151 23456789", "tel:0049151/23456789", "(+1) 415-555-0100",
      "a,+49\xC2\xA0"
      "151 23456789",
      "%2B4915123456789", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  CHECK(masked("{\"a\":\"" + text + "\",\"l\":[[\"" + text + "\"]],\"" + text + "\":1,\"m\":{\"" +
               text + "\":{}}}") == R"({"a":"***","l":[["***"]],"***":1,"m":{"***":{}}})");
}

TEST_CASE("What is no telephone number with the code of its country is kept") {
  const auto value =
      GENERATE(as<std::string>(), "\"2026-01-02T03:04:05.001234+0200\"", "\"1.5e+12345678\"",
               "\"+1 555 010\"", "\"+0 12345678\"", "\"1 + 2 is 3\"", "\"000000000000\"",
               "\"a3bb189e-8bf9-3888-0012-345678901234\"", "\"A0012345678\"", "\"4915123456789\"",
               "4915123456789", "1.0012345678");
  CHECK(masked(R"({"a":)" + value + "}") == R"({"a":)" + value + "}");
}

TEST_CASE("Two keys that are masked stay two keys") {
  CHECK(masked(R"({"a@b.c":1,"d@e.f":2,"g":3})") == R"({"***":1,"***2":2,"g":3})");
}

TEST_CASE("Well-known keys are masked whatever the mapping says, however they are written") {
  const auto key = GENERATE(as<std::string>(), "email", "userEmail", "E-Mail", "phone",
                            "first_name", "Last Name", "name", "address", "birthday", "ip",
                            "advertisingId", "idfa", "date_of_birth");
  CHECK(
      masked("{\"context\":{\"" + key + "\":\"zq\"},\"list\":[{\"" + key + "\":{\"v\":7}}]}", {}) ==
      "{\"context\":{\"" + key + "\":\"***\"},\"list\":[{\"" + key + "\":{\"v\":0}}]}");
}

TEST_CASE("What is needed to find an event again stays, unless it is an address") {
  CHECK(
      masked(
          R"({"type":"track","event":"Audience Entered","userId":"u-17","anonymousId":"a-1","messageId":"m-1","timestamp":"2026-01-02T03:04:05Z"})") ==
      R"({"type":"track","event":"Audience Entered","userId":"u-17","anonymousId":"a-1","messageId":"m-1","timestamp":"2026-01-02T03:04:05Z"})");
  CHECK(masked(R"({"userId":"ada@example.com"})") == R"({"userId":"***"})");
}

TEST_CASE("An event with very many personal values is masked whole") {
  std::string json = R"({"title":"anything","traits":{"given":[)";
  for (int i = 0; i < 1000; ++i) json += "\"name" + std::to_string(i) + "\",";
  const std::string out = masked(json + "\"last\"]}}");
  CHECK(out.find("anything") == std::string::npos);
  CHECK(out.find("name") == std::string::npos);
}

TEST_CASE("A result beyond the limit leaves nothing behind") {
  const std::string json = R"({"list":["aaaaaaaaaa","bbbbbbbbbb","cccccccccc"]})";
  const std::string line = json + std::string(kEventPadding, ' ');
  EventParser parser;
  auto event = parser.parse(std::string_view(line).substr(0, json.size()));
  REQUIRE(event.ok());
  const PersonalPlaces places;
  EventMasker masker(places);
  std::string out = "before";
  masker.begin();
  CHECK_FALSE(masker.append(out, *event, 20));
  CHECK(out == "before");
  CHECK(masker.append(out, *event, json.size()));
  CHECK(out == "before" + json);
}

TEST_CASE("The shape of a line shows no letter, no digit and no control character of it") {
  CHECK(shape_of("{\"a\":\"Bob 42\"\x1B") == "{\"x\":\"xxx 00\" ");
  CHECK(shape_of("\xC3\x85\xFFz") == "xxxx");
  CHECK(shape_of(std::string(5000, 'a')) == std::string(kMaxShapeBytes, 'x'));
}

TEST_CASE("Addresses are taken out of messages, the rest of which stays") {
  CHECK(without_addresses("cannot read ada@example.com here") == "cannot read *** here");
  CHECK(without_addresses("cannot read a%40b.c") == "cannot read ***");
  CHECK(without_addresses("a@b.c") == "***");
  CHECK(without_addresses("write \"@path\" or @if") == "write \"@path\" or @if");
  CHECK(without_addresses("").empty());
}

namespace {

// Events of random shape in which personal texts are planted.
class Planter {
 public:
  explicit Planter(std::uint32_t seed) : random_(seed) {}

  std::string event() {
    std::string out =
        R"({"type":"track","traits":{"given":")" + name_ + R"(","family":")" + surname_ + R"("})";
    const std::size_t members = 1 + below(6);
    for (std::size_t i = 0; i < members; ++i) out += "," + member(0);
    return out + "}";
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }

  std::string in_any_case(std::string text) {
    const std::size_t how = below(3);
    for (char& c : text) {
      if (how == 1 || (how == 2 && below(2) == 0))
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
  }

  // Some or all bytes as %XX, some of these encoded again.
  std::string encoded(const std::string& text) {
    const std::size_t how = below(4);
    if (how < 2) return text;
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const bool needed = c == '@' || c == ' ';
      if (!needed && below(5) != 0) {
        out += c;
        continue;
      }
      out += how == 3 ? "%25" : "%";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
    return out;
  }

  std::string text() {
    static const std::vector<std::string> kPersonal = {"zebulon", "quixworth",
                                                       "zq.quix@mail.example", "zebulon quixworth"};
    std::string planted = encoded(in_any_case(kPersonal[below(kPersonal.size())]));
    switch (below(4)) {
      case 0:
        return planted;
      case 1:
        return "see " + planted + " there";
      case 2:
        return "https://shop.example/?q=" + planted + "&p=1";
      default:
        return "plain";
    }
  }

  std::string value(int depth) {
    switch (depth > 5 ? below(3) : below(5)) {
      case 0:
        return std::to_string(below(1000));
      case 1:
      case 2:
        return "\"" + text() + "\"";
      case 3:
        return "[" + value(depth + 1) + "," + value(depth + 1) + "]";
      default:
        return "{" + member(depth + 1) + "," + member(depth + 1) + "}";
    }
  }

  std::string member(int depth) {
    static const std::vector<std::string> kKeys = {"event", "url", "email", "items", "context"};
    const std::string key = below(3) == 0 ? text() : kKeys[below(kKeys.size())];
    return "\"" + key + "\":" + value(depth);
  }

  std::mt19937 random_;
  const std::string name_ = "Zebulon";
  const std::string surname_ = "Quixworth";
};

// As somebody would who looks for the person: decoded, in lower case.
std::string searchable(const std::string& text) {
  std::string out = text;
  for (int round = 0; round < 3; ++round) {
    std::string next;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == '%' && i + 2 < out.size()) {
        next += static_cast<char>(std::stoi(out.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else {
        next += static_cast<char>(std::tolower(static_cast<unsigned char>(out[i])));
      }
    }
    out = next;
  }
  return out;
}

}  // namespace

TEST_CASE("Names and addresses planted anywhere in an event are never in what is kept of it") {
  std::size_t planted = 0;
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    const std::string json = Planter(seed).event();
    const std::string before = searchable(json);
    const std::string after = searchable(masked(json));
    for (const char* secret : {"zebulon", "quixworth", "zq.quix", "@"}) {
      if (before.find(secret) != std::string::npos) ++planted;
      INFO("seed " << seed << ", " << secret << " in " << json << " kept as " << after);
      REQUIRE(after.find(secret) == std::string::npos);
    }
  }
  CHECK(planted > 5000);  // the test does plant something
}

}  // namespace penstock::mapping
