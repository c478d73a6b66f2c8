#include "send/destination_state.hpp"

#include <algorithm>

namespace penstock::send {
namespace {

// Answers such as 503 to several attempts in a row are no accident of one request.
constexpr std::uint32_t kLostUntilUnavailable = 3;

// What the destination said, with its status where the plugin's words leave it out.
std::string answer_of(const Decision& decision) {
  const std::string& message = decision.issues.front().message;
  const std::string status = std::to_string(decision.remote_status);
  if (decision.remote_status == 0 || message.find(status) != std::string::npos) return message;
  return "It answers " + status + ": " + message;
}

}  // namespace

const char* name_of(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::throttled:
      return "throttled";
    case Health::unavailable:
      return "unavailable";
    case Health::authorization_needed:
      return "authorization_needed";
    case Health::blocked:
      return "blocked";
    case Health::disabled:
      return "disabled";
  }
  return "unknown";
}

std::optional<HealthNews> DestinationState::update(const Decision& decision, std::int64_t now_ns) {
  answered_ = answered_ || decision.answered;
  const bool was_paused = paused_until_ns_ > now_ns;
  if (decision.lost) {
    ++lost_;
  } else if (decision.answered && !decision.failed) {
    lost_ = 0;
  }
  if (decision.delivered) lost_ = 0;
  std::optional<HealthNews> news;
  // Who refuses an element is there and listens. Whether a person has acted shows only when one is
  // accepted.
  const bool well = decision.delivered || (decision.judged && !decision.failed && !probing());
  switch (decision.effect) {
    case Decision::Effect::none:
      if (well && !was_paused && health_ != Health::ok) {
        health_ = Health::ok;
        code_.clear();
        message_.clear();
        probes_ = 0;
        return HealthNews{
            Issue::Severity::warning, true,
            decision.delivered ? "deliveries are accepted again" : "it answers again"};
      }
      return note_failure(decision);
    case Decision::Effect::throttle:
      // A destination on which a person has to act stays so, whatever a slower request of before
      // still says.
      if (was_paused && health_ != Health::throttled) return news;
      health_ = Health::throttled;
      code_ = decision.issues.front().code;
      message_ = decision.issues.front().message;
      break;
    case Decision::Effect::pause_authorization:
    case Decision::Effect::pause_blocked: {
      // Requests that were under way together are one pause, not several.
      const bool begins = !was_paused || health_ == Health::throttled;
      if (begins) {
        ++probes_;
        news = HealthNews{Issue::Severity::error, false,
                          "paused, nothing is lost: " + decision.pause_message};
      }
      health_ = decision.effect == Decision::Effect::pause_authorization
                    ? Health::authorization_needed
                    : Health::blocked;
      code_ = decision.pause_code;
      message_ = decision.pause_message;
      break;
    }
  }
  paused_until_ns_ = std::max(paused_until_ns_, decision.until_ns);
  return news;
}

std::optional<HealthNews> DestinationState::note_failure(const Decision& decision) {
  const bool silent = decision.failed && !decision.answered;
  const bool refusing = decision.lost && lost_ >= kLostUntilUnavailable;
  if (health_ != Health::ok || (!silent && !refusing)) return std::nullopt;
  health_ = Health::unavailable;
  code_ = decision.issues.front().code;
  message_ = answer_of(decision);
  return HealthNews{Issue::Severity::warning, false, message_ + " (will be tried again)"};
}

bool DestinationState::retrying_helps() const {
  switch (health_) {
    case Health::ok:
    case Health::throttled:
      return true;
    case Health::unavailable:
      return answered_;
    case Health::authorization_needed:
    case Health::blocked:
    case Health::disabled:
      return false;
  }
  return false;
}

}  // namespace penstock::send
