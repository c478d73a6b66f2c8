#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "pipeline.hpp"
#include "services/log.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// Long enough for a slow API, short enough for a person who waits.
constexpr std::chrono::seconds kCheckTimeout{30};

struct Finding {
  std::string path;
  Status status;
  Diagnostics diagnostics;
  std::size_t destinations = 0;
  std::size_t mappings = 0;
};

Status check_destinations(Pipeline& pipeline) {
  for (std::uint32_t d = 0; d < pipeline.config().destinations.size(); ++d) {
    plugin::Instance* instance = pipeline.instance(d);
    if (instance == nullptr) continue;
    if (!instance->has_check()) {
      services::log(services::LogLevel::warning, pipeline.config().destinations[d].name,
                    "was not asked: its plugin has no check hook");
      continue;
    }
    const std::int64_t deadline =
        pipeline.clock().monotonic_ns() + std::chrono::nanoseconds(kCheckTimeout).count();
    const Status status = instance->check(deadline);
    if (!status.ok())
      return status.with_context("Destination " + pipeline.config().destinations[d].name);
  }
  return {};
}

Finding validate(const std::string& path, const Arguments& arguments,
                 const config::LoadOptions& options) {
  Finding finding;
  finding.path = path;
  auto pipeline = Pipeline::load(path, options, Pipeline::State::nowhere, finding.diagnostics);
  finding.status = pipeline.status();
  if (!pipeline.ok()) return finding;
  for (const DestinationConfig& destination : (*pipeline)->config().destinations)
    finding.destinations += destination.enabled;
  finding.mappings = (*pipeline)->program().mappings.size();
  if (arguments.connect) finding.status = check_destinations(**pipeline);
  return finding;
}

Json to_json(const Finding& finding) {
  Json json = {{"path", finding.path}, {"ok", finding.status.ok()}, {"problems", Json::array()}};
  for (const Diagnostic& entry : finding.diagnostics.entries()) {
    Json problem = {
        {"severity", entry.severity == Diagnostic::Severity::error ? "error" : "warning"},
        {"file", entry.location.file},
        {"line", entry.location.line},
        {"column", entry.location.column},
        {"message", entry.message}};
    if (!entry.hint.empty()) problem["hint"] = entry.hint;
    json["problems"].push_back(std::move(problem));
  }
  if (!finding.status.ok() && !finding.diagnostics.has_errors()) {
    json["problems"].push_back({{"severity", "error"}, {"message", finding.status.message()}});
  }
  return json;
}

std::string plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

}  // namespace

int validate_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  int code = 0;
  Json all = Json::array();
  std::string text;
  for (const std::string& path : arguments.pipelines) {
    const Finding finding = validate(path, arguments, *options);
    const int exit = arguments.format == Format::json ? exit_code(finding.status.code())
                                                      : fail(finding.status, finding.diagnostics);
    if (code == 0) code = exit;
    all.push_back(to_json(finding));
    if (finding.status.ok()) {
      text += path + ": ok, " + plural(finding.destinations, "destination") + ", " +
              plural(finding.mappings, "mapping") + "\n";
    }
  }
  const Status printed = print(
      arguments.format == Format::json
          ? Json{{"pipelines", all}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
          : text);
  if (!printed.ok()) return fail(printed);
  return code;
}

}  // namespace penstock::cli
