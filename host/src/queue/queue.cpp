#include "queue/queue.hpp"

#include <algorithm>
#include <limits>

#include "services/log.hpp"

namespace penstock::queue {
namespace {

std::size_t bytes_of(const std::vector<Block>& blocks) {
  std::size_t bytes = 0;
  for (const Block& block : blocks) bytes += block.memory_bytes();
  return bytes;
}

// Elements that are settled in a transaction that the store has not had yet.
void mark_settled(const store::Commit& commit, LoadedBlock& loaded) {
  for (const Settlement& settlement : commit.settlements) {
    if (settlement.block != loaded.block->sequence) continue;
    if (loaded.done.empty()) loaded.done.resize(loaded.block->elements.size());
    for (const SettledElement& settled : settlement.elements) loaded.done[settled.element] = true;
  }
}

}  // namespace

bool Progress::empty() const {
  return settlements.empty() && attempts.empty() && issues.empty() && destinations.empty() &&
         uncertain.empty() && !attempts_known && tally.reasons().empty() &&
         tally.dead_letters.empty();
}

Queue::Queue(std::unique_ptr<store::Store> store, Catalog known, Options options,
             const services::Clock& clock)
    : store_(std::move(store)),
      known_(std::move(known)),
      options_(std::move(options)),
      clock_(clock) {
  const store::Backlog& backlog = store_->backlog();
  next_sequence_ = backlog.next_sequence;
  first_entry_ = next_sequence_;
  stored_end_ = next_sequence_;
  next_to_take_ = backlog.blocks > 0 ? backlog.first_sequence : next_sequence_;
  spilled_ = backlog.blocks > 0;
  stored_bytes_ = options_.on_disk ? backlog.bytes : 0;
  for (std::uint32_t m = 0; m < backlog.pending_by_mapping.size(); ++m) {
    if (backlog.pending_by_mapping[m] > 0) untaken_[m] = backlog.pending_by_mapping[m];
  }
  failure_ = store_->each_replayable(
      [this](const ElementKey& key) { replayable_.add(key.route, key.coalesce_key); });
  next_replay_ = std::chrono::steady_clock::now();
  next_verify_ = next_replay_ + kVerifyInterval;
  thread_ = std::thread([this] { work(); });
}

Queue::~Queue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    closed_ = true;
  }
  work_.notify_all();
  room_.notify_all();
  thread_.join();
}

std::string Queue::route_key(const Route& route) {
  return std::to_string(route.destination) + ' ' + std::to_string(route.action) + ' ' +
         route.batch_key;
}

std::size_t Queue::unstored_bytes() const {
  return gathered_.bytes + storing_.bytes + building_.bytes.size();
}

// Whether so much stays within max_bytes.
bool Queue::fits(std::size_t bytes) const {
  const std::uint64_t used =
      stored_bytes_ + unstored_bytes() + held_letter_bytes_ + held_count_bytes_;
  // What is larger than the queue still has to pass: it goes in when the queue is empty.
  return used == 0 || used + bytes <= options_.max_bytes;
}

bool Queue::has_room(std::size_t bytes) const {
  return fits(bytes) && (!options_.on_disk || unstored_bytes() <= kUnstoredBytes);
}

