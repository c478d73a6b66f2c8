// Credentials: what the requests of a connection are authorised with.
#pragma once

#include <string>
#include <utility>

#include "model/pipeline_config.hpp"

namespace penstock::services {

// [any-thread]
class Credentials {
 public:
  explicit Credentials(Secret access_token) : access_token_(std::move(access_token)) {}

  // Whether there is a token that can stand in a header.
  [[nodiscard]] bool usable() const {
    for (const char c : access_token_.reveal()) {
      if (c <= ' ' || c >= 0x7F) return false;
    }
    return !access_token_.empty();
  }
  [[nodiscard]] bool empty() const { return access_token_.empty(); }
  // The header that authorises a request. Requires usable(). A secret: never shown, never kept
  // longer than the request.
  [[nodiscard]] std::string header() const {
    return "Authorization: Bearer " + access_token_.reveal();
  }

 private:
  Secret access_token_;
};

}  // namespace penstock::services
