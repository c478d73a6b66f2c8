#include "run.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "batch/batcher.hpp"
#include "mapping/event_mapper.hpp"
#include "queue/memory_queue.hpp"
#include "send/destination_state.hpp"
#include "send/sender_pool.hpp"
#include "sequencer.hpp"
#include "services/log.hpp"
#include "source/source.hpp"

namespace penstock {
namespace {

// Blocks taken from the queue before finished attempts are looked at again.
constexpr int kBlocksPerTurn = 64;

std::vector<ledger::MappingName> names_of(const Pipeline& pipeline) {
  std::vector<ledger::MappingName> names;
  for (const auto& mapping : pipeline.program().mappings) {
    const DestinationConfig& destination = pipeline.config().destinations[mapping.destination];
    names.push_back({mapping.destination, destination.name, mapping.config->name});
  }
  return names;
}

std::vector<batch::DestinationLimits> limits_of(const PipelineConfig& config) {
  std::vector<batch::DestinationLimits> all;
  for (const DestinationConfig& destination : config.destinations) {
    batch::DestinationLimits limits;
    limits.connection = static_cast<std::uint32_t>(all.size());
    limits.concurrency = destination.plugin->concurrency;
    for (const ActionSpec& action : destination.plugin->actions) {
      limits.actions.push_back(destination.batches.at(action.name));
    }
    all.push_back(std::move(limits));
  }
  return all;
}

// The text with an end, if it has none.
std::string sentence(std::string text) {
  if (!text.empty() && std::string_view(".?!").find(text.back()) == std::string_view::npos)
    text += '.';
  return text;
}

std::size_t threads_for(const PipelineConfig& config) {
  std::uint64_t threads = 0;
  for (const DestinationConfig& destination : config.destinations) {
    if (destination.enabled) threads += destination.plugin->concurrency;
  }
  return std::clamp<std::uint64_t>(threads, 1, send::SenderPool::kMaxThreads);
}

}  // namespace

// Threads: workers read, map and append (in turn, in parallel, in order); send threads call the
// hooks; the thread that called execute() is the only one that touches the batcher, and decides
// everything.
class Run::Engine {
 public:
  Engine(Pipeline& pipeline, RunOptions options);
  Result<RunReport> execute();
  void stop();
  [[nodiscard]] Progress progress() const;

 private:
  void work();
  void wake();
  void wait_until(std::int64_t time_ns);
  std::vector<send::Attempt> finished_attempts();
  void apply(send::Attempt attempt, std::int64_t now_ns, batch::Settled& settled);
  void update_state(std::uint32_t destination, const send::Decision& decision, std::int64_t now_ns);
  Status take_blocks(std::int64_t now_ns, batch::Settled& settled);
  Status settle(batch::Settled& settled);
  Status dispatch();
  [[nodiscard]] bool retrying_helps() const;
  RunReport report(double duration_s, Status failure);
  [[nodiscard]] Status outcome(const RunReport& report) const;

  [[nodiscard]] std::int64_t now_ns() const { return pipeline_.clock().monotonic_ns(); }

  Pipeline& pipeline_;
  const RunOptions options_;
  ledger::Ledger ledger_;
  queue::MemoryQueue queue_;
  Sequencer sequencer_;
  batch::Batcher batcher_;
  std::vector<send::DestinationState> states_;
  std::mt19937_64 random_{std::random_device{}()};

  std::unique_ptr<source::Source> source_;
  std::mutex source_mutex_;
  std::vector<std::thread> workers_;
  std::atomic<unsigned> working_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool change_ = false;
  std::vector<send::Attempt> finished_;
  Status source_status_;
  std::atomic<int> stops_{0};
  std::atomic<source::Source*> stoppable_{nullptr};