Status Queue::append(Input input) {
  const std::size_t bytes = bytes_of(input.blocks) + input.tally.dead_letter_bytes();
  {
    std::unique_lock lock(mutex_);
    const auto may_go_on = [&] { return closed_ || !failure_.ok() || has_room(bytes); };
    if (!may_go_on()) {
      waiting_bytes_ = bytes;
      const bool full = !fits(bytes);
      const auto now = std::chrono::steady_clock::now();
      const bool news = now >= full_until_ + kFullQuiet;
      if (full) full_until_ = now;
      lock.unlock();
      if (full && news && options_.on_disk) {
        services::log(services::LogLevel::warning, "queue",
                      "the queue has reached queue.max_bytes (" +
                          std::to_string(options_.max_bytes) +
                          " bytes): reading waits until records are delivered");
      }
      options_.changed();
      lock.lock();
      room_.wait(lock, may_go_on);
      waiting_bytes_.reset();
      if (full) full_until_ = std::chrono::steady_clock::now();
    }
    if (!failure_.ok()) return failure_;
    if (closed_) return {StatusCode::pending, "The queue was closed"};
    gather();
    for (const Block& block : input.blocks) note_appended(block);
    if (options_.on_disk) {
      gathered_.bytes += input.tally.dead_letter_bytes();
      gathered_.commit.tally.merge(std::move(input.tally));
      if (input.position) gathered_.commit.position = std::move(input.position);
      for (Block& block : input.blocks) merge(std::move(block));
    } else {
      keep_in_memory(std::move(input));
    }
  }
  work_.notify_one();
  if (!options_.on_disk) options_.changed();
  return {};
}

// Adds the elements to the block that is being built. Few large blocks cost the disk less than many
// small ones.
void Queue::merge(Block block) {
  if (block.elements.empty()) return;
  if (building_.bytes.size() + block.bytes.size() > 2 * kBlockBytes) seal();
  std::vector<std::uint32_t> indexes(block.routes.size());
  for (std::size_t r = 0; r < block.routes.size(); ++r) {
    const auto [place, is_new] =
        routes_.try_emplace(route_key(block.routes[r]), building_.routes.size());
    if (is_new) building_.routes.push_back(std::move(block.routes[r]));
    indexes[r] = place->second;
  }
  if (building_.elements.empty()) {
    building_.bytes.reserve(kBlockBytes + block.bytes.size());
    building_.elements.reserve(4 * block.elements.size());
  }
  const auto base = static_cast<std::uint32_t>(building_.bytes.size());
  building_.bytes += block.bytes;
  for (BlockElement element : block.elements) {
    element.offset += base;
    element.route = indexes[element.route];
    building_.elements.push_back(element);
  }
  if (building_.bytes.size() >= kBlockBytes) seal();
}

void Queue::seal() {
  if (building_.elements.empty()) return;
  if (building_.bytes.size() < building_.bytes.capacity() / 2) building_.bytes.shrink_to_fit();
  auto block = std::make_shared<Block>(std::move(building_));
  block->sequence = next_sequence_++;
  gathered_.bytes += block->memory_bytes();
  gathered_.commit.blocks.push_back(std::move(block));
  building_ = {};
  routes_.clear();
}

bool Queue::deliverable(const Block& block, const BlockElement& element) const {
  const Route& route = block.routes[element.route];
  return element.mapping < known_.mappings.size() &&
         route.destination < known_.destinations.size() &&
         route.action < known_.destinations[route.destination].actions.size();
}

LoadedBlock Queue::load(store::StoredBlock stored) const {
  LoadedBlock loaded;
  loaded.block = std::move(stored.block);
  loaded.done = std::move(stored.settled);
  loaded.attempts = std::move(stored.attempts);
  loaded.stored_ns = clock_.monotonic_ns() - stored.age_ms * 1'000'000;
  const std::vector<BlockElement>& elements = loaded.block->elements;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (deliverable(*loaded.block, elements[i])) continue;
    if (loaded.done.empty()) loaded.done.resize(elements.size());
    loaded.done[i] = true;
  }
  return loaded;
}

std::vector<std::uint64_t> Queue::route_hashes(const Block& block) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(block.routes.size());
  for (const Route& route : block.routes) hashes.push_back(ReplayableKeys::hash_of(route));
  return hashes;
}

// A dead letter of the element's key, if there is one, would undo what the element says.
void Queue::note_newer(const Block& block, const BlockElement& element, std::uint64_t route_hash) {
  if (element.key_size == 0 || !replayable_.may_have(route_hash, element.key_hash)) return;
  gather();
  ElementKey key{block.routes[element.route], std::string(block.coalesce_key(element))};
  overtake_unstored(key);
  gathered_.bytes += sizeof key + key.route.batch_key.size() + key.coalesce_key.size();
  gathered_.commit.overtaken.push_back(std::move(key));
}

