// The sample of Engage events, the pipeline that it needs, and what it must lead to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "linkedin_sandbox/sandbox.hpp"
#include "process.hpp"

namespace penstock::e2e {

struct SampleOptions {
  std::string events = data_path("engage_sample.ndjson");
  std::string segment_ready_after = "1s";
  std::string create_again_after = "200ms";
  std::string extra_settings;  // further lines of settings, six spaces deep
  std::string queue = "";      // a line "queue: {...}"
  std::string source;          // instead of the file
};

// A pipeline with the four mappings of the sample against this sandbox; returns the manifest's
// path.
std::string write_sample_pipeline(const Workspace& workspace,
                                  const linkedin_sandbox::Sandbox& sandbox,
                                  const SampleOptions& options = {});

[[nodiscard]] nlohmann::json sample_truth();

// Every audience of the sandbox has exactly the members that the truth names.
void check_members(const linkedin_sandbox::Sandbox& sandbox, const nlohmann::json& truth);
// No request was over 5,000 elements, and none had two elements of one person.
void check_requests(const linkedin_sandbox::Sandbox& sandbox);
// The identities of README.md, and the counts that the truth names.
void check_adds_up(const nlohmann::json& report);
void check_sample_counts(const nlohmann::json& report, const nlohmann::json& truth);
// No e-mail address of the sample stands in this text.
void check_no_personal_data(const std::string& text);

}  // namespace penstock::e2e
