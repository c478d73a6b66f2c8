// What Segment's Public API says of destinations and their mappings, which it calls subscriptions.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "import/yaml_text.hpp"
#include "model/status.hpp"

namespace penstock::import {

struct SegmentSubscription {
  std::string name;
  std::string action_slug;  // "" where the export does not say
  std::string action_id;
  std::string destination_id;
  std::string model_id;  // of reverse ETL, else ""
  std::string trigger;
  bool enabled = true;
  Json settings = Json::object();
};

struct SegmentDestination {
  std::string id;
  std::string name;
  bool enabled = true;
  Json settings = Json::object();
  std::map<std::string, std::string> action_slugs;  // by id
};

struct SegmentExport {
  std::vector<SegmentDestination> destinations;
  std::vector<SegmentSubscription> subscriptions;
  // Answers come in pages: the cursor of one that is not among them, or "".
  std::string missing_page;
};

// Reads an answer of GET /destinations/{id}, of its /subscriptions, one subscription, a list of any
// of these, or a map that holds them as "destination" and "subscriptions". Bad input where it is
// none of that, or too large.
[[nodiscard]] Result<SegmentExport> read_segment_export(std::string_view text);

}  // namespace penstock::import
