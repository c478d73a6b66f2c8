// Durations and sizes as people write them, in manifests and in the fields of events.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

// "200ms", "10s", "1m", "2h", "1d", and "512", "512B", "1MB" (a million), "64KiB", "4 MiB". Nothing
// when the text is no such value or it does not fit.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);  // up to INT64_MAX

// The other way: the shortest way to write it, "10s", "4MiB".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace penstock
