// LinkedIn's answer to a BATCH_CREATE: one status per element, in the order of the request. A
// status is believed only where it is certain which element it is about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::linkedin {

struct ElementReply {
  std::int32_t status = 0;  // 0: the answer does not say
  std::string message;      // LinkedIn's words as they came: not yet safe to show
};

struct BatchReply {
  // False when the body is no JSON, is cut off, or has no list of elements: then nothing is known.
  bool readable = false;
  // How many elements the answer has. Unless that is what was asked for, positions prove nothing.
  std::size_t count = 0;
  // One per element that was sent.
  std::vector<ElementReply> elements;
};

// True when the body is exactly `sent` elements that each say 2xx and nothing else: the usual
// answer, checked without building anything.
[[nodiscard]] bool all_delivered(std::string_view body, std::size_t sent);

// Any answer. Elements whose fate the answer leaves open have status 0.
[[nodiscard]] BatchReply parse_batch_reply(std::string_view body, std::size_t sent);

}  // namespace penstock::linkedin
