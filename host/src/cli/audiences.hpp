// What `penstock audiences` knows: audiences as the destinations tell of them (the queries
// "audiences" and "rename", docs/plugin-authors.md), beside what was delivered to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/status.hpp"
#include "pipeline.hpp"

namespace penstock::cli {

// What the pipeline's runs delivered for a mapping since its state was made.
struct Delivered {
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::int64_t last_ms = 0;  // wall clock; 0: never
};

struct Audience {
  std::string mapping;
  std::vector<std::string> also;  // further mappings that fill it
  // In the destination's words; empty where it told none.
  std::string key;
  std::string name;
  std::string id;
  std::string type;
  std::string status;
  std::optional<std::uint64_t> size;     // by the destination's count
  std::optional<std::uint64_t> matched;  // in the last 7 days, of `input` that it was sent
  std::optional<std::uint64_t> input;
  std::vector<std::string> twins;  // ids of others with the same key
  std::string note;
  Delivered delivered;  // of its mappings; one of them may fill several audiences

  [[nodiscard]] bool is_filled_by(const std::string& one) const {
    return one == mapping || std::find(also.begin(), also.end(), one) != also.end();
  }
};

struct DestinationAudiences {
  std::string name;
  std::string title;  // of its plugin
  Status status;      // why it could not be asked: then its audiences have no more than a mapping
  std::vector<Audience> audiences;
  std::string explanation;  // of the numbers, by the plugin
};

struct AudiencesView {
  std::string pipeline;
  std::int64_t now_ms = 0;    // wall clock
  std::int64_t since_ms = 0;  // when counting of deliveries began; 0: the pipeline has never run
  std::vector<DestinationAudiences> destinations;
};

// Asks one destination. Requires that its plugin has a query hook. [may-block]
[[nodiscard]] DestinationAudiences ask_audiences(Pipeline& pipeline, std::uint32_t destination);

struct Renamed {
  std::string id;
  std::string key;
  std::string old_name;
  std::string name;
};
// Requires that the plugin of the mapping's destination has a query hook. [may-block]
[[nodiscard]] Result<Renamed> rename_audience(Pipeline& pipeline,
                                              const mapping::Program::Mapping& mapping,
                                              const std::string& name);

// For people who manage ads.
[[nodiscard]] std::string audiences_text(const AudiencesView& view);
// One line of JSON (README.md).
[[nodiscard]] std::string audiences_json(const AudiencesView& view);

}  // namespace penstock::cli
