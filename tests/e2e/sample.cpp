#include "sample.hpp"

#include <catch2/catch.hpp>
#include <cctype>
#include <cstring>
#include <set>

namespace penstock::e2e {

std::string write_sample_pipeline(const Workspace& workspace,
                                  const linkedin_sandbox::Sandbox& sandbox,
                                  const SampleOptions& options) {
  const std::string source =
      options.source.empty() ? "{type: file, path: \"" + options.events + "\"}" : options.source;
  return workspace.write("pipeline.yaml", R"(version: 1
name: sample
state_dir: state
source: )" + source + "\n" + options.queue + R"(
connections:
  linkedin:
    plugin: linkedin_audiences
    access_token: "${env:LINKEDIN_ACCESS_TOKEN:-sandbox-token}"
    rates: {users: {requests: 100000, per: 1s}}
destinations:
  linkedin_eu:
    plugin: linkedin_audiences
    connection: linkedin
    settings:
      ad_account_id: "512345678"
      api_url: )" + sandbox.api_url() + R"(/rest
      segment_ready_after: )" + options.segment_ready_after +
                                              R"(
      create_again_after: )" + options.create_again_after +
                                              "\n" + options.extra_settings + R"(
    mappings:
      trial_users:
        action: sync_to_dmp_segment
        fields: {personas_audience_key: trial_users}
      enterprise_leads:
        action: sync_to_dmp_segment
        fields: {personas_audience_key: enterprise_leads}
      churn_risk:
        action: sync_to_dmp_segment
        fields: {personas_audience_key: churn_risk}
      winback_step:
        trigger: 'event = "Winback step reached" and context.personas.computation_key = "winback__email_step_8943l"'
        action: sync_to_dmp_segment
        fields: {personas_audience_key: winback__email_step_8943l, dmp_user_action: ADD}
)");
}

nlohmann::json sample_truth() {
  return nlohmann::json::parse(read_file(data_path("engage_sample.truth.json")));
}

void check_members(const linkedin_sandbox::Sandbox& sandbox, const nlohmann::json& truth) {
  for (const auto& [audience, members] : truth["members"].items()) {
    INFO("audience " << audience);
    CHECK(sandbox.members(audience) == members.get<std::vector<std::string>>());
  }
}

void check_requests(const linkedin_sandbox::Sandbox& sandbox) {
  const nlohmann::json counters = sandbox.counters();
  INFO(counters.dump(2));
  CHECK(counters.at("largest_request_elements").get<std::uint64_t>() <= 5000);
  CHECK(counters.at("requests_with_a_person_twice").get<std::uint64_t>() == 0);
}

void check_adds_up(const nlohmann::json& report) {
  INFO(report.dump(2));
  for (const auto& [destination, content] : report["destinations"].items()) {
    for (const auto& [mapping, counts] : content["mappings"].items()) {
      INFO(destination << "." << mapping);
      // A run's report says what it began with; the counts of all runs began with nothing.
      std::uint64_t before = 0;
      if (counts.contains("pending_before")) {
        before =
            counts["pending_before"].get<std::uint64_t>() + counts["replayed"].get<std::uint64_t>();
      }
      CHECK(counts["matched"].get<std::uint64_t>() + before ==
            counts["delivered"].get<std::uint64_t>() + counts["superseded"].get<std::uint64_t>() +
                counts["skipped"].get<std::uint64_t>() +
                counts["dead_lettered"].get<std::uint64_t>() +
                counts["pending"].get<std::uint64_t>());
    }
  }
}

void check_sample_counts(const nlohmann::json& report, const nlohmann::json& truth) {
  const nlohmann::json& expected = truth["counts"];
  INFO(report.dump(2));
  CHECK(report["events"]["received"] == expected["events"]);
  CHECK(report["events"]["invalid"] == expected["invalid"]);
  CHECK(report["events"]["unmatched"] == expected["unmatched"]);
  std::uint64_t matched = 0;
  std::uint64_t no_identifier = 0;
  for (const auto& [name, counts] : report["destinations"]["linkedin_eu"]["mappings"].items()) {
    matched += counts["matched"].get<std::uint64_t>();
    no_identifier += counts["reasons"].value("no_identifier", std::uint64_t{0});
    CHECK(counts["pending"] == 0);
    if (truth["mappings"].contains(name)) {
      CHECK(counts["matched"] == truth["mappings"][name]["records"]);
      CHECK(counts["reasons"]["no_identifier"] == truth["mappings"][name]["no_identifier"]);
    }
  }
  CHECK(matched == expected["records"].get<std::uint64_t>());
  CHECK(no_identifier == expected["no_identifier"].get<std::uint64_t>());
}

void check_no_personal_data(const std::string& text) {
  static const std::set<std::string> kAddresses = [] {
    const std::string events = read_file(data_path("engage_sample.ndjson"));
    const auto part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("._+-", c) != nullptr;
    };
    std::set<std::string> found;
    for (std::size_t at = events.find('@'); at != std::string::npos;
         at = events.find('@', at + 1)) {
      std::size_t begin = at;
      std::size_t end = at + 1;
      while (begin > 0 && part(events[begin - 1])) --begin;
      while (end < events.size() && part(events[end])) ++end;
      if (begin < at && end > at + 1) found.insert(events.substr(begin, end - begin));
    }
    return found;
  }();
  REQUIRE(kAddresses.size() > 100);
  for (const std::string& address : kAddresses) {
    INFO(address);
    CHECK(text.find(address) == std::string::npos);
  }
}

}  // namespace penstock::e2e
