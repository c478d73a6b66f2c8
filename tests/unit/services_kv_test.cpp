// Guards penstock.kv/1: values outlive the process, compare-and-set holds, and a damaged file is
// never made anew.
#include "services/kv.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "services/destination_services.hpp"
#include "services/log.hpp"

using namespace penstock;
using namespace penstock::services;
namespace fs = std::filesystem;

namespace {

// A directory that is gone after the test.
struct Directory {
  std::string path;
  Directory() {
    std::string name = (fs::temp_directory_path() / "penstock-kv-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { fs::remove_all(path); }
  [[nodiscard]] std::string state() const { return path + "/deep/state"; }
  [[nodiscard]] std::string database() const { return state() + "/state.db"; }
};

std::unique_ptr<KeyValueStore> open_store(const Directory& directory) {
  auto store = KeyValueStore::open(directory.state());
  INFO(store.status().message());
  REQUIRE(store.ok());
  return std::move(store).value();
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

constexpr std::uint64_t kAny = PENSTOCK_KV_ANY;

}  // namespace

TEST_CASE("A value outlives the store, with its version") {
  const Directory directory;
  {
    const auto store = open_store(directory);
    CHECK(store->put("eu", "segment/trial", "123", 0, nullptr) == PENSTOCK_OK);
    CHECK(store->put("eu", "segment/trial", "124", 1, nullptr) == PENSTOCK_OK);
  }
  const auto store = open_store(directory);
  KeyValueStore::Entry entry;
  REQUIRE(store->get("eu", "segment/trial", entry, nullptr) == PENSTOCK_OK);
  CHECK(entry.value == "124");
  CHECK(entry.version == 2);
}

TEST_CASE("Keys and values are bytes: NUL, no UTF-8 and nothing at all are kept") {
  const Directory directory;
  const auto store = open_store(directory);
  KeyValueStore::Entry entry;
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe"), std::string()}) {
    const std::string key = "k" + text;
    REQUIRE(store->put("eu", key, text, 0, nullptr) == PENSTOCK_OK);
    REQUIRE(store->get("eu", key, entry, nullptr) == PENSTOCK_OK);
    CHECK(entry.value == text);
  }
}

TEST_CASE("A write with another version than the stored one is a conflict and changes nothing") {
  const Directory directory;
  const auto store = open_store(directory);
  penstock_error error{};
  error.struct_size = sizeof error;
  CHECK(store->put("eu", "k", "x", 1, nullptr) == PENSTOCK_ERR_CONFLICT);
  CHECK(store->put("eu", "k", "first", 0, nullptr) == PENSTOCK_OK);
  CHECK(store->put("eu", "k", "second", 0, &error) == PENSTOCK_ERR_CONFLICT);
  CHECK(std::string(error.message) == "Expected version 0, found 1: read the key again.");
  CHECK(store->remove("eu", "k", 7, nullptr) == PENSTOCK_ERR_CONFLICT);
  KeyValueStore::Entry entry;
  REQUIRE(store->get("eu", "k", entry, nullptr) == PENSTOCK_OK);
  CHECK(entry.value == "first");
  CHECK(entry.version == 1);
  CHECK(store->put("eu", "k", "any", kAny, nullptr) == PENSTOCK_OK);
}

TEST_CASE("What was removed does not exist, and its old versions are never right again") {
  const Directory directory;
  const auto store = open_store(directory);
  KeyValueStore::Entry entry;
  REQUIRE(store->put("eu", "k", "old", 0, nullptr) == PENSTOCK_OK);
  REQUIRE(store->remove("eu", "k", 1, nullptr) == PENSTOCK_OK);
  CHECK(store->get("eu", "k", entry, nullptr) == PENSTOCK_ERR_NOT_FOUND);
  CHECK(store->remove("eu", "k", kAny, nullptr) == PENSTOCK_OK);
  CHECK(store->remove("eu", "k", 0, nullptr) == PENSTOCK_OK);
  CHECK(store->remove("eu", "k", 1, nullptr) == PENSTOCK_ERR_CONFLICT);
  REQUIRE(store->put("eu", "k", "new", 0, nullptr) == PENSTOCK_OK);
  CHECK(store->put("eu", "k", "late", 1, nullptr) == PENSTOCK_ERR_CONFLICT);
  REQUIRE(store->get("eu", "k", entry, nullptr) == PENSTOCK_OK);
  CHECK(entry.value == "new");
}

TEST_CASE("Destinations do not see each other's keys") {
  const Directory directory;
  const auto store = open_store(directory);
  REQUIRE(store->put("eu", "k", "x", 0, nullptr) == PENSTOCK_OK);
  KeyValueStore::Entry entry;
  CHECK(store->get("us", "k", entry, nullptr) == PENSTOCK_ERR_NOT_FOUND);
  CHECK(store->put("us", "k", "y", 0, nullptr) == PENSTOCK_OK);
}

TEST_CASE("Keys and values beyond their limits are refused, at the limits they are kept") {
  const Directory directory;
  const auto store = open_store(directory);
  KeyValueStore::Entry entry;
  const std::string longest_key(256, 'k');
  const std::string longest_value(64 * 1024, 'v');
  CHECK(store->put("eu", longest_key, longest_value, 0, nullptr) == PENSTOCK_OK);
  CHECK(store->get("eu", longest_key, entry, nullptr) == PENSTOCK_OK);
  CHECK(entry.value == longest_value);
  CHECK(store->put("eu", longest_key + "k", "v", 0, nullptr) == PENSTOCK_ERR_INVALID);
  CHECK(store->put("eu", "k", longest_value + "v", 0, nullptr) == PENSTOCK_ERR_INVALID);
  CHECK(store->put("eu", "", "v", 0, nullptr) == PENSTOCK_ERR_INVALID);
  CHECK(store->get("eu", "", entry, nullptr) == PENSTOCK_ERR_INVALID);
}

TEST_CASE("Directory and files are for their owner only, whatever the umask says") {
  const Directory directory;
  const mode_t before = umask(0);
  const auto store = open_store(directory);
  const std::int32_t status = store->put("eu", "k", "v", 0, nullptr);
  umask(before);
  REQUIRE(status == PENSTOCK_OK);
  CHECK(mode_of(directory.state()) == 0700);
  CHECK(mode_of(directory.database()) == 0600);
  CHECK(mode_of(directory.database() + "-wal") == 0600);
  CHECK(mode_of(directory.database() + "-shm") == 0600);
}

TEST_CASE(
    "A database that others may read is closed to them, a directory that they may enter is "
    "reported") {
  const Directory directory;
  static_cast<void>(open_store(directory));
  fs::permissions(directory.database(), fs::perms(0644));
  fs::permissions(directory.state(), fs::perms(0755));
  std::string logged;
  set_log_sink([&](std::string_view line) { logged += line; });
  static_cast<void>(open_store(directory));
  set_log_sink({});
  CHECK(mode_of(directory.database()) == 0600);
  CHECK_THAT(logged, Catch::Contains("chmod 700 " + directory.state()));
}

TEST_CASE("A file that is no sound database is refused with its path, and left as it is") {
  const Directory directory;
  {
    const auto store = open_store(directory);
    for (int i = 0; i < 200; ++i) {
      REQUIRE(store->put("eu", "key" + std::to_string(i), std::string(500, 'v'), 0, nullptr) ==
              PENSTOCK_OK);
    }
  }
  std::string bytes = bytes_of(directory.database());
  REQUIRE(bytes.size() > 20'000);
  SECTION("text") {
    bytes = std::string(8'192, 't');
  }
  SECTION("damaged in the middle") {
    bytes.replace(4'096 + 3, 12'000, std::string(12'000, '\xAA'));
  }
  SECTION("cut off") {
    bytes.resize(bytes.size() / 2);
  }
  write_bytes(directory.database(), bytes);
  const auto refused = KeyValueStore::open(directory.state());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == StatusCode::damaged);
  CHECK_THAT(refused.status().message(), Catch::Contains(directory.database()) &&
                                             Catch::Contains("damaged") &&
                                             Catch::Contains("move it away"));
  CHECK(bytes_of(directory.database()) == bytes);
}

TEST_CASE("The database of a newer Penstock is refused") {
  const Directory directory;
  static_cast<void>(open_store(directory));
  std::string bytes = bytes_of(directory.database());
  bytes[63] = 9;  // user_version: the 4 bytes at offset 60 of the header
  write_bytes(directory.database(), bytes);
  const auto refused = KeyValueStore::open(directory.state());
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(
      refused.status().message(),
      Catch::Contains("schema version 9, this Penstock knows 1") && Catch::Contains("newer"));
  CHECK(bytes_of(directory.database()) == bytes);
}

TEST_CASE("A state_dir that is a file, or lies below one, is refused by name") {
  const Directory directory;
  write_bytes(directory.path + "/file", "");
  for (const std::string& path : {directory.path + "/file", directory.path + "/file/state"}) {
    const auto refused = KeyValueStore::open(path);
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.status().message(), Catch::Contains(path));
  }
}

TEST_CASE("Of many threads that increment by compare-and-set, none is lost") {
  const Directory directory;
  const auto store = open_store(directory);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int done = 0; done < 10;) {
        KeyValueStore::Entry entry;
        const std::int32_t read = store->get("eu", "n", entry, nullptr);
        if (read != PENSTOCK_OK && read != PENSTOCK_ERR_NOT_FOUND) ++failures;
        const int next = entry.value.empty() ? 1 : std::stoi(entry.value) + 1;
        const std::int32_t written =
            store->put("eu", "n", std::to_string(next), entry.version, nullptr);
        if (written == PENSTOCK_OK) ++done;
        if (written != PENSTOCK_OK && written != PENSTOCK_ERR_CONFLICT) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  KeyValueStore::Entry entry;
  REQUIRE(store->get("eu", "n", entry, nullptr) == PENSTOCK_OK);
  CHECK(entry.value == "40");
}

TEST_CASE("A plugin reaches the store of its own destination through its host table") {
  const Directory directory;
  const auto store = open_store(directory);
  ManualClock clock;
  clock.set_monotonic_ns(42);
  const DestinationServices services("linkedin_eu", nullptr, store.get(), clock);
  const penstock_host* host = services.table();
  CHECK(host->struct_size == sizeof(penstock_host));
  CHECK(host->abi_major == PENSTOCK_ABI_MAJOR);
  CHECK(host->monotonic_ns(host->ctx) == 42);
  CHECK(host->wall_ns(host->ctx) == clock.wall_ns());
  CHECK(host->extension(host->ctx, "penstock.http/1") == nullptr);
  CHECK(host->extension(host->ctx, "penstock.fax/1") == nullptr);
  CHECK(host->extension(host->ctx, nullptr) == nullptr);
  const auto* kv = static_cast<const penstock_kv*>(host->extension(host->ctx, "penstock.kv/1"));
  REQUIRE(kv != nullptr);
  CHECK(kv->put(kv->ctx, {"k", 1}, {"value", 5}, 0, nullptr) == PENSTOCK_OK);
  std::string seen;
  const auto sink = [](void* user, penstock_str value, std::uint64_t version) {
    *static_cast<std::string*>(user) =
        std::string(value.data, value.size) + "@" + std::to_string(version);
  };
  CHECK(kv->get(kv->ctx, {"k", 1}, sink, &seen, nullptr) == PENSTOCK_OK);
  CHECK(seen == "value@1");
  KeyValueStore::Entry entry;
  CHECK(store->get("linkedin_eu", "k", entry, nullptr) == PENSTOCK_OK);
  CHECK(kv->remove(kv->ctx, {"k", 1}, PENSTOCK_KV_ANY, nullptr) == PENSTOCK_OK);
  CHECK(kv->get(kv->ctx, {"k", 1}, sink, &seen, nullptr) == PENSTOCK_ERR_NOT_FOUND);
}

TEST_CASE("A link in the place of the database or of its log is refused, its target left alone") {
  const Directory directory;
  const std::string target = directory.path + "/precious";
  write_bytes(target, "content");
  REQUIRE(chmod(target.c_str(), 0644) == 0);
  const std::string name = GENERATE("state.db", "state.db-wal", "state.db-journal");
  fs::create_symlink(target, directory.path + "/" + name);
  const auto store = KeyValueStore::open(directory.path);
  REQUIRE_FALSE(store.ok());
  CHECK(store.status().code() == StatusCode::io);
  CHECK(store.status().message().find(name + " is a link") != std::string::npos);
  CHECK(bytes_of(target) == "content");
  CHECK(mode_of(target) == 0644);
}
