#include "plugin/plugin_text.hpp"

#include "gate/foreign_text.hpp"

namespace penstock::plugin {

namespace {

// A message has 384 bytes at most (abi.h); escapes make it longer.
constexpr std::size_t kMaxReasonTextBytes = 1024;

}  // namespace

std::string reason_text(std::int32_t status, const penstock_error& error) {
  std::string text = error.message;
  if (text.empty() && error.reason[0] != '\0')
    text = std::string("reason \"") + error.reason + "\"";
  text = gate::foreign_text(text, kMaxReasonTextBytes);
  if (text.empty()) text = "the plugin gave no reason (status " + std::to_string(status) + ")";
  if (!is_error(status)) {
    text += " (the plugin is at fault: " + std::to_string(status) +
            " is no status that this hook may return)";
  }
  return text;
}

StatusCode status_code(std::int32_t status) {
  switch (status) {
    case PENSTOCK_OK:
      return StatusCode::ok;
    case PENSTOCK_ERR_AUTH:
      return StatusCode::authorization;
    case PENSTOCK_ERR_INVALID:
    case PENSTOCK_ERR_UNSUPPORTED:
    case PENSTOCK_ERR_NOT_FOUND:
    case PENSTOCK_ERR_CONFLICT:
      return StatusCode::configuration;
    case PENSTOCK_ERR_TIMEOUT:
    case PENSTOCK_ERR_CANCELLED:
    case PENSTOCK_ERR_CONNECT:
    case PENSTOCK_ERR_TRANSPORT:
      return StatusCode::unavailable;
    default:
      return StatusCode::internal;
  }
}

}  // namespace penstock::plugin
