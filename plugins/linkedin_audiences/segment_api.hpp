// LinkedIn's /dmpSegments: finding, creating, reading and renaming segments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api.hpp"
#include "audience.hpp"
#include "segment.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// Segments, or why they could not be had.
struct SegmentList {
  std::optional<sdk::Outcome> failure;
  std::vector<Segment> segments;
};

// One segment, nothing when it does not exist, or why that is not known.
struct SegmentLookup {
  std::optional<sdk::Outcome> failure;
  std::optional<Segment> segment;
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
      : host_(host), api_(host, settings), settings_(settings) {}

  // All [may-block].
  // The segments with the audience's type and key, over all pages, the oldest first.
  [[nodiscard]] SegmentList find(const AudienceId& audience, const Errand& errand) const;
  // What may keep an audience from being created: the oldest segment with its key under another
  // platform than the setting's or of another type, those of its own type first; nothing when there
  // is none, or that is not known.
  [[nodiscard]] std::optional<Segment> find_elsewhere(const AudienceId& audience,
                                                      const Errand& errand) const;
  // Every segment of the account under the setting source_platform, the oldest first.
  [[nodiscard]] SegmentList list(const Errand& errand) const;
  // Every segment of the account, under whichever platform, the oldest first.
  [[nodiscard]] SegmentList list_all(const Errand& errand) const;
  [[nodiscard]] SegmentLookup get(const std::string& id, const Errand& errand) const;
  // The segment that a mapping names by its id. A failure, too, when it is not there, or not what
  // the mapping fills: of another account, type or platform.
  [[nodiscard]] SegmentLookup get_existing(const Audience& audience, const Errand& errand) const;
  [[nodiscard]] CreateResult create(const Audience& audience, const Errand& errand) const;
  // Nothing when it worked.
  [[nodiscard]] std::optional<sdk::Outcome> rename(const std::string& id, const std::string& name,
                                                   const Errand& errand) const;

 private:
  // LinkedIn may not narrow by platform as it was asked to, or not say which it is.
  [[nodiscard]] bool of_our_platform(const Segment& segment) const;
  // `narrowing` is put behind the account.
  [[nodiscard]] SegmentList read_pages(const std::string& narrowing, std::string_view doing,
                                       const Errand& errand) const;
  [[nodiscard]] std::optional<std::int64_t> count(const Errand& errand) const;
  [[nodiscard]] sdk::Outcome limit_reached(const Audience& audience, std::string_view words,
                                           const Errand& errand) const;

  sdk::Host host_;
  Api api_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
