#include <unistd.h>

#include <cstdio>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/run_signals.hpp"
#include "pipeline.hpp"
#include "run.hpp"
#include "services/log.hpp"

namespace penstock::cli {
int run_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  Diagnostics diagnostics;
  RunSignals signals;
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
  if (!run.ok()) {
    (*pipeline)->record_end(run.status());
    return fail(run.status());
  }
  RunReport report;
  {
    signals.steer(run->get());
    const bool terminal =
        ::isatty(STDERR_FILENO) == 1 && arguments.log_format == services::LogFormat::text;
    std::unique_ptr<ProgressReporter> progress;
    if (!arguments.quiet && arguments.shows_progress)
      progress = std::make_unique<ProgressReporter>(**run, terminal);
    report = (*run)->execute();
    signals.steer(nullptr);
  }
  const Status printed = print(arguments.format == Format::json ? json_report(config, report)
                                                                : text_report(config, report));
  // The worst is said last and decides the exit code; a report that nobody could read is an error
  // of its own.
  Status ended = printed.ok() ? report.status : printed;
  if (ended.ok() && arguments.fail_on_dead_letters && dead_letters(report) > 0) {
    ended = {StatusCode::failed, std::to_string(dead_letters(report)) +
                                     " records were dead-lettered (--fail-on-dead-letters)"};
  }
  (*pipeline)->record_end(ended);
  if (report.stopped && report.status.ok() && printed.ok()) {
    std::fprintf(stderr,
                 "penstock: stopped by a signal; everything that was read has been dealt with, %s "
                 "bytes were not read\n",
                 with_separators(report.unread_bytes).c_str());
  }
  if (!printed.ok() && !report.status.ok()) fail(report.status);
  return ended.ok() ? 0 : fail(ended);
}

}  // namespace penstock::cli
