#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "pipeline.hpp"
#include "run.hpp"
#include "services/log.hpp"

namespace penstock::cli {
namespace {

std::atomic<Run*> signalled_run{nullptr};

std::atomic<int> signals_seen{0};

void on_hang_up(int /*signal*/) {
  if (Run* run = signalled_run.load(); run != nullptr) run->probe();
}

// The first ends the run in order, the second at once; the third ends the process, should a plugin
// hang.
void on_signal(int signal) {
  if (Run* run = signalled_run.load(); run != nullptr) run->stop();
  if (++signals_seen >= 2) std::signal(signal, SIG_DFL);
}

// SIGINT and SIGTERM end the run in an orderly way, SIGHUP has paused destinations tried at once,
// as long as this lives.
class SignalGuard {
 public:
  explicit SignalGuard(Run& run) {
    signalled_run.store(&run);
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = 0;  // so that opening a pipe that nobody writes to can be interrupted
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
    action.sa_handler = on_hang_up;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGHUP, &action, &old_hang_up_);
  }
  ~SignalGuard() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
    ::sigaction(SIGHUP, &old_hang_up_, nullptr);
    signalled_run.store(nullptr);
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
  struct sigaction old_hang_up_ {};
};

}  // namespace

int run_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  Diagnostics diagnostics;
  auto pipeline =
      Pipeline::load(arguments.pipelines.front(), *options, Pipeline::State::on_disk, diagnostics);
  if (!pipeline.ok()) return fail(pipeline.status(), diagnostics);
  if (!arguments.quiet) show(diagnostics);
  const PipelineConfig& config = (*pipeline)->config();
  RunOptions run_options;
  run_options.drain_timeout = arguments.drain_timeout;
  run_options.workers = arguments.workers;
  run_options.from_start = arguments.from_start;
  auto run = Run::prepare(**pipeline, run_options);
  if (!run.ok()) return fail(run.status());
  RunReport report;
  {
    const SignalGuard signals(**run);
    const bool terminal =
        ::isatty(STDERR_FILENO) == 1 && arguments.log_format == services::LogFormat::text;
    std::unique_ptr<ProgressReporter> progress;
    if (!arguments.quiet && arguments.shows_progress)
      progress = std::make_unique<ProgressReporter>(**run, terminal);
    report = (*run)->execute();
  }

  const Status printed = print(arguments.format == Format::json ? json_report(config, report)
                                                                : text_report(config, report));
  // The worst is said last and decides the exit code; a report that nobody could read is an error
  // of its own.
  if (!printed.ok()) {
    if (!report.status.ok()) fail(report.status);
    return fail(printed);
  }
  if (report.stopped && report.status.ok()) {
    std::fprintf(stderr,
                 "penstock: stopped by a signal; everything that was read has been dealt with, %s "
                 "bytes were not read\n",
                 with_separators(report.unread_bytes).c_str());
  }
  if (!report.status.ok()) return fail(report.status);
  if (arguments.fail_on_dead_letters && dead_letters(report) > 0) {
    return fail({StatusCode::failed, std::to_string(dead_letters(report)) +
                                         " records were dead-lettered (--fail-on-dead-letters)"});
  }
  return 0;
}

}  // namespace penstock::cli
