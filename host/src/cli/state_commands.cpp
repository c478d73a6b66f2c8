#include "cli/state_commands.hpp"

#include "cli/commands.hpp"
#include "services/state_dir.hpp"

namespace penstock::cli {

Result<PipelineOutline> load_outline(const Arguments& arguments) {
  Diagnostics diagnostics;
  auto outline = read_outline(arguments.pipelines.front(), arguments.overrides, diagnostics);
  if (diagnostics.has_errors()) {
    show(diagnostics);
    return Status{StatusCode::configuration,
                  "cannot tell from " + arguments.pipelines.front() + " where the state is"};
  }
  return outline;
}

Status refuse_shared_state(const Arguments& arguments, const PipelineOutline& outline) {
  return arguments.allow_shared_state ? Status()
                                      : services::refuse_shared_state_dir(outline.state_dir);
}

Result<OpenState> open_state(const Arguments& arguments, const services::Clock& clock) {
  OpenState state;
  ASSIGN_OR_RETURN(state.outline, load_outline(arguments));
  ASSIGN_OR_RETURN(state.reader, store::Reader::open(state.outline.state_dir, clock));
  return state;
}

std::int64_t now_ms(const services::Clock& clock) {
  return clock.wall_ns() / 1'000'000;
}

}  // namespace penstock::cli
