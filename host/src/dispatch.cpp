// The dispatching thread of the engine: blocks into the batcher, batches to the send threads, and
// what became of them back to queue and ledger.
#include <algorithm>

#include "engine.hpp"
#include "services/log.hpp"

namespace penstock {
namespace {

// Blocks taken from the queue before finished attempts are looked at again.
constexpr int kBlocksPerTurn = 64;
// The same for blocks that are read once more: they come from the disk.
constexpr int kRecoveredPerTurn = 4;
// Of blocks that the batcher may hold when the queue is on disk. A quarter of the 64 MiB that a run
// may use (README.md).
constexpr std::uint64_t kHeldBytes = 12ULL * 1024 * 1024;
// How often the destinations' states are stored for `status`.
constexpr std::int64_t kStateIntervalNs = 1000 * send::kNanosPerMilli;
// How often somebody may have logged in, and what is said about the end of a login is looked at.
constexpr std::int64_t kLoginIntervalNs = 1000 * send::kNanosPerMilli;
// How often it is looked whether lock and databases are still what their paths name.
constexpr std::int64_t kPlaceIntervalNs = 1000 * send::kNanosPerMilli;

}  // namespace

void Engine::wait_until(std::int64_t time_ns) {
  std::unique_lock lock(mutex_);
  // Signals cannot take the lock to say that they came, so the wait ends now and then by itself.
  constexpr std::int64_t kLongestWaitNs = 100 * send::kNanosPerMilli;
  const std::int64_t wait_ns = std::clamp<std::int64_t>(time_ns - now_ns(), 0, kLongestWaitNs);
  changed_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return change_; });
  change_ = false;
}

std::vector<send::Attempt> Engine::finished_attempts() {
  std::vector<send::Attempt> finished;
  const std::lock_guard lock(mutex_);
  finished.swap(finished_);
  return finished;
}

// What plugins raised, to ledger and store.
void Engine::collect_notices() {
  std::vector<Issue> issues = notices_.take();
  ledger_.apply(issues);
  std::move(issues.begin(), issues.end(), std::back_inserter(progress_.issues));
}

void Engine::update_state(std::uint32_t destination, const send::Decision& decision,
                          std::int64_t now_ns) {
  send::DestinationState& state = states_[destination];
  const std::int64_t paused_before_ns = state.paused_until_ns();
  if (const auto news = state.update(decision, now_ns)) {
    const auto level = news->good                                 ? services::LogLevel::info
                       : news->severity == Issue::Severity::error ? services::LogLevel::error
                                                                  : services::LogLevel::warning;
    services::log(level, pipeline_.config().destinations[destination].name, news->message);
    next_states_ns_ = 0;
  }
  // What a destination asked for holds over a crash, too (resume_pause).
  if (state.paused_until_ns() != paused_before_ns) next_states_ns_ = 0;
  batcher_.pause(destination, state.paused_until_ns());
  batcher_.set_probing(destination, state.probing());
}

void Engine::apply(send::Attempt attempt, std::int64_t now_ns, batch::Settled& settled) {
  const std::uint32_t destination = attempt.batch->destination();
  send::RetryPolicy policy;
  if (const auto give_up = pipeline_.config().destinations[destination].give_up_after)
    policy.give_up_after_ns = std::chrono::nanoseconds(*give_up).count();
  policy.confirm_after_ns =
      std::chrono::nanoseconds(pipeline_.config().destinations[destination].confirm_after).count();
  send::Decision decision =
      send::decide(attempt, policy, states_[destination].probes(), now_ns, random_);
  if (attempt.outcomes->faults() > 0) {
    decision.issues.push_back({Issue::Severity::warning, destination, Issue::kAllMappings,
                               "plugin_fault",
                               "The plugin reported outcomes twice, for elements that do not "
                               "exist, or with unknown codes",
                               attempt.outcomes->faults()});
  }
  const std::uint32_t connection = connection_of_[destination];
  limits_[connection].update(decision.load, attempt.begin_ns, attempt.end_ns,
                             batcher_.in_flight(connection));
  update_state(destination, decision, now_ns);
  ledger_.apply(decision.issues);
  std::move(decision.issues.begin(), decision.issues.end(), std::back_inserter(progress_.issues));
  batcher_.complete(std::move(attempt.batch), decision.verdicts, now_ns, settled);
  batcher_.set_concurrency(connection, limits_[connection].value());
  --in_flight_;
}

// The states that changed and the requests since the last time, for `status`.
void Engine::tell_states(std::int64_t now_ns) {
  next_states_ns_ = now_ns + kStateIntervalNs;
  const std::int64_t wall_ms = pipeline_.clock().wall_ns() / send::kNanosPerMilli;
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    store::DestinationStatus status;
    status.destination = d;
    const bool enabled = pipeline_.config().destinations[d].enabled;
    status.state = send::name_of(enabled ? states_[d].health() : send::Health::disabled);
    status.code = states_[d].code();
    status.message = states_[d].message();
    if (const std::int64_t until = states_[d].paused_until_ns(); until > now_ns)
      status.paused_until_ms = wall_ms + (until - now_ns) / send::kNanosPerMilli;
    if (const services::HttpConnection* http = pipeline_.http(d); http != nullptr) {
      const services::HttpConnection::Counters counters = http->counters();
      status.requests = counters.requests - told_[d].requests;
      status.throttled_requests = counters.throttled - told_[d].throttled;
      told_[d] = counters;
    }
    progress_.destinations.push_back(std::move(status));
  }
}

