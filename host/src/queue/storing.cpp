// The queue's own thread, which stores what has gathered.
#include <algorithm>
#include <unordered_set>

#include "queue/queue.hpp"
#include "services/log.hpp"

namespace penstock::queue {

using std::chrono::steady_clock;

bool Queue::nothing_gathered() const {
  return gathered_.commit.empty() && building_.elements.empty();
}

// To be called before something is added to what has gathered.
void Queue::gather() {
  if (nothing_gathered()) gathered_.since = steady_clock::now();
}

void Queue::work() {
  std::unique_lock lock(mutex_);
  while (failure_.ok()) {
    const bool nothing = nothing_gathered();
    // What the disk refused must not be passed over by what came after it: a position would be
    // stored without its blocks.
    if (ending_ && (nothing || !storing_.commit.empty() || !outcomes_.empty())) return;
    const steady_clock::time_point now = steady_clock::now();
    const bool due =
        !nothing &&
        (flushing_ || ending_ || gathered_.bytes + building_.bytes.size() >= kBlockBytes ||
         gathered_.settled >= kUnstoredSettlements || now >= gathered_.since + kGatherTime);
    if (due) {
      store_gathered(lock);
    } else if (now >= next_replay_ && !closed_) {
      take_replays(lock);
    } else if (now >= next_verify_) {
      verify(lock);
    } else {
      // A closed queue takes no replays; looking once an interval costs nothing.
      const auto quiet = std::min(closed_ ? now + kReplayInterval : next_replay_, next_verify_);
      work_.wait_until(lock, nothing ? quiet : std::min(quiet, gathered_.since + kGatherTime));
    }
  }
  room_.notify_all();
}

void Queue::store_gathered(std::unique_lock<std::mutex>& lock) {
  seal();
  const bool was_behind = gathered_.settled >= kUnstoredSettlements;
  storing_ = std::move(gathered_);
  gathered_ = {};
  forget_unstored_letters(storing_.commit);
  if (was_behind) {
    lock.unlock();
    options_.changed();
    lock.lock();
  }
  for (;;) {
    // What is kept back for want of room comes first.
    Status status = outcomes_.empty() ? Status() : commit(outcomes_, lock);
    if (status.ok()) outcomes_ = {};
    if (status.ok()) status = commit(storing_.commit, lock);
    if (status.ok()) break;
    if (status.code() != StatusCode::io) return fail(std::move(status), lock);
    const bool noted = no_room_ && options_.on_disk && store_outcomes(lock);
    if (!failure_.ok()) return;
    note_trouble(std::move(status), noted);
    if (ending_) return;
    work_.wait_for(lock, kRetryTime, [this] { return ending_; });
    if (ending_) return;
  }
  end_trouble();
  std::vector<std::shared_ptr<const Block>> blocks = std::move(storing_.commit.blocks);
  storing_ = {};
  if (!blocks.empty()) keep_stored(std::move(blocks));
  room_.notify_all();
  lock.unlock();
  options_.changed();
  lock.lock();
}

void Queue::forget_unstored_letters(const store::Commit& commit) {
  for (const Tally* tally : {&commit.tally, &commit.outcomes}) {
    for (const DeadLetter& letter : tally->dead_letters) {
      const auto place =
          unstored_letters_.find(ReplayableKeys::hash_of(letter.route, letter.coalesce_key));
      if (place != unstored_letters_.end()) unstored_letters_.erase(place);
    }
  }
}

// Without mutex_ meanwhile.
Status Queue::commit(const store::Commit& commit, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  Status status;
  store::Backlog backlog;
  bool no_room = false;
  {
    const std::lock_guard store(store_mutex_);
    status = store_->commit(commit);
    no_room = store_->has_no_room();
    backlog = store_->backlog();
  }
  lock.lock();
  if (!status.ok()) no_room_ = no_room;
  if (status.ok() && options_.on_disk) stored_bytes_ = backlog.bytes;
  return status;
}

// What became of stored elements makes room where there is none for new ones. Returns whether all
// of it is stored.
bool Queue::store_outcomes(std::unique_lock<std::mutex>& lock) {
  for (Gathered* part : {&storing_, &gathered_}) {
    // More is not taken before that: Usage::behind has to hold back who settles.
    if (outcomes_.empty()) {
      forget_unstored_letters(part->commit);
      outcomes_ = part->commit.take_outcomes();
      part->bytes -= std::min(part->bytes, outcomes_.outcomes.dead_letter_bytes());
      part->settled = 0;
    }
    Status status = commit(outcomes_, lock);
    if (!status.ok()) {
      if (status.code() != StatusCode::io) fail(std::move(status), lock);
      return false;
    }
    outcomes_ = {};
  }
  room_.notify_all();
  lock.unlock();
  options_.changed();
  lock.lock();
  return true;
}

void Queue::note_trouble(Status status, bool outcomes_are_stored) {
  const steady_clock::time_point now = steady_clock::now();
  if (trouble_.ok()) trouble_since_ = now;
  if (trouble_.ok() || now >= next_reminder_) {
    next_reminder_ = now + options_.reminder_interval;
    services::log(services::LogLevel::error, "queue",
                  status.message() + " Nothing is lost: reading waits, " +
                      (outcomes_are_stored ? "what was delivered is noted, "
                       : no_room_          ? "what was delivered cannot be noted yet, "
                                           : "") +
                      "and storing is tried again every second");
  }
  trouble_ = std::move(status);
  outcomes_stored_ = outcomes_are_stored;
  room_.notify_all();
}

void Queue::end_trouble() {
  no_room_ = false;
  if (trouble_.ok()) return;
  services::log(services::LogLevel::info, "queue", "storing works again");
  trouble_ = {};
}

// For good.
void Queue::fail(Status status, std::unique_lock<std::mutex>& lock) {
  services::log(services::LogLevel::error, "queue", status.message());
  failure_ = std::move(status);
  room_.notify_all();
  lock.unlock();
  options_.changed();
  lock.lock();
}

void Queue::keep_stored(std::vector<std::shared_ptr<const Block>> blocks) {
  const std::int64_t now_ns = clock_.monotonic_ns();
  stored_end_ = blocks.back()->sequence + 1;
  for (std::shared_ptr<const Block>& block : blocks) {
    const std::size_t bytes = block->memory_bytes();
    // One always stays, however large.
    if (spilled_ || (!kept_.empty() && kept_bytes_ + bytes > kKeptBytes)) {
      spilled_ = true;
      return;
    }
    if (kept_.empty()) next_to_take_ = block->sequence;
    kept_bytes_ += bytes;
    kept_.push_back({std::move(block), now_ns});
  }
}

void Queue::take_replays(std::unique_lock<std::mutex>& lock) {
  next_replay_ = steady_clock::now() + kReplayInterval;
  looks_for_replays_ = !replaying_;
  if (replaying_) return;  // the letters of the one before are still marked
  const std::uint64_t taken = taken_until();
  takes_looked_at_ = takes_;
  lock.unlock();
  Result<store::Replay> replay = [&] {
    const std::lock_guard store(store_mutex_);
    return store_->requested_replays(kBlockBytes, taken);
  }();
  lock.lock();
  const bool found = replay.ok() && replay->block != nullptr && !closed_;
  looks_for_replays_ = found;  // there may be more
  if (!replay.ok()) {
    services::log(services::LogLevel::error, "queue",
                  "dead letters could not be read for replay: " + replay.status().message());
  }
  if (!found) {
    lock.unlock();
    options_.changed();  // somebody may wait for it to be drained
    lock.lock();
    return;
  }
  if (overtakes(*replay)) {
    // The letters that are left have to be seen without the others' marks.
    store_gathered(lock);
    next_replay_ = steady_clock::now();
    return;
  }
  Tally tally;
  for (const BlockElement& element : replay->block->elements) {
    ++tally.of(element.mapping).replayed;
    ++untaken_[element.mapping];
  }
  gather();
  if (options_.on_disk) {
    seal();
    replay->block->sequence = next_sequence_++;
    gathered_.bytes += replay->block->memory_bytes();
    gathered_.commit.blocks.push_back(std::move(replay->block));
    gathered_.commit.replayed.insert(gathered_.commit.replayed.end(), replay->ids.begin(),
                                     replay->ids.end());
  } else {
    Input input;
    input.blocks.push_back(std::move(*replay->block));
    replaying_ = next_sequence_;
    keep_in_memory(std::move(input));
    entries_.back().part.replayed = std::move(replay->ids);
  }
  next_replay_ = steady_clock::now();  // there may be more
  lock.unlock();
  options_.replayed(tally);
  options_.changed();
  lock.lock();
  // The letters must be gone before they are asked for again.
  if (options_.on_disk) store_gathered(lock);
}

// Whether something newer came for one of them since they were looked for.
bool Queue::overtakes(const store::Replay& replay) const {
  if (gathered_.commit.overtaken.empty()) return false;
  std::unordered_set<std::string> keys;
  for (const ElementKey& key : gathered_.commit.overtaken)
    keys.insert(route_key(key.route) + ' ' + key.coalesce_key);
  const Block& block = *replay.block;
  return std::any_of(
      block.elements.begin(), block.elements.end(), [&](const BlockElement& element) {
        return element.key_size > 0 && keys.count(route_key(block.routes[element.route]) + ' ' +
                                                  std::string(block.coalesce_key(element))) > 0;
      });
}

void Queue::verify(std::unique_lock<std::mutex>& lock) {
  next_verify_ = steady_clock::now() + kVerifyInterval;
  if (!options_.on_disk) return;
  lock.unlock();
  Status status = [&] {
    const std::lock_guard store(store_mutex_);
    return store_->verify();
  }();
  lock.lock();
  if (status.ok()) return;
  services::log(services::LogLevel::error, "queue", status.message());
  // A disk that cannot be read for a moment is no proof of anything.
  if (status.code() != StatusCode::io) failure_ = std::move(status);
}

Status Queue::flush() {
  {
    std::unique_lock lock(mutex_);
    flushing_ = true;
    const steady_clock::time_point begin = steady_clock::now();
    work_.notify_one();
    const auto done = [&] {
      return !failure_.ok() || (nothing_gathered() && storing_.commit.empty() && outcomes_.empty());
    };
    while (!done()) {
      room_.wait_for(lock, kRetryTime, done);
      if (!trouble_.ok() &&
          steady_clock::now() > std::max(begin, trouble_since_) + options_.flush_patience) {
        return trouble_.with_context(
            outcomes_stored_ ? "What was read last could not be stored. What was delivered is "
                               "noted. The next run reads the rest from the file again; what came "
                               "from standard input has to be fed in again"
                             : "What was delivered last could not be stored and will be delivered "
                               "again");
      }
    }
    flushing_ = false;
    if (!failure_.ok()) return failure_;
  }
  if (!options_.on_disk) return {};
  const std::lock_guard store(store_mutex_);
  return store_->verify();
}

}  // namespace penstock::queue
