#include "model/units.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace penstock {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurationUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                       Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
constexpr std::array kSizeUnits = {Unit{"", 1},
                                   Unit{"B", 1},
                                   Unit{"KB", 1'000},
                                   Unit{"MB", 1'000'000},
                                   Unit{"GB", 1'000'000'000},
                                   Unit{"TB", 1'000'000'000'000},
                                   Unit{"KiB", 1ULL << 10U},
                                   Unit{"MiB", 1ULL << 20U},
                                   Unit{"GiB", 1ULL << 30U},
                                   Unit{"TiB", 1ULL << 40U}};

// Results are kept below this so that they fit every signed 64-bit count of milliseconds, and of
// nanoseconds after durations are multiplied by a million.
constexpr std::uint64_t kMostMilliseconds = std::uint64_t{36'500} * 86'400'000;
constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();

template <std::size_t Count>
std::optional<std::uint64_t> parse_amount(std::string_view text,
                                          const std::array<Unit, Count>& units,
                                          std::uint64_t most) {
  std::uint64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != text) continue;
    if (amount > most / unit.factor) return std::nullopt;
    return amount * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_amount(text, kDurationUnits, kMostMilliseconds);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(*value);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_amount(text, kSizeUnits, kMostBytes);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto amount = static_cast<std::uint64_t>(duration.count());
  for (auto unit = kDurationUnits.rbegin(); unit != kDurationUnits.rend(); ++unit) {
    if (amount != 0 && amount % unit->factor == 0) {
      return std::to_string(amount / unit->factor) + std::string(unit->name);
    }
  }
  return std::to_string(amount) + "ms";
}

std::string format_size(std::uint64_t bytes) {
  for (const std::string_view name : {"TiB", "GiB", "MiB", "KiB"}) {
    for (const Unit& unit : kSizeUnits) {
      if (unit.name == name && bytes != 0 && bytes % unit.factor == 0) {
        return std::to_string(bytes / unit.factor) + std::string(name);
      }
    }
  }
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

}  // namespace penstock
