// Durations, sizes and URLs as they are written in manifests.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "config/schema.hpp"

namespace penstock::config {
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

bool is_ipv4_loopback(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    int value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || error != std::errc() || end != part.data() + part.size() || value > 255 ||
        value < 0) {
      return false;
    }
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

bool is_valid_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65'536;
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

std::string fault_of_url(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) {
    return "expected a URL that begins with https://";
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      return "a URL holds no spaces, control or non-ASCII characters";
    }
  }
  std::string_view authority = text.substr(secure ? 8 : 7);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (text.find('#') != std::string_view::npos) return "a \"#\" part has no meaning in this URL";
  if (authority.find('@') != std::string_view::npos) {
    return "a URL must not hold a user or password";
  }
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return "the \"[\" of the host is not closed";
    host = authority.substr(0, close + 1);
    rest = authority.substr(close + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (host.empty() || host == "[]") return "the URL names no host";
  if (!rest.empty() && (!rest.starts_with(':') || !is_valid_port(rest.substr(1)))) {
    return "the port must be a number from 1 to 65535";
  }
  if (!secure && host != "localhost" && host != "[::1]" && !is_ipv4_loopback(host)) {
    return "plain http is allowed only to this machine (localhost, 127.0.0.1, [::1]), use https";
  }
  return {};
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

}  // namespace penstock::config
