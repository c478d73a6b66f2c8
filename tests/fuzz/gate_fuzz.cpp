// Guards the gate against whatever others say: nothing that steers a terminal, no secret and no
// text that is not UTF-8 comes out, and a second passage changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gate/escape.hpp"
#include "gate/foreign_text.hpp"
#include "gate/secrets.hpp"
#include "services/run_record.hpp"

using namespace penstock::gate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kSecret = "Kq83-hidden-value";
  keep_secret(kSecret);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string shown = foreign_text(text, 2 * size + 64);
  if (shown.find(kSecret) != std::string::npos || !is_utf8(shown)) std::abort();
  for (const char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
  if (escaped(shown) != shown) std::abort();
  if (foreign_text(text, 40).size() > 40) std::abort();
  static_cast<void>(own_text(text));
  static_cast<void>(penstock::services::parse_last_run(text));
  return 0;
}
