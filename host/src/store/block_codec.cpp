#include "store/block_codec.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>

#include "store/bytes.hpp"

namespace penstock::store {

namespace {

// Written as they are in memory: a database does not move between machines of other byte order.
static_assert(std::endian::native == std::endian::little);

constexpr std::uint32_t kMagic = 0x4B4C4250;  // "PBLK"
// Version 1: header, elements, routes, bytes, and one checksum over all of it.
// Version 2: header, routes, a checksum a group, elements, bytes, and once more routes and header.
constexpr std::uint32_t kOneChecksum = 1;
constexpr std::uint32_t kFormatVersion = 2;

struct Header {
  std::uint32_t magic;
  std::uint32_t format_version;
  std::uint64_t checksum;  // XXH3 of what follows this member: of version 2 header and routes only
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

StoredElement element_at(std::string_view elements, std::size_t index) {
  StoredElement stored;
  std::memcpy(&stored, elements.data() + index * sizeof stored, sizeof stored);
  return stored;
}

std::uint64_t end_of(const StoredElement& stored) {
  return std::uint64_t{stored.offset} + stored.payload_size + stored.key_size;
}

std::size_t groups_of(std::size_t elements) {
  return (elements + kGroupElements - 1) / kGroupElements;
}

// Of the entries of a group's elements and of the bytes from its first to its last one. Nothing
// where they lie outside of `bytes`.
std::optional<std::uint64_t> checksum_of_group(std::string_view elements, std::string_view bytes,
                                               std::size_t group) {
  const std::size_t first = group * kGroupElements;
  const std::size_t count =
      std::min(kGroupElements, elements.size() / sizeof(StoredElement) - first);
  std::uint64_t begin = bytes.size();
  std::uint64_t end = 0;
  for (std::size_t i = first; i < first + count; ++i) {
    const StoredElement stored = element_at(elements, i);
    begin = std::min<std::uint64_t>(begin, stored.offset);
    end = std::max(end, end_of(stored));
  }
  if (begin > end || end > bytes.size()) return std::nullopt;
  const std::uint64_t entries =
      XXH3_64bits(elements.data() + first * sizeof(StoredElement), count * sizeof(StoredElement));
  return XXH3_64bits_withSeed(bytes.data() + begin, end - begin, entries);
}

Status decode_elements(std::string_view bytes, Block& block) {
  const std::size_t count = bytes.size() / sizeof(StoredElement);
  const std::uint64_t end = block.bytes.size();
  const std::size_t routes = block.routes.size();
  block.elements.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const StoredElement stored = element_at(bytes, i);
    if (end_of(stored) > end || stored.route >= routes || stored.key_size > kMaxKeyBytes) {
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

// The parts of a block of version 2. Views into it.
struct Parts {
  Header header{};
  std::string_view routes;
  std::string_view sums;
  std::string_view elements;
  std::string_view bytes;

  [[nodiscard]] bool sound(std::size_t group) const {
    const std::optional<std::uint64_t> found = checksum_of_group(elements, bytes, group);
    std::uint64_t sum = 0;
    std::memcpy(&sum, sums.data() + group * sizeof sum, sizeof sum);
    return found && *found == sum;
  }
};

// Header and routes, as they are in front and, the other way round, at the end.
bool sound_head(const Header& header, std::string_view routes) {
  std::string checked(sizeof header, '\0');
  std::memcpy(checked.data(), &header, sizeof header);
  checked += routes;
  return header.magic == kMagic && header.format_version == kFormatVersion &&
         checksum_of(checked) == header.checksum;
}

// Takes the copy at the end where that in front is damaged.
std::optional<Header> sound_header(std::string_view bytes, std::string_view& routes) {
  Cursor front(bytes);
  Header header{};
  if (front.take(header) && front.take(header.routes_size, routes) && sound_head(header, routes))
    return header;
  if (bytes.size() < sizeof header) return std::nullopt;
  const std::string_view before = bytes.substr(0, bytes.size() - sizeof header);
  std::memcpy(&header, bytes.data() + before.size(), sizeof header);
  if (before.size() < header.routes_size) return std::nullopt;
  routes = before.substr(before.size() - header.routes_size);
  return sound_head(header, routes) ? std::optional(header) : std::nullopt;
}

std::size_t size_of(const Header& header) {
  return 2 * (sizeof header + std::size_t{header.routes_size}) +
         groups_of(header.elements) * sizeof(std::uint64_t) +
         header.elements * sizeof(StoredElement) + std::size_t{header.bytes_size};
}

// Of a block that may be cut off: what is not there is empty or short.
Parts parts_of(std::string_view bytes, const Header& header, std::string_view routes) {
  const auto part = [&bytes](std::size_t begin, std::size_t size) {
    return bytes.substr(std::min(begin, bytes.size()), size);
  };
  Parts parts{header, routes, {}, {}, {}};
  std::size_t place = sizeof header + header.routes_size;
  parts.sums = part(place, groups_of(header.elements) * sizeof(std::uint64_t));
  place += groups_of(header.elements) * sizeof(std::uint64_t);
  parts.elements = part(place, header.elements * sizeof(StoredElement));
  place += header.elements * sizeof(StoredElement);
  parts.bytes = part(place, header.bytes_size);
  return parts;
}

void append_element(Block& block, const StoredElement& stored, std::string_view bytes) {
  BlockElement element;
  element.mapping = stored.mapping;
  element.route = stored.route;
  element.offset = static_cast<std::uint32_t>(block.bytes.size());
  element.payload_size = stored.payload_size;
  element.key_size = stored.key_size;
  block.bytes += bytes.substr(stored.offset, stored.payload_size + stored.key_size);
  element.key_hash = coalesce_hash(block.coalesce_key(element));
  block.elements.push_back(element);
}

// `mapping_ids`: by mapping of the block; empty: they are ids already.
void encode(const Block& block, const std::string& routes,
            std::span<const std::uint32_t> mapping_ids, std::string& out) {
  const std::size_t elements_size = block.elements.size() * sizeof(StoredElement);
  const std::size_t sums_size = groups_of(block.elements.size()) * sizeof(std::uint64_t);
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
  out.clear();
  out.reserve(size_of(header));
  append(out, header);
  out += routes;
  header.checksum = checksum_of(out);
  std::memcpy(out.data(), &header, sizeof header);
  const std::size_t sums_place = out.size();
  out.resize(sums_place + sums_size + elements_size);
  char* place = out.data() + sums_place + sums_size;
  for (const BlockElement& element : block.elements) {
    const std::uint32_t mapping =
        mapping_ids.empty() ? element.mapping : mapping_ids[element.mapping];
    const StoredElement stored{mapping, element.route, element.offset, element.payload_size,
                               element.key_size};
    std::memcpy(place, &stored, sizeof stored);
    place += sizeof stored;
  }
  out += block.bytes;
  const std::string_view elements =
      std::string_view(out).substr(sums_place + sums_size, elements_size);
  for (std::size_t group = 0; group < groups_of(block.elements.size()); ++group) {
    const std::uint64_t sum = checksum_of_group(elements, block.bytes, group).value_or(0);
    std::memcpy(out.data() + sums_place + group * sizeof sum, &sum, sizeof sum);
  }
  out += routes;
  append(out, header);
}

void append_route(std::string& out, std::uint32_t destination, const std::string& action,
                  const std::string& batch_key) {
  append(out, StoredRoute{destination, static_cast<std::uint32_t>(action.size()),
                          static_cast<std::uint32_t>(batch_key.size())});
  out += action;
  out += batch_key;
}

DecodedBlock block_of(const Header& header) {
  DecodedBlock decoded;
  decoded.block = std::make_shared<Block>();
  decoded.block->sequence = header.sequence;
  decoded.block->begin.offset = header.begin;
  decoded.block->end.offset = header.end;
  return decoded;
}

Result<DecodedBlock> decode_with_one_checksum(std::string_view bytes, const Header& header) {
  if (checksum_of(bytes) != header.checksum) return damaged("its checksum is wrong");
  Cursor cursor(bytes.substr(sizeof header));
  std::string_view elements;
  std::string_view routes;
  if (!cursor.take(header.elements * sizeof(StoredElement), elements) ||
      !cursor.take(header.routes_size, routes) || cursor.rest().size() != header.bytes_size) {
    return damaged("its sizes do not add up");
  }
  DecodedBlock decoded = block_of(header);
  decoded.block->bytes = cursor.rest();
  RETURN_IF_ERROR(decode_routes(routes, header.routes, decoded));
  RETURN_IF_ERROR(decode_elements(elements, *decoded.block));
  return decoded;
}

}  // namespace

void encode_block(const Block& block, const Catalog& catalog,
                  std::span<const std::uint32_t> mapping_ids,
                  std::span<const std::uint32_t> destination_ids, std::string& out) {
  std::string routes;
  for (const Route& route : block.routes) {
    append_route(routes, destination_ids[route.destination],
                 catalog.destinations[route.destination].actions[route.action], route.batch_key);
  }
  encode(block, routes, mapping_ids, out);
}

std::string encode_decoded(const DecodedBlock& decoded) {
  std::string routes;
  for (const Route& route : decoded.block->routes) {
    append_route(routes, route.destination, decoded.actions[route.action], route.batch_key);
  }
  std::string out;
  encode(*decoded.block, routes, {}, out);
  return out;
}

Result<DecodedBlock> decode_block(std::string_view bytes) {
  Header header{};
  if (!Cursor(bytes).take(header)) return damaged("it is shorter than its header");
  if (header.magic != kMagic) return damaged("it does not begin as a block does");
  if (header.format_version == kOneChecksum) return decode_with_one_checksum(bytes, header);
  if (header.format_version != kFormatVersion) {
    return damaged("its format has a version that this Penstock does not know");
  }
  if (bytes.size() != size_of(header)) return damaged("its sizes do not add up");
  const Parts parts = parts_of(bytes, header, bytes.substr(sizeof header, header.routes_size));
  const std::size_t tail = bytes.size() - sizeof header;
  if (!sound_head(header, parts.routes) || bytes.substr(tail) != bytes.substr(0, sizeof header) ||
      bytes.substr(tail - header.routes_size, header.routes_size) != parts.routes) {
    return damaged("its checksum is wrong");
  }
  for (std::size_t group = 0; group < groups_of(header.elements); ++group) {
    if (!parts.sound(group)) return damaged("its checksum is wrong");
  }
  DecodedBlock decoded = block_of(header);
  decoded.block->bytes = parts.bytes;
  RETURN_IF_ERROR(decode_routes(parts.routes, header.routes, decoded));
  RETURN_IF_ERROR(decode_elements(parts.elements, *decoded.block));
  return decoded;
}

Result<SalvagedBlock> salvage_block(std::string_view bytes) {
  std::string_view routes;
  const std::optional<Header> header = sound_header(bytes, routes);
  if (!header) return damaged("nothing of it can be told apart");
  const Parts parts = parts_of(bytes, *header, routes);
  SalvagedBlock salvaged;
  salvaged.elements = header->elements;
  salvaged.decoded = block_of(*header);
  RETURN_IF_ERROR(decode_routes(routes, header->routes, salvaged.decoded));
  Block& block = *salvaged.decoded.block;
  for (std::size_t group = 0; group * sizeof(std::uint64_t) < parts.sums.size(); ++group) {
    const std::size_t first = group * kGroupElements;
    const std::size_t end = std::min<std::size_t>(header->elements, first + kGroupElements);
    // What is not there as a whole is cut off.
    if ((group + 1) * sizeof(std::uint64_t) > parts.sums.size() ||
        end * sizeof(StoredElement) > parts.elements.size()) {
      break;
    }
    const std::string_view until = parts.elements.substr(0, end * sizeof(StoredElement));
    if (!Parts{parts.header, routes, parts.sums, until, parts.bytes}.sound(group)) continue;
    for (std::size_t i = first; i < end; ++i) {
      const StoredElement stored = element_at(parts.elements, i);
      if (stored.route >= block.routes.size() || stored.key_size > kMaxKeyBytes ||
          block.bytes.size() + stored.payload_size + stored.key_size > parts.bytes.size()) {
        continue;
      }
      append_element(block, stored, parts.bytes);
      salvaged.kept.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return salvaged;
}

}  // namespace penstock::store
