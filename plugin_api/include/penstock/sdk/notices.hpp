// penstock/sdk/notices.hpp - "penstock.notices/1" for C++: tell people what is the outcome of no
// element.
#pragma once

#include <cstdint>
#include <string_view>

#include "../ext/notices.h"
#include "host.hpp"

namespace penstock {
namespace sdk {

// A copyable handle. Without the service nothing happens. [any-thread]
class Notices {
 public:
  explicit Notices(const Host& host)
      : notices_(host.extension<penstock_notices>(PENSTOCK_EXT_NOTICES)) {}
  explicit operator bool() const noexcept { return notices_ != nullptr; }

  // `level` is PENSTOCK_LOG_WARNING or PENSTOCK_LOG_ERROR, `code` a stable word in snake_case,
  // `message` a sentence without secrets and personal data: what is so, and what to do.
  void raise(std::int32_t level, std::string_view code, std::string_view message) const {
    if (notices_ != nullptr) notices_->raise(notices_->ctx, level, str(code), str(message));
  }

 private:
  const penstock_notices* notices_;
};

}  // namespace sdk
}  // namespace penstock
