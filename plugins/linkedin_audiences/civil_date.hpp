// Dates of the Gregorian calendar as days since 1970-01-01.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::linkedin {

[[nodiscard]] std::int64_t days_from_civil(std::int64_t year, int month, int day);

// "2026-11-24"
[[nodiscard]] std::string iso_date(std::int64_t year, int month, int day);

}  // namespace penstock::linkedin
