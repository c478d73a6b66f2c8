#include "store/room.hpp"

#include "services/log.hpp"
#include "services/volume.hpp"

namespace penstock::store {

using services::LogLevel;
using services::StateReserve;

namespace {

// How often it is tried to take the reserve again.
constexpr std::int64_t kTryIntervalNs = 10'000'000'000;

std::string in_mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes / (1024 * 1024)) + " MiB";
}

}  // namespace

Status Room::open() {
  ASSIGN_OR_RETURN(pages_, database_.ask_integer("PRAGMA page_count"));
  next_try_ns_ = clock_.monotonic_ns() + kTryIntervalNs;
  if (reserve_.make()) return {};
  const auto volume = services::Volume::of(database_.path());
  if (volume && volume->free_bytes >= StateReserve::kBytesToMake) {
    services::log(
        LogLevel::warning, "state",
        "no reserve of " + in_mebibytes(StateReserve::kBytes) + " can be made beside " +
            database_.path() + ", although its volume has room" + free_room() +
            ". Is a quota used up? Then what is delivered can soon not be noted any more");
    return {};
  }
  services::log(LogLevel::warning, "state",
                "the volume of " + database_.path() + " is nearly full" + free_room() +
                    ". What waits is delivered; what is read has to fit into the room that "
                    "deliveries make within that file. Make room: at least " +
                    in_mebibytes(StateReserve::kBytesToMake) + " should be free");
  return {};
}

// Room in the file for what the log holds, so that the log can be taken over however full the
// volume is by then. Without a reserve, blocks have to fit into what is free in the file, or leave
// room for noting their delivery.
Status Room::before_commit(bool has_blocks) {
  ASSIGN_OR_RETURN(pages_then_, database_.ask_integer("PRAGMA page_count"));
  const bool grows = pages_then_ > pages_;
  if (!grows && file_has_room_) return {};
  if (grows && has_blocks && !reserve_.held()) {
    const auto volume = services::Volume::of(database_.path());
    if (volume && volume->free_bytes < StateReserve::kBytes)
      return database_.out_of_room("what is left is kept for noting what is delivered.");
  }
  return database_.allocate(static_cast<std::uint64_t>(pages_then_));
}

void Room::after_commit(const Status& status) {
  lacking_ = !status.ok() && status.code() == StatusCode::io && database_.has_no_room();
  file_has_room_ = status.ok();
  if (status.ok()) pages_ = pages_then_;
  if (lacking_ && reserve_.give_up()) {
    next_try_ns_ = clock_.monotonic_ns() + kTryIntervalNs;
    services::log(LogLevel::warning, "state",
                  "the volume of " + database_.path() + " is full: the reserve of " +
                      in_mebibytes(StateReserve::kBytes) +
                      " is given up, so that what is delivered can still be noted");
  }
  if (reserve_.held()) return;
  use_log_again();
  if (!status.ok() || clock_.monotonic_ns() < next_try_ns_) return;
  next_try_ns_ = clock_.monotonic_ns() + kTryIntervalNs;
  if (!reserve_.make()) return;
  services::log(LogLevel::info, "state",
                "the volume of " + database_.path() + " has room again" + free_room());
}

void Room::close() {
  if (reserve_.held()) return;
  const auto busy = database_.ask_integer("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!busy.ok()) services::log(LogLevel::debug, "state", busy.status().message());
  reserve_.make_smaller();
}

// Without a reserve the log must not grow. What is in it has its place in the file, so taking it
// over needs no room.
void Room::use_log_again() {
  const auto busy = database_.ask_integer("PRAGMA wal_checkpoint(PASSIVE)");
  // What stands against it stands against the next transaction, too, which says so.
  if (!busy.ok()) services::log(LogLevel::debug, "state", busy.status().message());
}

// " (0.1 MiB of 16.0 MiB are free)", or nothing.
std::string Room::free_room() const {
  const auto volume = services::Volume::of(database_.path());
  return volume ? " (" + volume->words() + ")" : "";
}

}  // namespace penstock::store
