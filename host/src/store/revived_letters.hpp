// RevivedLetters: dead letters whose elements a repair has put back into the queue.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/block.hpp"
#include "model/status.hpp"
#include "services/sqlite.hpp"
#include "store/pending.hpp"

namespace penstock::store {

// Where it cannot be read what was settled of a block, all of it is pending again. What a dead
// letter is kept of would then be in two places: the letter goes, and counts as replayed.
class RevivedLetters {
 public:
  // `to`: the new database, which has the dead letters already, in a transaction.
  explicit RevivedLetters(services::Database& to) : to_(to) {}

  // Of all elements with a coalesce key; one without a key has nothing to know its letter by. Ids
  // are those of the database; `actions` are by Route::action.
  [[nodiscard]] Status take_back(const Block& block, const std::vector<std::string>& actions);
  // To be called at the end.
  [[nodiscard]] Status finish();
  [[nodiscard]] const CountsById& taken_back() const { return taken_back_; }

 private:
  [[nodiscard]] Status prepare();

  services::Database& to_;
  std::optional<services::Statement> find_;
  std::optional<services::Statement> remove_;
  std::optional<services::Statement> take_reason_;
  CountsById taken_back_;
};

}  // namespace penstock::store
