// SharedIdentifiers: notices an identifier that stands for many different people, such as an
// address that a form fills in or the id of a test device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace penstock::mapping {

// What a worker has seen of a run. Knows the users of an identifier by six bits of a hash, and of
// all identifiers the ones that come often: of fixed size, and one look into a table for each.
class SharedIdentifiers {
 public:
  // An identifier is shared from about so many users on; never with fewer. More than people who
  // share a mailbox or a device, and than the accounts of one person.
  static constexpr int kManyUsers = 20;

  // Takes up that the user (a hash of the userId) has the identifier (a hash of it).
  // True when it is shared by many, this one included.
  bool note(std::uint64_t identifier, std::uint64_t user);

 private:
  // 192 KiB a worker: within the second cache of a core, beside what mapping uses.
  static constexpr std::size_t kCells = 8192;
  // How many other identifiers an identifier with several users outlives in its cell.
  static constexpr std::uint32_t kPatience = 64;
  struct Cell {
    std::uint64_t identifier = 0;
    std::uint64_t users = 0;  // a bit for each 64th of all hashes
    std::uint32_t patience = 0;
  };
  using Cells = std::array<Cell, kCells>;
  std::unique_ptr<Cells> cells_;  // null until the first call
};

}  // namespace penstock::mapping
