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
