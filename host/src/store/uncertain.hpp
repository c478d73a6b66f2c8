// Uncertain: whose elements a destination may still carry out, although it never answered. Kept so
// that it is known after a crash, too.
#pragma once

#include <cstdint>
#include <vector>

#include "model/settlement.hpp"
#include "model/status.hpp"
#include "services/sqlite.hpp"
#include "store/names.hpp"
#include "store/store.hpp"

namespace penstock::store {

class Uncertain {
 public:
  // Before the writer says in `meta` that it has the database.
  [[nodiscard]] static Result<Uncertain> prepare(services::Database& database);

  // As the last writer left them.
  [[nodiscard]] bool attempts_known() const { return attempts_known_; }
  [[nodiscard]] bool kept_blocks() const { return kept_blocks_; }
  // As Store::uncertain().
  [[nodiscard]] Result<std::vector<UncertainKey>> read(const Names& names, std::int64_t now_ns);

  // Inside a transaction.
  [[nodiscard]] Status add(const Commit& commit, const Names& names, std::int64_t now_ms);

 private:
  explicit Uncertain(services::Database& database) : database_(&database) {}

  services::Database* database_;
  services::Statement upsert_;
  services::Statement prune_;
  bool attempts_known_ = false;
  bool kept_blocks_ = true;
};

}  // namespace penstock::store
