// Guards the file of tokens: closed to others, replaced as a whole, read strictly; and the reading
// of a token endpoint's replies.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <thread>

#include "services/oauth.hpp"
#include "services/token_reply.hpp"
#include "services/token_store.hpp"
#include "store_fixture.hpp"

using namespace penstock;
using namespace penstock::services;

namespace {

const auto kNotCancelled = [] { return false; };

TokenSet sample() {
  TokenSet tokens;
  tokens.access_token = Secret("access-1");
  tokens.refresh_token = Secret("refresh-1");
  tokens.access_obtained_ms = 1;
  tokens.access_expires_ms = 2;
  tokens.refresh_expires_ms = 3;
  tokens.since_ms = 4;
  tokens.scopes = {"a", "b"};
  tokens.origin = TokenOrigin::login;
  return tokens;
}

void save(const TokenStore& store, const TokenSet& tokens) {
  auto lock = store.lock(kNotCancelled);
  REQUIRE(lock.ok());
  REQUIRE(store.save(tokens, *lock).ok());
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("Tokens come back as they were saved, from a file that only its owner can read") {
  const store::Directory directory;
  const TokenStore store(directory.path + "/state", "linkedin");
  REQUIRE(store.load().ok());
  CHECK_FALSE(*store.load());
  CHECK(store.stamp() == TokenStamp());
  save(store, sample());
  auto loaded = store.load();
  REQUIRE(loaded.ok());
  REQUIRE(*loaded);
  CHECK((*loaded)->access_token.reveal() == "access-1");
  CHECK((*loaded)->refresh_token.reveal() == "refresh-1");
  CHECK((*loaded)->refresh_expires_ms == 3);
  CHECK((*loaded)->scopes == std::vector<std::string>{"a", "b"});
  CHECK((*loaded)->origin == TokenOrigin::login);
  CHECK(mode_of(store.path()) == 0600);
  CHECK(mode_of(directory.path + "/state/tokens") == 0700);
  const TokenStamp before = store.stamp();
  save(store, sample());
  CHECK_FALSE(store.stamp() == before);
}

TEST_CASE("A name of a connection cannot leave the directory of tokens") {
  const store::Directory directory;
  const std::string name = GENERATE(std::string("../../evil"), std::string("."), std::string(".."),
                                    std::string("a/b"), std::string(500, 'x') + "/");
  const TokenStore store(directory.path, name);
  const std::string file =
      store.path().substr(directory.path.size() + std::string("/tokens/").size());
  CHECK(file.find('/') == std::string::npos);
  save(store, sample());
  CHECK(*store.load());
}

TEST_CASE("A damaged file, or one of a newer version, is an error that shows nothing of it") {
  const store::Directory directory;
  const TokenStore store(directory.path, "linkedin");
  save(store, sample());
  const std::string whole = store::bytes_of(store.path());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    REQUIRE(text.find(from) != std::string::npos);
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), whole.substr(0, whole.size() / 2),
        replaced("\"version\": 1", "\"version\": 2"), replaced("\"version\"", "\"versio\""),
        replaced("access-1", "access 1"), replaced("\"since_ms\": 4", "\"since_ms\": -4"),
        replaced("\"since_ms\": 4", "\"since_ms\": 4, \"more\": 1"),
        replaced("\"login\"", "\"lgoin\""), std::string(100'000, ' ')}) {
    store::write_bytes(store.path(), text);
    const auto loaded = store.load();
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.status().code() == StatusCode::damaged);
    CHECK_THAT(loaded.status().message(), Catch::Contains(store.path()) &&
                                              !Catch::Contains("access-1") &&
                                              !Catch::Contains("refresh-1"));
  }
}

TEST_CASE("The lock keeps a second one out until it is let go, or until waiting is cancelled") {
  const store::Directory directory;
  const TokenStore store(directory.path, "linkedin");
  auto held = std::make_unique<Result<TokenLock>>(store.lock(kNotCancelled));
  REQUIRE(held->ok());
  const auto refused = store.lock([] { return true; });
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::unavailable);
  std::thread release([&] { held.reset(); });
  CHECK(store.lock(kNotCancelled).ok());
  release.join();
}

TEST_CASE("Configured tokens hold once they were changed, and a login holds until it is removed") {
  const Secret access("configured-access");
  const Secret refresh("configured-refresh");
  TokenSet first = choose_tokens(std::nullopt, access, refresh);
  CHECK(first.access_token.reveal() == "configured-access");
  CHECK(first.configured.find("configured-access") == std::string::npos);
  TokenSet renewed = first;
  renewed.access_token = Secret("renewed");
  CHECK(choose_tokens(renewed, access, refresh).access_token.reveal() == "renewed");
  CHECK(choose_tokens(renewed, Secret("other"), refresh).access_token.reveal() == "other");
  CHECK(choose_tokens(renewed, Secret(), Secret()).empty());
  renewed.origin = TokenOrigin::login;
  CHECK(choose_tokens(renewed, Secret("other"), refresh).access_token.reveal() == "renewed");
}

