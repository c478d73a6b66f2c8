// The segment that a batch goes to: found, created or remembered, once per audience however many
// batches start at the same time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <penstock/sdk/batch.hpp>

#include "mapping.hpp"
#include "segment_api.hpp"
#include "segment_store.hpp"
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
      : host_(host), settings_(settings), api_(host, settings), store_(host, settings) {}

  // [send-thread] [may-block] Waits for another batch that is already asking about this audience.
  [[nodiscard]] SegmentAnswer resolve(const Audience& audience, const sdk::Batch& batch);

  // [send-thread] LinkedIn said 404 to a write to `id`: either it is new and not yet known
  // everywhere, or it is gone and is forgotten.
  [[nodiscard]] sdk::Outcome not_found(const std::string& audience_key, const std::string& id,
                                       std::uint32_t attempt);

 private:
  struct Entry {
    bool loaded = false;        // state was read from the store
    bool busy = false;          // a batch is asking LinkedIn
    std::uint64_t flights = 0;  // how many such questions have ended
    SegmentState state;
    std::optional<sdk::Outcome> last_failure;  // of the last flight
  };

  SegmentAnswer answer(const SegmentState& state) const;
  // The part that talks to LinkedIn; called without the lock, by one batch per audience.
  std::optional<sdk::Outcome> establish(const Audience& audience, const sdk::Batch& batch,
                                        SegmentState& state) const;
  std::optional<sdk::Outcome> find(const Audience& audience, const sdk::Batch& batch,
                                   SegmentState& state) const;
  std::optional<sdk::Outcome> create(const Audience& audience, const sdk::Batch& batch,
                                     SegmentState& state) const;
  std::int64_t remaining_ms(std::int64_t since_ms) const;
  std::int64_t now_ms() const;

  sdk::Host host_;
  const Settings& settings_;
  SegmentApi api_;
  SegmentStore store_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry, std::less<>> entries_;  // by audience key; never erased
};

}  // namespace penstock::linkedin
