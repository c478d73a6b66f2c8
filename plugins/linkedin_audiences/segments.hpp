// The segment that a batch goes to: found, created or remembered, once per audience however many
// batches start at the same time, and looked at again from time to time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <penstock/sdk/batch.hpp>

#include "audience.hpp"
#include "check_pause.hpp"
#include "segment_api.hpp"
#include "segment_store.hpp"
#include "segment_watch.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// Either an id that may be written to, or why the batch has to wait.
struct SegmentAnswer {
  std::string id;
  std::optional<sdk::Outcome> failure;
};

class Segments {
 public:
  Segments(const sdk::Host& host, const Settings& settings)
      : host_(host),
        settings_(settings),
        api_(host, settings),
        store_(host, settings),
        pause_(host, settings),
        watch_(host, settings) {}

  // [send-thread] [may-block] Waits for another batch that is already asking about this audience,
  // unless the id is known.
  [[nodiscard]] SegmentAnswer resolve(const Audience& audience, const sdk::Batch& batch);

  // [send-thread] LinkedIn said 404 to a write to `id`: either it is new and not yet known
  // everywhere, or it may be gone and is asked about before the next write. `took_members`: it was
  // written to before, in this run.
  [[nodiscard]] sdk::Outcome not_found(const Audience& audience, const std::string& id,
                                       std::uint32_t attempt, bool took_members);

  // [control-thread] [may-block] Looks at audiences to which nothing may be sent for long, and
  // tells what became of them. What LinkedIn does not tell now shows later.
  void look_at(const std::vector<Audience>& audiences, std::int64_t deadline_ns);

  // [send-thread] LinkedIn answered a write in a way that the segment may be the reason of: it is
  // looked at soon.
  void doubt(const Audience& audience);

 private:
  struct Entry {
    bool loaded = false;        // state was read from the store
    bool busy = false;          // a batch is asking LinkedIn
    std::uint64_t flights = 0;  // how many such questions have ended
    SegmentState state;
    std::optional<sdk::Outcome> last_failure;  // of the last flight
    std::int64_t looked_ns = 0;                // monotonic; when LinkedIn was asked last
    std::int64_t look_again_ns = 0;            // monotonic
  };
  // What a look at LinkedIn gave. With an id in the state, a failure does not always matter.
  struct Look {
    std::optional<sdk::Outcome> failure;  // the batch cannot go out
    bool complete = false;                // LinkedIn was asked and answered
  };

  SegmentAnswer answer(const SegmentState& state) const;
  // Whether the check before this run was asked to wait with questions about audiences.
  std::optional<sdk::Outcome> held_back();
  // The parts that talk to LinkedIn; called without the lock, by one batch per audience.
  Look look(const Audience& audience, const Errand& errand, SegmentState& state);
  // The same for an audience whose segment a mapping names.
  Look look_at_existing(const Audience& audience, const Errand& errand, SegmentState& state);
  std::optional<sdk::Outcome> establish(const Audience& audience, const Errand& errand,
                                        SegmentState& state);
  std::optional<sdk::Outcome> create(const Audience& audience, const Errand& errand,
                                     SegmentState& state);
  void adopt(const Audience& audience, const Segment& segment, SegmentState& state);
  // Asks about the segment of the state, which the finder does not show. Nothing when it is certain
  // to be gone; else as much of it as is known, or why nothing is.
  SegmentLookup look_up_hidden(const SegmentState& state, const Errand& errand) const;
  // Of a wait that began then, 0 meaning never.
  std::int64_t remaining_ms(std::int64_t since_ms, std::int64_t wait_ms) const;
  // Of the wait until a creation whose end is not known may be repeated.
  std::int64_t until_create_again_ms(const SegmentState& state) const;
  std::int64_t now_ms() const;

  sdk::Host host_;
  const Settings& settings_;
  SegmentApi api_;
  SegmentStore store_;
  CheckPause pause_;
  SegmentWatch watch_;

  std::atomic<bool> not_held_back_{false};  // no pause is under way any more

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<AudienceId, Entry> entries_;  // never erased
};

}  // namespace penstock::linkedin