// Dead letters that the store does not have yet.
void Queue::overtake_unstored(const ElementKey& key) {
  if (unstored_letters_.count(ReplayableKeys::hash_of(key.route, key.coalesce_key)) == 0) return;
  const auto mark = [&key](std::vector<DeadLetter>& letters) {
    for (DeadLetter& letter : letters) {
      if (letter.route == key.route && letter.coalesce_key == key.coalesce_key)
        letter.overtaken = true;
    }
  };
  mark(gathered_.commit.tally.dead_letters);
  mark(gathered_.commit.outcomes.dead_letters);
  for (Entry& entry : entries_) mark(entry.part.tally.dead_letters);
}

void Queue::note_appended(const Block& block) {
  std::vector<std::uint64_t> hashes;
  if (!replayable_.empty()) hashes = route_hashes(block);
  std::uint64_t* count = nullptr;
  std::uint32_t mapping = 0;
  for (const BlockElement& element : block.elements) {
    if (count == nullptr || element.mapping != mapping) {
      mapping = element.mapping;
      count = &untaken_[mapping];
    }
    ++*count;
    if (!hashes.empty()) note_newer(block, element, hashes[element.route]);
  }
}

// The dead letters that are about to be stored can be replayed once all that was in the queue
// before them has been looked at.
void Queue::note_letters(std::vector<DeadLetter>& letters) {
  for (DeadLetter& letter : letters) {
    if (letter.form != DeadLetter::Form::element || letter.coalesce_key.empty()) continue;
    letter.queued_until = next_sequence_ + (building_.elements.empty() ? 0 : 1);
    if (letter.overtaken) continue;
    replayable_.add(letter.route, letter.coalesce_key);
    unstored_letters_.insert(ReplayableKeys::hash_of(letter.route, letter.coalesce_key));
  }
}

// What is given out is counted as taken; what the pipeline has no more stays as it is.
void Queue::note_taken(const LoadedBlock& loaded) {
  ++takes_;
  const std::vector<BlockElement>& elements = loaded.block->elements;
  std::vector<std::uint64_t> hashes;
  if (!replayable_.empty()) hashes = route_hashes(*loaded.block);
  std::uint32_t mapping = 0;
  std::uint64_t count = 0;
  const auto take_off = [&] {
    if (count == 0) return;
    const auto place = untaken_.find(mapping);
    place->second -= count;
    if (place->second == 0) untaken_.erase(place);
    count = 0;
  };
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!loaded.done.empty() && loaded.done[i]) continue;
    if (elements[i].mapping != mapping) take_off();
    mapping = elements[i].mapping;
    ++count;
    if (!hashes.empty()) note_newer(*loaded.block, elements[i], hashes[elements[i].route]);
  }
  take_off();
}

std::uint64_t Queue::taken_until() const {
  const bool all = kept_.empty() && building_.elements.empty() &&
                   (!options_.on_disk || next_to_take_ >= next_sequence_);
  // With nothing left, no number of another run's stands in the way.
  return all ? std::numeric_limits<std::int64_t>::max() : next_to_take_;
}

Result<LoadedBlock> Queue::take() {
  std::uint64_t wanted = 0;
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    if (!kept_.empty() && (!options_.on_disk || kept_.front().block->sequence == next_to_take_)) {
      LoadedBlock loaded;
      loaded.block = std::move(kept_.front().block);
      loaded.stored_ns = kept_.front().stored_ns;
      kept_.pop_front();
      if (options_.on_disk) kept_bytes_ -= loaded.block->memory_bytes();
      next_to_take_ = loaded.block->sequence + 1;
      note_taken(loaded);
      return loaded;
    }
    if (!options_.on_disk || next_to_take_ >= stored_end_) return LoadedBlock();
    wanted = next_to_take_;
    end = stored_end_;
  }
  std::optional<store::StoredBlock> stored;
  {
    const std::lock_guard lock(store_mutex_);
    ASSIGN_OR_RETURN(stored, store_->block(wanted));
  }
  const std::lock_guard lock(mutex_);
  if (!stored) {
    next_to_take_ = end;  // what was stored meanwhile is still to come
    spilled_ = next_to_take_ < stored_end_;
    return LoadedBlock();
  }
  LoadedBlock loaded = load(std::move(*stored));
  next_to_take_ = loaded.block->sequence + 1;
  if (next_to_take_ >= stored_end_) spilled_ = false;
  note_taken(loaded);
  return loaded;
}

