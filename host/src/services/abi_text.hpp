// Text and errors across the C ABI: from and to penstock_str and penstock_error.
#pragma once

#include <penstock/abi.h>

#include <cstdint>
#include <string_view>

namespace penstock::services {

// Borrowed, as the penstock_str is.
[[nodiscard]] inline std::string_view view(penstock_str text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}
[[nodiscard]] inline penstock_str str(std::string_view text) {
  return {text.data(), text.size()};
}

// Fills `error` (which may be null, or too small for what this host knows: then it stays as it is)
// and returns `status`. Texts are cut at a character boundary. [any-thread]
std::int32_t fail(penstock_error* error, std::int32_t status, std::string_view reason,
                  std::string_view message) noexcept;

}  // namespace penstock::services
