// The settings of one LinkedIn destination, checked.
#pragma once

#include <cstdint>
#include <string>

#include <penstock/sdk/record.hpp>

namespace penstock::linkedin {

struct Settings {
  std::string ad_account_id;  // digits
  bool send_email = true;
  bool send_google_advertising_id = true;
  std::string api_url;          // without a slash at its end
  std::string api_version;      // YYYYMM
  std::string source_platform;  // of the segments that are looked for and created
  std::int64_t segment_ready_after_ms = 0;
  std::int64_t create_again_after_ms = 0;
};

// Fills `settings`. OK, or ERR_INVALID with the setting at fault.
[[nodiscard]] std::int32_t read_settings(const sdk::Config& config, Settings& settings,
                                         const sdk::Error& error);

}  // namespace penstock::linkedin
