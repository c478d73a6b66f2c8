// How old the version of LinkedIn's API is that the setting api_version names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::linkedin {

inline constexpr std::string_view kApiVersionAges = "api_version_ages";

// True for a year and a month of it, such as "202608".
[[nodiscard]] bool is_api_version(std::string_view text);
// Whether it is a version whose month has not come yet.
[[nodiscard]] bool is_future_version(std::string_view version, std::int64_t wall_ns);

// "" until 30 days before the version's first birthday. LinkedIn releases a version in the middle
// of its month and keeps it for at least a year; on some day after that it answers 426.
[[nodiscard]] std::string api_version_warning(std::string_view version, std::int64_t wall_ns);

}  // namespace penstock::linkedin
