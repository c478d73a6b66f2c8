// Guards which identifiers are said to stand for many people.
#include "mapping/shared_identifiers.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <string>

using namespace penstock::mapping;

namespace {

std::uint64_t hash_of(const std::string& text) {
  return std::hash<std::string>()(text);
}

}  // namespace

TEST_CASE("An identifier that many users have is shared, and one that few have is not") {
  SharedIdentifiers shared;
  bool of_many = false;
  for (int user = 0; user < 40; ++user) {
    of_many = shared.note(hash_of("many"), hash_of("u" + std::to_string(user)));
    if (user < SharedIdentifiers::kManyUsers) CHECK_FALSE(of_many);
  }
  CHECK(of_many);
  for (int round = 0; round < 100; ++round) {
    for (int user = 0; user < SharedIdentifiers::kManyUsers; ++user) {
      REQUIRE_FALSE(shared.note(hash_of("few"), hash_of("v" + std::to_string(user))));
    }
  }
}

TEST_CASE("One user with any number of events shares nothing with anybody") {
  SharedIdentifiers shared;
  for (int event = 0; event < 10'000; ++event) {
    REQUIRE_FALSE(shared.note(hash_of("one"), hash_of("u")));
  }
}

TEST_CASE("A shared identifier is noticed among a hundred thousand others") {
  SharedIdentifiers shared;
  int noticed = 0;
  for (int event = 0; event < 100'000; ++event) {
    const std::string number = std::to_string(event);
    REQUIRE_FALSE(shared.note(hash_of("person" + number), hash_of("u" + number)));
    if (event % 200 != 0) continue;  // of 500 users
    noticed += shared.note(hash_of("unknown"), hash_of("other" + number)) ? 1 : 0;
  }
  CHECK(noticed > 400);
}
