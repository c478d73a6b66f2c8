#include "api_version.hpp"

#include <algorithm>
#include <charconv>

#include "civil_date.hpp"

namespace penstock::linkedin {
namespace {

constexpr std::int64_t kNsPerDay = 86'400'000'000'000;
// The days on which versions ended so far: 15th to 17th of their month.
constexpr int kDayOfRelease = 15;
constexpr std::int64_t kWarnDays = 30;

int number_of(std::string_view digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

bool is_api_version(std::string_view text) {
  constexpr std::size_t kYearDigits = 4;
  constexpr std::size_t kDigits = 6;
  if (text.size() != kDigits ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int month = number_of(text.substr(kYearDigits));
  return month >= 1 && month <= 12;
}

bool is_future_version(std::string_view version, std::int64_t wall_ns) {
  if (!is_api_version(version)) return false;
  const std::int64_t first_day =
      days_from_civil(number_of(version.substr(0, 4)), number_of(version.substr(4)), 1);
  return wall_ns / kNsPerDay < first_day;
}

std::string api_version_warning(std::string_view version, std::int64_t wall_ns) {
  if (!is_api_version(version)) return {};
  const int birthday_year = number_of(version.substr(0, 4)) + 1;
  const int month = number_of(version.substr(4));
  const std::int64_t birthday = days_from_civil(birthday_year, month, kDayOfRelease);
  const std::int64_t today = wall_ns / kNsPerDay;
  if (today < birthday - kWarnDays) return {};
  const std::string date = iso_date(birthday_year, month, kDayOfRelease);
  const std::string age = today < birthday ? " will be a year old on about " + date
                                           : " has been a year old since about " + date;
  return "Version " + std::string(version) + " of LinkedIn's API" + age +
         ". From then on LinkedIn may switch it off on any day, and refuse every delivery. Set "
         "api_version in the destination's settings to a newer version, or update Penstock and "
         "leave it out.";
}

}  // namespace penstock::linkedin