Status Engine::settle(std::int64_t now_ns, batch::Settled& settled) {
  if (now_ns >= next_states_ns_) tell_states(now_ns);
  if (!settled.empty()) {
    ledger_.apply(settled.tally);
    progress_.settlements = std::move(settled.settlements);
    progress_.attempts = std::move(settled.attempts);
    progress_.uncertain = std::move(settled.uncertain);
    const std::int64_t to_wall_ns = pipeline_.clock().wall_ns() - now_ns;
    for (UncertainKey& key : progress_.uncertain) key.until_ns += to_wall_ns;
    progress_.tally = std::move(settled.tally);
    settled = {};
  }
  Status status = queue_.settle(std::move(progress_));
  progress_ = {};
  return status;
}

// In memory the queue's own limit holds.
bool Engine::memory_is_full() const {
  return on_disk_ && batcher_.held_bytes() >= kHeldBytes;
}

Status Engine::take_blocks(std::int64_t now_ns, batch::Settled& settled) {
  // Looked at before taking: what was appended before the last worker ended is then seen below.
  const bool no_more = working_.load() == 0;
  for (int i = 0; i < kBlocksPerTurn; ++i) {
    const queue::Usage usage = queue_.usage();
    if (memory_is_full() || usage.behind) return {};
    ASSIGN_OR_RETURN(const LoadedBlock loaded, queue_.take());
    if (loaded.block == nullptr) {
      if (no_more && usage.drained && !input_done_) {
        input_done_ = true;
        batcher_.flush();
      }
      return {};
    }
    batcher_.add(loaded, now_ns, settled);
  }
  wake();  // there may be more
  return {};
}

// Gives groups back what they forgot while they could not send.
Status Engine::recover_parked(std::int64_t now_ns, batch::Settled& settled) {
  for (int i = 0; i < kRecoveredPerTurn && !memory_is_full() && !queue_.usage().behind; ++i) {
    const std::optional<std::uint64_t> from = batcher_.recover_from(now_ns);
    if (!from) return {};
    // The queue must know of all that was settled before it says what is left of a block.
    RETURN_IF_ERROR(settle(now_ns, settled));
    ASSIGN_OR_RETURN(const LoadedBlock loaded, queue_.take_again(*from));
    batcher_.recover(*from, loaded, now_ns, settled);
    wake();
  }
  return {};
}

bool Engine::some_destination_is_well(std::int64_t now_ns) const {
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    if (!pipeline_.config().destinations[d].enabled) continue;
    if (states_[d].health() == send::Health::ok && states_[d].paused_until_ns() <= now_ns)
      return true;
  }
  return false;
}

// True when something was done that may make room for more.
bool Engine::send_batches(std::int64_t now_ns) {
  const queue::Usage usage = queue_.usage();
  const bool pressure = memory_is_full() || usage.full || usage.no_room;
  while (auto batch = batcher_.next(now_ns, pressure)) {
    ++in_flight_;
    pool_->submit(std::move(batch));
  }
  // What cannot be sent must not keep out what can. Where nothing is well, nothing is won by
  // reading on.
  return memory_is_full() && some_destination_is_well(now_ns) && batcher_.park(now_ns) > 0;
}

// Whether waiting can bring no pending record further: all belong to destinations or batch keys on
// which a person has to act, or which have not said a word in the whole run.
bool Engine::waiting_is_pointless() const {
  const queue::Usage usage = queue_.usage();
  const bool at_the_end = input_done_ || (working_.load() == 0 && memory_is_full());
  if (!at_the_end && !usage.full && !usage.no_room) return false;
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    const std::uint64_t refused = batcher_.refused_of_destination(d);
    if (batcher_.pending_of_destination(d) > refused && states_[d].retrying_helps()) return false;
  }
  // With nothing in the batcher, a full queue holds only what the pipeline has no more.
  return batcher_.pending() > 0 || (usage.full && usage.drained);
}

void Engine::follow_stops(std::int64_t now_ns) {
  const std::int64_t drain_ns = std::chrono::nanoseconds(options_.drain_timeout).count();
  if (const int stops = stops_.load(); stops > stops_seen_) {
    if (stops_seen_ == 0) deadline_ns_ = now_ns + drain_ns;
    if (stops > 1) deadline_ns_ = now_ns;
    stops_seen_ = stops;
  }
  if (stops_seen_ > 0) return;
  if (!waiting_is_pointless()) {
    deadline_ns_ = batch::kNever;
  } else if (deadline_ns_ == batch::kNever) {
    deadline_ns_ = now_ns + drain_ns;
  }
}

