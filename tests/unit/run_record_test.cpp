// Guards what `status` says of the last run: a run that was killed is never taken for one that
// ended.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/run_record.hpp"

using namespace penstock;
using namespace penstock::services;
namespace fs = std::filesystem;

namespace {

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "penstock-record-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string path;
};

}  // namespace

TEST_CASE("A run is recorded as begun, as ended with its exit code, and as ended by a fault") {
  const Directory directory;
  CHECK_FALSE(last_run(directory.path));
  {
    auto record = RunRecord::begin(directory.path, 1000);
    REQUIRE(record.ok());
    auto seen = last_run(directory.path);
    REQUIRE(seen);
    CHECK(seen->started_ms == 1000);
    CHECK_FALSE(seen->by_itself);
    CHECK_FALSE(seen->fault);
    REQUIRE(record->end(3000, 75, "12 records\nwere not delivered to jane@example.com").ok());
    seen = last_run(directory.path);
    REQUIRE(seen);
    CHECK(seen->by_itself);
    CHECK(seen->ended_ms == 3000);
    CHECK(seen->exit_code == 75);
    CHECK(seen->message == "12 records\\nwere not delivered to [e-mail]");
  }
  const auto record = RunRecord::begin(directory.path, 5000);
  REQUIRE(record.ok());
  constexpr std::string_view kFault = "SIGSEGV in plugin acme";
  record_fault(kFault.data(), kFault.size());
  const auto seen = last_run(directory.path);
  REQUIRE(seen);
  CHECK(seen->started_ms == 5000);
  CHECK(seen->fault);
  CHECK_FALSE(seen->by_itself);
  CHECK(seen->message == kFault);
}

TEST_CASE(
    "A fault without a run is recorded nowhere, and a link in the record's place is refused") {
  const Directory directory;
  record_fault("x", 1);
  CHECK_FALSE(last_run(directory.path));
  std::ofstream(directory.path + "/other") << "precious";
  fs::create_symlink(directory.path + "/other", directory.path + "/" + RunRecord::kFile);
  CHECK_FALSE(RunRecord::begin(directory.path, 1).ok());
  CHECK_FALSE(last_run(directory.path));
  CHECK(fs::file_size(directory.path + "/other") == 8);
}

TEST_CASE("What is no record says nothing") {
  for (const char* text :
       {"", "\n", "started \n", "started x\n", "ended 1 2 x\n", "fault x\n", "nonsense"})
    CHECK_FALSE(parse_last_run(text));
  const auto half = parse_last_run("started 12\nended 13");
  REQUIRE(half);
  CHECK_FALSE(half->by_itself);
  CHECK(parse_last_run("started 12\nended 13 0 \nfault late\n")->fault);
}
