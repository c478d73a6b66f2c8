// What the tests of the store share: a directory that goes away, a small catalog, and commits that
// add up.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "services/clock.hpp"
#include "services/sqlite.hpp"
#include "store/reader.hpp"
#include "store/store.hpp"

namespace penstock::store {

struct Directory {
  std::string path;
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock-store-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string database() const { return path + "/queue.db"; }
  [[nodiscard]] std::string log() const { return path + "/queue.db-wal"; }
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

inline const Catalog& catalog() {
  static const Catalog kCatalog{{{"eu", {"sync", "stream"}}, {"us", {"sync"}}},
                                {{0, "trial"}, {0, "paid"}, {1, "all"}}};
  return kCatalog;
}

inline std::unique_ptr<Store> open_store(const Directory& directory, const services::Clock& clock,
                                         const Store::Options& options = {},
                                         const Catalog& names = catalog()) {
  auto store = Store::open(directory.path, names, options, clock);
  INFO(store.status().message());
  REQUIRE(store.ok());
  return std::move(store).value();
}

inline std::unique_ptr<Reader> open_reader(const Directory& directory,
                                           const services::Clock& clock) {
  auto reader = Reader::open(directory.path, clock);
  INFO(reader.status().message());
  REQUIRE(reader.ok());
  return std::move(reader).value();
}

// One element a mapping given, with `payload_size` bytes.
inline std::shared_ptr<Block> make_block(std::uint64_t sequence,
                                         const std::vector<std::uint32_t>& mappings,
                                         std::size_t payload_size = 20) {
  auto block = std::make_shared<Block>();
  block->sequence = sequence;
  block->begin.offset = sequence * 1'000;
  block->end.offset = sequence * 1'000 + 1'000;
  block->routes = {{0, 0, "eu-sync"}, {0, 1, "eu-stream"}, {1, 0, "us"}};
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const std::string key = "key" + std::to_string(i);
    BlockElement element;
    element.mapping = mappings[i];
    element.route = catalog().mappings[mappings[i]].destination == 1 ? 2 : mappings[i];
    element.offset = static_cast<std::uint32_t>(block->bytes.size());
    element.payload_size = static_cast<std::uint32_t>(payload_size);
    element.key_size = static_cast<std::uint32_t>(key.size());
    block->bytes += std::string(payload_size, static_cast<char>('a' + (sequence + i) % 26)) + key;
    element.key_hash = coalesce_hash(key);
    block->elements.push_back(element);
  }
  return block;
}

// Adds a block with what its events count.
inline void append(Commit& commit, std::shared_ptr<const Block> block) {
  for (const BlockElement& element : block->elements) ++commit.tally.of(element.mapping).matched;
  commit.tally.events.received += block->elements.size();
  commit.tally.matched_events += block->elements.size();
  commit.blocks.push_back(std::move(block));
}

inline void settle(Commit& commit, const Block& block, const std::vector<std::uint32_t>& elements,
                   SettledElement::Kind kind = SettledElement::Kind::delivered) {
  Settlement settlement;
  settlement.block = block.sequence;
  for (const std::uint32_t element : elements) {
    settlement.elements.push_back({element, block.elements[element].mapping, kind});
  }
  commit.settlements.push_back(std::move(settlement));
}

// An element as a dead letter, with its reason and the settlement.
inline void give_up(Commit& commit, const Block& block, std::uint32_t index,
                    const std::string& reason) {
  const BlockElement& element = block.elements[index];
  settle(commit, block, {index}, SettledElement::Kind::dead_lettered);
  DeadLetter letter;
  letter.mapping = element.mapping;
  letter.reason = reason;
  letter.message = "said no";
  letter.remote_status = 400;
  letter.attempts = 3;
  letter.form = DeadLetter::Form::element;
  letter.content = block.payload(element);
  letter.route = block.routes[element.route];
  letter.coalesce_key = block.coalesce_key(element);
  commit.tally.dead_letters.push_back(letter);
  commit.tally.reason(ReasonCount::Kind::dead_letter, element.mapping, reason, "", "said no");
}

inline void must(const Status& status) {
  INFO(status.message());
  REQUIRE(status.ok());
}

// The database as version 2 left it.
inline void make_version_2(const Directory& directory) {
  auto database = services::Database::open(directory.database(), {});
  REQUIRE(database.ok());
  for (const char* column : {"meta DROP COLUMN generation", "meta DROP COLUMN last_ms",
                             "meta DROP COLUMN state_ms", "meta DROP COLUMN source_tail_size",
                             "meta DROP COLUMN source_tail", "meta DROP COLUMN source_former",
                             "meta DROP COLUMN attempts_known", "mappings DROP COLUMN confirmed",
                             "blocks DROP COLUMN since_ms", "dead_letters DROP COLUMN since_ms"}) {
    must((*database)->execute("ALTER TABLE " + std::string(column)));
  }
  must((*database)->execute("DROP TABLE uncertain; PRAGMA user_version = 2"));
}

}  // namespace penstock::store
