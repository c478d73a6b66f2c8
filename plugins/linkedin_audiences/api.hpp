// Small requests to LinkedIn's versioned API: everything but the batches.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/http.hpp>

#include "settings.hpp"

namespace penstock::linkedin {

// On whose behalf a request is made: it ends at the deadline, or with the batch. Borrows the batch.
class Errand {
 public:
  explicit Errand(const sdk::Batch& batch) : batch_(&batch), deadline_ns_(batch.deadline_ns()) {}
  explicit Errand(std::int64_t deadline_ns) : deadline_ns_(deadline_ns) {}  // monotonic

  void limit(sdk::HttpRequest& request) const;

 private:
  const sdk::Batch* batch_ = nullptr;
  std::int64_t deadline_ns_;
};

// The headers that every request of ours carries.
void add_headers(sdk::HttpRequest& request, const Settings& settings);

[[nodiscard]] std::string percent_encode(std::string_view text);
// "urn:li:sponsoredAccount:N"
[[nodiscard]] std::string account_urn(const Settings& settings);

// A text member of an object that LinkedIn sent; "" where there is none.
[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* name);

class Api {
 public:
  Api(const sdk::Host& host, const Settings& settings) : http_(host), settings_(settings) {}

  // `path` begins with a slash and comes after the setting api_url. [may-block]
  [[nodiscard]] sdk::HttpResponse get(const std::string& path, const Errand& errand) const;
  // A POST of JSON. `method` is the X-RestLi-Method, or "" for none. [may-block]
  [[nodiscard]] sdk::HttpResponse post(const std::string& path, const std::string& body,
                                       std::string_view method, const Errand& errand) const;

 private:
  sdk::Http http_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
