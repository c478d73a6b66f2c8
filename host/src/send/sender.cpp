#include "send/sender.hpp"

#include <algorithm>

namespace penstock::send {
namespace {

struct AttemptContext {
  Outcomes* outcomes;
  const std::atomic<bool>* cancelled;
};

std::uint32_t cancelled_trampoline(void* ctx) {
  return static_cast<AttemptContext*>(ctx)->cancelled->load(std::memory_order_relaxed) ? 1 : 0;
}

void report_trampoline(void* ctx, std::uint64_t index, const penstock_outcome* outcome) {
  static_cast<AttemptContext*>(ctx)->outcomes->report(index, *outcome);
}

std::string text_of(const char* buffer, std::size_t size) {
  return {buffer, std::find(buffer, buffer + size, '\0')};
}

// What an element without a report gets when the hook as a whole returned this.
OutcomeDetail outcome_of_error(std::int32_t code, const penstock_error& error) {
  OutcomeDetail detail;
  detail.reason = text_of(error.reason, sizeof error.reason);
  detail.message = text_of(error.message, sizeof error.message);
  const char* reason = "send_failed";
  switch (code) {
    case PENSTOCK_OK:
      detail.status = PENSTOCK_UNKNOWN;
      reason = "unreported";
      if (detail.message.empty())
        detail.message = "The plugin reported no outcome for this element";
      break;
    case PENSTOCK_ERR_AUTH:
      detail.status = PENSTOCK_AUTH;
      reason = "authorization_needed";
      break;
    case PENSTOCK_ERR_UNSUPPORTED:
    case PENSTOCK_ERR_INVALID:
      detail.status = PENSTOCK_BLOCKED;
      reason = "send_refused";
      break;
    case PENSTOCK_ERR_CONNECT:
      detail.status = PENSTOCK_RETRY;
      reason = "connect_failed";
      break;
    case PENSTOCK_ERR_TIMEOUT:
      detail.status = PENSTOCK_UNKNOWN;
      reason = "timeout";
      break;
    case PENSTOCK_ERR_CANCELLED:
      detail.status = PENSTOCK_UNKNOWN;
      reason = "cancelled";
      break;
    default:
      detail.status = PENSTOCK_UNKNOWN;
      break;
  }
  if (detail.reason.empty()) detail.reason = reason;
  if (detail.message.empty())
    detail.message =
        "The plugin's send hook failed with code " + std::to_string(code) + " and gave no reason";
  return detail;
}

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

}  // namespace

Attempt attempt(const SendHook& hook, std::unique_ptr<batch::Batch> batch, std::int64_t now_ns,
                const std::atomic<bool>& cancelled) {
  Attempt result;
  result.outcomes = std::make_unique<Outcomes>(batch->size());
  std::vector<penstock_str> payloads(batch->size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const std::string_view payload = batch->payload(i);
    payloads[i] = {payload.data(), payload.size()};
  }
  AttemptContext context{result.outcomes.get(), &cancelled};
  penstock_batch request{};
  request.struct_size = sizeof request;
  request.action = batch->action();
  request.attempt = batch->attempt();
  request.batch_key = {batch->batch_key().data(), batch->batch_key().size()};
  request.deadline_ns = now_ns + kSendDeadlineNs;
  request.n = payloads.size();
  request.payloads = payloads.data();
  request.ctx = &context;
  request.cancelled = cancelled_trampoline;
  request.report = report_trampoline;
  penstock_error error{};
  error.struct_size = sizeof error;
  const std::int32_t code = hook(request, error);
  result.outcomes->fill_unreported(outcome_of_error(code, error));
  result.batch = std::move(batch);
  return result;
}

Decision decide(const Attempt& attempt, const RetryPolicy& policy, std::uint32_t probes,
                std::int64_t now_ns, std::mt19937_64& random) {
  Decision decision;
  const batch::Batch& batch = *attempt.batch;
  const Outcomes& outcomes = *attempt.outcomes;
  decision.verdicts.resize(outcomes.size());
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  const double jitter =
      uniform(random);  // one for the batch, so that what failed together can go together

  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    batch::Verdict& verdict = decision.verdicts[i];
    const std::uint32_t status = outcomes.status(i);
    if (status == PENSTOCK_DELIVERED) {
      verdict.kind = batch::Verdict::Kind::delivered;
      decision.delivered = true;
      decision.answered = true;
      continue;
    }
    const OutcomeDetail& detail = outcomes.detail(i);
    if (detail.remote_status != 0) decision.answered = true;
    const std::uint32_t mapping = batch.mapping(i);
    const std::int64_t wait = backoff_ns(policy, batch.attempt(i), jitter, detail.retry_after_ms);
    switch (status) {
      case PENSTOCK_REJECTED:
        verdict.kind = batch::Verdict::Kind::dead_letter;
        decision.dead_letters.reason(ReasonCount::Kind::dead_letter, mapping, detail.reason, {},
                                     detail.message);
        break;
      case PENSTOCK_SPLIT:
        if (outcomes.size() > 1) {
          verdict.kind = batch::Verdict::Kind::split;
        } else {
          verdict.kind =
              batch::Verdict::Kind::dead_letter;  // alone and still refused: it is the poison
          decision.dead_letters.reason(ReasonCount::Kind::dead_letter, mapping, detail.reason, {},
                                       detail.message);
        }
        break;
      case PENSTOCK_AUTH:
      case PENSTOCK_BLOCKED: {
        verdict.kind = batch::Verdict::Kind::retry;
        verdict.failed = false;  // the element is not at fault
        verdict.not_before_ns = now_ns;
        const bool authorization = status == PENSTOCK_AUTH;
        if (decision.effect != Decision::Effect::pause_authorization) {
          decision.effect = authorization ? Decision::Effect::pause_authorization
                                          : Decision::Effect::pause_blocked;
          decision.until_ns =
              now_ns + std::max(probe_delay_ns(probes),
                                backoff_ns(policy, 0, 0.0,
                                           std::max<std::int64_t>(detail.retry_after_ms, 0)));
          decision.pause_code = detail.reason;
          decision.pause_message = detail.message;
        }
        count_issue(decision.issues, Issue::Severity::error, batch.destination(),
                    Issue::kAllMappings, detail);
        break;
      }
      case PENSTOCK_THROTTLED:
        verdict.kind = batch::Verdict::Kind::retry;
        verdict.not_before_ns = now_ns;  // the destination as a whole waits
        if (decision.effect == Decision::Effect::none ||
            decision.effect == Decision::Effect::throttle) {
          decision.effect = Decision::Effect::throttle;
          decision.until_ns = std::max(decision.until_ns, now_ns + wait);
        }
        count_issue(decision.issues, Issue::Severity::warning, batch.destination(),
                    Issue::kAllMappings, detail);
        break;
      default:  // RETRY, UNKNOWN
        verdict.kind = batch::Verdict::Kind::retry;
        verdict.not_before_ns = now_ns + wait;
        // A plugin that knows how long to wait, without having asked, reports no failure.
        if (status == PENSTOCK_RETRY && detail.retry_after_ms >= 0 && detail.remote_status == 0) {
          verdict.failed = false;
          decision.answered = true;  // else it could not know
        } else if (detail.reason != "cancelled") {
          decision.failed = true;
          count_issue(decision.issues, Issue::Severity::warning, batch.destination(), mapping,
                      detail);
        }
        break;
    }
  }
  return decision;
}

}  // namespace penstock::send
