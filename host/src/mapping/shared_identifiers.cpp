#include "mapping/shared_identifiers.hpp"

#include <bit>

namespace penstock::mapping {

bool SharedIdentifiers::note(std::uint64_t identifier, std::uint64_t user) {
  if (cells_ == nullptr) cells_ = std::make_unique<Cells>();
  Cell& cell = (*cells_)[identifier % kCells];
  if (cell.identifier != identifier) {
    // What comes again with other users is worth more than what came once.
    const bool has_several = (cell.users & (cell.users - 1)) != 0;
    if (has_several && --cell.patience > 0) return false;
    cell.identifier = identifier;
    cell.users = 0;
  }
  constexpr int kShift = 64 - 6;
  cell.users |= std::uint64_t{1} << (user >> kShift);
  cell.patience = kPatience;
  return std::popcount(cell.users) > kManyUsers;
}

}  // namespace penstock::mapping
