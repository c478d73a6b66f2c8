// Guards reverse ETL: one mapping follows the rows of a warehouse, as Segment and as RudderStack
// send them.
#include <catch2/catch.hpp>
#include <sstream>

#include "sample.hpp"

namespace penstock::e2e {
namespace {

using nlohmann::json;

json segment_row(const std::string& event, const std::string& email) {
  return {{"type", "track"},
          {"event", event},
          {"userId", email},
          {"properties", {{"email", email}, {"tier", "gold"}}},
          {"context", {{"sources", {{"job_id", "gold-tier"}}}}}};
}

json rudder_row(const std::string& action, const std::string& email) {
  return {{"type", "record"},
          {"action", action},
          {"channel", "sources"},
          {"recordId", email},
          {"fields", {{"email", email}}},
          {"identifiers", {{"email", email}}},
          {"context", {{"sources", {{"job_id", "gold-tier"}}}}}};
}

// A pipeline with one mapping, and the events that it reads.
struct World {
  World(const std::vector<json>& events, const std::string& mapping) {
    linkedin_sandbox::Options options;
    options.behaviour.segment_ready_ms = 0;
    sandbox = std::make_unique<linkedin_sandbox::Sandbox>(options);
    REQUIRE(sandbox->start().ok());
    std::string lines;
    for (const json& event : events) lines += event.dump() + "\n";
    SampleOptions sample;
    sample.events = workspace.write("rows.ndjson", lines);
    sample.segment_ready_after = "0ms";
    (void)write_sample_pipeline(workspace, *sandbox, sample);
    std::string text = workspace.read("pipeline.yaml");
    text.resize(text.find("      trial_users:"));
    pipeline = workspace.write("pipeline.yaml", text + "      gold:\n" + mapping);
  }
  [[nodiscard]] json counts() const {
    const Finished finished = run_penstock(workspace, {"run", pipeline, "--format", "json"});
    INFO(finished.err);
    REQUIRE(finished.exit_code == 0);
    const json report = finished.json();
    check_adds_up(report);
    return report["destinations"]["linkedin_eu"]["mappings"]["gold"];
  }

  Workspace workspace;
  std::unique_ptr<linkedin_sandbox::Sandbox> sandbox;
  std::string pipeline;
};

constexpr const char* kSegmentMapping = R"(        action: sync_to_dmp_segment
        trigger: 'event in ["new", "updated", "deleted"] and context.sources.job_id = "gold-tier"'
        fields:
          personas_audience_key: gold_tier
          email: $.properties.email
          sync_mode: )";
constexpr const char* kRudderMapping = R"(        action: sync_to_dmp_segment
        trigger: 'type = "record" and context.sources.job_id = "gold-tier"'
        fields:
          personas_audience_key: gold_tier
          email: $.identifiers.email
          sync_mode: )";

}  // namespace

TEST_CASE("One mirroring mapping keeps the audience equal to Segment's rows") {
  const World world(
      {segment_row("new", "a@example.com"), segment_row("new", "b@example.com"),
       segment_row("updated", "c@example.com"), segment_row("deleted", "a@example.com")},
      std::string(kSegmentMapping) + "mirror\n");
  const json counts = world.counts();
  CHECK(counts["matched"] == 4);
  CHECK(counts["dead_lettered"] == 0);
  CHECK(counts["skipped"] == 0);
  CHECK(world.sandbox->members("gold_tier").size() == 2);  // b and c
}

TEST_CASE("One mirroring mapping keeps the audience equal to RudderStack's records") {
  const World world({rudder_row("insert", "a@example.com"), rudder_row("insert", "b@example.com"),
                     rudder_row("update", "c@example.com"), rudder_row("delete", "a@example.com")},
                    std::string(kRudderMapping) + "mirror\n");
  const json counts = world.counts();
  CHECK(counts["matched"] == 4);
  CHECK(counts["dead_lettered"] == 0);
  CHECK(world.sandbox->members("gold_tier").size() == 2);  // b and c
}

