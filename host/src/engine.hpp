// Engine: the stages of a run wired together.
//
// Threads: workers read, map and append (in turn, in parallel, in order); send threads call the
// hooks; the queue has one that stores; the thread that called execute() is the only one that
// touches the batcher, and decides everything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "batch/batcher.hpp"
#include "ledger/ledger.hpp"
#include "notice_board.hpp"
#include "queue/queue.hpp"
#include "run.hpp"
#include "send/concurrency.hpp"
#include "send/destination_state.hpp"
#include "send/sender_pool.hpp"
#include "sequencer.hpp"
#include "services/state_place.hpp"
#include "source/source.hpp"

namespace penstock::store {
struct DestinationState;
}

namespace penstock {

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> prepare(Pipeline& pipeline, RunOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  RunReport execute();
  void stop();
  void probe();
  [[nodiscard]] Progress progress() const;

 private:
  // Codes of destinations: reading stopped before an event at which the plugin is at fault, and
  // events from there on were read while the destination was disabled.
  static constexpr char kPluginFault[] = "plugin_fault";
  static constexpr char kNotMapped[] = "not_mapped";

  // What earlier runs left on its way.
  struct Leftover {
    std::vector<UncertainKey> uncertain;  // wall clock
    bool all_known = true;                // false: what was pending may have been in flight as well
    bool pending_known = true;            // false: it is not known what that was
    std::uint64_t next_sequence = 0;      // of the first block of this run
  };
  [[nodiscard]] static Result<Leftover> leftover_of(store::Store& store, bool on_disk);
  Engine(Pipeline& pipeline, RunOptions options, std::unique_ptr<store::Store> store,
         std::unique_ptr<source::Source> source, Leftover leftover);

  // checking.cpp: before the source is read
  void recall_states();
  void resume_pause(std::uint32_t destination, const store::DestinationState& state);
  void recall_fault(std::uint32_t destination, const store::DestinationState& state);
  void check_destinations();
  void refuse(std::uint32_t destination, const plugin::CheckResult& result);

  // intake.cpp: from the source to the queue
  void work();
  Status map_chunk(mapping::EventMapper& mapper, source::Chunk& chunk);

  // engine.cpp: the run as a whole
  void wake();
  void hear(std::uint32_t destination, services::Notice notice);
  RunReport report(double duration_s, Status failure);
  [[nodiscard]] std::string fault_text(const mapping::PluginFault& fault) const;
  [[nodiscard]] Status fault_status(const mapping::PluginFault& fault,
                                    const RunReport& report) const;
  void note_fault();
  void block_what_is_at_fault();
  [[nodiscard]] Status outcome(const RunReport& report) const;
  [[nodiscard]] std::int64_t now_ns() const { return pipeline_.clock().monotonic_ns(); }

  // dispatch.cpp: from the queue to the destinations
  Status dispatch();
  void take_over(std::int64_t now_ns, batch::Settled& settled);
  void wait_until(std::int64_t time_ns);
  void follow_stops(std::int64_t now_ns);
  void follow_probes();
  void tell_of_confirmations(std::int64_t now_ns);
  void follow_logins(std::int64_t now_ns);
  void probe(std::uint32_t destination);
  Status look_after_state(std::int64_t now_ns);
  void begin_cancelling();
  std::vector<send::Attempt> finished_attempts();
  void collect_notices();
  void apply(send::Attempt attempt, std::int64_t now_ns, batch::Settled& settled);
  void update_state(std::uint32_t destination, const send::Decision& decision, std::int64_t now_ns);
  Status take_blocks(std::int64_t now_ns, batch::Settled& settled);
  Status recover_parked(std::int64_t now_ns, batch::Settled& settled);
  Status settle(std::int64_t now_ns, batch::Settled& settled);
  void tell_states(std::int64_t now_ns);
  [[nodiscard]] bool memory_is_full() const;
  [[nodiscard]] bool send_batches(std::int64_t now_ns);
  [[nodiscard]] bool waiting_is_pointless() const;
  [[nodiscard]] bool some_destination_is_well(std::int64_t now_ns) const;

  Pipeline& pipeline_;
  const RunOptions options_;
  const bool on_disk_;
  const services::StatePlace place_;  // after the store is open
  ledger::Ledger ledger_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool change_ = false;
  std::unique_ptr<source::Source> source_;
  queue::Queue queue_;
  Sequencer sequencer_;
  batch::Batcher batcher_;
  Leftover leftover_;
  std::vector<send::DestinationState> states_;
  std::vector<std::uint32_t> connection_of_;    // by destination
  std::vector<send::ConcurrencyLimit> limits_;  // by connection
  std::mt19937_64 random_{std::random_device{}()};
  NoticeBoard notices_;

  std::mutex source_mutex_;
  std::vector<std::thread> workers_;
  std::atomic<unsigned> working_{0};
  std::vector<send::Attempt> finished_;  // guarded by mutex_
  Status source_status_;                 // guarded by mutex_
  std::atomic<int> stops_{0};
  std::atomic<bool> probe_{false};

  // Only the dispatching thread:
  std::unique_ptr<send::SenderPool> pool_;
  queue::Progress progress_;
  Status not_mapped_;  // a destination lacks events (recall_fault)
  std::uint64_t in_flight_ = 0;
  int stops_seen_ = 0;
  bool input_done_ = false;  // no block will come any more
  bool cancelled_ = false;
  bool fault_noted_ = false;
  bool confirmations_told_ = false;
  std::int64_t deadline_ns_ = batch::kNever;  // when to give up on what is pending
  std::int64_t next_states_ns_ = 0;
  std::int64_t next_logins_ns_ = 0;
  std::int64_t next_place_ns_ = 0;
  std::vector<services::HttpConnection::Counters> told_;  // by destination: what the store knows
};

}  // namespace penstock
