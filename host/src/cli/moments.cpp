#include "cli/moments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "cli/commands.hpp"
#include "model/units.hpp"

namespace penstock::cli {
namespace {

constexpr std::int64_t kSecondMs = 1'000;
constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;

// Takes the parts of a time from the front of a text.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  // A number of exactly so many digits.
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + count, value);
    if (error != std::errc() || end != rest_.data() + count || rest_.front() == '-') {
      return std::nullopt;
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // ".25" as 250; nothing when no digit follows the point.
  std::optional<int> milliseconds() {
    if (!skip('.')) return 0;
    int value = 0;
    int scale = 100;
    std::size_t read = 0;
    while (read < rest_.size() && rest_[read] >= '0' && rest_[read] <= '9') {
      value += (rest_[read] - '0') * scale;
      scale /= 10;
      ++read;
    }
    rest_.remove_prefix(read);
    return read > 0 ? std::optional<int>(value) : std::nullopt;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// "Z", "+02:00", "-0530" or nothing as milliseconds east of UTC.
std::optional<std::int64_t> read_offset(TimeReader& reader) {
  if (reader.done() || reader.skip('Z')) return 0;
  const bool east = reader.skip('+');
  if (!east && !reader.skip('-')) return std::nullopt;
  const auto hours = reader.digits(2);
  reader.skip(':');
  const auto minutes = reader.digits(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = *hours * kHourMs + *minutes * kMinuteMs;
  return east ? offset : -offset;
}

std::optional<std::int64_t> read_iso_time(std::string_view text) {
  TimeReader reader(text);
  const auto year = reader.digits(4);
  if (!year || !reader.skip('-')) return std::nullopt;
  const auto month = reader.digits(2);
  if (!month || !reader.skip('-')) return std::nullopt;
  const auto day = reader.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  std::int64_t ms = std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
  if (reader.done()) return ms;
  if (!reader.skip('T') && !reader.skip(' ')) return std::nullopt;
  const auto hour = reader.digits(2);
  if (!hour || !reader.skip(':')) return std::nullopt;
  const auto minute = reader.digits(2);
  const auto second = reader.skip(':') ? reader.digits(2) : std::optional<int>(0);
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const auto fraction = reader.milliseconds();
  const auto offset = read_offset(reader);
  if (!fraction || !offset || !reader.done()) return std::nullopt;
  ms += *hour * kHourMs + *minute * kMinuteMs + *second * kSecondMs + *fraction;
  return ms - *offset;
}

struct Unit {
  std::int64_t ms;
  const char* name;
  const char* symbol;
};

struct Age {
  std::uint64_t amount;
  Unit unit;
};

Age age_of(std::int64_t duration_ms) {
  constexpr std::array kUnits = {Unit{kDayMs, "day", "d"}, Unit{kHourMs, "hour", "h"},
                                 Unit{kMinuteMs, "minute", "min"}};
  // A clock that was set back makes negative ages.
  const std::int64_t ms = std::max<std::int64_t>(duration_ms, 0);
  for (const Unit& unit : kUnits) {
    if (ms >= 2 * unit.ms) return {static_cast<std::uint64_t>(ms / unit.ms), unit};
  }
  return {static_cast<std::uint64_t>(ms / kSecondMs), Unit{kSecondMs, "second", "s"}};
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  if (const auto duration = penstock::parse_duration(text)) return Moment{true, duration->count()};
  if (const auto time = read_iso_time(text)) return Moment{false, *time};
  return std::nullopt;
}

std::string iso_time(std::int64_t ms) {
  const std::time_t seconds = ms / kSecondMs;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

std::string words_for(std::int64_t duration_ms) {
  const Age age = age_of(duration_ms);
  return counted(age.amount, age.unit.name);
}

std::string short_words_for(std::int64_t duration_ms) {
  const Age age = age_of(duration_ms);
  return with_separators(age.amount) + " " + age.unit.symbol;
}

std::string words_for_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  constexpr double kStep = 1024;
  if (bytes < 1024) return counted(bytes, "byte");
  double amount = static_cast<double>(bytes) / kStep;
  std::size_t unit = 0;
  while (amount >= kStep && unit + 1 < kUnits.size()) {
    amount /= kStep;
    ++unit;
  }
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %s", amount, kUnits[unit]);
  return text;
}

std::string counted(std::uint64_t count, const std::string& noun) {
  return with_separators(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace penstock::cli
