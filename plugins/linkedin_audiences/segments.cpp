#include "segments.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "reply.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerMinute = 60'000 * kNsPerMs;
// LinkedIn may answer 404 to writes for a minute or two after a segment was created; ten are beyond
// doubt.
constexpr std::int64_t kNewSegmentWindowMs = 10 * 60 * 1'000;
// The longest pause between two tries at a segment that is not there yet.
constexpr std::int64_t kMaxNotFoundPauseMs = 60'000;
// How soon LinkedIn is asked again about a creation whose end is not known, and how late at most:
// many audiences may wait so at once, and all of them share one rate.
constexpr std::int64_t kLeastLookForCreatedMs = 1'000;
constexpr std::int64_t kMostLookForCreatedMs = 30'000;
// How often an audience's segment is looked at: a status changes within days, and 50 audiences make
// less than one small request a minute.
constexpr std::int64_t kLookEveryNs = 60 * kNsPerMinute;
// How soon after a look that did not succeed, or an answer that was not expected.
constexpr std::int64_t kLookSoonNs = kNsPerMinute;
// How soon a batch that waits for another one's answer notices its own cancellation.
constexpr std::chrono::milliseconds kWaitStep{20};

sdk::Outcome retry(std::string reason, std::string message, std::int64_t after_ms,
                   std::int32_t remote_status = 0) {
  return {PENSTOCK_RETRY, remote_status, after_ms, std::move(reason), std::move(message)};
}

// How long to wait before LinkedIn is asked again whether a creation succeeded: as long again as it
// has been awaited, so that a lag of two minutes costs some seven questions.
std::int64_t look_for_created_ms(const Settings& settings, std::int64_t awaited_ms) {
  const std::int64_t least = std::max(settings.segment_ready_after_ms, kLeastLookForCreatedMs);
  return std::clamp(awaited_ms, least, std::max(least, kMostLookForCreatedMs));
}

// The same where it is certain to exist, so that it need not become ready first.
std::int64_t look_for_existing_ms(std::int64_t awaited_ms) {
  return std::clamp(awaited_ms, kLeastLookForCreatedMs, kMostLookForCreatedMs);
}

sdk::Outcome conflict_with(std::string message) {
  sdk::Outcome outcome;
  outcome.status = PENSTOCK_BLOCKED;
  outcome.flags = PENSTOCK_OUTCOME_BATCH_KEY_ONLY;
  outcome.remote_status = 409;
  outcome.message = std::move(message);
  return outcome;
}

sdk::Outcome of_other_type(const Audience& audience, const Segment& other) {
  sdk::Outcome outcome = conflict_with(
      "LinkedIn does not create the audience \"" + audience.name + "\" of type " +
      std::string(name_of(audience.type)) + " because segment " + other.id +
      " has its key already and is of type " + safe_message(other.type) +
      ", which cannot be changed. Give the mapping another key, or delete that segment in Campaign "
      "Manager. What waits for the audience is kept, other audiences go on");
  outcome.reason = "segment_of_other_type";
  return outcome;
}

sdk::Outcome of_other_platform(const Audience& audience, const Segment& other,
                               const Settings& settings) {
  sdk::Outcome outcome = conflict_with({});
  outcome.reason = "segment_of_other_platform";
  outcome.message = "LinkedIn does not create the audience \"" + audience.name +
                    "\" because segment " + other.id + " has its key already, under the platform " +
                    safe_message(other.source_platform) + " and not " + settings.source_platform +
                    ". Set source_platform to that in the destination's settings, if LinkedIn lets "
                    "your app use it, or delete that segment in Campaign Manager. What waits for "
                    "the audience is kept, other audiences go on";
  return outcome;
}

// Whether a batch may go out to the id it has although LinkedIn could not be asked about it: what
// passes, a limit of requests (LinkedIn counts those of each resource apart), and a finder that
// refuses its question say nothing about writing.
bool may_write_anyway(const sdk::Outcome& failure) {
  return failure.status == PENSTOCK_RETRY || failure.status == PENSTOCK_THROTTLED ||
         failure.reason == "segment_lookup_refused";
}

}  // namespace

