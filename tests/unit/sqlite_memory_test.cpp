// Guards memory of the process against ending up in SQLite's files.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "services/sqlite.hpp"

namespace penstock::services {
namespace {

constexpr std::size_t kPieceBytes = 30'000;  // about what SQLite asks for when it recovers a log
constexpr std::size_t kPieces = 200;
constexpr std::streamoff kFirstFrame = 32;  // behind the header of the write-ahead log

// Leaves the secret in memory that the next allocations get.
void leave_in_freed_memory(const std::string& secret) {
  std::vector<std::unique_ptr<std::string>> pieces;
  for (std::size_t i = 0; i < kPieces; ++i) {
    auto piece = std::make_unique<std::string>();
    piece->reserve(kPieceBytes + i * 40);
    while (piece->size() + secret.size() < kPieceBytes) *piece += secret;
    pieces.push_back(std::move(piece));
  }
}

}  // namespace

TEST_CASE("Recovering a log without a whole frame writes nothing of the process's memory to disk") {
  std::string name = (std::filesystem::temp_directory_path() / "penstock_memory_XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const std::string path = name + "/a.db";
  const std::string copy = name + "/b.db";
  Database::Options options;
  options.mode = Database::Mode::create;
  {
    auto database = Database::open(path, options);
    REQUIRE(database.ok());
    REQUIRE((*database)->execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)").ok());
    std::filesystem::copy_file(path, copy);
    std::filesystem::copy_file(path + "-wal", copy + "-wal");
  }
  {
    std::fstream log(copy + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(kFirstFrame);
    log << "no frame's header";
    REQUIRE(log.good());
  }
  leave_in_freed_memory("somebody@example.com ");
  auto database = Database::open(copy, options);
  REQUIRE(database.ok());
  std::ifstream file(copy + "-shm", std::ios::binary);
  const std::string shared{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  CHECK(shared.size() > 0);
  CHECK(shared.find("somebody") == std::string::npos);
  database->reset();
  std::filesystem::remove_all(name);
}

}  // namespace penstock::services
