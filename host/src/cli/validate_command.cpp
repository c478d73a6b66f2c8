#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "destination_check.hpp"
#include "pipeline.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// What a destination said of itself (--connect).
struct Asked {
  std::string destination;
  bool possible = true;  // false: its plugin cannot be asked
  plugin::CheckResult result;
};

struct Finding {
  std::string path;
  Status status;
  Diagnostics diagnostics;
  std::size_t destinations = 0;
  std::size_t mappings = 0;
  std::vector<Asked> asked;
};

const char* words_for(const Asked& asked) {
  if (!asked.possible) return "was not asked: its plugin has no check hook";
  switch (asked.result.code) {
    case StatusCode::ok:
      return "accepts deliveries";
    case StatusCode::authorization:
      return "needs a login";
    case StatusCode::unavailable:
      return "could not be reached";
    default:
      return "would not accept deliveries";
  }
}

// Which of several failures the exit code tells: what a person has to do goes first, what may pass
// by itself last.
int weight(StatusCode code) {
  switch (code) {
    case StatusCode::ok:
      return 0;
    case StatusCode::unavailable:
      return 1;
    case StatusCode::authorization:
      return 3;
    default:
      return 2;
  }
}

// As a failure of the command: what a plugin refuses here is no fault of the manifest's form.
StatusCode code_of_command(const plugin::CheckResult& result) {
  return result.code == StatusCode::configuration ? StatusCode::failed : result.code;
}

// Asks all, so that everything that is wrong is said at once.
void ask_destinations(Pipeline& pipeline, Finding& finding) {
  const DestinationCheck check(pipeline);
  std::string complaints;
  StatusCode worst = StatusCode::ok;
  for (std::uint32_t d = 0; d < pipeline.config().destinations.size(); ++d) {
    if (!pipeline.config().destinations[d].enabled) continue;
    Asked asked;
    asked.destination = pipeline.config().destinations[d].name;
    asked.possible = check.possible(d);
    if (asked.possible) asked.result = check.ask(d, [] { return false; });
    if (!asked.result.ok()) {
      complaints += (complaints.empty() ? "" : "\n  ") + asked.destination + " " +
                    words_for(asked) + ": " + asked.result.message;
    }
    if (weight(asked.result.code) > weight(worst)) worst = code_of_command(asked.result);
    finding.asked.push_back(std::move(asked));
  }
  if (worst != StatusCode::ok) finding.status = {worst, finding.path + ": " + complaints};
}

Finding validate(const std::string& path, const Arguments& arguments,
                 const config::LoadOptions& options) {
  Finding finding;
  finding.path = path;
  auto pipeline = Pipeline::load(
      path, options, arguments.connect ? Pipeline::State::beside : Pipeline::State::nowhere,
      finding.diagnostics);
  finding.status = pipeline.status();
  if (!pipeline.ok()) return finding;
  for (const DestinationConfig& destination : (*pipeline)->config().destinations)
    finding.destinations += destination.enabled;
  finding.mappings = (*pipeline)->program().mappings.size();
  if (arguments.connect) ask_destinations(**pipeline, finding);
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
  if (finding.asked.empty()) return json;
  json["destinations"] = Json::array();
  for (const Asked& asked : finding.asked) {
    Json entry = {{"name", asked.destination}, {"asked", asked.possible}};
    if (asked.possible) {
      entry["accepts_deliveries"] = asked.result.ok();
      entry["reason"] = asked.result.ok() ? Json(nullptr) : Json(asked.result.reason);
      entry["message"] = asked.result.ok() ? Json(nullptr) : Json(asked.result.message);
    }
    json["destinations"].push_back(std::move(entry));
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
  options->strict = true;
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
    for (const Asked& asked : finding.asked)
      text += "  " + asked.destination + " " + words_for(asked) + "\n";
  }
  const Status printed = print(
      arguments.format == Format::json
          ? Json{{"pipelines", all}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
          : text);
  if (!printed.ok()) return fail(printed);
  return code;
}

}  // namespace penstock::cli