SegmentAnswer Segments::resolve(const Audience& audience, const sdk::Batch& batch) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[AudienceId(audience)];
  const std::uint64_t flights_before = entry.flights;
  while (entry.busy && !entry.state.usable()) {
    if (batch.cancelled() || host_.monotonic_ns() >= batch.deadline_ns()) {
      return {{},
              retry("segment_lookup_pending",
                    "Another batch still asks LinkedIn about this audience", -1)};
    }
    changed_.wait_for(lock, kWaitStep);
  }
  const bool known = entry.state.usable();
  if (known && (entry.busy || host_.monotonic_ns() < entry.look_again_ns)) {
    return answer(entry.state);
  }
  // Whoever waited shares the answer, and does not put the same question again.
  if (!known && entry.flights != flights_before && entry.last_failure) {
    return {{}, entry.last_failure};
  }

  entry.busy = true;
  SegmentState state = entry.state;
  const bool loaded = entry.loaded;
  lock.unlock();
  Look looked;
  // The flag must come down whatever happens, or every later batch of the audience would wait in
  // vain.
  const auto land = [&] {
    lock.lock();
    entry.busy = false;
    ++entry.flights;
    entry.loaded = true;
    // Another batch may have been told meanwhile that there is no such segment; it is told again.
    entry.state = state;
    entry.last_failure = looked.failure;
    entry.looked_ns = host_.monotonic_ns();
    entry.look_again_ns = entry.looked_ns + (looked.complete ? kLookEveryNs : kLookSoonNs);
    changed_.notify_all();
  };
  try {
    if (!loaded && audience.existing_id.empty()) state = store_.load(AudienceId(audience));
    looked = look(audience, Errand(batch), state);
  } catch (...) {
    looked.failure = retry("internal", "the plugin failed while it looked for the segment", -1);
    land();
    throw;
  }
  land();
  if (looked.failure) return {{}, looked.failure};
  return answer(entry.state);
}

void Segments::look_at(const std::vector<Audience>& audiences, std::int64_t deadline_ns) {
  const SegmentList list = api_.list(Errand(deadline_ns));
  if (list.failure) {
    host_.log(PENSTOCK_LOG_INFO,
              "the state of the LinkedIn audiences could not be read: " + list.failure->message);
    return;
  }
  for (const Audience& audience : audiences) {
    if (!audience.existing_id.empty()) {
      const SegmentLookup lookup = api_.get_existing(audience, Errand(deadline_ns));
      if (lookup.segment) watch_.seen(audience, {*lookup.segment});
      if (lookup.failure && lookup.failure->status == PENSTOCK_BLOCKED)
        watch_.refused(*lookup.failure);
      continue;
    }
    const AudienceId id(audience);
    std::vector<Segment> own;
    std::copy_if(list.segments.begin(), list.segments.end(), std::back_inserter(own),
                 [&id](const Segment& segment) { return segment.is_of(id); });
    watch_.seen(audience, own);
  }
}

SegmentAnswer Segments::answer(const SegmentState& state) const {
  const std::int64_t remaining = remaining_ms(state.created_ms, settings_.segment_ready_after_ms);
  if (remaining > 0) {
    return {
        {},
        retry("segment_not_ready",
              "The audience was just created; LinkedIn loses what is written at once", remaining)};
  }
  return {state.id, std::nullopt};
}

Segments::Look Segments::look(const Audience& audience, const Errand& errand, SegmentState& state) {
  if (!audience.existing_id.empty()) return look_at_existing(audience, errand, state);
  const AudienceId id(audience);
  SegmentList found;
  found.failure = held_back();
  if (!found.failure) found = api_.find(id, errand);
  if (found.failure) {
    if (state.usable() && may_write_anyway(*found.failure)) {
      host_.log(PENSTOCK_LOG_INFO, "the state of LinkedIn segment " + state.id +
                                       " could not be read: " + found.failure->message);
      return {};
    }
    return {std::move(found.failure), false};
  }
  std::vector<Segment>& segments = found.segments;
  const auto is_own = [&state](const Segment& segment) { return segment.id == state.id; };
  if (!state.id.empty() && std::none_of(segments.begin(), segments.end(), is_own)) {
    SegmentLookup hidden = look_up_hidden(state, errand);
    if (hidden.failure && state.suspect) return {std::move(hidden.failure), false};
    if (hidden.failure) return {};
    if (hidden.segment) {
      segments.push_back(std::move(*hidden.segment));
      std::sort(segments.begin(), segments.end(), older);
    } else {
      if (segments.empty()) {
        watch_.deleted(audience, state.id);
      } else {
        watch_.replaced(audience, state.id, segments.front().id);
      }
      state = {};
      store_.forget(id);
    }
  }
  state.suspect = false;
  watch_.seen_while_sending(audience, segments);
  if (!segments.empty()) {
    adopt(audience, segments.front(), state);
    return {std::nullopt, true};
  }
  std::optional<sdk::Outcome> failure = establish(audience, errand, state);
  const bool complete = !failure;
  return {std::move(failure), complete};
}

