// Times, ages and sizes as people write and read them. Times are UTC throughout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::cli {

// What --since and --until take.
struct Moment {
  bool ago = false;     // `ms` before now; otherwise since 1970
  std::int64_t ms = 0;  // never negative when `ago`

  [[nodiscard]] std::int64_t at(std::int64_t now_ms) const { return ago ? now_ms - ms : ms; }
};

// "2h" or "3d" (that long ago), or an ISO 8601 time such as 2026-10-03, 2026-10-03T14:05 or
// 2026-10-03T14:05:06.250+02:00; without an offset it is UTC. Nothing for anything else.
[[nodiscard]] std::optional<Moment> parse_moment(std::string_view text);

// 2026-10-03T14:05:06Z
[[nodiscard]] std::string iso_time(std::int64_t ms);
// "45 seconds", "3 minutes", "5 hours", "12 days": the largest unit of which there are two at
// least.
[[nodiscard]] std::string words_for(std::int64_t duration_ms);
// The same for narrow columns: "45 s", "3 min", "5 h", "12 d".
[[nodiscard]] std::string short_words_for(std::int64_t duration_ms);
// "812 bytes", "12.3 KiB", "2.1 MiB"
[[nodiscard]] std::string words_for_bytes(std::uint64_t bytes);
// "1 dead letter", "1,200 dead letters"
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& noun);

}  // namespace penstock::cli