  // Only the dispatching thread:
  std::unique_ptr<send::SenderPool> pool_;
  std::uint64_t in_flight_ = 0;
  bool input_done_ = false;                   // no block will come any more
  std::int64_t deadline_ns_ = batch::kNever;  // when to give up on what is pending
};

Run::Engine::Engine(Pipeline& pipeline, RunOptions options)
    : pipeline_(pipeline),
      options_(options),
      ledger_(names_of(pipeline)),
      queue_(pipeline.config().queue.max_bytes.value_or(queue::MemoryQueue::kDefaultMaxBytes),
             [this] { wake(); }),
      sequencer_(queue_, ledger_, 4 * std::max(1U, std::thread::hardware_concurrency())),
      batcher_(limits_of(pipeline.config())),
      states_(pipeline.config().destinations.size()) {}

void Run::Engine::wake() {
  {
    const std::lock_guard lock(mutex_);
    change_ = true;
  }
  changed_.notify_one();
}

void Run::Engine::wait_until(std::int64_t time_ns) {
  std::unique_lock lock(mutex_);
  // Signals cannot take the lock to say that they came, so the wait ends now and then by itself.
  constexpr std::int64_t kLongestWaitNs = 100 * send::kNanosPerMilli;
  const std::int64_t wait_ns = std::clamp<std::int64_t>(time_ns - now_ns(), 0, kLongestWaitNs);
  changed_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return change_; });
  change_ = false;
}

// A worker: takes its turn at the source, maps what it got, and hands it on in order.
void Run::Engine::work() {
  mapping::EventMapper mapper(pipeline_.program());
  source::Chunk chunk;
  Status status;
  for (;;) {
    {
      const std::lock_guard turn(source_mutex_);
      Result<bool> more = source_->next(chunk);
      if (!more.ok()) status = more.status();
      if (!more.ok() || !*more) break;
    }
    auto mapped = std::make_unique<MappedChunk>();
    mapped->sequence = chunk.sequence;
    mapped->begin = chunk.begin;
    mapped->end = chunk.end;
    if (chunk.oversized_line) {
      mapping::map_oversized_line(chunk.begin.offset, chunk.end.offset, mapped->blocks,
                                  mapped->tally);
    } else {
      mapping::map_lines(mapper, pipeline_.program(), {chunk.bytes.get(), chunk.size},
                         chunk.begin.offset, mapped->blocks, mapped->tally);
    }
    status = sequencer_.push(std::move(mapped));
    if (!status.ok()) break;
  }
  {
    const std::lock_guard lock(mutex_);
    // pending means that the run was ended while the queue was full, which is no fault of the
    // source.
    if (!status.ok() && status.code() != StatusCode::pending && source_status_.ok())
      source_status_ = std::move(status);
  }
  --working_;
  wake();
}

std::vector<send::Attempt> Run::Engine::finished_attempts() {
  std::vector<send::Attempt> finished;
  const std::lock_guard lock(mutex_);
  finished.swap(finished_);
  return finished;
}

void Run::Engine::update_state(std::uint32_t destination, const send::Decision& decision,
                               std::int64_t now_ns) {
  send::DestinationState& state = states_[destination];
  if (const auto news = state.update(decision, now_ns)) {
    const auto level = news->good                                 ? services::LogLevel::info
                       : news->severity == Issue::Severity::error ? services::LogLevel::error
                                                                  : services::LogLevel::warning;
    services::log(level, pipeline_.config().destinations[destination].name, news->message);
  }
  batcher_.pause(destination, state.paused_until_ns());
  batcher_.set_probing(destination, state.probing());
}

void Run::Engine::apply(send::Attempt attempt, std::int64_t now_ns, batch::Settled& settled) {
  const std::uint32_t destination = attempt.batch->destination();
  send::Decision decision =
      send::decide(attempt, {}, states_[destination].probes(), now_ns, random_);
  if (attempt.outcomes->faults() > 0) {
    decision.issues.push_back({Issue::Severity::warning, destination, Issue::kAllMappings,
                               "plugin_fault",
                               "The plugin reported outcomes twice, for elements that do not "
                               "exist, or with unknown codes",
                               attempt.outcomes->faults()});
  }
  update_state(destination, decision, now_ns);
  ledger_.apply(decision.issues);
  batcher_.complete(std::move(attempt.batch), decision.verdicts, now_ns, settled);
  --in_flight_;
}

