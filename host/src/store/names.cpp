#include "store/names.hpp"

#include <algorithm>
#include <utility>

namespace penstock::store {

using services::Database;
using services::Statement;

Result<Names> Names::load(Database& database, const Catalog& catalog) {
  Names names;
  ASSIGN_OR_RETURN(Statement find_destination,
                   database.prepare("SELECT id FROM destinations WHERE name = ?1"));
  ASSIGN_OR_RETURN(Statement add_destination,
                   database.prepare("INSERT INTO destinations (name) VALUES (?1)"));
  for (const Catalog::Destination& destination : catalog.destinations) {
    find_destination.bind_text(1, destination.name);
    ASSIGN_OR_RETURN(const bool known, find_destination.step());
    std::int64_t id = known ? find_destination.integer(0) : 0;
    find_destination.reset();
    if (!known) {
      RETURN_IF_ERROR(add_destination.bind_text(1, destination.name).run());
      id = database.last_insert_id();
    }
    names.append_destination(static_cast<std::uint32_t>(id), destination);
    names.given_actions_.push_back(destination.actions.size());
  }
  ASSIGN_OR_RETURN(
      Statement find_mapping,
      database.prepare("SELECT id FROM mappings WHERE destination = ?1 AND name = ?2"));
  ASSIGN_OR_RETURN(Statement add_mapping,
                   database.prepare("INSERT INTO mappings (destination, name) VALUES (?1, ?2)"));
  for (const Catalog::Mapping& mapping : catalog.mappings) {
    const std::uint32_t destination = names.destination_ids_[mapping.destination];
    find_mapping.bind(1, destination).bind_text(2, mapping.name);
    ASSIGN_OR_RETURN(const bool known, find_mapping.step());
    std::int64_t id = known ? find_mapping.integer(0) : 0;
    find_mapping.reset();
    if (!known) {
      RETURN_IF_ERROR(add_mapping.bind(1, destination).bind_text(2, mapping.name).run());
      id = database.last_insert_id();
    }
    names.append_mapping(static_cast<std::uint32_t>(id), mapping);
  }
  names.given_mappings_ = catalog.mappings.size();
  return names;
}

Status Names::add_mapping(Database& database, std::uint32_t id) {
  if (mapping_of(id) != kUnknown) return {};
  ASSIGN_OR_RETURN(Statement find,
                   database.prepare("SELECT destination, name FROM mappings WHERE id = ?1"));
  ASSIGN_OR_RETURN(const bool known, find.bind(1, id).step());
  if (!known) {
    return database.damaged("records are stored for mapping " + std::to_string(id) +
                            ", which has no name");
  }
  const auto destination_id = static_cast<std::uint32_t>(find.integer(0));
  const std::string name(find.text(1));
  RETURN_IF_ERROR(add_destination(database, destination_id));
  append_mapping(id, {destination_of(destination_id), name});
  return {};
}

Status Names::add_destination(Database& database, std::uint32_t id) {
  if (destination_of(id) != kUnknown) return {};
  ASSIGN_OR_RETURN(Statement find, database.prepare("SELECT name FROM destinations WHERE id = ?1"));
  ASSIGN_OR_RETURN(const bool known, find.bind(1, id).step());
  if (!known) {
    return database.damaged("records are stored for destination " + std::to_string(id) +
                            ", which has no name");
  }
  append_destination(id, {std::string(find.text(0)), {}});
  return {};
}

Status Names::add_action(Database& database, std::uint32_t destination_id,
                         const std::string& action) {
  RETURN_IF_ERROR(add_destination(database, destination_id));
  const std::uint32_t destination = destination_of(destination_id);
  if (action_of(destination, action) == kUnknown) {
    catalog_.destinations[destination].actions.push_back(action);
  }
  return {};
}

std::uint32_t Names::action_of(std::uint32_t destination, std::string_view action) const {
  const std::vector<std::string>& actions = catalog_.destinations[destination].actions;
  const auto place = std::find(actions.begin(), actions.end(), action);
  return place == actions.end() ? kUnknown : static_cast<std::uint32_t>(place - actions.begin());
}

void Names::note(Indexes& indexes, std::uint32_t id, std::size_t index) {
  if (id >= indexes.size()) indexes.resize(id + std::size_t{1}, kUnknown);
  indexes[id] = static_cast<std::uint32_t>(index);
}

void Names::append_destination(std::uint32_t id, Catalog::Destination destination) {
  note(destinations_, id, destination_ids_.size());
  destination_ids_.push_back(id);
  catalog_.destinations.push_back(std::move(destination));
}

void Names::append_mapping(std::uint32_t id, Catalog::Mapping mapping) {
  note(mappings_, id, mapping_ids_.size());
  mapping_ids_.push_back(id);
  catalog_.mappings.push_back(std::move(mapping));
}

}  // namespace penstock::store
