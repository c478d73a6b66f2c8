#include "services/abi_text.hpp"

#include <cstring>

namespace penstock::services {

namespace {

template <std::size_t size>
void copy_cut(char (&out)[size], std::string_view text) {
  std::size_t length = text.size();
  if (length > size - 1) {
    length = size - 1;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  }
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

}  // namespace

std::int32_t fail(penstock_error* error, std::int32_t status, std::string_view reason,
                  std::string_view message) noexcept {
  if (error != nullptr && error->struct_size >= sizeof(penstock_error)) {
    copy_cut(error->reason, reason);
    error->field[0] = '\0';
    copy_cut(error->message, message);
  }
  return status;
}

}  // namespace penstock::services
