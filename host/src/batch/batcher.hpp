// Batcher: gathers elements that may share a request, keeps at most one element per person in
// flight, and lets the last one win.
//
// A passive state machine: it has no thread, lock or clock of its own; whoever drives it says what
// time it is. For every route (destination, action, batch key) it keeps a group with
//   waiting   elements in the order in which they came, at most one per coalesce key
//   delayed   elements that failed and wait for their time to be tried again
//   in flight elements that are part of a Batch handed out by next(); a newer element of the same
//   key is held back as its successor until complete() says what became of it
// so that two elements of one key are never in two requests at once, whatever is retried
// (README.md).
//
// A group that cannot send for now may be parked: it forgets what it holds, so that blocks of the
// queue need not stay in memory for it, and gets it back from the queue later (park, recover_from,
// recover). What is parked stays pending.
//
// An attempt without a certain answer may be carried out late. What is delivered for its key
// meanwhile, and is another element, stays pending and is sent once more afterwards.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "batch/uncertain_keys.hpp"
#include "model/block.hpp"
#include "model/manifest.hpp"
#include "model/settlement.hpp"
#include "model/tally.hpp"

namespace penstock::batch {

struct Group;
struct Node;
class Batcher;

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

struct DestinationLimits {
  // Batches in flight over its connection, until set_concurrency() says otherwise.
  std::uint64_t concurrency = 1;
  std::vector<BatchLimits> actions;  // by Route::action
  std::uint32_t connection = 0;      // destinations with the same index share its limit
  // So long after an attempt it is not carried out any more; 0: nothing is sent once more.
  std::int64_t confirm_after_ns = 0;
};

// Elements on their way to the destination. The payloads stay valid as long as the batch.
class Batch {
 public:
  [[nodiscard]] std::uint32_t destination() const { return destination_; }
  [[nodiscard]] std::uint32_t action() const { return action_; }
  [[nodiscard]] const std::string& batch_key() const { return batch_key_; }
  [[nodiscard]] std::uint32_t attempt() const {
    return attempt_;
  }  // the highest of its elements, from 0
  // Batches in a row that its group has lost as a whole before this one.
  [[nodiscard]] std::uint32_t group_failures() const { return group_failures_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::string_view payload(std::size_t index) const;
  [[nodiscard]] std::uint32_t mapping(std::size_t index) const;
  [[nodiscard]] std::uint32_t attempt(std::size_t index) const;
  [[nodiscard]] std::int64_t stored_ns(std::size_t index) const;  // as LoadedBlock::stored_ns

 private:
  friend class Batcher;
  std::uint32_t destination_ = 0;
  std::uint32_t action_ = 0;
  std::uint32_t attempt_ = 0;
  std::uint32_t group_failures_ = 0;
  std::string batch_key_;
  Group* group_ = nullptr;
  std::vector<Node*> nodes_;
};

// The reason of those that failed for longer than somebody wanted to wait.
inline constexpr char kGaveUp[] = "gave_up";

// Why elements become dead letters; many may share one.
struct Refusal {
  std::string reason;
  std::string message;
  std::int32_t remote_status = 0;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// What becomes of one element of a batch.
struct Verdict {
  enum class Kind : std::uint8_t {
    delivered,
    dead_letter,
    retry,  // again from not_before_ns on, unless a newer element of its key has come
    split,  // again, in a part of the batch
  };
  Kind kind = Kind::retry;
  bool failed = true;  // retry: counts as an attempt
  // dead_letter: index into Verdicts::refusals; delivered: into delivered_as, or beyond its end.
  std::uint32_t refusal = 0;
  std::int64_t not_before_ns = 0;
  // The answer was not certain: the destination may carry the element out until then. 0: it was.
  std::int64_t uncertain_until_ns = 0;
};

// What becomes of a batch.
struct Verdicts {
  std::vector<Verdict> elements;  // one per element
  std::vector<Refusal> refusals;
  std::vector<std::string> delivered_as;  // what was done, such as "added"
  // Not 0: the batch failed as a whole. Its group sends nothing before this time, then one batch,
  // and everything again once something of that is settled. Elements to be retried go back to the
  // head of the group, whatever their own time.
  std::int64_t group_until_ns = 0;
  bool group_refused = false;  // with group_until_ns: until then a person has to act
};

// What a call settled, for the queue. The tally counts it, too, and has reasons and dead letters.
struct Settled {
  std::vector<Settlement> settlements;
  std::vector<FailedAttempt> attempts;
  std::vector<UncertainKey> uncertain;  // to be remembered before anything of the key is sent
  Tally tally;

