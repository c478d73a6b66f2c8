// Arena: memory for what lives as long as one event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penstock {

// Hands out memory by moving a pointer; reset() takes all of it back at once and keeps the blocks
// for the next event. Holds only trivially destructible things. One thread.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `alignment` is a power of two, at most that of operator new. Never null, not even for no bytes.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) {
    const std::uintptr_t start = (next_ + alignment - 1) & ~(alignment - 1);
    if (next_ == 0 || start > end_ || size > end_ - start) return allocate_in_next_block(size);
    next_ = start + size;
    // Computed as a number, because a pointer past the end of its block must not be compared.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<void*>(start);
  }
  template <typename T>
  [[nodiscard]] T* allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
  }
  // A copy that lives until reset().
  [[nodiscard]] std::string_view copy(std::string_view text);
  // Everything handed out so far becomes invalid. Memory beyond kRetainedBytes goes back to the
  // system.
  void reset();

  // A compiled mapping needs a few hundred bytes, and there may be thousands of them; an event's
  // worker soon needs more.
  static constexpr std::size_t kFirstBlockBytes = 256;
  static constexpr std::size_t kBlockBytes = 16 * 1024;
  static constexpr std::size_t kRetainedBytes =
      256 * 1024;  // per worker; keeps one odd event from holding memory for ever

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
  };
  void* allocate_in_next_block(std::size_t size);

  std::vector<Block> blocks_;
  std::size_t used_blocks_ =
      0;                     // how many of them hold something; the last of these is the one in use
  std::uintptr_t next_ = 0;  // first free byte of the block in use; 0 when there is none
  std::uintptr_t end_ = 0;   // one past its last byte
};

}  // namespace penstock
