// What `run` says at its end.
#pragma once

#include <string>

#include "model/pipeline_config.hpp"
#include "run.hpp"

namespace penstock::cli {

// For people: counts per destination and mapping, dead letters by reason, what to act on.
[[nodiscard]] std::string text_report(const PipelineConfig& config, const RunReport& report);
// The JSON object of `run --format json` (README.md), with a line end.
[[nodiscard]] std::string json_report(const PipelineConfig& config, const RunReport& report);
[[nodiscard]] std::uint64_t dead_letters(const RunReport& report);

}  // namespace penstock::cli
