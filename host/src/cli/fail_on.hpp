// What `status --fail-on` takes, and what it finds: exit codes for cron and monitoring.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/status_report.hpp"
#include "model/status.hpp"

namespace penstock::cli {

struct FailOn {
  // A record has been pending for longer than that.
  std::optional<std::chrono::milliseconds> pending_older;
  // A destination that the pipeline has enabled is neither ok nor throttled.
  bool destination = false;
  // A dead letter is kept: any, or one that was made within that time.
  bool dead_letters = false;
  std::optional<std::chrono::milliseconds> dead_letters_within;
  // The volume of the state directory has too little room.
  bool volume = false;
};

// "pending-older=1h,destination,dead-letters=1d": states, separated by commas, each once at most.
// StatusCode::usage for anything else, with what there is.
[[nodiscard]] Result<FailOn> parse_fail_on(const std::string& text);

// ok when nothing of it holds. Else all that holds in one message, with the code of what a person
// has to do first: io (74), authorization (77), unavailable (69), pending (75), failed (1).
// `new_dead_letters`: how many are kept that dead_letters asks about.
[[nodiscard]] Status check_fail_on(const FailOn& fail_on, const StatusView& view,
                                   std::uint64_t new_dead_letters);

}  // namespace penstock::cli
