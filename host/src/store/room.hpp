// Room: the writer's share of a volume that may become full. It keeps a reserve, and sees to it
// that what is delivered can be noted, which frees pages of the database, when nothing else can be
// stored any more.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "model/status.hpp"
#include "services/clock.hpp"
#include "services/sqlite.hpp"
#include "services/state_reserve.hpp"

namespace penstock::store {

class Room {
 public:
  // The reserve is given up, for what opens and for what this is called before. Both references
  // must outlive it.
  Room(services::Database& database, services::StateReserve reserve, const services::Clock& clock)
      : database_(database), reserve_(std::move(reserve)), clock_(clock) {}

  // [may-block] To be called before the first transaction: takes the reserve again, and says so
  // when there is no room for it.
  [[nodiscard]] Status open();

  // [may-block] Within a transaction, before it is committed. io, and lacking(), when it must not
  // be.
  [[nodiscard]] Status before_commit(bool has_blocks);
  // [may-block] After it, with how it ended.
  void after_commit(const Status& status);

  // [may-block] Before the database is closed, with nothing left to be stored: takes the reserve if
  // there is room for it now, for the next start.
  void close();

  // Whether the last transaction was refused because the volume is full.
  [[nodiscard]] bool lacking() const { return lacking_; }

 private:
  [[nodiscard]] std::string free_room() const;
  void use_log_again();

  services::Database& database_;
  services::StateReserve reserve_;
  const services::Clock& clock_;
  std::int64_t next_try_ns_ = 0;  // when to try to take the reserve again
  std::int64_t pages_ = 0;        // that the last transaction left
  std::int64_t pages_then_ = 0;   // that the one which is under way will leave
  bool file_has_room_ = false;    // for `pages_`, as far as known
  bool lacking_ = false;
};

}  // namespace penstock::store
