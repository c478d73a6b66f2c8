// Any bytes as a stored block: decoding gives damage or a block whose elements lie inside of it.
// The first byte says whether the checksum is made right, so that what lies behind it is reached.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "store/block_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace penstock;
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  constexpr std::size_t kChecksum = 8;
  constexpr std::size_t kChecked = 16;
  if ((data[0] & 1) != 0 && bytes.size() > kChecked) {
    const std::uint64_t checksum = XXH3_64bits(bytes.data() + kChecked, bytes.size() - kChecked);
    std::memcpy(bytes.data() + kChecksum, &checksum, sizeof checksum);
  }
  static_cast<void>(store::decode_counts(bytes));
  static_cast<void>(store::decode_actions(bytes));
  static_cast<void>(store::salvage_block(bytes));
  const auto decoded = store::decode_block(bytes);
  if (!decoded.ok()) {
    if (decoded.status().code() != StatusCode::damaged) std::abort();
    return 0;
  }
  const Block& block = *decoded->block;
  // As today's form, with one bit flipped: what is saved of it is what was there.
  std::string stored = store::encode_decoded(*decoded);
  if (!store::decode_block(stored).ok()) std::abort();
  const std::size_t place = bytes.size() * 31 % stored.size();
  stored[place] = static_cast<char>(stored[place] ^ (1 << (data[0] >> 5)));
  const auto salvaged = store::salvage_block(stored);
  if (!salvaged.ok()) std::abort();
  for (std::size_t i = 0; i < salvaged->kept.size(); ++i) {
    const Block& left = *salvaged->decoded.block;
    if (left.payload(left.elements[i]) != block.payload(block.elements[salvaged->kept[i]]))
      std::abort();
  }
  std::size_t seen = 0;
  for (const BlockElement& element : block.elements) {
    if (element.key_hash != coalesce_hash(block.coalesce_key(element))) std::abort();
    for (const char c : block.payload(element)) seen += static_cast<unsigned char>(c);
    if (element.route >= block.routes.size()) std::abort();
    if (block.routes[element.route].action >= decoded->actions.size()) std::abort();
  }
  return seen == SIZE_MAX ? 1 : 0;
}
