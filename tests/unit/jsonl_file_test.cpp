// Guards the JSON lines plugin: every kind of record as one line, whole lines only, and clear words
// when the file cannot be written.
#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <penstock/sdk/plugin.hpp>
#include <penstock/sdk/test_host.hpp>

extern "C" {
int32_t jsonl_file_init(const penstock_host*, penstock_descriptor*, penstock_error*);
int32_t jsonl_file_settings(void*, const penstock_config*, penstock_error*);
int32_t jsonl_file_mapping(void*, const penstock_record*, const penstock_emitter*, penstock_error*);
int32_t jsonl_file_send(void*, const penstock_batch*, penstock_error*);
}

namespace {

namespace test = penstock::sdk::test;

// A directory of its own, removed at the end.
class Workplace {
 public:
  Workplace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "jsonl_file_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Workplace() {
    std::error_code ignored;  // what is left in the temporary directory does not matter
    std::filesystem::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  [[nodiscard]] std::string file() const { return path_ + "/out.jsonl"; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<test::TestHost> make_host(const std::string& path) {
  auto host = std::make_unique<test::TestHost>(
      PENSTOCK_TEST_HOOKS(jsonl_file), std::vector<test::TestAction>{{"append", {"record"}}});
  REQUIRE(host->settings({{"path", path}}).code == PENSTOCK_OK);
  return host;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// No file of this process may grow beyond `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, previous_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*previous_handler_)(int) = nullptr;
};

}  // namespace

TEST_CASE("an empty path is a settings error that names it") {
  for (const test::TestValue& path :
       {test::TestValue(""), test::TestValue(), test::TestValue(std::string("a\0b", 3))}) {
    test::TestHost host(PENSTOCK_TEST_HOOKS(jsonl_file), {{"append", {"record"}}});
    const test::HookResult result = host.settings({{"path", path}});
    CHECK(result.code == PENSTOCK_ERR_INVALID);
    CHECK(result.field == "path");
  }
}

TEST_CASE("a record of any kind becomes one line of JSON") {
  struct Case {
    test::TestValue value;
    std::string line;
  };
  const Case cases[] = {{test::TestValue::json(R"({"a":[1,2]})"), R"({"a":[1,2]})"},
                        {test::TestValue::json("{\n  \"a\": 1\r\n}"), "{   \"a\": 1  }"},
                        {"say \"hi\"\n\\ \x01 ü", R"("say \"hi\"\u000a\\ \u0001 ü")"},
                        {"", R"("")"},
                        {true, "true"},
                        {false, "false"},
                        {std::int64_t{-9223372036854775807 - 1}, "-9223372036854775808"},
                        {std::uint64_t{18446744073709551615U}, "18446744073709551615"},
                        {0.1, "0.1"},
                        {0.1 + 0.2, "0.30000000000000004"},
                        {1.0 / 0.0, "null"},
                        {test::TestValue::null(), "null"}};
  const auto host = make_host("unused");
  for (const Case& c : cases) {
    CAPTURE(c.line);
    const test::MapResult result = host->map({{"record", c.value}});
    CHECK(result.code == PENSTOCK_OK);
    CHECK(result.payload == c.line);
    CHECK(result.coalesce_key.empty());
  }
  CHECK(host->map({}).reason == "no_record");
  CHECK(host->faults().empty());
}

TEST_CASE("batches are appended as whole lines to a file that only its owner can read") {
  const Workplace place;
  const auto host = make_host(place.file());
  CHECK(host->send({"1", "{}"}, "file").outcomes[1].status == PENSTOCK_DELIVERED);
  CHECK(host->send({"3"}, "file").outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(content(place.file()) == "1\n{}\n3\n");
  struct stat status {};
  REQUIRE(stat(place.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(host->faults().empty());
}

TEST_CASE("a line that somebody else left unfinished does not swallow the next one") {
  const Workplace place;
  std::ofstream(place.file()) << "half a li";
  CHECK(make_host(place.file())->send({"1"}, "file").outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(content(place.file()) == "half a li\n1\n");
}

TEST_CASE("a write that fails half-way leaves no torn line behind") {
  const Workplace place;
  const auto host = make_host(place.file());
  REQUIRE(host->send({"first"}, "file").outcomes[0].status == PENSTOCK_DELIVERED);
  test::SendResult result;
  {
    const FileSizeLimit limit(100);
    result = host->send({std::string(60, 'x'), std::string(60, 'y')}, "file");
  }
  CHECK(result.outcomes[0].status == PENSTOCK_BLOCKED);
  CHECK(result.outcomes[0].reason == "no_space");
  CHECK(content(place.file()) == "first\n");
  CHECK(host->send({"second"}, "file").outcomes[0].status == PENSTOCK_DELIVERED);
  CHECK(content(place.file()) == "first\nsecond\n");
}

TEST_CASE("a full disk blocks the destination and says so") {
  const test::SendResult result = make_host("/dev/full")->send({"1", "2"}, "file");
  CHECK(result.outcomes[1].status == PENSTOCK_BLOCKED);
  CHECK(result.outcomes[1].reason == "no_space");
  CHECK(result.outcomes[1].message.find("/dev/full") != std::string::npos);
}

TEST_CASE("a path that cannot be opened blocks the destination and names path and cause") {
  const Workplace place;
  for (const std::string& path : {place.path(), place.path() + "/missing/out.jsonl"}) {
    CAPTURE(path);
    const test::SendResult result = make_host(path)->send({"1"}, "file");
    CHECK(result.outcomes[0].status == PENSTOCK_BLOCKED);
    CHECK(result.outcomes[0].reason == "file_error");
    CHECK(result.outcomes[0].message.find(path) != std::string::npos);
  }
}
