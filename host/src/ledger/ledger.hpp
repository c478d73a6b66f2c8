// Ledger: counts every record to exactly one outcome, and checks that the counts add up
// (README.md).
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "model/status.hpp"
#include "model/tally.hpp"
#include "send/sender.hpp"

namespace penstock::ledger {

// Who a mapping's index stands for.
struct MappingName {
  std::uint32_t destination = 0;
  std::string destination_name;
  std::string name;
};

struct Snapshot {
  EventCounts events;
  std::uint64_t matched_events = 0;     // wanted by at least one mapping
  std::vector<MappingCounts> mappings;  // by mapping index
  std::vector<ReasonCount> reasons;
  std::vector<Issue> issues;
};

// All methods [any thread].
class Ledger {
 public:
  // pending_before: by mapping, what earlier runs left.
  Ledger(std::vector<MappingName> mappings, std::vector<std::uint64_t> pending_before);

  void apply(const Tally& tally);
  void apply(const std::vector<Issue>& issues);
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] const std::vector<MappingName>& mappings() const { return names_; }
  [[nodiscard]] const std::vector<std::uint64_t>& pending_before() const { return before_; }

  // received = matched by some mapping + unmatched + invalid, and for each mapping
  // matched + replayed + pending before = delivered + superseded + skipped + dead_lettered +
  // pending, where pending is what batcher and queue still hold, counted there and not derived.
  // StatusCode::internal with the numbers if it does not hold.
  [[nodiscard]] Status verify(const std::vector<std::uint64_t>& pending_by_mapping) const;

 private:
  const std::vector<MappingName> names_;
  std::vector<std::uint64_t> before_;
  mutable std::mutex mutex_;
  Snapshot state_;
};

}  // namespace penstock::ledger
