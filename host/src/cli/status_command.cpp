#include <cerrno>
#include <csignal>
#include <ctime>

#include "cli/commands.hpp"
#include "cli/fail_on.hpp"
#include "cli/state_commands.hpp"
#include "cli/status_report.hpp"

namespace penstock::cli {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
// Often enough to watch a run, seldom enough not to disturb it.
constexpr timespec kWatchInterval{2, 0};

Result<StatusView> look(const Arguments& arguments, OpenState& open, const services::Clock& clock) {
  StatusView view;
  view.outline = open.outline;
  ASSIGN_OR_RETURN(view.runner, services::StateLock::holder(open.outline.state_dir));
  if (!view.runner) view.last_run = services::last_run(open.outline.state_dir);
  view.volume = services::Volume::of(open.outline.state_dir);
  ASSIGN_OR_RETURN(view.state, open.reader->state());
  view.now_ms = now_ms(clock);
  if (arguments.history_hours > 0) {
    // The hour that is going on is one of them.
    const std::int64_t hours = static_cast<std::int64_t>(arguments.history_hours) - 1;
    ASSIGN_OR_RETURN(view.history, open.reader->history((view.now_ms / kHourMs - hours) * kHourMs));
  }
  return view;
}

// SIGINT and SIGTERM wait until they are asked for, as long as this lives.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Whether one came within the interval.
  [[nodiscard]] bool came_within(const timespec& interval) const {
    for (;;) {
      const int signal = sigtimedwait(&signals_, nullptr, &interval);
      if (signal > 0) return true;
      if (errno != EINTR) return false;
    }
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

Status watch(const Arguments& arguments, OpenState& open, const services::Clock& clock) {
  const HeldSignals signals;
  const bool json = arguments.format == Format::json;
  const bool terminal = !json && results_on_terminal();
  bool first = true;
  do {
    // A repair puts another file in the place of the one that was looked at.
    if (!first) {
      ASSIGN_OR_RETURN(open.reader, store::Reader::open(open.outline.state_dir, clock));
    }
    ASSIGN_OR_RETURN(const StatusView view, look(arguments, open, clock));
    std::string text = json ? status_json(view) : status_text(view);
    const Status sound = check_accounting(view.state);
    if (terminal) {
      RETURN_IF_ERROR(clear_screen());
    } else if (!json && !first) {
      text.insert(0, "----\n");
    }
    first = false;
    RETURN_IF_ERROR(print(text));
    RETURN_IF_ERROR(sound);
  } while (!signals.came_within(kWatchInterval));
  return {};
}

// How many dead letters are kept that --fail-on asks about.
Result<std::uint64_t> new_dead_letters(const FailOn& fail_on, OpenState& open,
                                       std::int64_t now_ms) {
  std::uint64_t count = 0;
  if (!fail_on.dead_letters) return count;
  store::DeadLetterFilter filter;
  if (fail_on.dead_letters_within) filter.from_ms = now_ms - fail_on.dead_letters_within->count();
  RETURN_IF_ERROR(open.reader->dead_letters(filter, [&count](const store::StoredDeadLetter&) {
    ++count;
    return true;
  }));
  return count;
}

Status show_once(const Arguments& arguments, OpenState& open, const services::Clock& clock,
                 const FailOn& fail_on) {
  ASSIGN_OR_RETURN(const StatusView view, look(arguments, open, clock));
  RETURN_IF_ERROR(print(arguments.format == Format::json ? status_json(view) : status_text(view)));
  RETURN_IF_ERROR(check_accounting(view.state));
  ASSIGN_OR_RETURN(const std::uint64_t letters, new_dead_letters(fail_on, open, view.now_ms));
  return check_fail_on(fail_on, view, letters);
}

}  // namespace

int status_command(const Arguments& arguments) {
  FailOn fail_on;
  if (!arguments.fail_on.empty()) {
    auto parsed = parse_fail_on(arguments.fail_on);
    if (!parsed.ok()) return fail(parsed.status());
    fail_on = *parsed;
  }
  const services::SystemClock clock;
  auto open = open_state(arguments, clock);
  if (!open.ok()) return fail(open.status());
  return fail(arguments.watch ? watch(arguments, *open, clock)
                              : show_once(arguments, *open, clock, fail_on));
}

}  // namespace penstock::cli
