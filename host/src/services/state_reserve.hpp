// StateReserve: a file in the state directory that only takes room, to be given up when the volume
// is full. To delete what was delivered, a database has to write first; without a reserve a full
// volume could never be freed from within.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::services {

// One thread at a time; only by who holds the StateLock of the directory.
class StateReserve {
 public:
  static constexpr char kFile[] = "reserve";
  // Some transactions that note deliveries (a few pages of 16 KiB each) until the log is taken over
  // and used again, the index of two logs (32 KiB each), and what plugins and logins remember.
  static constexpr std::uint64_t kBytes = 4ULL * 1024 * 1024;
  // What has to be free before it is made: as much again, so that the room that it takes is not
  // missed at once.
  static constexpr std::uint64_t kBytesToMake = 2 * kBytes;

  explicit StateReserve(const std::string& state_dir) : path_(state_dir + "/" + kFile) {}

  [[nodiscard]] bool held() const { return held_; }
  // [may-block] Makes it anew if there is room for it. Returns whether it is there.
  bool make();
  // [may-block] Likewise of what is left, at least a quarter of it: for who closes.
  bool make_smaller();
  // [may-block] Removes it, whoever made it. False: there was none.
  bool give_up();

 private:
  bool make(std::uint64_t bytes);

  const std::string path_;
  bool held_ = false;
};

}  // namespace penstock::services
