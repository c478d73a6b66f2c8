// The engine before anything is read: destinations that would refuse all deliveries begin paused.
#include "destination_check.hpp"
#include "engine.hpp"
#include "send/retry_policy.hpp"
#include "services/log.hpp"
#include "store/reader.hpp"

namespace penstock {

// What earlier runs stored of the destinations and holds in this one, too.
void Engine::recall_states() {
  const PipelineConfig& config = pipeline_.config();
  const auto known = [&]() -> Result<std::vector<store::DestinationState>> {
    ASSIGN_OR_RETURN(const std::unique_ptr<store::Reader> reader,
                     store::Reader::open(config.state_dir, pipeline_.clock()));
    return reader->destinations();
  }();
  if (!known.ok()) {
    services::log(services::LogLevel::warning, "run",
                  "how long destinations asked to wait before this start could not be read; they "
                  "are tried at once: " +
                      known.status().message());
    return;
  }
  for (const store::DestinationState& state : *known) {
    for (std::uint32_t d = 0; d < states_.size(); ++d) {
      if (config.destinations[d].name != state.name) continue;
      if (state.code == kPluginFault || state.code == kNotMapped) recall_fault(d, state);
      if (config.destinations[d].enabled) resume_pause(d, state);
    }
  }
}

// A destination that asked for no requests for some time (Retry-After) asked this pipeline, not one
// process of it.
void Engine::resume_pause(std::uint32_t destination, const store::DestinationState& state) {
  if (state.state != send::name_of(send::Health::throttled)) return;
  const std::int64_t now = now_ns();
  const std::int64_t wall_ms = pipeline_.clock().wall_ns() / send::kNanosPerMilli;
  // More than anybody may ask for means that a clock was wrong.
  const std::int64_t left_ms = state.paused_until_ms - wall_ms;
  if (left_ms <= 0 || left_ms > send::kMaxRetryAfterMs) return;
  send::Decision decision;
  decision.effect = send::Decision::Effect::throttle;
  decision.until_ns = now + left_ms * send::kNanosPerMilli;
  // Counted when it was said.
  decision.issues.push_back(
      {Issue::Severity::warning, destination, Issue::kAllMappings, state.code, state.message, 1});
  update_state(destination, decision, now);
  services::log(services::LogLevel::warning, state.name,
                "before this start it asked for no requests, which holds for " +
                    std::to_string((left_ms + 999) / 1000) + " s more: " + state.message);
}

// A fault of its plugin before which reading stopped. What the others pass while it is disabled is
// not mapped for it, which nobody may forget.
void Engine::recall_fault(std::uint32_t destination, const store::DestinationState& state) {
  if (!pipeline_.config().destinations[destination].enabled) {
    const bool from_file = pipeline_.config().source.type == SourceConfig::Type::file;
    send::Decision decision;
    decision.effect = send::Decision::Effect::pause_blocked;
    decision.pause_code = kNotMapped;
    decision.pause_message =
        state.code == kNotMapped
            ? state.message
            : "What was read while it was disabled is not mapped for it, from the event on at "
              "which its plugin was at fault. " +
                  std::string(from_file
                                  ? "With it enabled run once with --from-start, which reads the "
                                    "event file again, for all destinations"
                                  : "Feed those events in again") +
                  ". The fault was: " + state.message;
    static_cast<void>(states_[destination].update(decision, now_ns()));  // status shows it
    return;
  }
  if (state.code != kNotMapped || options_.from_start) return;
  services::log(services::LogLevel::error, state.name, state.message);
  not_mapped_ = {StatusCode::failed, "destination " + state.name + ": " + state.message};
  const std::vector<Issue> issues = {
      {Issue::Severity::error, destination, Issue::kAllMappings, kNotMapped, state.message, 1}};
  ledger_.apply(issues);
  progress_.issues.insert(progress_.issues.end(), issues.begin(), issues.end());
}

void Engine::check_destinations() {
  const DestinationCheck check(pipeline_);
  for (std::uint32_t d = 0; d < states_.size() && stops_.load() == 0; ++d) {
    if (!check.possible(d) || check.passed_lately(d)) continue;
    if (states_[d].paused_until_ns() > now_ns()) continue;  // nor is it asked any questions
    const plugin::CheckResult result = check.ask(d, [this] { return stops_.load() > 0; });
    if (!result.ok() && stops_.load() == 0) refuse(d, result);
  }
}

// What the check said of this destination, as if the first delivery had met it.
void Engine::refuse(std::uint32_t destination, const plugin::CheckResult& result) {
  send::Decision decision;
  switch (result.code) {
    case StatusCode::authorization:
      decision.effect = send::Decision::Effect::pause_authorization;
      break;
    case StatusCode::configuration:
      decision.effect = send::Decision::Effect::pause_blocked;
      break;
    default:
      // Neither yes nor no. Sending will show, and is tried again when it fails.
      services::log(services::LogLevel::warning, pipeline_.config().destinations[destination].name,
                    "could not be asked whether it accepts deliveries; they are tried anyway: " +
                        result.message);
      return;
  }
  const std::int64_t now = now_ns();
  decision.until_ns = now + send::probe_delay_ns(0);
  decision.pause_code = result.reason.empty() ? "check_failed" : result.reason;
  decision.pause_message = result.message;
  decision.issues.push_back({Issue::Severity::error, destination, Issue::kAllMappings,
                             decision.pause_code, decision.pause_message, 1});
  update_state(destination, decision, now);
  ledger_.apply(decision.issues);
  std::move(decision.issues.begin(), decision.issues.end(), std::back_inserter(progress_.issues));
}

}  // namespace penstock
