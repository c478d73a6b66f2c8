// Words for what a plugin returned: its status and its error buffer, neither of which is trusted.
#pragma once

#include <penstock/abi.h>

#include <cstdint>
#include <string>

#include "model/status.hpp"

namespace penstock::plugin {

// Ready to be passed to a hook. Only what reads as text is written: a hook is called often.
inline void clear(penstock_error& error) {
  error.struct_size = sizeof error;
  error.reserved = 0;
  error.reason[0] = error.field[0] = error.message[0] = '\0';
}

// Ends all texts inside their buffers, whatever the plugin wrote.
inline void terminate(penstock_error& error) {
  error.reason[sizeof error.reason - 1] = '\0';
  error.field[sizeof error.field - 1] = '\0';
  error.message[sizeof error.message - 1] = '\0';
}

[[nodiscard]] inline bool is_error(std::int32_t status) {
  return status >= PENSTOCK_ERR_CONFLICT && status <= PENSTOCK_ERR_UNSUPPORTED;
}

// What the plugin says is wrong, or that it gave no reason; with a remark where `status` is none
// that a hook may return. Its text has gone through the gate (gate/foreign_text.hpp). `error` must
// be terminated.
[[nodiscard]] std::string reason_text(std::int32_t status, const penstock_error& error);

// How a hook's failure shows as the exit code of a command. Unknown codes are the plugin's fault:
// internal.
[[nodiscard]] StatusCode status_code(std::int32_t status);

}  // namespace penstock::plugin
