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

inline constexpr std::chrono::milliseconds kDefaultDrainTimeout{60'000};

struct RunOptions {
  // How long to go on delivering after a signal, or after the end of the source when nothing can be
  // delivered any more.
  std::chrono::milliseconds drain_timeout = kDefaultDrainTimeout;
  unsigned workers = 0;  // threads that map events; 0: one a core
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
  ledger::Snapshot counts;
  std::vector<DestinationReport> destinations;  // as in PipelineConfig
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
  // The pipeline must outlive the run.
  Run(Pipeline& pipeline, RunOptions options);
  ~Run();

  // Reads, maps and delivers until the source has ended and everything is settled, or until nothing
  // more can be done. Blocks. Fails only when the run cannot begin; everything later is in the
  // report.
  Result<RunReport> execute();

  // [any thread, also a signal handler's] First call: stop reading and finish what can be finished
  // within the drain timeout. Second call: end at once.
  void stop();

  // [any thread]
  [[nodiscard]] Progress progress() const;

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace penstock
