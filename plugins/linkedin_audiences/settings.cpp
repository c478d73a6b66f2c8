#include "settings.hpp"

#include <algorithm>
#include <string_view>

#include "api_version.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::string_view kDefaultApiUrl = "https://api.linkedin.com/rest";
constexpr std::string_view kDefaultApiVersion = "202608";
constexpr std::string_view kDefaultSourcePlatform = "DIRECT_API";
// LinkedIn's documentation asks for five seconds between creating a segment and writing to it.
constexpr std::int64_t kDefaultSegmentReadyAfterMs = 5'000;
// LinkedIn's finder usually shows a new segment within a minute or two.
constexpr std::int64_t kDefaultCreateAgainAfterMs = 2 * 60'000;

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Absent and "" both mean the default.
std::string text_or(const sdk::Config& config, std::string_view name, std::string_view fallback) {
  const std::string_view text = config.find(name).text();
  return std::string(text.empty() ? fallback : text);
}

}  // namespace

std::int32_t read_settings(const sdk::Config& config, Settings& settings, const sdk::Error& error) {
  settings.ad_account_id = text_or(config, "ad_account_id", "");
  if (!all_digits(settings.ad_account_id)) {
    return error.invalid("ad_account_id",
                         "ad_account_id must be the digits of a LinkedIn ad account, such as "
                         "\"512345678\", as Campaign Manager shows it; found \"" +
                             settings.ad_account_id + "\"");
  }

  settings.send_email = config.find("send_email").as_bool().value_or(true);
  settings.send_google_advertising_id =
      config.find("send_google_advertising_id").as_bool().value_or(true);
  if (!settings.send_email && !settings.send_google_advertising_id) {
    return error.invalid("send_google_advertising_id",
                         "send_email and send_google_advertising_id are both off, so that nobody "
                         "could be identified; turn at least one on");
  }

  settings.api_url = text_or(config, "api_url", kDefaultApiUrl);
  while (!settings.api_url.empty() && settings.api_url.back() == '/') settings.api_url.pop_back();
  settings.api_version = text_or(config, "api_version", kDefaultApiVersion);
  if (!is_api_version(settings.api_version)) {
    return error.invalid("api_version", "api_version must be a year and a month, such as " +
                                            std::string(kDefaultApiVersion) + "; found \"" +
                                            settings.api_version + "\"");
  }
  settings.source_platform = text_or(config, "source_platform", kDefaultSourcePlatform);

  settings.segment_ready_after_ms =
      config.find("segment_ready_after").as_i64().value_or(kDefaultSegmentReadyAfterMs);
  if (settings.segment_ready_after_ms < 0) {
    return error.invalid("segment_ready_after", "segment_ready_after must not be negative");
  }
  settings.create_again_after_ms =
      config.find("create_again_after").as_i64().value_or(kDefaultCreateAgainAfterMs);
  if (settings.create_again_after_ms < 0) {
    return error.invalid("create_again_after", "create_again_after must not be negative");
  }
  return PENSTOCK_OK;
}

}  // namespace penstock::linkedin
