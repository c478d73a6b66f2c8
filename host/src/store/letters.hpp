// Letters: the dead letters that are kept, bounded by size and age, and those that await a replay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/dead_letter.hpp"
#include "model/status.hpp"
#include "model/tally.hpp"
#include "services/sqlite.hpp"
#include "store/counts.hpp"
#include "store/names.hpp"
#include "store/store.hpp"

namespace penstock::store {

class Letters {
 public:
  [[nodiscard]] static Result<Letters> prepare(services::Database& database,
                                               const Store::Options& options, const Names& names);

  // All but requested() and each_replayable() inside a transaction.
  [[nodiscard]] Status add(const std::vector<DeadLetter>& letters, const Names& names,
                           const Moment& now);
  // Drops the oldest, except those that this run is asked to replay: those that are too old, and as
  // many as it takes to stay within the size. Looks at ages once a minute at most.
  [[nodiscard]] Status enforce_limits(std::int64_t state_ms);
  // Takes replayed ones out: from what is kept, from the counts of reasons, and into `counts`.
  [[nodiscard]] Status take_out(const std::vector<std::int64_t>& ids, const Names& names,
                                Counts& stored, Tally& counts);
  // Letters of these keys are not replayed any more.
  [[nodiscard]] Status overtake(const std::vector<ElementKey>& keys, const Names& names);
  [[nodiscard]] Result<Replay> requested(std::size_t max_bytes, std::uint64_t taken_until,
                                         const Names& names);
  [[nodiscard]] Status each_replayable(const Names& names,
                                       const std::function<void(ElementKey)>& each);

 private:
  explicit Letters(const Store::Options& options) : options_(options) {}
  [[nodiscard]] Status drop_while(bool by_age, std::int64_t limit);

  Store::Options options_;
  services::Statement insert_;
  services::Statement select_;
  services::Statement delete_;
  services::Statement oldest_;
  services::Statement requested_;
  services::Statement overtake_;
  services::Statement replayable_;
  services::Statement added_;
  services::Statement dropped_;
  services::Statement taken_;
  services::Statement kept_bytes_;
  std::int64_t looked_ms_ = 0;  // when ages were looked at
};

}  // namespace penstock::store
