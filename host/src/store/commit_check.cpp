#include "store/commit_check.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace penstock::store {

namespace {

constexpr char kOurFault[] = " Nothing was stored. This is a fault of Penstock: please report it.";

Status no_such(const char* what) {
  return {StatusCode::internal, std::string(what) + " does not exist." + kOurFault};
}

bool sound_block(const Block& block, const Catalog& catalog) {
  const bool routes =
      std::all_of(block.routes.begin(), block.routes.end(), [&](const Route& route) {
        return route.destination < catalog.destinations.size() &&
               route.action < catalog.destinations[route.destination].actions.size();
      });
  return routes && std::all_of(block.elements.begin(), block.elements.end(),
                               [&](const BlockElement& element) {
                                 return element.mapping < catalog.mappings.size() &&
                                        element.route < block.routes.size();
                               });
}

bool sound_letter(const DeadLetter& letter, const Catalog& catalog) {
  if (letter.mapping == DeadLetter::kNoMapping) return letter.form != DeadLetter::Form::element;
  if (letter.mapping >= catalog.mappings.size()) return false;
  const Catalog::Destination& destination =
      catalog.destinations[catalog.mappings[letter.mapping].destination];
  return letter.form != DeadLetter::Form::element ||
         letter.route.action < destination.actions.size();
}

Status check_indexes(const Tally& tally, const Catalog& catalog) {
  const std::size_t mappings = catalog.mappings.size();
  for (const Tally::Entry& entry : tally.mappings()) {
    if (entry.mapping >= mappings) return no_such("a mapping that is counted");
  }
  for (const ReasonCount& reason : tally.reasons()) {
    if (reason.mapping != ReasonCount::kNoMapping && reason.mapping >= mappings) {
      return no_such("a mapping with a reason");
    }
  }
  for (const DeadLetter& letter : tally.dead_letters) {
    if (!sound_letter(letter, catalog)) return no_such("what a dead letter names");
  }
  return {};
}

}  // namespace

Status check_indexes(const Commit& commit, const Catalog& catalog) {
  const std::size_t mappings = catalog.mappings.size();
  const std::size_t destinations = catalog.destinations.size();
  for (const auto& block : commit.blocks) {
    if (!sound_block(*block, catalog)) return no_such("what a new block names");
  }
  RETURN_IF_ERROR(check_indexes(commit.tally, catalog));
  RETURN_IF_ERROR(check_indexes(commit.outcomes, catalog));
  for (const UncertainKey& key : commit.uncertain) {
    if (key.destination >= destinations ||
        (key.action != UncertainKey::kAllActions &&
         key.action >= catalog.destinations[key.destination].actions.size())) {
      return no_such("what an uncertain key names");
    }
  }
  for (const Issue& issue : commit.issues) {
    if (issue.destination >= destinations ||
        (issue.mapping != Issue::kAllMappings && issue.mapping >= mappings)) {
      return no_such("what an issue names");
    }
  }
  for (const DestinationStatus& status : commit.destinations) {
    if (status.destination >= destinations) return no_such("a destination with a state");
  }
  return {};
}

Status check_counts(const Tally& totals, const Tally& added, const CountsById& stored,
                    const Names& names) {
  std::vector<std::int64_t> change(names.mapping_ids().size(), 0);
  for (const Tally::Entry& entry : added.mappings()) {
    change[entry.mapping] = entry.counts.pending();
  }
  for (const Tally::Entry& entry : totals.mappings()) {
    const std::int64_t counted = entry.counts.pending() + change[entry.mapping];
    const auto found = stored.find(names.mapping_ids()[entry.mapping]);
    const std::int64_t left = found == stored.end() ? 0 : static_cast<std::int64_t>(found->second);
    if (counted == left) continue;
    const Catalog::Mapping& mapping = names.catalog().mappings[entry.mapping];
    return {StatusCode::internal,
            "the counts of " + names.catalog().destinations[mapping.destination].name + "/" +
                mapping.name + " would leave " + std::to_string(counted) +
                " records pending, but " + std::to_string(left) + " would be stored." + kOurFault};
  }
  return {};
}

}  // namespace penstock::store
