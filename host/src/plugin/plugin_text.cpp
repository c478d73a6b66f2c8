#include "plugin/plugin_text.hpp"

namespace penstock::plugin {

namespace {

void replace_all(std::string& text, const std::string& word, const std::string& by) {
  for (std::size_t at = text.find(word); at != std::string::npos;
       at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
}

}  // namespace

std::string reason_text(std::int32_t status, const penstock_error& error,
                        const std::vector<std::string>& secrets) {
  std::string text = error.message;
  if (text.empty() && error.reason[0] != '\0')
    text = std::string("reason \"") + error.reason + "\"";
  for (const std::string& secret : secrets) {
    if (!secret.empty()) replace_all(text, secret, "[secret]");
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
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
