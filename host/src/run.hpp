// Run: a pipeline at work, from the first event to the report.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ledger/ledger.hpp"
#include "model/status.hpp"
#include "pipeline.hpp"
#include "send/destination_state.hpp"

namespace penstock {

class Engine;

inline constexpr std::chrono::milliseconds kDefaultDrainTimeout{60'000};

struct RunOptions {
  // How long to go on delivering after a signal, or after the end of the source when nothing can be
  // delivered any more.
  std::chrono::milliseconds drain_timeout = kDefaultDrainTimeout;
  unsigned workers = 0;     // threads that map events; 0: one a core
  bool from_start = false;  // read the event file from its start, whatever was read before
};

struct DestinationReport {
  send::Health health = send::Health::ok;
  std::string code;  // why it is not ok
  std::string message;
  std::uint64_t requests = 0;
  std::uint64_t throttled_requests = 0;  // answered 429
  std::uint64_t pending = 0;
};

struct RunReport {
  // By index: those of the program, then those that the pipeline has no more and that records are
  // still pending for.
  std::vector<ledger::MappingName> mappings;
  ledger::Snapshot counts;
  std::vector<std::uint64_t> pending_before;    // by mapping: what earlier runs left
  std::vector<std::uint64_t> pending;           // by mapping
  std::vector<DestinationReport> destinations;  // as in PipelineConfig
  // Of the pending ones: delivered, and to be sent once more.
  std::uint64_t unconfirmed = 0;
  double duration_s = 0;
  bool stopped = false;  // by a signal
  std::uint64_t unread_bytes =
      0;              // of input that was there and was not mapped, because the run ended before
  Status source;      // why reading ended early, if it did
  Status accounting;  // ok when the numbers add up
  // The outcome of the run as a whole: ok, pending, authorization, unavailable, io or internal,
  // with a sentence.
  Status status;
};

struct Progress {
  std::uint64_t events = 0;
  std::uint64_t delivered = 0;
  std::uint64_t pending = 0;
  std::uint64_t requests = 0;
  std::uint64_t throttled_requests = 0;
};

class Run {
 public:
  // Opens state and source. The pipeline must outlive the run.
  static Result<std::unique_ptr<Run>> prepare(Pipeline& pipeline, RunOptions options);
  ~Run();

  // Reads, maps and delivers until the source has ended and everything is settled, or until nothing
  // more can be done. Blocks. Once.
  RunReport execute();

  // [any thread, also a signal handler's] First call: stop reading and finish what can be finished
  // within the drain timeout. Second call: end at once.
  void stop();

  // [any thread, also a signal handler's] Destinations that wait for a person are tried again now.
  void probe();

  // [any thread]
  [[nodiscard]] Progress progress() const;

 private:
  explicit Run(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace penstock
