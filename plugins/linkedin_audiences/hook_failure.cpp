#include "hook_failure.hpp"

namespace penstock::linkedin {

std::int32_t fail_with(const sdk::Outcome& outcome, const sdk::Error& error) {
  std::int32_t code = PENSTOCK_ERR_TRANSPORT;
  if (outcome.status == PENSTOCK_AUTH) code = PENSTOCK_ERR_AUTH;
  if (outcome.status == PENSTOCK_BLOCKED || outcome.status == PENSTOCK_REJECTED) {
    code = PENSTOCK_ERR_INVALID;
  }
  if (outcome.reason == "timeout") code = PENSTOCK_ERR_TIMEOUT;
  if (outcome.reason == "connect_failed") code = PENSTOCK_ERR_CONNECT;
  if (outcome.reason == "cancelled") code = PENSTOCK_ERR_CANCELLED;
  const char* const field = outcome.reason == "api_version_inactive" ? "api_version" : "";
  return error.fail(code, outcome.reason, field, outcome.message);
}

}  // namespace penstock::linkedin
