// Opening a pipeline's state; shared by `status`, `dead-letters` and `queue`.
#pragma once

#include <cstdint>
#include <memory>

#include "cli/arguments.hpp"
#include "cli/pipeline_outline.hpp"
#include "model/status.hpp"
#include "services/clock.hpp"
#include "store/reader.hpp"

namespace penstock::cli {

// The outline of the pipeline that the arguments name. Shows what is wrong with the manifest.
[[nodiscard]] Result<PipelineOutline> load_outline(const Arguments& arguments);

struct OpenState {
  PipelineOutline outline;
  std::unique_ptr<store::Reader> reader;
};
// StatusCode::configuration where others can write to the state directory, unless
// --allow-shared-state: for commands that write there.
[[nodiscard]] Status refuse_shared_state(const Arguments& arguments,
                                         const PipelineOutline& outline);
// `clock` must outlive it.
[[nodiscard]] Result<OpenState> open_state(const Arguments& arguments,
                                           const services::Clock& clock);

[[nodiscard]] std::int64_t now_ms(const services::Clock& clock);

}  // namespace penstock::cli
