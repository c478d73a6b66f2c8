// The query hook: what LinkedIn knows about the audiences of a destination, and renaming one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>
#include <penstock/sdk/error.hpp>

#include "account_query.hpp"
#include "member_test.hpp"
#include "segment_api.hpp"
#include "segment_store.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// "audiences", "account_audiences", "accounts", "rename" and "test_member", with arguments and
// answers as in docs/plugin-authors.md.
class Query {
 public:
  Query(const sdk::Host& host, const Settings& settings)
      : api_(host, settings),
        store_(host, settings),
        account_(host, settings),
        member_test_(host, settings) {}

  // [may-block] OK with the text of a JSON object, or the code of the error that was filled.
  [[nodiscard]] std::int32_t run(std::string_view name, std::string_view arguments_json,
                                 std::int64_t deadline_ns, std::string& answer,
                                 const sdk::Error& error) const;

 private:
  [[nodiscard]] std::int32_t audiences(const nlohmann::json& arguments, const Errand& errand,
                                       std::string& answer, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t test_member(const nlohmann::json& arguments, const Errand& errand,
                                         std::string& answer, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t rename(const nlohmann::json& arguments, const Errand& errand,
                                    std::string& answer, const sdk::Error& error) const;

  SegmentApi api_;
  SegmentStore store_;
  AccountQuery account_;
  MemberTest member_test_;
};

}  // namespace penstock::linkedin
