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
  if (code > PENSTOCK_OK || code < PENSTOCK_ERR_CONFLICT) {
    detail.message = "The plugin is at fault: its send hook returned " + std::to_string(code) +
                     ", which is no status of a send hook" +
                     (detail.message.empty() ? "" : ": " + detail.message);
  }
  if (detail.reason.empty()) detail.reason = reason;
  if (detail.message.empty())
    detail.message =
        "The plugin's send hook failed with code " + std::to_string(code) + " and gave no reason";
  return detail;
}

}  // namespace

Attempt attempt(const SendHook& hook, std::unique_ptr<batch::Batch> batch,
                const std::function<std::int64_t()>& now, const std::atomic<bool>& cancelled) {
  Attempt result;
  result.begin_ns = now();
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
  request.deadline_ns = result.begin_ns + kSendDeadlineNs;
  request.n = payloads.size();
  request.payloads = payloads.data();
  request.ctx = &context;
  request.cancelled = cancelled_trampoline;
  request.report = report_trampoline;
  penstock_error error{};
  error.struct_size = sizeof error;
  const std::int32_t code = hook(request, error);
  result.end_ns = now();
  result.outcomes->fill_unreported(outcome_of_error(code, error));
  result.batch = std::move(batch);
  return result;
}

}  // namespace penstock::send
