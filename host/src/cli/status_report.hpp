// What `status` says of a pipeline's state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/pipeline_outline.hpp"
#include "model/status.hpp"
#include "services/run_record.hpp"
#include "services/state_lock.hpp"
#include "services/volume.hpp"
#include "store/reader.hpp"

namespace penstock::cli {

struct StatusView {
  PipelineOutline outline;
  std::optional<services::LockHolder> runner;  // nothing: no run is going on
  std::optional<services::LastRun> last_run;   // nothing while a run is going on
  std::optional<services::Volume> volume;      // of the state directory; nothing: not known
  store::State state;
  std::optional<std::vector<store::HistoryHour>> history;  // where it was asked for
  std::int64_t now_ms = 0;                                 // wall clock
};

// For people: counts, states and ages, issues, dead letters by reason, and what to run.
[[nodiscard]] std::string status_text(const StatusView& view);
// One line of JSON (README.md): the object of `run --format json` counted since the state was made,
// and more.
[[nodiscard]] std::string status_json(const StatusView& view);

// A sentence when the volume of the state directory has too little room, else empty.
[[nodiscard]] std::string lack_of_room(const StatusView& view);

// ok, or StatusCode::internal with the numbers that contradict each other.
[[nodiscard]] Status check_accounting(const store::State& state);

}  // namespace penstock::cli