Segments::Look Segments::look_at_existing(const Audience& audience, const Errand& errand,
                                          SegmentState& state) {
  SegmentLookup lookup;
  lookup.failure = held_back();
  if (!lookup.failure) lookup = api_.get_existing(audience, errand);
  if (lookup.failure) {
    if (state.usable() && may_write_anyway(*lookup.failure)) {
      host_.log(PENSTOCK_LOG_INFO, "the state of LinkedIn segment " + state.id +
                                       " could not be read: " + lookup.failure->message);
      return {};
    }
    state.suspect = true;
    return {std::move(lookup.failure), false};
  }
  state = {audience.existing_id, std::min(lookup.segment->created_ms, now_ms()), 0};
  watch_.seen_while_sending(audience, {*lookup.segment});
  return {std::nullopt, true};
}

std::optional<sdk::Outcome> Segments::held_back() {
  if (not_held_back_.load()) return std::nullopt;
  const std::optional<CheckPause::Pause> pause = pause_.load();
  if (!pause || pause->of != CheckPause::Of::audiences) {
    not_held_back_ = true;
    return std::nullopt;
  }
  return sdk::Outcome{PENSTOCK_THROTTLED, 429, pause->remaining_ms, pause->reason, pause->message};
}

void Segments::adopt(const Audience& audience, const Segment& segment, SegmentState& state) {
  if (state.id == segment.id) return;  // of which more is known than LinkedIn shows
  if (!state.id.empty()) watch_.moved(audience, state.id, segment.id);
  watch_.unconfirmed(audience, false);
  state.id = segment.id;
  // By our clock; LinkedIn's may be ahead. One that we began to create cannot be older than that;
  // one that is much older was there before, and needs no wait.
  const bool was_there =
      segment.created_ms > 0 && segment.created_ms + kNewSegmentWindowMs < state.creating_ms;
  state.created_ms = was_there
                         ? segment.created_ms
                         : std::max(std::min(segment.created_ms, now_ms()), state.creating_ms);
  state.creating_ms = 0;
  state.exists = false;
  store_.save(AudienceId(audience), state);
}

SegmentLookup Segments::look_up_hidden(const SegmentState& state, const Errand& errand) const {
  SegmentLookup lookup;
  // The finder, and LinkedIn as a whole, may lag behind a creation.
  if (now_ms() - state.created_ms >= kNewSegmentWindowMs) {
    lookup = api_.get(state.id, errand);
    if (lookup.failure || !lookup.segment) return lookup;
  } else {
    lookup.segment.emplace();
  }
  lookup.segment->id = state.id;
  lookup.segment->created_ms = state.created_ms;
  return lookup;
}

std::optional<sdk::Outcome> Segments::establish(const Audience& audience, const Errand& errand,
                                                SegmentState& state) {
  // The finder may lag behind a creation whose answer was lost.
  const std::int64_t remaining = until_create_again_ms(state);
  const std::int64_t awaited_ms = now_ms() - state.creating_ms;
  if (remaining > 0 && state.exists) {
    return retry("segment_conflict",
                 "LinkedIn says that the audience exists and does not show it yet; it is looked up "
                 "again",
                 std::min(remaining, look_for_existing_ms(awaited_ms)));
  }
  if (remaining > 0) {
    watch_.unconfirmed(audience, true);
    return retry("segment_create_unconfirmed",
                 "It is not certain whether the audience was created; LinkedIn is asked again "
                 "before another one is",
                 std::min(remaining, look_for_created_ms(settings_, awaited_ms)));
  }
  return create(audience, errand, state);
}

