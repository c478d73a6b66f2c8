// Whether a commit can be true: its indexes exist, and its counts fit its blocks.
#pragma once

#include "model/catalog.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "store/names.hpp"
#include "store/pending.hpp"
#include "store/store.hpp"

namespace penstock::store {

// internal: something in it belongs to a mapping, destination, action or route that does not exist.
[[nodiscard]] Status check_indexes(const Commit& commit, const Catalog& catalog);

// internal with the numbers: with `added` the counts would leave another number of records pending
// than are stored.
[[nodiscard]] Status check_counts(const Tally& totals, const Tally& added, const CountsById& stored,
                                  const Names& names);

}  // namespace penstock::store
