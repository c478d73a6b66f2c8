// Outcomes: what a plugin's send hook reported for the elements of one batch.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "penstock/abi.h"

namespace penstock::send {

// What came back beside the bare status; many elements may share one. Of detail(): through the gate
// (gate/foreign_text.hpp), and with a reason always.
struct OutcomeDetail {
  std::uint32_t status = PENSTOCK_UNKNOWN;  // PENSTOCK_DELIVERED and its siblings
  std::int32_t remote_status = 0;
  std::int64_t retry_after_ms = -1;
  std::string reason;
  std::string message;
  std::uint32_t flags = 0;  // PENSTOCK_OUTCOME_...
};

// report() may be called from any thread until the hook returns; everything else only before or
// after.
class Outcomes {
 public:
  explicit Outcomes(std::size_t size);

  // The worse of two reports for one element stays, and the second is counted as the plugin's
  // fault; so are an index out of range and a status that is none.
  void report(std::uint64_t index, const penstock_outcome& outcome);
  // Gives every element without a report this outcome.
  void fill_unreported(const OutcomeDetail& detail);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint32_t status(std::size_t index) const {
    return statuses_[index].load(std::memory_order_relaxed) & kStatusMask;
  }
  // Of one DELIVERED without a reason: empty.
  [[nodiscard]] const OutcomeDetail& detail(std::size_t index) const;
  [[nodiscard]] std::uint64_t faults() const { return faults_; }

 private:
  static constexpr std::uint8_t kStatusMask = 0x0f;
  static constexpr std::uint8_t kUnreported = 0xff;
  static constexpr std::uint32_t kPlain = UINT32_MAX;  // in detail_of_

  std::uint32_t share(OutcomeDetail detail);
  std::uint32_t share_delivered(const penstock_str& reason);

  const std::size_t size_;
  std::unique_ptr<std::atomic<std::uint8_t>[]> statuses_;
  mutable std::mutex mutex_;
  std::vector<OutcomeDetail> reported_;  // distinct ones, in the plugin's words
  std::vector<OutcomeDetail> details_;   // the same, as they are shown and stored
  // By element; empty as long as all are DELIVERED without a reason.
  std::vector<std::uint32_t> detail_of_;
  std::uint64_t faults_ = 0;
};

// The order in which one report is worse than another: the less certain it is that the element is
// done with.
[[nodiscard]] int badness(std::uint32_t status);

}  // namespace penstock::send