Status Run::Engine::settle(batch::Settled& settled) {
  if (settled.empty()) return {};
  ledger_.apply(settled.tally);
  Status status = queue_.settle(settled.settlements, settled.tally);
  settled.clear();
  return status;
}

Status Run::Engine::take_blocks(std::int64_t now_ns, batch::Settled& settled) {
  // Looked at before taking: what was appended before the last worker ended is then seen below.
  const bool no_more = working_.load() == 0;
  for (int i = 0; i < kBlocksPerTurn; ++i) {
    ASSIGN_OR_RETURN(std::shared_ptr<const Block> block, queue_.take());
    if (block == nullptr) {
      if (no_more && !input_done_) {
        input_done_ = true;
        batcher_.flush();
      }
      return {};
    }
    batcher_.add({std::move(block), {}, {}, now_ns}, now_ns, settled);
  }
  wake();  // there may be more
  return {};
}

// Whether waiting can bring any pending record further: not if all belong to destinations on which
// a person has to act, or which have not said a word in the whole run.
bool Run::Engine::retrying_helps() const {
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    if (batcher_.pending_of_destination(d) == 0) continue;
    if (states_[d].retrying_helps()) return true;
  }
  return false;
}

Status Run::Engine::dispatch() {
  const std::int64_t drain_ns = std::chrono::nanoseconds(options_.drain_timeout).count();
  batch::Settled settled;
  int stops_seen = 0;
  bool cancelled = false;
  for (;;) {
    const std::int64_t now = now_ns();
    for (send::Attempt& attempt : finished_attempts()) apply(std::move(attempt), now, settled);
    RETURN_IF_ERROR(take_blocks(now, settled));
    RETURN_IF_ERROR(settle(settled));

    if (const int stops = stops_.load(); stops > stops_seen) {
      if (stops_seen == 0) deadline_ns_ = now + drain_ns;
      if (stops > 1) deadline_ns_ = now;
      stops_seen = stops;
    }
    const bool blocked =
        (input_done_ || queue_.usage().full) && batcher_.pending() > 0 && !retrying_helps();
    if (stops_seen == 0) {
      if (!blocked) deadline_ns_ = batch::kNever;
      if (blocked && deadline_ns_ == batch::kNever) deadline_ns_ = now + drain_ns;
    }
    if (input_done_ && batcher_.pending() == 0) return {};
    if (now >= deadline_ns_ && !cancelled) {
      cancelled = true;
      queue_.close();
      source_->stop();
      pool_->cancel();
      for (const auto& connection : pipeline_.connections()) connection->cancel_all();
    }
    if (cancelled) {
      if (in_flight_ == 0 && working_.load() == 0) return {};
    } else {
      while (auto batch = batcher_.next(now, queue_.usage().full)) {
        ++in_flight_;
        pool_->submit(std::move(batch));
      }
    }
    // Once cancelled, only finished attempts and ending workers bring anything new, and they wake
    // this thread.
    wait_until(cancelled ? batch::kNever : std::min(batcher_.next_time(), deadline_ns_));
  }
}

Result<RunReport> Run::Engine::execute() {
  const std::int64_t begin_ns = now_ns();
  ASSIGN_OR_RETURN(source_, source::open(pipeline_.config().source));
  stoppable_.store(source_.get());
  if (stops_.load() > 0) source_->stop();
  pool_ = std::make_unique<send::SenderPool>(
      threads_for(pipeline_.config()),
      [this](std::uint32_t destination) -> send::SendHook {
        plugin::Instance* instance = pipeline_.instance(destination);
        return [instance](const penstock_batch& batch, penstock_error& error) {
          return instance->send(batch, error);
        };
      },
      [this] { return now_ns(); },
      [this](send::Attempt attempt) {
        {
          const std::lock_guard lock(mutex_);
          finished_.push_back(std::move(attempt));
        }
        wake();
      });
  const unsigned workers =
      options_.workers > 0 ? options_.workers : std::max(1U, std::thread::hardware_concurrency());
  working_ = workers;
  for (unsigned i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });

  Status failure = dispatch();

  queue_.close();
  source_->stop();
  for (std::thread& worker : workers_) worker.join();
  pool_->cancel();
  for (const auto& connection : pipeline_.connections()) connection->cancel_all();
  pool_.reset();
  stoppable_.store(nullptr);
  return report(static_cast<double>(now_ns() - begin_ns) / 1e9, std::move(failure));
}

