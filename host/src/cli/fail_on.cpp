#include "cli/fail_on.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/moments.hpp"
#include "cli/status_rows.hpp"
#include "model/diagnostics.hpp"
#include "model/units.hpp"

namespace penstock::cli {
namespace {

constexpr char kPendingOlder[] = "pending-older";
constexpr char kDestination[] = "destination";
constexpr char kDeadLetters[] = "dead-letters";
constexpr char kVolume[] = "volume";

Status wrong(const std::string& what) {
  const char* const end = what.back() == '?' ? "" : ".";
  return {StatusCode::usage, "--fail-on: " + what + end +
                                 " It takes pending-older=DURATION, destination, dead-letters, "
                                 "dead-letters=DURATION and volume, separated by commas, such as "
                                 "pending-older=1h,destination,dead-letters=1d"};
}

Status add(std::string_view word, FailOn& fail_on) {
  const std::size_t equals = std::min(word.find('='), word.size());
  const std::string name(word.substr(0, equals));
  const bool has_value = equals < word.size();
  const std::string value(has_value ? word.substr(equals + 1) : "");
  const auto duration = has_value ? penstock::parse_duration(value) : std::nullopt;
  if (has_value && name != kDestination && name != kVolume &&
      (!duration || duration->count() <= 0)) {
    return wrong("\"" + value + "\" is not a duration; write 30m, 1h or 2d");
  }
  if (name == kPendingOlder) {
    if (!has_value) return wrong("pending-older needs a duration");
    if (fail_on.pending_older) return wrong("pending-older is there twice");
    fail_on.pending_older = duration;
  } else if (name == kDestination) {
    if (has_value) return wrong("destination takes no value");
    if (fail_on.destination) return wrong("destination is there twice");
    fail_on.destination = true;
  } else if (name == kDeadLetters) {
    if (fail_on.dead_letters) return wrong("dead-letters is there twice");
    fail_on.dead_letters = true;
    fail_on.dead_letters_within = duration;
  } else if (name == kVolume) {
    if (has_value) return wrong("volume takes no value");
    if (fail_on.volume) return wrong("volume is there twice");
    fail_on.volume = true;
  } else {
    return wrong("\"" + name + "\" is not a state of a pipeline; " +
                 suggestion(name, {kPendingOlder, kDestination, kDeadLetters, kVolume}));
  }
  return {};
}

// What holds, and the code that goes with it.
class Findings {
 public:
  void add(StatusCode code, const std::string& what) {
    text_ += (text_.empty() ? "" : "; ") + what;
    codes_.push_back(code);
  }
  [[nodiscard]] Status status() const {
    // A person is needed first for what stands first.
    for (const StatusCode code :
         {StatusCode::io, StatusCode::authorization, StatusCode::unavailable, StatusCode::pending,
          StatusCode::failed}) {
      if (std::find(codes_.begin(), codes_.end(), code) != codes_.end())
        return {code, text_ + " (--fail-on)"};
    }
    return {};
  }

 private:
  std::string text_;
  std::vector<StatusCode> codes_;
};

}  // namespace

Result<FailOn> parse_fail_on(const std::string& text) {
  FailOn fail_on;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (comma == 0) return wrong("it says nothing, or nothing between two commas");
    RETURN_IF_ERROR(add(rest.substr(0, comma), fail_on));
    if (comma == rest.size()) return fail_on;
    rest.remove_prefix(comma + 1);
  }
}

Status check_fail_on(const FailOn& fail_on, const StatusView& view,
                     std::uint64_t new_dead_letters) {
  Findings findings;
  for (const DestinationRow& row : destination_rows(view.outline, view.state)) {
    const store::DestinationState& state = row.state;
    // What waits for a destination that the pipeline has no more or has disabled is pending, too.
    if (fail_on.pending_older && state.pending_oldest_ms != 0 &&
        state.pending_oldest_age_ms > fail_on.pending_older->count()) {
      findings.add(StatusCode::pending, "a record of " + state.name + " has been pending for " +
                                            words_for(state.pending_oldest_age_ms));
    }
    const bool well = state.state == "ok" || state.state == "throttled" ||
                      state.state == "disabled" || !row.in_pipeline;
    if (fail_on.destination && !well) {
      findings.add(state.state == "authorization_needed" ? StatusCode::authorization
                                                         : StatusCode::unavailable,
                   "destination " + state.name + " is " + state.state);
    }
  }
  if (fail_on.dead_letters && new_dead_letters > 0) {
    std::string what = counted(new_dead_letters, "dead letter") +
                       (new_dead_letters == 1 ? " is kept" : " are kept");
    if (fail_on.dead_letters_within)
      what += " of the last " + words_for(fail_on.dead_letters_within->count());
    findings.add(StatusCode::failed, what);
  }
  if (const std::string lack = lack_of_room(view); fail_on.volume && !lack.empty())
    findings.add(StatusCode::io, lack);
  return findings.status();
}

}  // namespace penstock::cli