std::optional<sdk::Outcome> Segments::create(const Audience& audience, const Errand& errand,
                                             SegmentState& state) {
  const AudienceId id(audience);
  state.creating_ms = now_ms();
  store_.save(id, state);
  CreateResult result = api_.create(audience, errand);
  switch (result.kind) {
    case CreateResult::Kind::created:
      watch_.unconfirmed(audience, false);
      state = {result.id, now_ms(), 0};
      store_.save(id, state);
      host_.log(PENSTOCK_LOG_INFO, "created LinkedIn segment " + result.id + " of type " +
                                       std::string(name_of(audience.type)) + " for audience \"" +
                                       audience.key + "\"");
      return std::nullopt;
    case CreateResult::Kind::refused:
      watch_.unconfirmed(audience, false);
      state.creating_ms = 0;
      store_.forget(id);
      return result.failure;
    case CreateResult::Kind::uncertain:
      break;
  }
  const bool conflict = result.failure.reason == "segment_conflict";
  if (conflict) {
    // It exists, so that it can be looked up at once.
    SegmentList found = api_.find(id, errand);
    if (found.failure) return found.failure;
    if (!found.segments.empty()) {
      adopt(audience, found.segments.front(), state);
      return std::nullopt;
    }
    if (const std::optional<Segment> other = api_.find_elsewhere(id, errand)) {
      state.creating_ms = 0;
      store_.forget(id);
      return other->is_of(id) ? of_other_platform(audience, *other, settings_)
                              : of_other_type(audience, *other);
    }
  } else {
    watch_.unconfirmed(audience, true);
  }
  // The wait counts from now: LinkedIn may have carried the request out at any moment until it was
  // given up.
  state.creating_ms = now_ms();
  state.exists = conflict;
  store_.save(id, state);
  if (const std::int64_t remaining = until_create_again_ms(state); remaining > 0) {
    const std::int64_t pause_ms =
        conflict ? look_for_existing_ms(0) : look_for_created_ms(settings_, 0);
    result.failure.retry_after_ms =
        std::max(result.failure.retry_after_ms, std::min(remaining, pause_ms));
  }
  return result.failure;
}

sdk::Outcome Segments::not_found(const Audience& audience, const std::string& id,
                                 std::uint32_t attempt, bool took_members) {
  const AudienceId audience_id(audience);
  const std::unique_lock lock(mutex_);
  Entry& entry = entries_[audience_id];
  if (entry.state.id == id) {
    const std::int64_t age = now_ms() - entry.state.created_ms;
    if (age < kNewSegmentWindowMs) {
      // As long again as it has been awaited: a short segment_ready_after must not use up the rate
      // that all audiences share.
      const std::int64_t pause =
          std::clamp(age, std::min(settings_.segment_ready_after_ms, kMaxNotFoundPauseMs),
                     kMaxNotFoundPauseMs);
      return retry("segment_not_found_yet",
                   took_members
                       ? "LinkedIn took members for the new audience \"" + audience.name +
                             "\" and now says that it does not exist. Somebody may have deleted it "
                             "at LinkedIn. Of an audience that is younger than ten minutes that is "
                             "not certain: it is tried again by itself, then looked up, and made "
                             "again if it is gone"
                       : "LinkedIn does not know the new audience everywhere yet; tried again by "
                         "itself",
                   pause > 0 ? pause : -1, 404);
    }
    // Not certain: a 404 may be about something else, and what is made again is a twin if so.
    entry.state.suspect = true;
    host_.log(PENSTOCK_LOG_WARNING, "LinkedIn says that segment " + id + " of audience \"" +
                                        audience.key + "\" does not exist; it is looked up");
  }
  // At once the first time; a finder that keeps giving a dead id must not make this a tight loop.
  return retry("segment_gone",
               audience.existing_id.empty()
                   ? "LinkedIn says that the audience does not exist; it is looked up, and made "
                     "again if need be"
                   : "LinkedIn says that the audience does not exist; it is looked up",
               attempt == 0 ? 0 : -1, 404);
}

void Segments::doubt(const Audience& audience) {
  const std::unique_lock lock(mutex_);
  Entry& entry = entries_[AudienceId(audience)];
  entry.look_again_ns = std::min(entry.look_again_ns, entry.looked_ns + kLookSoonNs);
}

std::int64_t Segments::remaining_ms(std::int64_t since_ms, std::int64_t wait_ms) const {
  if (since_ms == 0) return 0;
  // Bounded both ways, should the clock be set back.
  return std::clamp<std::int64_t>(since_ms + wait_ms - now_ms(), 0, wait_ms);
}

std::int64_t Segments::until_create_again_ms(const SegmentState& state) const {
  return remaining_ms(state.creating_ms,
                      std::max(settings_.segment_ready_after_ms, settings_.create_again_after_ms));
}

std::int64_t Segments::now_ms() const {
  return host_.wall_ns() / kNsPerMs;
}

}  // namespace penstock::linkedin
