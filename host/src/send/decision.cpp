// What an attempt means: verdicts, and what follows for its group, destination and connection.
#include <algorithm>

#include "send/sender.hpp"

namespace penstock::send {
namespace {

constexpr std::int32_t kFirstServerError = 500;  // HTTP: from here on the fault is the server's
// HTTP: with a time to wait, it is the service as a whole that asks for it.
constexpr std::int32_t kServiceUnavailable = 503;

// Adds to an issue of the same kind, or makes one.
void count_issue(std::vector<Issue>& issues, Issue::Severity severity, std::uint32_t destination,
                 std::uint32_t mapping, const OutcomeDetail& detail) {
  for (Issue& issue : issues) {
    if (issue.mapping == mapping && issue.code == detail.reason && issue.severity == severity) {
      ++issue.count;
      return;
    }
  }
  issues.push_back({severity, destination, mapping, detail.reason, detail.message, 1});
}

// The largest unit that fits, rounded down: many elements of about the same age share one message.
std::string age_text(std::int64_t age_ns) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86'400, "day"}, {3'600, "hour"}, {60, "minute"}, {1, "second"}};
  const std::int64_t seconds = age_ns / (1000 * kNanosPerMilli);
  for (const Unit& unit : kUnits) {
    const std::int64_t count = seconds / unit.seconds;
    if (count > 0) return std::to_string(count) + " " + unit.name + (count == 1 ? "" : "s");
  }
  return "less than a second";
}

class Decider {
 public:
  Decider(const Attempt& attempt, const RetryPolicy& policy, std::uint32_t probes,
          std::int64_t now_ns, double jitter)
      : batch_(*attempt.batch),
        outcomes_(*attempt.outcomes),
        policy_(policy),
        probes_(probes),
        now_ns_(now_ns),
        jitter_(jitter),
        begun_(attempt.begun) {}

