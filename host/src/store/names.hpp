// Names: the catalog of a run beside the ids that the database gives destinations and mappings for
// good.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.hpp"
#include "model/status.hpp"
#include "services/sqlite.hpp"

namespace penstock::store {

class Names {
 public:
  static constexpr std::uint32_t kUnknown = UINT32_MAX;

  // Inside a transaction: gives an id to what the database does not know yet.
  [[nodiscard]] static Result<Names> load(services::Database& database, const Catalog& catalog);

  // Appends a mapping that the given catalog does not name, with its destination, under the name
  // that the database has for the id. Nothing happens if it is there. damaged: there is no such id.
  [[nodiscard]] Status add_mapping(services::Database& database, std::uint32_t id);
  [[nodiscard]] Status add_action(services::Database& database, std::uint32_t destination_id,
                                  const std::string& action);

  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  [[nodiscard]] const std::vector<std::uint32_t>& mapping_ids() const { return mapping_ids_; }
  [[nodiscard]] const std::vector<std::uint32_t>& destination_ids() const {
    return destination_ids_;
  }
  // How much of catalog() was given.
  [[nodiscard]] std::size_t given_mappings() const { return given_mappings_; }
  [[nodiscard]] std::size_t given_actions(std::uint32_t destination) const {
    return destination < given_actions_.size() ? given_actions_[destination] : 0;
  }

  // Indexes into catalog(); kUnknown when it has none.
  [[nodiscard]] std::uint32_t mapping_of(std::uint32_t id) const { return find(mappings_, id); }
  [[nodiscard]] std::uint32_t destination_of(std::uint32_t id) const {
    return find(destinations_, id);
  }
  [[nodiscard]] std::uint32_t action_of(std::uint32_t destination, std::string_view action) const;

 private:
  using Indexes = std::vector<std::uint32_t>;  // by id
  static std::uint32_t find(const Indexes& indexes, std::uint32_t id) {
    return id < indexes.size() ? indexes[id] : kUnknown;
  }
  static void note(Indexes& indexes, std::uint32_t id, std::size_t index);
  void append_destination(std::uint32_t id, Catalog::Destination destination);
  void append_mapping(std::uint32_t id, Catalog::Mapping mapping);
  [[nodiscard]] Status add_destination(services::Database& database, std::uint32_t id);

  Catalog catalog_;
  std::vector<std::uint32_t> destination_ids_;  // by index
  std::vector<std::uint32_t> mapping_ids_;
  Indexes destinations_;
  Indexes mappings_;
  std::size_t given_mappings_ = 0;
  std::vector<std::size_t> given_actions_;  // by destination
};

}  // namespace penstock::store
