// penstock/sdk/error.hpp - how a hook says what went wrong: one call fills penstock_error and gives
// the code to return.
#pragma once

#include <cstdint>
#include <string_view>

#include "text.hpp"

namespace penstock {
namespace sdk {

// Writes into the caller's penstock_error. Texts must hold no secret and no personal data; they are
// cut at a character boundary. Tolerates a null pointer and a struct from an older host that is too
// short to write to.
class Error {
 public:
  explicit Error(penstock_error* out) noexcept
      : out_(out != nullptr && out->struct_size >= sizeof(penstock_error) ? out : nullptr) {}

  // Fills the struct and returns `code`, so that a hook can say `return error.fail(...)`.
  std::int32_t fail(std::int32_t code, std::string_view reason, std::string_view field,
                    std::string_view message) const noexcept {
    if (out_ != nullptr) {
      copy_text(out_->reason, reason);
      copy_text(out_->field, field);
      copy_text(out_->message, message);
    }
    return code;
  }

  // settings: the setting `field` is wrong.
  std::int32_t invalid(std::string_view field, std::string_view message) const noexcept {
    return fail(PENSTOCK_ERR_INVALID, "invalid_setting", field, message);
  }
  // mapping: this record can never be delivered. `reason` is a stable code in snake_case.
  std::int32_t reject(std::string_view reason, std::string_view field,
                      std::string_view message) const noexcept {
    return fail(PENSTOCK_REJECT, reason, field, message);
  }
  std::int32_t internal(std::string_view message) const noexcept {
    return fail(PENSTOCK_ERR_INTERNAL, "internal", {}, message);
  }

 private:
  penstock_error* out_;
};

}  // namespace sdk
}  // namespace penstock
