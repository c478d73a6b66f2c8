// The engine before anything is read: destinations that would refuse all deliveries begin paused.
#include "destination_check.hpp"
#include "engine.hpp"
#include "send/retry_policy.hpp"
#include "services/log.hpp"

namespace penstock {

void Engine::check_destinations() {
  const DestinationCheck check(pipeline_);
  for (std::uint32_t d = 0; d < states_.size() && stops_.load() == 0; ++d) {
    if (!check.possible(d) || check.passed_lately(d)) continue;
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
