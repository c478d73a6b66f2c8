#include "segments.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::linkedin {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// LinkedIn may answer 404 to writes for a minute or two after a segment was created; ten are beyond
// doubt.
constexpr std::int64_t kNewSegmentWindowMs = 10 * 60 * 1'000;
// The longest pause between two tries at a segment that is not there yet.
constexpr std::int64_t kMaxNotFoundPauseMs = 60'000;
// How soon a batch that waits for another one's answer notices its own cancellation.
constexpr std::chrono::milliseconds kWaitStep{20};

sdk::Outcome retry(std::string reason, std::string message, std::int64_t after_ms,
                   std::int32_t remote_status = 0) {
  return {PENSTOCK_RETRY, remote_status, after_ms, std::move(reason), std::move(message)};
}

}  // namespace

SegmentAnswer Segments::resolve(const Audience& audience, const sdk::Batch& batch) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[audience.key];
  const std::uint64_t flights_before = entry.flights;
  while (entry.busy) {
    if (batch.cancelled() || host_.monotonic_ns() >= batch.deadline_ns()) {
      return {{},
              retry("segment_lookup_pending",
                    "another batch still asks LinkedIn about this audience", -1)};
    }
    changed_.wait_for(lock, kWaitStep);
  }
  if (!entry.state.id.empty()) return answer(entry.state);
  // Whoever waited shares the answer, and does not put the same question again.
  if (entry.flights != flights_before && entry.last_failure) return {{}, entry.last_failure};

  entry.busy = true;
  SegmentState state = entry.state;
  const bool loaded = entry.loaded;
  lock.unlock();
  std::optional<sdk::Outcome> failure;
  // The flag must come down whatever happens, or every later batch of the audience would wait in
  // vain.
  const auto land = [&] {
    lock.lock();
    entry.busy = false;
    ++entry.flights;
    entry.loaded = true;
    entry.state = state;
    entry.last_failure = failure;
    changed_.notify_all();
  };
  try {
    if (!loaded) state = store_.load(audience.key);
    if (state.id.empty()) failure = establish(audience, batch, state);
  } catch (...) {
    failure = retry("internal", "the plugin failed while it looked for the segment", -1);
    land();
    throw;
  }
  land();
  if (failure) return {{}, failure};
  return answer(entry.state);
}

SegmentAnswer Segments::answer(const SegmentState& state) const {
  const std::int64_t remaining = remaining_ms(state.created_ms);
  if (remaining > 0) {
    return {
        {},
        retry("segment_not_ready",
              "the segment was just created; LinkedIn loses what is written at once", remaining)};
  }
  return {state.id, std::nullopt};
}

std::optional<sdk::Outcome> Segments::establish(const Audience& audience, const sdk::Batch& batch,
                                                SegmentState& state) const {
  if (std::optional<sdk::Outcome> failure = find(audience, batch, state)) return failure;
  if (!state.id.empty()) return std::nullopt;
  // The finder may lag behind a creation whose answer was lost.
  const std::int64_t remaining = remaining_ms(state.creating_ms);
  if (remaining > 0) {
    return retry("segment_create_unconfirmed",
                 "it is not certain whether the segment was created; LinkedIn is asked again "
                 "before another one is",
                 remaining);
  }
  return create(audience, batch, state);
}

std::optional<sdk::Outcome> Segments::find(const Audience& audience, const sdk::Batch& batch,
                                           SegmentState& state) const {
  FindResult result = api_.find(audience.key, batch);
  if (result.failure) {
    // Nothing was written, so the elements are certain to be undelivered.
    if (result.failure->status == PENSTOCK_UNKNOWN) result.failure->status = PENSTOCK_RETRY;
    return result.failure;
  }
  if (!result.segment) return std::nullopt;
  state.id = result.segment->id;
  // By our clock; LinkedIn's may be ahead. One that we began to create cannot be older than that.
  state.created_ms = std::max(std::min(result.segment->created_ms, now_ms()), state.creating_ms);
  state.creating_ms = 0;
  store_.save(audience.key, state);
  return std::nullopt;
}

std::optional<sdk::Outcome> Segments::create(const Audience& audience, const sdk::Batch& batch,
                                             SegmentState& state) const {
  state.creating_ms = now_ms();
  store_.save(audience.key, state);
  CreateResult result = api_.create(audience, batch);
  switch (result.kind) {
    case CreateResult::Kind::created:
      state = {result.id, now_ms(), 0};
      store_.save(audience.key, state);
      host_.log(PENSTOCK_LOG_INFO,
                "created LinkedIn segment " + result.id + " for audience \"" + audience.key + "\"");
      return std::nullopt;
    case CreateResult::Kind::refused:
      state.creating_ms = 0;
      store_.forget(audience.key);
      return result.failure;
    case CreateResult::Kind::uncertain:
      break;
  }
  // Exists under somebody else's hands: one more look now spares a round.
  if (result.failure.reason == "segment_conflict") {
    if (std::optional<sdk::Outcome> failure = find(audience, batch, state)) return failure;
    if (!state.id.empty()) return std::nullopt;
  }
  // The wait counts from now: LinkedIn may have carried the request out at any moment until it was
  // given up.
  state.creating_ms = now_ms();
  store_.save(audience.key, state);
  if (const std::int64_t remaining = remaining_ms(state.creating_ms); remaining > 0) {
    result.failure.retry_after_ms = std::max(result.failure.retry_after_ms, remaining);
  }
  return result.failure;
}

sdk::Outcome Segments::not_found(const std::string& audience_key, const std::string& id,
                                 std::uint32_t attempt) {
  const std::unique_lock lock(mutex_);
  Entry& entry = entries_[audience_key];
  if (entry.state.id == id) {
    const std::int64_t age = now_ms() - entry.state.created_ms;
    if (age < kNewSegmentWindowMs) {
      const std::int64_t pause = std::min(settings_.segment_ready_after_ms, kMaxNotFoundPauseMs);
      return retry("segment_not_found_yet", "LinkedIn does not know the new segment everywhere yet",
                   pause > 0 ? pause : -1, 404);
    }
    entry.state = {};
    store_.forget(audience_key);
    host_.log(PENSTOCK_LOG_WARNING,
              "LinkedIn segment " + id + " of audience \"" + audience_key +
                  "\" is gone; it is looked up again, and created if it does not exist");
  }
  // At once the first time; a finder that keeps giving a dead id must not make this a tight loop.
  return retry("segment_gone", "the segment does not exist any more; it is looked up again",
               attempt == 0 ? 0 : -1, 404);
}

std::int64_t Segments::remaining_ms(std::int64_t since_ms) const {
  if (since_ms == 0) return 0;
  const std::int64_t wait = settings_.segment_ready_after_ms;
  // Bounded both ways, should the clock be set back.
  return std::clamp<std::int64_t>(since_ms + wait - now_ms(), 0, wait);
}

std::int64_t Segments::now_ms() const {
  return host_.wall_ns() / kNsPerMs;
}

}  // namespace penstock::linkedin