  [[nodiscard]] bool empty() const {
    return settlements.empty() && attempts.empty() && uncertain.empty();
  }
  void clear() {
    settlements.clear();
    attempts.clear();
    uncertain.clear();
    tally.clear();
  }
};

class Batcher {
 public:
  explicit Batcher(std::vector<DestinationLimits> destinations);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Before the first add(): what earlier processes left. Keys that were uncertain; that elements
  // of blocks before this sequence may have been in flight when a process was killed; that anything
  // may have been, as what was in memory is not known.
  void recall(const std::vector<UncertainKey>& keys, std::int64_t now_ns);
  void suspect(std::uint64_t before_sequence, std::int64_t now_ns);
  void suspect_all(std::int64_t now_ns, Settled& settled);

  // Takes the elements of a block in, except those that are done; blocks come in the order of their
  // sequence. Those that were waiting and are superseded by one of these are added to settled.
  void add(const LoadedBlock& loaded, std::int64_t now_ns, Settled& settled);

  // A batch that may be sent now, or null. `pressure`: the queue is full, so rather a small batch
  // of the oldest elements than none.
  [[nodiscard]] std::unique_ptr<Batch> next(std::int64_t now_ns, bool pressure);

  // Takes a batch back.
  void complete(std::unique_ptr<Batch> batch, const Verdicts& verdicts, std::int64_t now_ns,
                Settled& settled);

  // From now on nothing waits for its batch to fill up: no more elements will come.
  void flush();
  // Nothing goes to this destination before that time (kNever: until resume). A later call replaces
  // an earlier one.
  void pause(std::uint32_t destination, std::int64_t until_ns);
  void resume(std::uint32_t destination) { pause(destination, 0); }
  // While probing, at most one batch of the destination is in flight: it has to show that more can
  // follow.
  void set_probing(std::uint32_t destination, bool probing);
  // How many batches may be in flight over a connection. Those that are stay so.
  void set_concurrency(std::uint32_t connection, std::uint64_t batches);

  // Parks every group that cannot send for now, because its destination is paused or it has itself
  // failed as a whole: forgets its elements except those in flight, with their blocks. If there is
  // none, the groups in which something waits to be sent once more. Returns how many were
  // forgotten.
  std::size_t park(std::int64_t now_ns);
  // The sequence from which blocks should be read again: the first that holds elements of a parked
  // group that can send again and has little left to send. Nothing when there is no such group.
  [[nodiscard]] std::optional<std::uint64_t> recover_from(std::int64_t now_ns);
  // Gives parked groups back what they forgot of one block. `loaded` is the first stored block with
  // at least the sequence `from`, which recover_from() asked for; one without a block says that
  // there is none. It has to be read after the last add(), and its `done` to know of everything
  // that was settled before.
  void recover(std::uint64_t from, const LoadedBlock& loaded, std::int64_t now_ns,
               Settled& settled);

  // When next() or recover_from() may have something although nothing else has happened; kNever if
  // that cannot be.
  [[nodiscard]] std::int64_t next_time() const;
  // Elements taken in and not settled, parked ones included.
  [[nodiscard]] std::uint64_t pending() const { return pending_; }
  [[nodiscard]] std::uint64_t pending_of_destination(std::uint32_t destination) const;
  [[nodiscard]] const std::vector<std::uint64_t>& pending_by_mapping() const {
    return pending_by_mapping_;
  }
  // Of those, in groups for which a person has to act.
  [[nodiscard]] std::uint64_t refused_of_destination(std::uint32_t destination) const;
  // Somebody may have acted: such groups are due now.
  void retry_refused(std::int64_t now_ns);
  // Of the pending ones, those that were delivered and wait to be sent once more. Parked ones are
  // not among them.
  [[nodiscard]] std::uint64_t unconfirmed() const { return unconfirmed_; }
  // Batches handed out and not completed.
  [[nodiscard]] std::uint64_t in_flight(std::uint32_t connection) const;
  // Memory of the blocks that elements are taken from, each block once.
  [[nodiscard]] std::uint64_t held_bytes() const { return held_bytes_; }

 private:
  struct Destination;
  struct Connection;
  struct BlockHandle;
  friend struct Node;
  friend class Batch;
  class Groups;

