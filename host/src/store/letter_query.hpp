// Dead letters as people ask for them: by filter, in short transactions, so that neither memory
// nor the writer's log grows with their number.
#pragma once

#include <cstdint>
#include <functional>

#include "model/status.hpp"
#include "services/sqlite.hpp"
#include "store/reader.hpp"

namespace penstock::store {

[[nodiscard]] Status each_dead_letter(services::Database& database, const DeadLetterFilter& filter,
                                      const std::function<bool(const StoredDeadLetter&)>& each);

struct MarkedLetters {
  std::uint64_t marked = 0;  // those that were marked before included
  std::uint64_t overtaken = 0;
  std::uint64_t not_replayable = 0;
};
[[nodiscard]] Result<MarkedLetters> mark_for_replay(services::Database& database,
                                                    const DeadLetterFilter& filter);
[[nodiscard]] Result<std::uint64_t> discard_letters(services::Database& database,
                                                    const DeadLetterFilter& filter,
                                                    bool marked_too);

}  // namespace penstock::store
