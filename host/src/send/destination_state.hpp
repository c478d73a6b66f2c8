// DestinationState: how a destination is doing, from one attempt to the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "send/sender.hpp"

namespace penstock::send {

enum class Health : std::uint8_t {
  ok,
  throttled,             // asked for fewer requests
  unavailable,           // attempts fail without an answer, or all in a row with one
  authorization_needed,  // credentials refused: a person has to act
  blocked,               // cannot go on until a person acts
  disabled,              // by the pipeline; no attempt is made
};
[[nodiscard]] const char* name_of(Health health);

// A change that is worth a line in the log.
struct HealthNews {
  Issue::Severity severity = Issue::Severity::warning;
  bool good = false;
  std::string message;
};

class DestinationState {
 public:
  // Takes in what an attempt meant. Something is returned when people should hear of it: not for
  // each of many attempts that fail in the same way.
  [[nodiscard]] std::optional<HealthNews> update(const Decision& decision, std::int64_t now_ns);

  [[nodiscard]] Health health() const { return health_; }
  // Why it is not ok, in the words of the last attempt that said so.
  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  // Nothing should be sent before; 0 when nothing speaks against it.
  [[nodiscard]] std::int64_t paused_until_ns() const { return paused_until_ns_; }
  // Somebody may have mended it: the pause is over, so that the next attempt shows.
  void probe_now() { paused_until_ns_ = 0; }
  // What is sent to it is a probe, of which one at a time is enough.
  [[nodiscard]] bool probing() const {
    return health_ == Health::authorization_needed || health_ == Health::blocked;
  }
  // Pauses in a row, for the back-off of probing.
  [[nodiscard]] std::uint32_t probes() const { return probes_; }
  // Whether trying again can succeed without a person: not while one has to act, nor if the
  // destination has not said a word yet, in which case its address is probably wrong.
  [[nodiscard]] bool retrying_helps() const;

 private:
  std::optional<HealthNews> note_failure(const Decision& decision);

  Health health_ = Health::ok;
  std::string code_;
  std::string message_;
  std::uint32_t probes_ = 0;
  std::int64_t paused_until_ns_ = 0;
  std::uint32_t lost_ = 0;  // attempts in a row that failed as a whole
  bool answered_ = false;
};

}  // namespace penstock::send
