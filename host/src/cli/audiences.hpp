// What `penstock audiences` knows: audiences as the destinations tell of them (the queries
// "audiences" and "rename", docs/plugin-authors.md), beside what was delivered to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
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
  // As the destination reports it; empty where it does not.
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

// An audience of the account at a destination, whoever fills it.
struct AccountAudience {
  std::string mapping;  // that fills it; "": none
  // As the destination reports it; empty where it does not.
  std::string key;
  std::string name;
  std::string id;
  std::string type;
  std::string platform;
  std::string status;
  std::optional<std::uint64_t> size;
  std::string note;
};
struct AccountAudiences {
  std::string name;   // of the destination
  std::string title;  // of its plugin
  std::string account;
  Status status;  // why it could not be asked
  std::vector<AccountAudience> audiences;
};
// As ask_audiences.
[[nodiscard]] AccountAudiences ask_account_audiences(Pipeline& pipeline, std::uint32_t destination);
[[nodiscard]] std::string account_audiences_text(const std::string& pipeline,
                                                 const std::vector<AccountAudiences>& all);
[[nodiscard]] std::string account_audiences_json(const std::string& pipeline,
                                                 const std::vector<AccountAudiences>& all);

// One request of a test: a person put in or taken out.
struct MemberChange {
  std::string segment_id;
  std::string key;
  std::string method;
  std::string url;
  std::string body;         // with the person hashed
  std::int64_t status = 0;  // of the answer; 0: none came
  std::string answer;
  bool accepted = false;
  bool certain = false;  // no refusal or lost answer hides that it may be carried out yet
  std::string problem;
};
enum class MemberAction : std::uint8_t { add, remove };
// Requires that the plugin of the mapping's destination has a query hook. A failure means that
// nothing was sent. [may-block]
[[nodiscard]] Result<MemberChange> change_member(Pipeline& pipeline,
                                                 const mapping::Program::Mapping& mapping,
                                                 const std::string& email, MemberAction action);

// The pipeline that the arguments name, for asking its destinations. Shows what is wrong with it.
[[nodiscard]] Result<std::unique_ptr<Pipeline>> load_to_ask(const Arguments& arguments);
[[nodiscard]] bool can_be_asked(Pipeline& pipeline, std::uint32_t destination);

// A mapping whose audience its destination can be asked about.
struct MappingToAsk {
  std::unique_ptr<Pipeline> pipeline;
  const mapping::Program::Mapping* mapping = nullptr;  // of the pipeline
  std::string destination;                             // its name
};
// The mapping that the arguments name as MAPPING or DESTINATION.MAPPING. `purpose`: what its
// audience is wanted for, such as "rename". Shows what is wrong with the pipeline.
[[nodiscard]] Result<MappingToAsk> load_mapping_to_ask(const Arguments& arguments,
                                                       const char* purpose);

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
