// Issue: something to tell people about a delivery, counted.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

struct Issue {
  static constexpr std::uint32_t kAllMappings = UINT32_MAX;
  enum class Severity : std::uint8_t { warning, error };

  Severity severity = Severity::warning;
  std::uint32_t destination = 0;
  std::uint32_t mapping = kAllMappings;
  std::string code;         // stable, such as rate_limited
  std::string message;      // for a person; without personal data
  std::uint64_t count = 0;  // elements
};

}  // namespace penstock
