// What LinkedIn has, whatever the pipeline fills: the audiences of the ad account, and the ad
// accounts of the member who logged in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>
#include <penstock/sdk/error.hpp>

#include "segment_api.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// The queries "account_audiences" and "accounts" (docs/plugin-authors.md).
class AccountQuery {
 public:
  AccountQuery(const sdk::Host& host, const Settings& settings)
      : host_(host), api_(host, settings), segments_(host, settings), settings_(settings) {}

  // [may-block] OK with the text of a JSON object, or the code of the error that was filled.
  [[nodiscard]] std::int32_t audiences(const nlohmann::json& arguments, const Errand& errand,
                                       std::string& answer, const sdk::Error& error) const;
  [[nodiscard]] std::int32_t accounts(const Errand& errand, std::string& answer,
                                      const sdk::Error& error) const;

 private:
  // Names by account URN, as far as LinkedIn tells them: nothing depends on them.
  [[nodiscard]] nlohmann::json names(const Errand& errand) const;

  sdk::Host host_;
  Api api_;
  SegmentApi segments_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
