// Which audiences the pipeline's mappings name, and what they are called. The name is needed when a
// segment has to be created, and is no part of what an element or its batch key says: mappings of
// one audience share one order, whatever each calls it.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audience.hpp"

namespace penstock::linkedin {

// The audience that a mapping names by literals, from what a host tells of the mapping
// (docs/plugin-authors.md, "Questions"). Its key is "" where the mapping names none. Nothing for an
// action that this plugin does not have.
[[nodiscard]] std::optional<Audience> audience_of(const nlohmann::json& mapping);

// What is wrong with a mapping, whatever event comes.
struct MappingFault {
  std::string field;
  std::string message;  // a sentence for whoever wrote the mapping; "" when nothing is wrong
};

// Of the first mapping of the list that cannot work: an audience from elsewhere has no events to
// follow, its key is too long for any, or it names a segment that another audience is, or by no id.
[[nodiscard]] MappingFault fault_of_mappings(std::string_view mappings_json);

// The audiences that mappings name by literals, each once, called as AudienceNames has it. Of
// penstock_config.mappings.
[[nodiscard]] std::vector<Audience> audiences_of(std::string_view mappings_json);

class AudienceNames {
 public:
  AudienceNames() = default;
  // Of a list of mappings. Where mappings call one audience by different names, the first in the
  // pipeline has the say.
  explicit AudienceNames(const nlohmann::json& mappings);
  // Of penstock_config.mappings.
  [[nodiscard]] static AudienceNames parse(std::string_view mappings_json);

  // Nothing where no mapping gives the audience a name of its own.
  [[nodiscard]] const std::string* find(const AudienceId& audience) const;
  // The segment that a mapping of the audience names by its id; nothing where none does.
  [[nodiscard]] const std::string* existing(const AudienceId& audience) const;
  // The audience, with what other mappings say about it.
  void complete(Audience& audience) const;

 private:
  std::map<AudienceId, std::string> names_;
  std::map<AudienceId, std::string> existing_;
};

}  // namespace penstock::linkedin