  // Blocks and nodes.
  BlockHandle& hold(const LoadedBlock& loaded);
  void release(BlockHandle& block);
  Node* take_node();
  void free_node(Node& node);
  static void place(Node& node, BlockHandle& block, std::uint32_t element, std::uint32_t attempt);
  void replace(Node& node, BlockHandle& block, std::uint32_t element, std::uint32_t attempt,
               Settled& settled);
  void settle(Node& node, SettledElement::Kind kind, Settled& settled);

  // Groups.
  Group& group_of(const Route& route);
  void take_in(Group& group, BlockHandle& block, std::uint32_t element, std::uint32_t attempt,
               Settled& settled);
  [[nodiscard]] bool full(const Group& group) const;
  [[nodiscard]] bool may_send(const Group& group) const;
  void enqueue(Group& group);
  void enqueue_if_ready(Group& group);
  void update_timer(Group& group);
  void run_timers();
  void forget_if_empty(Group& group);

  // Handing batches out and taking them back.
  [[nodiscard]] bool has_slot(const Destination& destination) const;
  [[nodiscard]] bool may_send(const Destination& destination) const;
  [[nodiscard]] std::unique_ptr<Batch> next_part(Destination& destination);
  [[nodiscard]] std::unique_ptr<Batch> form(Group& group);
  void hand_out(Batch& batch);
  void count_delivered(std::uint32_t mapping, std::uint32_t as);
  void tell_delivered(const Verdicts& verdicts, Settled& settled);
  void bury(const Node& node, const Refusal& refusal, Settled& settled) const;
  void retry(Node& node, const Verdict& verdict, Settled& settled);
  void delay(Node& node, std::int64_t not_before_ns);
  void finish_in_flight(Node& node);
  void split(Batch& batch, const std::vector<Node*>& nodes);
  void note_outcome(Group& group, const Verdicts& verdicts, std::uint32_t failures_before);

  // Sending once more.
  [[nodiscard]] bool confirms(std::uint32_t destination) const;
  void suspect_element(const Group& group, const Block& block, std::uint32_t element);
  void settle_suspect(const Node& node, Settled& settled);
  void note_uncertain(const Node& node, std::int64_t until_ns, Settled& settled);
  void note_conflicts(const Batch& batch);
  [[nodiscard]] static bool must_confirm(const Node& node);
  void await_confirmation(Node& node, const std::string& delivered_as);
  void forget_delivery(Node& node);
  [[nodiscard]] std::uint8_t word_index(const std::string& word);
  void settle_delivered(Node& node, Settled& settled);
  void leave_confirmation(Node& node) const;
  std::size_t park_unconfirmed();

  // Parking.
  [[nodiscard]] bool stalled(const Group& group) const;
  std::size_t forget_nodes(Group& group);
  void take_back_parts(Group& group, std::vector<Node*>& nodes);
  void forget_node(Group& group, Node& node);
  static void note_overtaken(const Group& group, const Block& block, const BlockElement& element);
  void unpark(Group& group);

  std::vector<Destination> destinations_;
  std::vector<Connection> connections_;
  std::unique_ptr<Groups> groups_;
  std::set<std::pair<std::int64_t, Group*>> timers_;
  std::set<Group*> failing_;  // lost their last batch as a whole
  std::set<Group*> parked_;
  std::unordered_map<std::uint64_t, std::unique_ptr<BlockHandle>> blocks_;  // by sequence
  std::vector<std::unique_ptr<Node[]>> node_blocks_;
  Node* free_nodes_ = nullptr;
  struct DeliveredCount {
    std::uint32_t mapping;
    std::uint32_t as;
    std::uint64_t count;
  };
  std::vector<DeliveredCount> delivered_counts_;  // scratch of complete()
  UncertainKeys uncertain_;
  std::uint64_t suspect_before_ = 0;  // sequence
  std::int64_t suspect_since_ns_ = 0;
  // For what was done, of what waits to be sent once more; the first is empty.
  std::vector<std::string> words_{std::string()};
  std::uint64_t unconfirmed_ = 0;
  std::uint64_t held_bytes_ = 0;
  std::uint64_t pending_ = 0;
  std::vector<std::uint64_t> pending_by_mapping_;
  std::uint64_t added_to_ = 0;  // add() has had all blocks with a lower sequence
  std::int64_t now_ns_ = 0;     // what the last call that told the time said
  std::size_t round_robin_ = 0;
  bool flushing_ = false;
};

}  // namespace penstock::batch
