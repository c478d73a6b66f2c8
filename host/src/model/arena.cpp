#include "model/arena.hpp"

#include <algorithm>

namespace penstock {

void* Arena::allocate_in_next_block(std::size_t size) {
  // Kept blocks that are too small for this request stay behind the new one and serve later
  // requests.
  const bool fits = used_blocks_ < blocks_.size() && blocks_[used_blocks_].size >= size;
  if (!fits) {
    const std::size_t bytes = std::max(size, blocks_.empty() ? kFirstBlockBytes : kBlockBytes);
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(used_blocks_),
                   Block{std::unique_ptr<std::byte[]>(new std::byte[bytes]), bytes});
  }
  const Block& block = blocks_[used_blocks_++];
  // A block begins where operator new put it, which suits every alignment that allocate() allows.
  const auto start = reinterpret_cast<std::uintptr_t>(block.bytes.get());
  next_ = start + size;
  end_ = start + block.size;
  return block.bytes.get();
}

std::string_view Arena::copy(std::string_view text) {
  char* bytes = allocate_array<char>(text.size());
  if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

void Arena::reset() {
  std::size_t kept = 0;
  std::erase_if(blocks_, [&kept](const Block& block) {
    if (kept + block.size > kRetainedBytes) return true;
    kept += block.size;
    return false;
  });
  used_blocks_ = 0;
  next_ = 0;
  end_ = 0;
}

}  // namespace penstock