Result<LoadedBlock> Queue::take_again(std::uint64_t from_sequence) {
  std::optional<store::StoredBlock> stored;
  {
    const std::lock_guard lock(store_mutex_);
    ASSIGN_OR_RETURN(stored, store_->block(from_sequence));
  }
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (!stored || stored->block->sequence >= next_to_take_) return LoadedBlock();
  LoadedBlock loaded = load(std::move(*stored));
  mark_settled(outcomes_, loaded);
  mark_settled(storing_.commit, loaded);
  mark_settled(gathered_.commit, loaded);
  return loaded;
}

Status Queue::settle(Progress progress) {
  if (progress.empty()) return {};
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    gather();
    note_letters(progress.tally.dead_letters);
    store::Commit outcomes;
    // What does not follow from the settlements.
    for (const Tally::Entry& entry : progress.tally.mappings()) {
      if (entry.counts.confirmed > 0)
        outcomes.outcomes.of(entry.mapping).confirmed += entry.counts.confirmed;
    }
    if (options_.on_disk) {
      for (const Settlement& settlement : progress.settlements)
        gathered_.settled += settlement.elements.size();
      gathered_.bytes += progress.tally.dead_letter_bytes();
      outcomes.settlements = std::move(progress.settlements);
      outcomes.attempts = std::move(progress.attempts);
      outcomes.outcomes.merge_reasons(std::move(progress.tally));
    } else {
      RETURN_IF_ERROR(settle_in_memory(progress));
      forget_settled_prefix();
    }
    outcomes.issues = std::move(progress.issues);
    outcomes.uncertain = std::move(progress.uncertain);
    outcomes.attempts_known = progress.attempts_known;
    outcomes.destinations = std::move(progress.destinations);
    gathered_.commit.add_outcomes(std::move(outcomes));
  }
  work_.notify_one();
  if (!options_.on_disk) room_.notify_all();
  return {};
}

void Queue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

bool Queue::close_if_drained() {
  const std::lock_guard lock(mutex_);
  if (!drained()) return false;
  // Some letters could not be replayed before what has been taken now.
  if (!replayable_.empty() && takes_looked_at_ < takes_) {
    looks_for_replays_ = true;
    next_replay_ = std::chrono::steady_clock::now();
    work_.notify_one();
    return false;
  }
  closed_ = true;
  return true;
}

bool Queue::drained() const {
  if (looks_for_replays_ && !closed_) return false;
  const bool unstored =
      options_.on_disk && (!building_.elements.empty() || !gathered_.commit.blocks.empty() ||
                           !storing_.commit.blocks.empty());
  return !unstored && kept_.empty() && (!options_.on_disk || next_to_take_ >= stored_end_);
}

Usage Queue::usage() const {
  const std::lock_guard lock(mutex_);
  Usage usage;
  usage.bytes = stored_bytes_;
  usage.full = waiting_bytes_ && !fits(*waiting_bytes_);
  usage.no_room = no_room_ && !trouble_.ok();
  usage.behind = gathered_.settled >= kUnstoredSettlements;
  usage.drained = drained();
  return usage;
}

std::map<std::uint32_t, std::uint64_t> Queue::untaken_by_mapping() const {
  const std::lock_guard lock(mutex_);
  return untaken_;
}

}  // namespace penstock::queue
