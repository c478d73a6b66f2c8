// Sender: one attempt to deliver a batch through a plugin's send hook, and what follows from its
// outcomes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "batch/batcher.hpp"
#include "model/issue.hpp"
#include "penstock/abi.h"
#include "send/concurrency.hpp"
#include "send/outcomes.hpp"
#include "send/retry_policy.hpp"

namespace penstock::send {

// Longest time that one send hook gets: the pacing of one minute's window, then a request.
inline constexpr std::int64_t kSendDeadlineNs = 120'000 * kNanosPerMilli;

// The send hook of one destination, as the plugin stage offers it.
using SendHook = std::function<std::int32_t(const penstock_batch&, penstock_error&)>;

// A batch after its attempt.
struct Attempt {
  std::unique_ptr<batch::Batch> batch;
  std::unique_ptr<Outcomes> outcomes;
  std::int64_t begin_ns = 0;  // monotonic
  std::int64_t end_ns = 0;
  bool begun = true;  // false: cancelled before the hook was called, so nothing was sent
};

// [send-thread] Calls the hook and collects what it reports. What it leaves out gets UNKNOWN, or
// what its error says. `now` is the monotonic clock; `cancelled` is what
// penstock_batch.cancelled answers.
[[nodiscard]] Attempt attempt(const SendHook& hook, std::unique_ptr<batch::Batch> batch,
                              const std::function<std::int64_t()>& now,
                              const std::atomic<bool>& cancelled);

// What an attempt means.
struct Decision {
  enum class Effect : std::uint8_t { none, throttle, pause_authorization, pause_blocked };

  batch::Verdicts verdicts;
  Effect effect = Effect::none;    // on the whole destination
  std::int64_t until_ns = 0;       // throttle, pause: nothing is sent before
  bool delivered = false;          // at least one element
  bool judged = false;             // at least one element was accepted or refused
  bool answered = false;           // the destination said something, whatever it was
  bool failed = false;             // something was tried and did not succeed
  bool lost = false;               // nothing but failures: no element was accepted or refused
  std::int32_t remote_status = 0;  // of the first failure
  ConcurrencyLimit::Signal load = ConcurrencyLimit::Signal::none;
  std::string pause_code;  // for the destination's state, with effect pause
  std::string pause_message;
  std::vector<Issue> issues;
};

// Pure, but for the random numbers it draws. `probes` is how often the destination has been paused
// in a row.
[[nodiscard]] Decision decide(const Attempt& attempt, const RetryPolicy& policy,
                              std::uint32_t probes, std::int64_t now_ns, std::mt19937_64& random);

}  // namespace penstock::send
