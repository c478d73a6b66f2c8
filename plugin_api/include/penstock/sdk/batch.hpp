// penstock/sdk/batch.hpp - a batch to send, and what to say about each of its elements.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text.hpp"

namespace penstock {
namespace sdk {

// What became of an element. Owns its texts.
struct Outcome {
  std::uint32_t status = PENSTOCK_UNKNOWN;
  std::int32_t remote_status = 0;    // HTTP status or similar; 0 when none
  std::int64_t retry_after_ms = -1;  // -1 when unknown
  std::string reason;                // stable code in snake_case
  std::string message;               // without personal data
  std::uint32_t flags = 0;           // PENSTOCK_OUTCOME_...
};

// The batch of one call of the send hook. Valid until the hook returns.
class Batch {
 public:
  explicit Batch(const penstock_batch& batch) noexcept : batch_(&batch) {}

  [[nodiscard]] std::uint32_t action() const noexcept { return batch_->action; }
  [[nodiscard]] std::uint32_t attempt() const noexcept { return batch_->attempt; }
  [[nodiscard]] std::string_view batch_key() const noexcept { return view(batch_->batch_key); }
  [[nodiscard]] std::int64_t deadline_ns() const noexcept { return batch_->deadline_ns; }
  [[nodiscard]] std::uint64_t size() const noexcept { return batch_->n; }
  [[nodiscard]] penstock_str payload(std::uint64_t index) const noexcept {
    return batch_->payloads[index];
  }
  [[nodiscard]] bool cancelled() const { return batch_->cancelled(batch_->ctx) != 0; }
  // For services that take the batch whose cancellation ends their work.
  [[nodiscard]] const penstock_batch* get() const noexcept { return batch_; }

  // Each index once.
  void report(std::uint64_t index, const Outcome& outcome) const {
    report_as_is(index, to_c(outcome));
  }
  void report_all(const Outcome& outcome) const {
    const penstock_outcome same = to_c(outcome);
    for (std::uint64_t i = 0; i < batch_->n; ++i) report_as_is(i, same);
  }
  // The common case without an Outcome to build.
  // `reason` may say how, such as "added".
  void report_delivered(std::uint64_t index, std::int32_t remote_status,
                        std::string_view reason = {}) const {
    penstock_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.status = PENSTOCK_DELIVERED;
    outcome.remote_status = remote_status;
    outcome.retry_after_ms = -1;
    outcome.reason = str(reason);
    report_as_is(index, outcome);
  }

 private:
  static penstock_outcome to_c(const Outcome& outcome) {
    return penstock_outcome{
        sizeof(penstock_outcome), outcome.status,      outcome.remote_status, outcome.flags,
        outcome.retry_after_ms,   str(outcome.reason), str(outcome.message)};
  }
  void report_as_is(std::uint64_t index, const penstock_outcome& outcome) const {
    batch_->report(batch_->ctx, index, &outcome);
  }

  const penstock_batch* batch_;
};

}  // namespace sdk
}  // namespace penstock
