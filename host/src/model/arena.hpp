// Arena: memory for what lives as long as one event.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock {

// Hands out memory by moving a pointer; reset() takes all of it back at once and keeps the blocks for the next event.
// Holds only trivially destructible things. One thread.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment);
  template <typename T>
  [[nodiscard]] T* allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
  }
  // A copy that lives until reset().
  [[nodiscard]] std::string_view copy(std::string_view text);
  // Everything handed out so far becomes invalid. Memory beyond kRetainedBytes goes back to the system.
  void reset();

  static constexpr std::size_t kBlockBytes = 16 * 1024;
  static constexpr std::size_t kRetainedBytes = 256 * 1024;  // per worker; keeps one odd event from holding memory for ever

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0;   // index of the block in use
  std::size_t offset_ = 0;  // first free byte in it
};

}  // namespace penstock
