#include "engine.hpp"

#include <algorithm>

#include "services/log.hpp"

namespace penstock {
namespace {

Catalog catalog_of(const Pipeline& pipeline) {
  Catalog catalog;
  for (const DestinationConfig& destination : pipeline.config().destinations) {
    Catalog::Destination& entry = catalog.destinations.emplace_back();
    entry.name = destination.name;
    for (const ActionSpec& action : destination.plugin->actions)
      entry.actions.push_back(action.name);
  }
  for (const auto& mapping : pipeline.program().mappings)
    catalog.mappings.push_back({mapping.destination, mapping.config->name});
  return catalog;
}

std::vector<ledger::MappingName> names_of(const Catalog& catalog) {
  std::vector<ledger::MappingName> names;
  for (const Catalog::Mapping& mapping : catalog.mappings) {
    names.push_back(
        {mapping.destination, catalog.destinations[mapping.destination].name, mapping.name});
  }
  return names;
}

// Destinations that share an HTTP connection share its index; the others have one each.
std::vector<std::uint32_t> connections_of(Pipeline& pipeline) {
  const auto& connections = pipeline.connections();
  std::vector<std::uint32_t> indexes;
  for (std::uint32_t d = 0; d < pipeline.config().destinations.size(); ++d) {
    const auto mine =
        std::find_if(connections.begin(), connections.end(),
                     [&](const auto& connection) { return connection.get() == pipeline.http(d); });
    const auto index = static_cast<std::uint32_t>(mine - connections.begin());
    indexes.push_back(mine != connections.end() ? index : index + d);
  }
  return indexes;
}

std::vector<batch::DestinationLimits> limits_of(const PipelineConfig& config,
                                                const std::vector<std::uint32_t>& connections) {
  std::vector<batch::DestinationLimits> all;
  for (const DestinationConfig& destination : config.destinations) {
    batch::DestinationLimits limits;
    limits.connection = connections[all.size()];
    limits.concurrency = destination.plugin->concurrency;
    limits.confirm_after_ns = std::chrono::nanoseconds(destination.confirm_after).count();
    for (const ActionSpec& action : destination.plugin->actions) {
      limits.actions.push_back(destination.batches.at(action.name));
    }
    all.push_back(std::move(limits));
  }
  return all;
}

static_assert(send::kSendDeadlineNs + 10'000 * send::kNanosPerMilli ==
                  std::chrono::nanoseconds(plugin::Instance::kSendLimit).count(),
              "a send hangs 10 s after its deadline");

std::size_t threads_for(const PipelineConfig& config) {
  std::uint64_t threads = 0;
  for (const DestinationConfig& destination : config.destinations) {
    if (destination.enabled) threads += destination.plugin->concurrency;
  }
  return std::clamp<std::uint64_t>(threads, 1, send::SenderPool::kMaxThreads);
}

void tell(const source::Notice& notice) {
  services::log(notice.weight == source::Notice::Weight::warning ? services::LogLevel::warning
                                                                 : services::LogLevel::info,
                "source", notice.text);
}

// The text with an end, if it has none.
std::string sentence(std::string text) {
  if (!text.empty() && std::string_view(".?!").find(text.back()) == std::string_view::npos)
    text += '.';
  return text;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::prepare(Pipeline& pipeline, RunOptions options) {
  const PipelineConfig& config = pipeline.config();
  store::Store::Options store_options;
  store_options.dead_letter_max_bytes = config.dead_letters.max_bytes;
  store_options.dead_letter_max_age = config.dead_letters.max_age;
  store_options.keeps_blocks = config.queue.type == QueueConfig::Type::disk;
  ASSIGN_OR_RETURN(
      std::unique_ptr<store::Store> store,
      store::Store::open(config.state_dir, catalog_of(pipeline), store_options, pipeline.clock()));
  ASSIGN_OR_RETURN(std::unique_ptr<source::Source> source,
                   source::open(config.source, store->position(), options.from_start, tell));
  ASSIGN_OR_RETURN(Leftover leftover, leftover_of(*store, store_options.keeps_blocks));
  return std::unique_ptr<Engine>(
      new Engine(pipeline, options, std::move(store), std::move(source), std::move(leftover)));
}

Result<Engine::Leftover> Engine::leftover_of(store::Store& store, bool on_disk) {
  Leftover leftover;
  ASSIGN_OR_RETURN(leftover.uncertain, store.uncertain());
  leftover.next_sequence = store.backlog().next_sequence;
  leftover.all_known = store.attempts_known();
  // What a run with a queue on disk left is not touched by one in memory, and may be under way.
  leftover.pending_known = store.kept_blocks() && (on_disk || store.backlog().blocks == 0);
  return leftover;
}

Engine::Engine(Pipeline& pipeline, RunOptions options, std::unique_ptr<store::Store> store,
               std::unique_ptr<source::Source> source, Leftover leftover)
    : pipeline_(pipeline),
      options_(options),
      on_disk_(pipeline.config().queue.type == QueueConfig::Type::disk),
      place_(pipeline.config().state_dir),
      ledger_(names_of(store->catalog()), store->backlog().pending_by_mapping),
      source_(std::move(source)),
      queue_(std::move(store), catalog_of(pipeline),
             {on_disk_,
              pipeline.config().queue.max_bytes.value_or(
                  on_disk_ ? queue::Queue::kDefaultDiskBytes : queue::Queue::kDefaultMemoryBytes),
              [this] { wake(); }, [this](const Tally& replayed) { ledger_.apply(replayed); }},
             pipeline.clock()),
      sequencer_(queue_, ledger_, 4 * std::max(1U, std::thread::hardware_concurrency()),
                 source_->position()),
      batcher_(limits_of(pipeline.config(), connections_of(pipeline))),
      leftover_(std::move(leftover)),
      states_(pipeline.config().destinations.size()),
      connection_of_(connections_of(pipeline)),
      told_(states_.size()) {
  for (std::uint32_t d = 0; d < connection_of_.size(); ++d) {
    const PluginManifest& plugin = *pipeline.config().destinations[d].plugin;
    const std::uint32_t connection = connection_of_[d];
    if (connection >= limits_.size()) limits_.resize(connection + 1, {1, 1});
    limits_[connection] = {plugin.min_concurrency, plugin.concurrency};
    batcher_.set_concurrency(connection, limits_[connection].value());
  }
  for (std::uint32_t d = 0; d < states_.size(); ++d) {
    pipeline_.set_notice_sink(d,
                              [this, d](services::Notice notice) { hear(d, std::move(notice)); });
  }
}

Engine::~Engine() {
  for (std::uint32_t d = 0; d < states_.size(); ++d) pipeline_.set_notice_sink(d, {});
}

// A notice of a plugin, on whatever thread its hook runs.
void Engine::hear(std::uint32_t destination, services::Notice notice) {
  const services::LogLevel level = notice.level;
  const std::string line = notice.code + ": " + notice.message;
  if (notices_.add(destination, std::move(notice)))
    services::log(level, pipeline_.config().destinations[destination].name, line);
  wake();
}

void Engine::wake() {
  {
    const std::lock_guard lock(mutex_);
    change_ = true;
  }
  changed_.notify_one();
}

RunReport Engine::execute() {
  const std::int64_t begin_ns = now_ns();
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
  recall_states();
  check_destinations();
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
  if (failure.ok()) {
    collect_notices();
    block_what_is_at_fault();
    tell_states(now_ns());
    // Every attempt came back, or else dispatch() had failed.
    progress_.attempts_known = true;
    failure = queue_.settle(std::move(progress_));
  }
  if (failure.ok()) failure = queue_.flush();
  // Whatever else failed, this is why.
  if (Status place = place_.check(); !place.ok()) failure = std::move(place);
  return report(static_cast<double>(now_ns() - begin_ns) / 1e9, std::move(failure));
}

// "its mapping hook ... (mapping trial, the event at byte 17 of the source)".
std::string Engine::fault_text(const mapping::PluginFault& fault) const {
  const mapping::Program::Mapping& mapping = pipeline_.program().mappings[fault.mapping];
  return "the plugin " + pipeline_.config().destinations[mapping.destination].plugin->name +
         " is at fault: " + fault.message + " (mapping " + mapping.config->name +
         ", the event at byte " + std::to_string(fault.offset) + " of the source)";
}

Status Engine::fault_status(const mapping::PluginFault& fault, const RunReport& report) const {
  const std::uint32_t d = pipeline_.program().mappings[fault.mapping].destination;
  const std::string& name = pipeline_.config().destinations[d].name;
  std::uint64_t pending = 0;
  for (const std::uint64_t of_mapping : report.pending) pending += of_mapping;
  std::string what = "destination " + name + ": " + sentence(fault_text(fault)) +
                     " Reading stopped before this event, for all destinations, and nothing is "
                     "lost. ";
  if (pipeline_.config().source.type == SourceConfig::Type::file) {
    what +=
        "Replace the plugin and run the same command again, which goes on there; or let the "
        "others go on without it: --set destinations." +
        name +
        ".enabled=false, and once the plugin is replaced run once with --from-start, for what they "
        "passed meanwhile is not mapped for it.";
  } else {
    what += std::to_string(report.unread_bytes) +
            " bytes of input were read and not mapped: replace the plugin, and feed them in again "
            "from this event on.";
  }
  if (pending > 0) what += " " + std::to_string(pending) + " records from before it are pending.";
  return {StatusCode::internal, what};
}

// What was mapped before the fault has been delivered as far as possible. `status` says why no more
// comes.
void Engine::block_what_is_at_fault() {
  const auto fault = sequencer_.fault();
  if (!fault) return;
  note_fault();
  const std::uint32_t destination = pipeline_.program().mappings[fault->mapping].destination;
  send::Decision decision;
  decision.effect = send::Decision::Effect::pause_blocked;
  decision.pause_code = kPluginFault;
  decision.pause_message = fault_text(*fault);
  static_cast<void>(states_[destination].update(decision, now_ns()));  // note_fault() said it
}

void Engine::note_fault() {
  if (fault_noted_) return;
  const auto fault = sequencer_.fault();
  if (!fault) return;
  fault_noted_ = true;
  const std::uint32_t destination = pipeline_.program().mappings[fault->mapping].destination;
  const std::string text = fault_text(*fault);
  services::log(services::LogLevel::error, pipeline_.config().destinations[destination].name,
                text + ". Reading stops before this event; what was read before is delivered");
  const std::vector<Issue> issues = {
      {Issue::Severity::error, destination, fault->mapping, kPluginFault, text, 1}};
  ledger_.apply(issues);
  progress_.issues.insert(progress_.issues.end(), issues.begin(), issues.end());
}

RunReport Engine::report(double duration_s, Status failure) {
  RunReport report;
  report.duration_s = duration_s;
  report.stopped = stops_.load() > 0;
  {
    const std::lock_guard lock(mutex_);
    report.source = source_status_;
  }
  report.mappings = ledger_.mappings();
  report.pending_before = ledger_.pending_before();
  report.pending = batcher_.pending_by_mapping();
  report.pending.resize(report.mappings.size());
  for (const auto& [mapping, count] : queue_.untaken_by_mapping()) report.pending[mapping] += count;
  report.unconfirmed = batcher_.unconfirmed();
  report.accounting = ledger_.verify(report.pending);
  report.counts = ledger_.snapshot();
  const std::uint64_t known = source_->known_bytes();
  const Position accepted = sequencer_.accepted();
  const bool of_this_file = accepted.generation == source_->position().generation;
  report.unread_bytes = known - (of_this_file ? std::min(known, accepted.offset) : 0);
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
  for (std::size_t m = 0; m < report.pending.size(); ++m) {
    const std::uint32_t destination = report.mappings[m].destination;
    if (destination < report.destinations.size())
      report.destinations[destination].pending += report.pending[m];
    if (m < pipeline_.program().mappings.size() || report.pending[m] == 0) continue;
    report.counts.issues.push_back({Issue::Severity::warning, destination,
                                    static_cast<std::uint32_t>(m), "mapping_gone",
                                    "Records wait for this mapping, which the pipeline does not "
                                    "have any more or has disabled. "
                                    "Put it back, and they are delivered",
                                    report.pending[m]});
  }
  report.status = failure.ok() ? outcome(report) : std::move(failure);
  return report;
}

Status Engine::outcome(const RunReport& report) const {
  if (!report.accounting.ok()) return report.accounting;
  if (!report.source.ok()) return report.source;
  if (const auto fault = sequencer_.fault()) return fault_status(*fault, report);
  std::uint64_t pending = 0;
  bool authorization = false;
  const DestinationReport* unavailable = nullptr;
  for (const std::uint64_t of_mapping : report.pending) pending += of_mapping;
  for (const DestinationReport& destination : report.destinations) {
    if (destination.pending == 0) continue;
    authorization = authorization || destination.health == send::Health::authorization_needed;
    if (destination.health == send::Health::unavailable) unavailable = &destination;
  }
  const bool from_file = pipeline_.config().source.type == SourceConfig::Type::file;
  const bool lost_input = !from_file && report.unread_bytes > 0;
  if (pending == 0 && !lost_input) return not_mapped_;
  std::string what = std::to_string(pending) + " records were not delivered";
  if (report.unconfirmed > 0) {
    what = std::to_string(pending - std::min(pending, report.unconfirmed)) +
           " records were not delivered, and " + std::to_string(report.unconfirmed) +
           " were delivered but have to be sent once more (confirm_after)";
  }
  if (report.unread_bytes > 0)
    what += ", and " + std::to_string(report.unread_bytes) + " bytes of input were not mapped";
  if (on_disk_) {
    what += ". Records that were mapped are kept in " + pipeline_.config().state_dir +
            ": run the same command again to go on";
    if (lost_input) what += "; what was not mapped has to be fed in again";
    what += ".";
  } else if (std::any_of(report.pending_before.begin(), report.pending_before.end(),
                         [](std::uint64_t count) { return count > 0; })) {
    what += ". Some of them are kept in " + pipeline_.config().state_dir +
            " by a run with queue: {type: disk}, and only such a run delivers them.";
  } else {
    what += from_file ? ". They are in the event file still: run the same command again."
                      : ". They came from standard input and are not kept: feed them in again.";
  }
  if (authorization) return {StatusCode::authorization, what};
  if (unavailable != nullptr && !report.stopped)
    return {StatusCode::unavailable, sentence(unavailable->message) + " " + what};
  return {StatusCode::pending, what};
}

void Engine::stop() {
  ++stops_;
  source_->stop();
}

void Engine::probe() {
  probe_ = true;
}

Progress Engine::progress() const {
  Progress progress;
  const ledger::Snapshot counts = ledger_.snapshot();
  progress.events = counts.events.received;
  std::int64_t pending = 0;
  for (const MappingCounts& mapping : counts.mappings) {
    progress.delivered += mapping.delivered;
    pending += mapping.pending();
  }
  for (const std::uint64_t before : ledger_.pending_before())
    pending += static_cast<std::int64_t>(before);
  progress.pending = static_cast<std::uint64_t>(std::max<std::int64_t>(pending, 0));
  for (const auto& connection : pipeline_.connections()) {
    progress.requests += connection->counters().requests;
    progress.throttled_requests += connection->counters().throttled;
  }
  return progress;
}

}  // namespace penstock
