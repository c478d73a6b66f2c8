// What both forms of `status` show: the state's rows put under the pipeline's names.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/pipeline_outline.hpp"
#include "store/reader.hpp"

namespace penstock::cli {

struct MappingRow {
  std::string name;
  bool in_pipeline = true;  // false: there are only its counts left
  MappingCounts counts;
  std::int64_t last_delivered_ms = 0;
  std::vector<std::pair<std::string, std::uint64_t>> reasons;  // of dead letters and skipped ones

  // Without those that were put back into the queue: matched = delivered + superseded + skipped +
  // dead_lettered + pending.
  [[nodiscard]] std::uint64_t dead_lettered() const {
    return counts.dead_lettered - std::min(counts.dead_lettered, counts.replayed);
  }
  [[nodiscard]] std::uint64_t pending() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(counts.pending(), 0));
  }
};

struct DestinationRow {
  store::DestinationState state;
  bool in_pipeline = true;
  std::vector<MappingRow> mappings;
};

// The pipeline's destinations in its order, then those that only the state knows.
[[nodiscard]] std::vector<DestinationRow> destination_rows(const PipelineOutline& outline,
                                                           const store::State& state);
// Dead letters by reason, net of replayed ones, most frequent first.
[[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> dead_letter_reasons(
    const store::State& state);
// Of a warning without words.
[[nodiscard]] std::string message_of(const store::StoredReason& reason);

}  // namespace penstock::cli
