#include "store/block_codec.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace penstock::store {

namespace {

// Written as they are in memory: a database does not move between machines of other byte order.
static_assert(std::endian::native == std::endian::little);

constexpr std::uint32_t kMagic = 0x4B4C4250;  // "PBLK"
constexpr std::uint32_t kFormatVersion = 1;

struct Header {
  std::uint32_t magic;
  std::uint32_t format_version;
  std::uint64_t checksum;  // XXH3 of all that follows this member
  std::uint64_t sequence;
  std::uint64_t begin;
  std::uint64_t end;
  std::uint32_t elements;
  std::uint32_t routes;
  std::uint32_t routes_size;  // bytes
  std::uint32_t bytes_size;
};
static_assert(sizeof(Header) == 56);
constexpr std::size_t kChecked = offsetof(Header, sequence);

// Without BlockElement::key_hash, which another build may compute in another way.
struct StoredElement {
  std::uint32_t mapping;
  std::uint32_t route;
  std::uint32_t offset;
  std::uint32_t payload_size;
  std::uint32_t key_size;
};
static_assert(sizeof(StoredElement) == 20);

// Followed by the action's name and the batch key.
struct StoredRoute {
  std::uint32_t destination;
  std::uint32_t action_size;
  std::uint32_t key_size;
};
static_assert(sizeof(StoredRoute) == 12);

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Takes values off the front of bytes; false when there are not enough.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  template <typename T>
  [[nodiscard]] bool take(T& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return true;
  }
  [[nodiscard]] bool take(std::size_t size, std::string_view& value) {
    if (rest_.size() < size) return false;
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

Status damaged(const char* what) {
  return {StatusCode::damaged, what};
}

std::uint64_t checksum_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data() + kChecked, bytes.size() - kChecked);
}

Status decode_routes(std::string_view bytes, std::uint32_t count, DecodedBlock& decoded) {
  if (count > bytes.size() / sizeof(StoredRoute)) return damaged("its routes do not fit");
  std::vector<Route>& routes = decoded.block->routes;
  routes.reserve(count);
  Cursor cursor(bytes);
  for (std::uint32_t i = 0; i < count; ++i) {
    StoredRoute stored{};
    std::string_view action;
    std::string_view key;
    if (!cursor.take(stored) || !cursor.take(stored.action_size, action) ||
        !cursor.take(stored.key_size, key) || key.size() > kMaxKeyBytes) {
      return damaged("a route does not fit");
    }
    const auto known = std::find(decoded.actions.begin(), decoded.actions.end(), action);
    const auto index = static_cast<std::uint32_t>(known - decoded.actions.begin());
    if (known == decoded.actions.end()) decoded.actions.emplace_back(action);
    routes.push_back({stored.destination, index, std::string(key)});
  }
  if (!cursor.rest().empty()) return damaged("there is something behind its routes");
  return {};
}

Status decode_elements(std::string_view bytes, Block& block) {
  const std::size_t count = bytes.size() / sizeof(StoredElement);
  const std::uint64_t end = block.bytes.size();
  const std::size_t routes = block.routes.size();
  block.elements.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    StoredElement stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    const std::uint64_t stop = std::uint64_t{stored.offset} + stored.payload_size + stored.key_size;
    if (stop > end || stored.route >= routes || stored.key_size > kMaxKeyBytes) {
      return damaged("an element lies outside of it");
    }
    BlockElement& element = block.elements[i];
    element.mapping = stored.mapping;
    element.route = stored.route;
    element.offset = stored.offset;
    element.payload_size = stored.payload_size;
    element.key_size = stored.key_size;
    element.key_hash = coalesce_hash(block.coalesce_key(element));
  }
  return {};
}

}  // namespace

void encode_block(const Block& block, const Catalog& catalog,
                  std::span<const std::uint32_t> mapping_ids,
                  std::span<const std::uint32_t> destination_ids, std::string& out) {
  std::string routes;
  for (const Route& route : block.routes) {
    const std::string& action = catalog.destinations[route.destination].actions[route.action];
    append(routes, StoredRoute{destination_ids[route.destination],
                               static_cast<std::uint32_t>(action.size()),
                               static_cast<std::uint32_t>(route.batch_key.size())});
    routes += action;
    routes += route.batch_key;
  }
  const std::size_t elements_size = block.elements.size() * sizeof(StoredElement);
  out.resize(sizeof(Header) + elements_size);
  char* place = out.data() + sizeof(Header);
  for (const BlockElement& element : block.elements) {
    const StoredElement stored{mapping_ids[element.mapping], element.route, element.offset,
                               element.payload_size, element.key_size};
    std::memcpy(place, &stored, sizeof stored);
    place += sizeof stored;
  }
  out += routes;
  out += block.bytes;
  Header header{kMagic,
                kFormatVersion,
                0,
                block.sequence,
                block.begin.offset,
                block.end.offset,
                static_cast<std::uint32_t>(block.elements.size()),
                static_cast<std::uint32_t>(block.routes.size()),
                static_cast<std::uint32_t>(routes.size()),
                static_cast<std::uint32_t>(block.bytes.size())};
  std::memcpy(out.data(), &header, sizeof header);
  header.checksum = checksum_of(out);
  std::memcpy(out.data(), &header, sizeof header);
}