  Decision decide() {
    decision_.verdicts.elements.resize(outcomes_.size());
    bool group_waits = true;  // until an element says otherwise
    bool lost = true;
    std::int64_t group_until_ns = 0;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      batch::Verdict& verdict = decision_.verdicts.elements[i];
      const std::uint32_t status = outcomes_.status(i);
      if (status == PENSTOCK_DELIVERED) {
        verdict.kind = batch::Verdict::Kind::delivered;
        verdict.refusal = delivered_as(outcomes_.detail(i).reason);
        decision_.delivered = true;
        continue;
      }
      const OutcomeDetail& detail = outcomes_.detail(i);
      judge(i, status, detail, verdict);
      if (policy_.confirm_after_ns > 0 && is_uncertain(status, detail))
        verdict.uncertain_until_ns = now_ns_ + policy_.confirm_after_ns;
      if (verdict.kind != batch::Verdict::Kind::retry) lost = false;
      const bool waits = is_retry(status) || decision_.verdicts.group_refused;
      group_waits = group_waits && waits && detail.reason != "cancelled";
      group_until_ns = std::max(group_until_ns, verdict.not_before_ns);
      give_up_if_old(i, status, detail, verdict);
    }
    decision_.judged = decision_.delivered || !lost;
    decision_.answered = decision_.answered || decision_.delivered;
    decision_.lost = lost && decision_.failed && !decision_.delivered;
    if (group_waits && !decision_.delivered) decision_.verdicts.group_until_ns = group_until_ns;
    note_load();
    return std::move(decision_);
  }

 private:
  std::uint32_t delivered_as(const std::string& reason) {
    std::vector<std::string>& known = decision_.verdicts.delivered_as;
    if (reason.empty()) return UINT32_MAX;
    const auto found = std::find(known.begin(), known.end(), reason);
    if (found != known.end()) return static_cast<std::uint32_t>(found - known.begin());
    known.push_back(reason);
    return static_cast<std::uint32_t>(known.size() - 1);
  }

  static bool is_retry(std::uint32_t status) {
    return status == PENSTOCK_RETRY || status == PENSTOCK_UNKNOWN;
  }

  // Whether the destination may have carried it out, or may still do so, although it did not say
  // so.
  [[nodiscard]] bool is_uncertain(std::uint32_t status, const OutcomeDetail& detail) const {
    return begun_ && (status == PENSTOCK_UNKNOWN || detail.remote_status >= kFirstServerError);
  }

  void judge(std::size_t index, std::uint32_t status, const OutcomeDetail& detail,
             batch::Verdict& verdict) {
    if (detail.remote_status != 0) decision_.answered = true;
    switch (status) {
      case PENSTOCK_REJECTED:
        refuse({detail.reason, detail.message, detail.remote_status}, verdict);
        break;
      case PENSTOCK_SPLIT:
        if (outcomes_.size() > 1) {
          verdict.kind = batch::Verdict::Kind::split;
        } else {
          // Alone and still refused: it is the poison.
          refuse({detail.reason, detail.message, detail.remote_status}, verdict);
        }
        break;
      case PENSTOCK_BLOCKED:
        if ((detail.flags & PENSTOCK_OUTCOME_BATCH_KEY_ONLY) != 0) {
          hold_group(index, detail, verdict);
          break;
        }
        [[fallthrough]];
      case PENSTOCK_AUTH:
        pause(status, detail, verdict);
        break;
      case PENSTOCK_THROTTLED:
        throttle(index, detail, verdict);
        break;
      default:
        retry(index, status, detail, verdict);
        break;
    }
  }

  void refuse(batch::Refusal refusal, batch::Verdict& verdict) {
    verdict.kind = batch::Verdict::Kind::dead_letter;
    // Batches have few distinct refusals; the newest is the likeliest to recur.
    std::vector<batch::Refusal>& known = decision_.verdicts.refusals;
    const auto found = std::find(known.rbegin(), known.rend(), refusal);
    if (found != known.rend()) {
      verdict.refusal = static_cast<std::uint32_t>(known.rend() - found - 1);
      return;
    }
    verdict.refusal = static_cast<std::uint32_t>(known.size());
    known.push_back(std::move(refusal));
  }

  void pause(std::uint32_t status, const OutcomeDetail& detail, batch::Verdict& verdict) {
    verdict.kind = batch::Verdict::Kind::retry;
    verdict.failed = false;  // the element is not at fault
    verdict.not_before_ns = now_ns_;
    if (decision_.effect != Decision::Effect::pause_authorization) {
      decision_.effect = status == PENSTOCK_AUTH ? Decision::Effect::pause_authorization
                                                 : Decision::Effect::pause_blocked;
      const std::int64_t asked_ns =
          backoff_ns(policy_, 0, 0.0, std::max<std::int64_t>(detail.retry_after_ms, 0));
      decision_.until_ns = now_ns_ + std::max(probe_delay_ns(probes_), asked_ns);
      decision_.pause_code = detail.reason;
      decision_.pause_message = detail.message;
    }
    count_issue(decision_.issues, Issue::Severity::error, batch_.destination(), Issue::kAllMappings,
                detail);
  }

  // A person has to act, but for this batch key alone: its group is asked again as rarely as a
  // paused destination, and what has another key goes on.
  void hold_group(std::size_t index, const OutcomeDetail& detail, batch::Verdict& verdict) {
    verdict.kind = batch::Verdict::Kind::retry;
    verdict.failed = false;  // the element is not at fault
    const std::int64_t asked_ns =
        backoff_ns(policy_, 0, 0.0, std::max<std::int64_t>(detail.retry_after_ms, 0));
    verdict.not_before_ns = now_ns_ + std::max(probe_delay_ns(batch_.group_failures()), asked_ns);
    decision_.verdicts.group_refused = true;
    decision_.answered = true;
    count_issue(decision_.issues, Issue::Severity::error, batch_.destination(),
                batch_.mapping(index), detail);
  }

  void throttle(std::size_t index, const OutcomeDetail& detail, batch::Verdict& verdict) {
    verdict.kind = batch::Verdict::Kind::retry;
    verdict.not_before_ns = now_ns_;  // the destination as a whole waits
    wait_as_asked(now_ns_ +
                  backoff_ns(policy_, batch_.attempt(index), jitter_, detail.retry_after_ms));
    throttled_ = true;
    count_issue(decision_.issues, Issue::Severity::warning, batch_.destination(),
                Issue::kAllMappings, detail);
  }

  // Unless it waits for a person.
  void wait_as_asked(std::int64_t until_ns) {
    if (decision_.effect != Decision::Effect::none &&
        decision_.effect != Decision::Effect::throttle) {
      return;
    }
    decision_.effect = Decision::Effect::throttle;
    decision_.until_ns = std::max(decision_.until_ns, until_ns);
  }

  void retry(std::size_t index, std::uint32_t status, const OutcomeDetail& detail,
             batch::Verdict& verdict) {
    verdict.kind = batch::Verdict::Kind::retry;
    // A group that loses batch after batch waits ever longer, also when newer elements have taken
    // the place of those that failed.
    const std::uint32_t failures = std::max(batch_.attempt(index), batch_.group_failures());
    verdict.not_before_ns = now_ns_ + backoff_ns(policy_, failures, jitter_, detail.retry_after_ms);
    // A plugin that knows how long to wait, without having asked, reports no failure.
    if (status == PENSTOCK_RETRY && detail.retry_after_ms >= 0 && detail.remote_status == 0) {
      verdict.failed = false;
      decision_.answered = true;  // else it could not know
      return;
    }
    if (detail.reason == "cancelled") return;
    if (!decision_.failed) decision_.remote_status = detail.remote_status;
    decision_.failed = true;
    if (detail.remote_status == 0 || detail.remote_status >= kFirstServerError) overloaded_ = true;
    if (detail.remote_status == kServiceUnavailable && detail.retry_after_ms > 0)
      wait_as_asked(verdict.not_before_ns);
    count_issue(decision_.issues, Issue::Severity::warning, batch_.destination(),
                batch_.mapping(index), detail);
  }

  void give_up_if_old(std::size_t index, std::uint32_t status, const OutcomeDetail& detail,
                      batch::Verdict& verdict) {
    if (verdict.kind != batch::Verdict::Kind::retry) return;
    // Ended by the host: not an attempt that failed.
    if (is_retry(status) && detail.reason == "cancelled") return;
    const std::int64_t age_ns = now_ns_ - batch_.stored_ns(index);
    if (age_ns <= policy_.give_up_after_ns) return;
    refuse(
        {batch::kGaveUp,
         "Given up after " + age_text(age_ns) + " (give_up_after); the last attempt ended with " +
             detail.reason + ": " + detail.message,
         detail.remote_status},
        verdict);
  }

  void note_load() {
    // A group that goes on failing tells of itself, not of the connection that others share.
    const bool failed = overloaded_ && !decision_.delivered && batch_.group_failures() == 0;
    if (throttled_ || failed) {
      decision_.load = ConcurrencyLimit::Signal::overloaded;
    } else if (decision_.delivered) {
      decision_.load = ConcurrencyLimit::Signal::success;
    }
  }

  const batch::Batch& batch_;
  const Outcomes& outcomes_;
  const RetryPolicy& policy_;
  const std::uint32_t probes_;
  const std::int64_t now_ns_;
  const double jitter_;
  const bool begun_;
  Decision decision_;
  bool throttled_ = false;
  bool overloaded_ = false;
};

}  // namespace

Decision decide(const Attempt& attempt, const RetryPolicy& policy, std::uint32_t probes,
                std::int64_t now_ns, std::mt19937_64& random) {
  // One random number for the batch, so that what failed together can go together.
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  return Decider(attempt, policy, probes, now_ns, uniform(random)).decide();
}

}  // namespace penstock::send
