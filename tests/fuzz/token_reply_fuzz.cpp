// Guards the reading of token endpoints' replies against whatever comes back: what is taken can
// stand in a header, and no secret comes back in the words of a refusal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "services/token_reply.hpp"
#include "services/token_set.hpp"

using namespace penstock::services;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto reply = parse_token_reply(body); reply.ok()) {
    if (!is_token(reply.value().access_token.reveal())) std::abort();
    for (const auto& life : {reply.value().expires_in_s, reply.value().refresh_expires_in_s}) {
      if (life && (*life < 1 || *life > kMaxTokenLifeSeconds)) std::abort();
    }
  }
  constexpr std::string_view kSecret = "Zx9-hidden";  // not the word that masks are made of
  const TokenError error = parse_token_error(body, {kSecret});
  if (error.description.find(kSecret) != std::string::npos) std::abort();
  if (error.description.size() > 200 || error.code.size() > 64) std::abort();
  return 0;
}
