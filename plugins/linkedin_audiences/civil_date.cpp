#include "civil_date.hpp"

namespace penstock::linkedin {

// Counted from March, so that the leap day comes last.
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  if (month <= 2) --year;
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

std::string iso_date(std::int64_t year, int month, int day) {
  const auto two_digits = [](int number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return std::to_string(year) + "-" + two_digits(month) + "-" + two_digits(day);
}

}  // namespace penstock::linkedin