Result<DecodedBlock> decode_block(std::string_view bytes) {
  Cursor cursor(bytes);
  Header header{};
  if (!cursor.take(header)) return damaged("it is shorter than its header");
  if (header.magic != kMagic) return damaged("it does not begin as a block does");
  if (header.format_version != kFormatVersion) {
    return damaged("its format has a version that this Penstock does not know");
  }
  if (checksum_of(bytes) != header.checksum) return damaged("its checksum is wrong");
  const std::uint64_t elements_size = std::uint64_t{header.elements} * sizeof(StoredElement);
  std::string_view elements;
  std::string_view routes;
  if (!cursor.take(elements_size, elements) || !cursor.take(header.routes_size, routes) ||
      cursor.rest().size() != header.bytes_size) {
    return damaged("its sizes do not add up");
  }
  DecodedBlock decoded;
  decoded.block = std::make_shared<Block>();
  Block& block = *decoded.block;
  block.sequence = header.sequence;
  block.begin.offset = header.begin;
  block.end.offset = header.end;
  block.bytes = cursor.rest();
  RETURN_IF_ERROR(decode_routes(routes, header.routes, decoded));
  RETURN_IF_ERROR(decode_elements(elements, block));
  return decoded;
}

BlockSummary summarize(const Block& block, const Catalog& catalog,
                       std::span<const std::uint32_t> mapping_ids,
                       std::span<const std::uint32_t> destination_ids) {
  std::vector<std::uint32_t> elements(mapping_ids.size(), 0);
  for (const BlockElement& element : block.elements) ++elements[element.mapping];
  BlockSummary summary;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] > 0) summary.counts.push_back({mapping_ids[i], elements[i]});
  }
  std::sort(summary.counts.begin(), summary.counts.end(),
            [](const auto& a, const auto& b) { return a.mapping < b.mapping; });
  for (const Route& route : block.routes) {
    std::pair<std::uint32_t, std::string> action{
        destination_ids[route.destination],
        catalog.destinations[route.destination].actions[route.action]};
    if (std::find(summary.actions.begin(), summary.actions.end(), action) ==
        summary.actions.end()) {
      summary.actions.push_back(std::move(action));
    }
  }
  return summary;
}

std::string encode_counts(const std::vector<BlockSummary::Count>& counts) {
  std::string bytes;
  for (const BlockSummary::Count& count : counts) {
    append(bytes, count.mapping);
    append(bytes, count.elements);
  }
  return bytes;
}

Result<std::vector<BlockSummary::Count>> decode_counts(std::string_view bytes) {
  std::vector<BlockSummary::Count> counts;
  Cursor cursor(bytes);
  while (!cursor.rest().empty()) {
    BlockSummary::Count count;
    if (!cursor.take(count.mapping) || !cursor.take(count.elements)) {
      return damaged("its counts by mapping are cut off");
    }
    counts.push_back(count);
  }
  return counts;
}

std::string encode_actions(const std::vector<std::pair<std::uint32_t, std::string>>& actions) {
  std::string bytes;
  for (const auto& [destination, action] : actions) {
    append(bytes, destination);
    append(bytes, static_cast<std::uint32_t>(action.size()));
    bytes += action;
  }
  return bytes;
}

Result<std::vector<std::pair<std::uint32_t, std::string>>> decode_actions(std::string_view bytes) {
  std::vector<std::pair<std::uint32_t, std::string>> actions;
  Cursor cursor(bytes);
  while (!cursor.rest().empty()) {
    std::uint32_t destination = 0;
    std::uint32_t size = 0;
    std::string_view action;
    if (!cursor.take(destination) || !cursor.take(size) || !cursor.take(size, action)) {
      return damaged("its actions are cut off");
    }
    actions.emplace_back(destination, action);
  }
  return actions;
}

}  // namespace penstock::store
