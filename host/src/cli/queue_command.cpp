#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/moments.hpp"
#include "cli/state_commands.hpp"
#include "services/state_lock.hpp"
#include "store/reader.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string lines(const std::vector<std::string>& sentences, const char* indent) {
  std::string out;
  for (const std::string& sentence : sentences) out += indent + sentence + "\n";
  return out;
}

}  // namespace

int queue_check_command(const Arguments& arguments) {
  auto outline = load_outline(arguments);
  if (!outline.ok()) return fail(outline.status());
  const auto report = store::check(outline->state_dir);
  if (!report.ok()) return fail(report.status());
  if (!report->unreadable.ok()) return fail(report->unreadable);
  Status printed;
  if (arguments.format == Format::json) {
    printed = print(dump({{"sound", report->sound},
                          {"findings", report->findings},
                          {"blocks", report->blocks},
                          {"elements_pending", report->elements_pending}}));
  } else {
    printed = print(std::string(report->sound ? "The queue is sound: " : "The queue is damaged: ") +
                    counted(report->blocks, "block") + ", " +
                    counted(report->elements_pending, "element") + " pending.\n" +
                    lines(report->findings, "  "));
  }
  if (!printed.ok()) return fail(printed);
  if (report->sound) return 0;
  return fail({StatusCode::failed,
               counted(report->findings.size(), "finding") + " in " + outline->state_dir +
                   ". End the run, if there is one, and put it right with: penstock queue repair " +
                   outline->path});
}

int queue_repair_command(const Arguments& arguments) {
  auto outline = load_outline(arguments);
  if (!outline.ok()) return fail(outline.status());
  std::error_code error;
  if (!std::filesystem::is_directory(outline->state_dir, error)) {
    return fail({StatusCode::bad_input, "there is no state in " + outline->state_dir +
                                            ": this pipeline has never run, or its state_dir was "
                                            "moved. There is nothing to repair."});
  }
  if (const Status ours = refuse_shared_state(arguments, *outline); !ours.ok()) return fail(ours);
  const auto lock = services::StateLock::acquire(outline->state_dir, outline->path);
  if (!lock.ok()) return fail(lock.status());
  const services::SystemClock clock;
  const auto report = store::repair(outline->state_dir, clock);
  if (!report.ok()) return fail(report.status());
  const std::string heals = "penstock run " + outline->path + " --from-start";
  const bool lacks = report->elements_lost > 0 || !report->all_known;
  if (arguments.format == Format::json) {
    return fail(print(dump({{"actions", report->actions},
                            {"elements_saved", report->elements_saved},
                            {"elements_lost", report->elements_lost},
                            {"all_known", report->all_known},
                            {"heals_with", lacks ? Json(heals) : Json()},
                            {"backup", report->backup.empty() ? Json() : Json(report->backup)}})));
  }
  // Without damage there are no damaged files to put aside.
  if (report->backup.empty()) return fail(print(lines(report->actions, "")));
  return fail(print("Repaired: " + counted(report->elements_saved, "pending element") + " saved, " +
                    with_separators(report->elements_lost) +
                    (report->all_known ? " lost.\n" : " lost, and maybe more.\n") +
                    lines(report->actions, "  ") + "The damaged files are kept in " +
                    report->backup + "\n" +
                    (lacks ? "What is lost is delivered once its events are read again. From the "
                             "beginning of the file that the pipeline reads: " +
                                 heals + "\n"
                           : "")));
}

}  // namespace penstock::cli
