// Guards the LinkedIn plugin against whatever comes back from the network: any body, any status. No
// element may be called delivered that the full parser does not call so too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "batch_reply.hpp"
#include "reply.hpp"

using namespace penstock::linkedin;

// The first byte says how many elements were sent, the second which status came, the rest is the
// body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t sent = data[0] % 8;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);

  const BatchReply reply = parse_batch_reply(body, sent);
  if (reply.elements.size() != sent) std::abort();
  if (all_delivered(body, sent)) {
    if (!reply.readable || reply.count != sent) std::abort();
    for (const ElementReply& element : reply.elements) {
      if (element.status < 200 || element.status > 299) std::abort();
    }
  }

  penstock::sdk::HttpResponse response;
  response.result = PENSTOCK_OK;
  response.status = 300 + data[1];
  response.body = body;
  response.headers.emplace_back("retry-after", body);
  Settings settings;
  settings.ad_account_id = "512345678";
  settings.api_version = "202608";
  const Refusal refusal = classify(response, settings, "fuzzing", 1'790'000'000'000'000'000);
  if (refusal.outcome.status == PENSTOCK_DELIVERED) std::abort();
  if (safe_message(body).find('@') != std::string::npos) std::abort();
  if (safe_message(body, body).size() > 200) std::abort();
  return 0;
}