TEST_CASE("Replies of token endpoints are read strictly") {
  const auto good = parse_token_reply(
      R"({"access_token":"a","expires_in":5184000,"refresh_token":"r","refresh_token_expires_in":525600,)"
      R"("scope":"x,y z","token_type":"bearer"})");
  REQUIRE(good.ok());
  CHECK(good.value().expires_in_s == 5'184'000);
  CHECK(good.value().scopes == std::vector<std::string>{"x", "y", "z"});
  const auto least = parse_token_reply(R"({"access_token":"a"})");
  REQUIRE(least.ok());
  CHECK(least.value().refresh_token.empty());
  CHECK_FALSE(least.value().expires_in_s);
  CHECK(parse_token_reply(R"({"access_token":"a","expires_in":"3600"})").value().expires_in_s ==
        3600);
  for (const char* body :
       {"", "[]", "{}", R"({"access_token":""})", R"({"access_token":7})",
        R"({"access_token":"a b"})", R"({"access_token":"a\r\nX: y"})",
        R"({"access_token":"a","expires_in":0})", R"({"access_token":"a","expires_in":-5})",
        R"({"access_token":"a","expires_in":1.5})", R"({"access_token":"a","expires_in":1e30})",
        R"({"access_token":"a","expires_in":99999999999})",
        R"({"access_token":"a","expires_in":18446744073709551615})",
        R"({"access_token":"a","refresh_token":["r"]})", R"({"access_token":"a","scope":["x"]})",
        R"({"access_token":"a","token_type":"mac"})"}) {
    INFO(body);
    CHECK_FALSE(parse_token_reply(body).ok());
  }
}

TEST_CASE("The words of a refusal hold no secret, whatever the server repeats") {
  const TokenError error = parse_token_error(
      R"({"error":"invalid_grant","error_description":"token abc is dead"})", {"abc"});
  CHECK(error.code == "invalid_grant");
  CHECK(error.description.empty());
  CHECK(parse_token_error(R"({"error":"<b>"})", {}).code.empty());
  CHECK(parse_token_error("<html>", {}).code.empty());
}

TEST_CASE("A renewal never moves a refresh token's end back, and one without keeps the token") {
  TokenSet before = sample();
  before.refresh_expires_ms = 1'000'000;
  TokenReply reply;
  reply.access_token = Secret("access-2");
  reply.refresh_expires_in_s = 365 * 86'400;
  CHECK(apply_reply(before, reply, 500'000).refresh_expires_ms == 1'000'000);
  CHECK(apply_reply(before, reply, 500'000).refresh_token.reveal() == "refresh-1");
  reply.refresh_expires_in_s = 100;
  CHECK(apply_reply(before, reply, 500'000).refresh_expires_ms == 600'000);
  reply.refresh_token = Secret("refresh-2");
  CHECK(apply_reply(before, reply, 5'000'000).refresh_expires_ms == 5'100'000);
}

TEST_CASE("A link in the place of the tokens' directory, of a lock or of the tokens is refused") {
  const store::Directory directory;
  const std::string elsewhere = directory.path + "/elsewhere";
  const std::string state = directory.path + "/state";
  std::filesystem::create_directories(elsewhere);
  std::filesystem::create_directories(state);
  REQUIRE(chmod(elsewhere.c_str(), 0755) == 0);
  const TokenStore store(state, "linkedin");
  SECTION("the directory") {
    std::filesystem::create_directory_symlink(elsewhere, state + "/tokens");
    const auto lock = store.lock(kNotCancelled);
    REQUIRE_FALSE(lock.ok());
    CHECK(lock.status().code() == StatusCode::io);
    CHECK_THAT(lock.status().message(), Catch::Contains("not a link"));
    CHECK_FALSE(store.load().ok());
    CHECK(mode_of(elsewhere) == 0755);
    CHECK(std::filesystem::is_empty(elsewhere));
  }
  SECTION("the lock") {
    save(store, sample());
    store::write_bytes(elsewhere + "/file", "content");
    REQUIRE(chmod((elsewhere + "/file").c_str(), 0644) == 0);
    std::filesystem::remove(state + "/tokens/linkedin.lock");
    std::filesystem::create_symlink(elsewhere + "/file", state + "/tokens/linkedin.lock");
    CHECK_THAT(store.lock(kNotCancelled).status().message(), Catch::Contains("is a link"));
    CHECK(mode_of(elsewhere + "/file") == 0644);
  }
  SECTION("others can write to the directory") {
    save(store, sample());
    REQUIRE(chmod((state + "/tokens").c_str(), 0770) == 0);
    CHECK_THAT(store.lock(kNotCancelled).status().message(), Catch::Contains("chmod 700"));
    CHECK_FALSE(store.load().ok());
  }
  SECTION("the directory is another user's") {
    save(store, sample());
    // Only root can give it away.
    if (chown((state + "/tokens").c_str(), 54321, 54321) == 0)
      CHECK_THAT(store.load().status().message(), Catch::Contains("belongs to another user"));
  }
}