TEST_CASE("A mode skips the rows that it does not act on, by Segment's own key as well") {
  const World world({segment_row("new", "a@example.com"), segment_row("deleted", "b@example.com")},
                    [] {
                      std::string mapping = kSegmentMapping;
                      mapping.replace(mapping.find("sync_mode"), 9, "__segment_internal_sync_mode");
                      return mapping + "upsert\n";
                    }());
  const json counts = world.counts();
  CHECK(counts["skipped_reasons"] == json({{"not_in_sync_mode", 1}}));
  CHECK(counts["dead_lettered"] == 0);
  CHECK(world.sandbox->members("gold_tier").size() == 1);
}

TEST_CASE("A trigger reaches the root fields of a record event") {
  const World world({rudder_row("insert", "a@example.com"), rudder_row("insert", "b@example.com")},
                    R"(        action: sync_to_dmp_segment
        trigger: 'type = "record" and action = "insert" and identifiers.email = "b@example.com" and fields.email != null and channel = "sources" and recordId != null'
        fields: {personas_audience_key: gold_tier, email: $.fields.email, sync_mode: mirror}
)");
  const json counts = world.counts();
  CHECK(counts["matched"] == 1);
  CHECK(world.sandbox->members("gold_tier").size() == 1);
}

TEST_CASE("A sync mode without a trigger of its own is refused, for it would add nobody") {
  const World world({}, R"(        action: sync_to_dmp_segment
        fields: {personas_audience_key: gold_tier, sync_mode: mirror}
)");
  const Finished finished = run_penstock(world.workspace, {"validate", world.pipeline});
  CHECK(finished.exit_code == 78);
  CHECK(finished.err.find("sync_mode") != std::string::npos);
}

TEST_CASE("A company mapping without the key that its audience is found by is refused at load") {
  const World world({}, R"(        action: sync_to_company_segment
        trigger: 'type = "track"'
        fields: {company_domain: $.properties.domain}
)");
  const Finished finished = run_penstock(world.workspace, {"validate", world.pipeline});
  CHECK(finished.exit_code == 78);
  CHECK(finished.err.find("computation_key") != std::string::npos);
}

TEST_CASE("Companies are found where Segment's own mapping looks, and its names get a hint") {
  const auto event = [](const json& extra) {
    json all = {{"type", "track"},
                {"event", "Audience Entered"},
                {"context", {{"personas", {{"computation_key", "accounts"}}}}}};
    all.merge_patch(extra);
    return all;
  };
  const World world(
      {event({{"properties", {{"company_domain", "one.example"}, {"audience_key", "accounts"}}}}),
       event({{"traits", {{"company_domain", "two.example"}}}}),
       event({{"context", {{"traits", {{"linkedin_company_id", 1035}}}}}})},
      R"(        action: sync_to_company_segment
        fields: {computation_key: accounts}
)");
  const json counts = world.counts();
  CHECK(counts["delivered"] == 3);

  const std::pair<const char*, const char*> names[] = {
      {"dmp_company_action: ADD", "write company_action"},
      {"identifiers: {companyDomain: $.x}", "write company_domain"},
      {"batch_size: 5000", "batch: {max_records"},
      {"enable_batching: true", "batches are always made"},
      {"audience_source: ENGAGE_RETL", "write ENGAGE"}};
  for (const auto& [written, hint] : names) {
    CAPTURE(written);
    const World wrong({}, std::string("        action: sync_to_company_segment\n"
                                      "        fields: {computation_key: accounts, ") +
                              written + "}\n");
    const Finished finished = run_penstock(wrong.workspace, {"validate", wrong.pipeline});
    CHECK(finished.exit_code == 78);
    CHECK(finished.err.find(hint) != std::string::npos);
  }
}

}  // namespace penstock::e2e
