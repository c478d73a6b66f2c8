// Guards the form of blocks on disk: what comes back is what went in, and no damage goes unnoticed.
#include "store/block_codec.hpp"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::store;

namespace {

const Catalog kCatalog{{{"eu", {"sync", "stream"}}, {"us", {"sync"}}},
                       {{0, "trial"}, {0, "paid"}, {1, "all"}}};
const std::vector<std::uint32_t> kMappingIds{7, 3, 12};
const std::vector<std::uint32_t> kDestinationIds{5, 2};

void add_element(Block& block, std::uint32_t mapping, std::uint32_t route,
                 const std::string& payload, const std::string& key) {
  BlockElement element;
  element.mapping = mapping;
  element.route = route;
  element.offset = static_cast<std::uint32_t>(block.bytes.size());
  element.payload_size = static_cast<std::uint32_t>(payload.size());
  element.key_size = static_cast<std::uint32_t>(key.size());
  block.bytes += payload + key;
  element.key_hash = coalesce_hash(key);
  block.elements.push_back(element);
}

Block sample() {
  Block block;
  block.sequence = 41;
  block.begin.offset = 1'000;
  block.end.offset = 5'000'000'000;
  block.routes = {{0, 1, "audience-1"}, {1, 0, ""}, {0, 0, std::string(kMaxKeyBytes, 'k')}};
  add_element(block, 0, 0, "payload", "ada");
  add_element(block, 2, 1, "", "");
  add_element(block, 1, 2, std::string("\0\xFF", 2), std::string(kMaxKeyBytes, 'c'));
  add_element(block, 0, 0, std::string(3'000, 'p'), "bob");
  return block;
}

std::string encoded(const Block& block) {
  std::string bytes = "what was there before";
  encode_block(block, kCatalog, kMappingIds, kDestinationIds, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("A block comes back with ids of mappings and destinations and names of actions") {
  const Block block = sample();
  const auto decoded = decode_block(encoded(block));
  REQUIRE(decoded.ok());
  const Block& back = *decoded->block;
  CHECK(back.sequence == 41);
  CHECK(back.begin == block.begin);
  CHECK(back.end == block.end);
  CHECK(back.bytes == block.bytes);
  REQUIRE(back.routes.size() == 3);
  CHECK(back.routes[0].destination == 5);
  CHECK(decoded->actions[back.routes[0].action] == "stream");
  CHECK(back.routes[0].batch_key == "audience-1");
  CHECK(back.routes[1].destination == 2);
  CHECK(decoded->actions[back.routes[1].action] == "sync");
  CHECK(back.routes[2].batch_key == std::string(kMaxKeyBytes, 'k'));
  CHECK(decoded->actions.size() == 2);
  REQUIRE(back.elements.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const BlockElement& before = block.elements[i];
    const BlockElement& after = back.elements[i];
    CHECK(after.mapping == kMappingIds[before.mapping]);
    CHECK(after.route == before.route);
    CHECK(after.key_hash == before.key_hash);
    CHECK(back.payload(after) == block.payload(before));
    CHECK(back.coalesce_key(after) == block.coalesce_key(before));
  }
}

TEST_CASE("A block without elements comes back empty") {
  const auto decoded = decode_block(encoded(Block{}));
  REQUIRE(decoded.ok());
  CHECK(decoded->block->elements.empty());
  CHECK(decoded->block->bytes.empty());
}

TEST_CASE("Every single flipped bit is damage") {
  const std::string sound = encoded(sample());
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string bytes = sound;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    const auto decoded = decode_block(bytes);
    if (decoded.ok() || decoded.status().code() != StatusCode::damaged) {
      FAIL("not noticed at byte " << i);
    }
  }
}

TEST_CASE("A block that is cut off anywhere, or longer than it was, is damage") {
  const std::string sound = encoded(sample());
  for (std::size_t size = 0; size < sound.size(); ++size) {
    if (decode_block(std::string_view(sound).substr(0, size)).ok()) {
      FAIL("not noticed at " << size << " bytes");
    }
  }
  CHECK_FALSE(decode_block(sound + '\0').ok());
}

TEST_CASE("A flipped bit anywhere costs at most the elements of one checksum; the rest is saved") {
  Block block = sample();
  while (block.elements.size() < 200)
    add_element(block, 1, 2, std::string(7, 'x'), "k" + std::to_string(block.elements.size()));
  const std::string sound = encoded(block);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string bytes = sound;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    const auto salvaged = salvage_block(bytes);
    if (!salvaged.ok()) FAIL("nothing saved at byte " << i);
    REQUIRE(salvaged->elements == 200);
    const Block& left = *salvaged->decoded.block;
    REQUIRE(left.elements.size() == salvaged->kept.size());
    if (left.elements.size() < 200 - kGroupElements) FAIL("too much is lost at byte " << i);
    for (std::size_t e = 0; e < left.elements.size(); ++e) {
      const BlockElement& before = block.elements[salvaged->kept[e]];
      const BlockElement& after = left.elements[e];
      if (left.payload(after) != block.payload(before) ||
          left.coalesce_key(after) != block.coalesce_key(before) ||
          after.mapping != kMappingIds[before.mapping] || after.route != before.route) {
        FAIL("another element at byte " << i);
      }
    }
    if (i % 97 != 0) continue;
    const auto again = decode_block(encode_decoded(salvaged->decoded));
    REQUIRE(again.ok());
    REQUIRE(again->block->bytes == left.bytes);
    REQUIRE(again->block->elements.size() == left.elements.size());
  }
}

TEST_CASE("Of a block that is cut off, the elements before the cut are saved") {
  Block block = sample();
  while (block.elements.size() < 200)
    add_element(block, 1, 2, std::string(7, 'x'), "k" + std::to_string(block.elements.size()));
  const std::string sound = encoded(block);
  std::size_t most = 0;
  for (std::size_t size = 0; size < sound.size(); ++size) {
    const auto salvaged = salvage_block(std::string_view(sound).substr(0, size));
    if (!salvaged.ok()) continue;
    REQUIRE(salvaged->kept.size() >= most);
    most = salvaged->kept.size();
  }
  CHECK(most == 200);
}

TEST_CASE("A block that an older Penstock stored is read, and its damage noticed") {
  const auto bytes = [](const char* hex) {
    std::string all;
    for (; *hex != '\0'; hex += 2)
      all += static_cast<char>(std::stoi(std::string(hex, 2), nullptr, 16));
    return all;
  };
  const std::string stored = bytes(
      "50424c4b01000000c55b7528b41ef141000000000000000000000000000000000000000000000000"
      "01000000010000001300000008000000010000000000000000000000070000000100000001000000"
      "040000000300000073796e636b65797061796c6f61646b");
  const auto decoded = decode_block(stored);
  REQUIRE(decoded.ok());
  REQUIRE(decoded->block->elements.size() == 1);
  const Block& block = *decoded->block;
  CHECK(block.elements[0].mapping == 1);
  CHECK(block.routes[0].batch_key == "key");
  CHECK(decoded->actions == std::vector<std::string>{"sync"});
  CHECK(block.payload(block.elements[0]) == "payload");
  CHECK(block.coalesce_key(block.elements[0]) == "k");
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string damaged = stored;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    if (decode_block(damaged).ok()) FAIL("not noticed at byte " << i);
    if (salvage_block(damaged).ok()) FAIL("taken for one of today at byte " << i);
  }
}

TEST_CASE("A summary counts elements by mapping id and names each action once") {
  const BlockSummary summary = summarize(sample(), kCatalog, kMappingIds, kDestinationIds);
  CHECK(summary.counts == std::vector<BlockSummary::Count>{{3, 1}, {7, 2}, {12, 1}});
  CHECK(summary.actions == std::vector<std::pair<std::uint32_t, std::string>>{
                               {5, "stream"}, {2, "sync"}, {5, "sync"}});
  const auto counts = decode_counts(encode_counts(summary.counts));
  REQUIRE(counts.ok());
  CHECK(counts.value() == summary.counts);
  const auto actions = decode_actions(encode_actions(summary.actions));
  REQUIRE(actions.ok());
  CHECK(actions.value() == summary.actions);
}

TEST_CASE("A summary that is cut off is damage") {
  const BlockSummary summary = summarize(sample(), kCatalog, kMappingIds, kDestinationIds);
  const std::string counts = encode_counts(summary.counts);
  CHECK_FALSE(decode_counts(counts.substr(0, counts.size() - 1)).ok());
  const std::string actions = encode_actions(summary.actions);
  for (const std::size_t missing : {std::size_t{1}, std::size_t{5}, std::size_t{10}}) {
    CHECK_FALSE(decode_actions(actions.substr(0, actions.size() - missing)).ok());
  }
}
