// LinkedIn's /dmpSegments: finding an audience's segment and creating it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/http.hpp>

#include "mapping.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// The headers that every request of ours carries.
void add_headers(sdk::HttpRequest& request, const Settings& settings);

// True for what LinkedIn uses as a segment's id; anything else must not get into a URL.
[[nodiscard]] bool is_segment_id(std::string_view id);

struct FoundSegment {
  std::string id;
  std::int64_t created_ms = 0;  // by LinkedIn's clock; 0 when it did not say
};

// A find that failed has an outcome; one that worked has a segment or nothing.
struct FindResult {
  std::optional<sdk::Outcome> failure;
  std::optional<FoundSegment> segment;
};

struct CreateResult {
  enum class Kind {
    created,    // id is set
    uncertain,  // it may or may not exist now
    refused     // it does not exist
  };
  Kind kind = Kind::uncertain;
  std::string id;
  sdk::Outcome failure;  // unless created
};

class SegmentApi {
 public:
  SegmentApi(const sdk::Host& host, const Settings& settings)
      : host_(host), http_(host), settings_(settings) {}

  // [may-block] The oldest segment of type USER with the audience's key, over all pages. Ends with
  // the batch.
  [[nodiscard]] FindResult find(const std::string& audience_key, const sdk::Batch& batch) const;
  // [may-block]
  [[nodiscard]] CreateResult create(const Audience& audience, const sdk::Batch& batch) const;

 private:
  sdk::Host host_;
  sdk::Http http_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
