// A LinkedIn plugin in a test host, with the settings and fields that most tests share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <penstock/sdk/plugin.hpp>
#include <penstock/sdk/test_host.hpp>

PENSTOCK_PLUGIN_DECLARE(linkedin_audiences)
extern "C" {
std::int32_t linkedin_audiences_check(void*, std::int64_t, penstock_error*) noexcept;
std::int32_t linkedin_audiences_query(void*, const penstock_query*, penstock_error*) noexcept;
}

namespace penstock::linkedin {

using sdk::test::HookResult;
using sdk::test::HttpExchange;
using sdk::test::HttpReply;
using sdk::test::MapResult;
using sdk::test::SendResult;
using sdk::test::TestHost;
using sdk::test::TestValues;

inline std::vector<sdk::test::TestAction> actions() {
  return {{"sync_to_dmp_segment",
           {"personas_audience_key",
            "dmp_segment_name",
            "source_segment_id",
            "event_computation_key",
            "email",
            "google_advertising_id",
            "ad_tracking_enabled",
            "device_type",
            "first_name",
            "last_name",
            "title",
            "company",
            "country",
            "event_name",
            "membership",
            "computation_class",
            "dmp_user_action",
            "consent_withheld",
            "sync_mode",
            "row_change"}},
          {"sync_to_company_segment",
           {"company_action",
            "audience_source",
            "computation_key",
            "segment_name",
            "company_domain",
            "linkedin_company_id",
            "company_name",
            "company_email_domain",
            "company_page_url",
            "stock_symbol",
            "industries",
            "city",
            "state",
            "country",
            "postal_code",
            "event_name",
            "source_segment_id",
            "event_computation_key",
            "membership",
            "computation_class",
            "consent_withheld",
            "sync_mode",
            "row_change"}}};
}

inline sdk::test::Hooks hooks() {
  sdk::test::Hooks all = PENSTOCK_TEST_HOOKS(linkedin_audiences);
  all.check = linkedin_audiences_check;
  all.query = linkedin_audiences_query;
  return all;
}

// `changes` replace or add settings.
inline TestValues settings_with(const TestValues& changes = {}) {
  std::map<std::string, sdk::test::TestValue> all{{"ad_account_id", "512345678"},
                                                  {"send_email", true},
                                                  {"send_google_advertising_id", true},
                                                  {"api_url", "https://api.example.test/rest"},
                                                  {"api_version", "202608"},
                                                  {"source_platform", "DIRECT_API"},
                                                  {"segment_ready_after", 5000}};
  for (const auto& [name, value] : changes) all[name] = value;
  return TestValues(all.begin(), all.end());
}

// What a host tells of a pipeline with one mapping, in which "trial_users" has a name of its own.
inline const std::string kMappings =
    R"([{"mapping":"m","action":"sync_to_dmp_segment",)"
    R"("literals":{"personas_audience_key":"trial_users","dmp_segment_name":"Trial users"}}])";

inline std::unique_ptr<TestHost> make_host(const TestValues& changes = {},
                                           sdk::test::Options options = {}) {
  if (options.mappings.empty()) options.mappings = kMappings;
  auto host = std::make_unique<TestHost>(hooks(), actions(), std::move(options));
  const HookResult result = host->settings(settings_with(changes));
  if (result.code != PENSTOCK_OK) throw std::runtime_error(result.message);
  return host;
}

// A key of the plugin's own making, as a batch carries it.
inline const std::string kBatchKey = R"(["trial_users","trial_users"])";

inline std::string element(const std::string& hash_digit, const std::string& extra = {}) {
  return R"({"action":"ADD","userIds":[{"idType":"SHA256_EMAIL","idValue":")" +
         std::string(64, hash_digit[0]) + "\"}]" + extra + "}";
}

// A page of the finder.
inline std::string found(const std::string& elements, int total) {
  return R"({"paging":{"start":0,"count":10,"links":[],"total":)" + std::to_string(total) +
         R"(},"elements":[)" + elements + "]}";
}
inline std::string segment(const std::string& id, const std::string& created_ms,
                           const std::string& key = "trial_users",
                           const std::string& type = "USER") {
  return R"({"id":)" + id + R"(,"name":"x","type":")" + type +
         R"(","sourcePlatform":"DIRECT_API","sourceSegmentId":")" + key + R"(","created":)" +
         created_ms + "}";
}
inline const std::string kOldSegment = segment("77", "1600000000000");

inline HttpReply answer(int status, std::string body,
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {PENSTOCK_OK, status, std::move(body), std::move(headers)};
}
inline HttpReply created(const std::string& id) {
  return answer(201, "", {{"x-restli-id", id}});
}
inline HttpReply delivered(int count) {
  std::string body = R"({"elements":[)";
  for (int i = 0; i < count; ++i) body += i == 0 ? R"({"status":201})" : R"(,{"status":201})";
  return answer(200, body + "]}");
}

// A segment as LinkedIn shows it.
inline std::string with_status(const std::string& id, const std::string& status,
                               const std::string& created_ms = "1600000000000") {
  return R"({"id":)" + id +
         R"(,"name":"Trial users","type":"USER","sourcePlatform":"DIRECT_API",)"
         R"("sourceSegmentId":"trial_users","created":)" +
         created_ms + R"(,"destinations":[{"destination":"LINKEDIN","status":")" + status +
         R"("}]})";
}

}  // namespace penstock::linkedin
