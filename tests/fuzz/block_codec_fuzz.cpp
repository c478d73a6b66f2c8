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
  const auto decoded = store::decode_block(bytes);
  if (!decoded.ok()) {
    if (decoded.status().code() != StatusCode::damaged) std::abort();
    return 0;
  }
  const Block& block = *decoded->block;
  std::size_t seen = 0;
  for (const BlockElement& element : block.elements) {
    if (element.key_hash != coalesce_hash(block.coalesce_key(element))) std::abort();
    for (const char c : block.payload(element)) seen += static_cast<unsigned char>(c);
    if (element.route >= block.routes.size()) std::abort();
    if (block.routes[element.route].action >= decoded->actions.size()) std::abort();
  }
  return seen == SIZE_MAX ? 1 : 0;
}