// Nothing else is left to do: otherwise the run would seem to hang.
void Engine::tell_of_confirmations(std::int64_t now_ns) {
  const std::uint64_t unconfirmed = batcher_.unconfirmed();
  const bool only_those = input_done_ && unconfirmed > 0 && unconfirmed == batcher_.pending();
  if (confirmations_told_ || !only_those || batcher_.next_time() == batch::kNever) return;
  confirmations_told_ = true;
  const std::int64_t left_ns = std::max<std::int64_t>(0, batcher_.next_time() - now_ns);
  services::log(services::LogLevel::info, "run",
                std::to_string(unconfirmed) +
                    " records were delivered and are sent once more, beginning in " +
                    std::to_string(left_ns / 1'000'000'000 + 1) +
                    " s: requests without an answer may undo them until then (confirm_after). The "
                    "run waits for it");
}

void Engine::follow_probes() {
  if (!probe_.exchange(false)) return;
  services::log(services::LogLevel::info, "run", "trying paused destinations now");
  for (std::uint32_t d = 0; d < states_.size(); ++d) probe(d);
  batcher_.retry_refused(now_ns());
}

void Engine::probe(std::uint32_t destination) {
  if (!states_[destination].probing()) return;
  states_[destination].probe_now();
  batcher_.pause(destination, 0);
}

// Destinations whose connection has got other tokens are tried at once. Warns before a login ends.
void Engine::follow_logins(std::int64_t now_ns) {
  if (now_ns < next_logins_ns_) return;
  next_logins_ns_ = now_ns + kLoginIntervalNs;
  for (std::uint32_t connection = 0; connection < pipeline_.connections().size(); ++connection) {
    services::Credentials& credentials = pipeline_.connections()[connection]->credentials();
    const bool changed = credentials.take_over_changes();
    const auto warning = credentials.next_warning();
    if (!changed && !warning) continue;
    for (std::uint32_t d = 0; d < states_.size(); ++d) {
      if (connection_of_[d] != connection) continue;
      if (warning) hear(d, {services::LogLevel::warning, warning->code, warning->message});
      if (!changed || !states_[d].probing()) continue;
      services::log(services::LogLevel::info, pipeline_.config().destinations[d].name,
                    "there are other tokens; trying again now");
      probe(d);
    }
  }
}

// A run whose lock or databases were removed or replaced must not go on.
Status Engine::look_after_state(std::int64_t now_ns) {
  if (now_ns < next_place_ns_) return {};
  next_place_ns_ = now_ns + kPlaceIntervalNs;
  return place_.check();
}

void Engine::begin_cancelling() {
  cancelled_ = true;
  queue_.close();
  source_->stop();
  pool_->cancel();
  for (const auto& connection : pipeline_.connections()) connection->cancel_all();
}

// What earlier runs sent and the destinations may still carry out.
void Engine::take_over(std::int64_t now_ns, batch::Settled& settled) {
  const std::int64_t wall_ns = pipeline_.clock().wall_ns();
  for (UncertainKey& key : leftover_.uncertain) {
    if (key.destination >= states_.size()) continue;
    const std::int64_t most_ns =
        std::chrono::nanoseconds(pipeline_.config().destinations[key.destination].confirm_after)
            .count();
    key.until_ns = now_ns + std::clamp<std::int64_t>(key.until_ns - wall_ns, 0, most_ns);
  }
  batcher_.recall(leftover_.uncertain, now_ns);
  leftover_.uncertain = {};
  if (leftover_.all_known) return;
  if (leftover_.pending_known) {
    batcher_.suspect(leftover_.next_sequence, now_ns);
  } else {
    batcher_.suspect_all(now_ns, settled);
  }
}

Status Engine::dispatch() {
  batch::Settled settled;
  take_over(now_ns(), settled);
  for (;;) {
    const std::int64_t now = now_ns();
    for (send::Attempt& attempt : finished_attempts()) apply(std::move(attempt), now, settled);
    collect_notices();
    note_fault();
    if (!cancelled_) {
      // First what was parked: with a backlog there always is a next block to fill the memory with.
      RETURN_IF_ERROR(recover_parked(now, settled));
      RETURN_IF_ERROR(take_blocks(now, settled));
    }
    RETURN_IF_ERROR(settle(now, settled));

    RETURN_IF_ERROR(look_after_state(now));
    follow_probes();
    follow_logins(now);
    follow_stops(now);
    tell_of_confirmations(now);
    if (input_done_ && batcher_.pending() == 0 && queue_.close_if_drained()) return {};
    if (now >= deadline_ns_ && !cancelled_) begin_cancelling();
    if (cancelled_) {
      if (in_flight_ == 0 && working_.load() == 0) return {};
      // Only finished attempts and ending workers bring anything new, and they wake this thread.
      wait_until(batch::kNever);
    } else if (queue_.usage().behind) {
      // What is ready has to wait: the storing thread wakes this one when the disk has caught up.
      wait_until(std::min(deadline_ns_, next_states_ns_));
    } else if (!send_batches(now)) {
      wait_until(std::min({batcher_.next_time(), deadline_ns_, next_states_ns_}));
    }
  }
}

}  // namespace penstock