RunReport Run::Engine::report(double duration_s, Status failure) {
  RunReport report;
  report.duration_s = duration_s;
  report.stopped = stops_.load() > 0;
  {
    const std::lock_guard lock(mutex_);
    report.source = source_status_;
  }
  std::vector<std::uint64_t> pending = batcher_.pending_by_mapping();
  pending.resize(ledger_.mappings().size());
  for (const auto& [mapping, count] : queue_.untaken_by_mapping()) pending[mapping] += count;
  report.accounting = ledger_.verify(pending);
  report.counts = ledger_.snapshot();
  report.unread_bytes =
      source_->known_bytes() - std::min(source_->known_bytes(), sequencer_.accepted().offset);
  report.destinations.resize(states_.size());
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    DestinationReport& destination = report.destinations[d];
    destination.health = states_[d].health();
    destination.code = states_[d].code();
    destination.message = states_[d].message();
    if (!pipeline_.config().destinations[d].enabled) destination.health = send::Health::disabled;
    if (const services::HttpConnection* http = pipeline_.http(d); http != nullptr) {
      destination.requests = http->counters().requests;
      destination.throttled_requests = http->counters().throttled;
    }
  }
  for (std::size_t m = 0; m < pending.size(); ++m) {
    report.destinations[ledger_.mappings()[m].destination].pending += pending[m];
  }
  report.status = failure.ok() ? outcome(report) : std::move(failure);
  return report;
}

Status Run::Engine::outcome(const RunReport& report) const {
  if (!report.accounting.ok()) return report.accounting;
  if (!report.source.ok()) return report.source;
  std::uint64_t pending = 0;
  bool authorization = false;
  const DestinationReport* unavailable = nullptr;
  for (const DestinationReport& destination : report.destinations) {
    pending += destination.pending;
    if (destination.pending == 0) continue;
    authorization = authorization || destination.health == send::Health::authorization_needed;
    if (destination.health == send::Health::unavailable) unavailable = &destination;
  }
  const bool from_file = pipeline_.config().source.type == SourceConfig::Type::file;
  const bool lost_input = !from_file && report.unread_bytes > 0;
  if (pending == 0 && !lost_input) return {};
  std::string what = std::to_string(pending) + " records were not delivered";
  if (report.unread_bytes > 0)
    what += ", and " + std::to_string(report.unread_bytes) + " bytes of input were not mapped";
  what += from_file ? ". They are in the event file still: run the same command again."
                    : ". They came from standard input and are not kept: feed them in again.";
  if (authorization) return {StatusCode::authorization, what};
  if (unavailable != nullptr && !report.stopped)
    return {StatusCode::unavailable, sentence(unavailable->message) + " " + what};
  return {StatusCode::pending, what};
}

void Run::Engine::stop() {
  ++stops_;
  if (source::Source* source = stoppable_.load(); source != nullptr) source->stop();
}

Progress Run::Engine::progress() const {
  Progress progress;
  const ledger::Snapshot counts = ledger_.snapshot();
  progress.events = counts.events.received;
  std::int64_t pending = 0;
  for (const MappingCounts& mapping : counts.mappings) {
    progress.delivered += mapping.delivered;
    pending += mapping.pending();
  }
  progress.pending = static_cast<std::uint64_t>(std::max<std::int64_t>(pending, 0));
  for (const auto& connection : pipeline_.connections()) {
    progress.requests += connection->counters().requests;
    progress.throttled_requests += connection->counters().throttled;
  }
  return progress;
}

Run::Run(Pipeline& pipeline, RunOptions options)
    : engine_(std::make_unique<Engine>(pipeline, options)) {}
Run::~Run() = default;
Result<RunReport> Run::execute() {
  return engine_->execute();
}
void Run::stop() {
  engine_->stop();
}
Progress Run::progress() const {
  return engine_->progress();
}

}  // namespace penstock
