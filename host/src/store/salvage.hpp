// Salvage: takes what can still be read out of a damaged database and puts it into a sound one.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/status.hpp"
#include "services/sqlite.hpp"
#include "store/block_codec.hpp"
#include "store/pending.hpp"

namespace penstock::store {

// What is said about what was found and done, in sentences.
using Actions = std::vector<std::string>;

// Copies the rows of a table that has an integer key: forwards until it is damaged, backwards
// likewise, and then each key between. False: some could not be read, as reported in `actions`; a
// Status is a failure to write.
[[nodiscard]] Result<bool> copy_table(services::Database& from, services::Database& to,
                                      const std::string& table, const std::string& key,
                                      Actions& actions);

struct CopiedBlocks {
  CountsById pending;
  CountsById outcome_unknown;  // of those: whether they were settled could not be read
  CountsById letters_revived;  // of those: a dead letter was kept of them, and is gone
  // Records of blocks that are lost: those that were pending, and those of which that is not known.
  CountsById lost;
  CountsById possibly_lost;
  // False: there may have been blocks of which nothing at all could be read.
  bool all_known = true;
  bool all_named = true;  // false: of a mapping the name was lost, and one was made up
};
// Copies the blocks whose data is sound, and of others the elements that are, with what is settled
// of them where that can be read (an element is rather sent twice than never), and lists them anew.
// The dead letters must have been copied.
[[nodiscard]] Result<CopiedBlocks> copy_blocks(services::Database& from, services::Database& to,
                                               std::int64_t now_ms, Actions& actions);

}  // namespace penstock::store
