// What a transfer that brought no answer is called, and the words for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "services/http_transfer.hpp"

namespace penstock::services {

struct FaultReport {
  std::int32_t status = 0;  // PENSTOCK_ERR_...
  const char* reason = "";
  std::string message;  // says whether anything was sent
};

// Of a result whose fault is not `none`.
[[nodiscard]] FaultReport describe_fault(const TransferResult& result, const HttpUrl& url,
                                         std::int64_t limit_ms, std::size_t most_bytes);
[[nodiscard]] FaultReport cancelled_before_sending(const HttpUrl& url);

}  // namespace penstock::services
