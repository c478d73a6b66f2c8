#include "cli/status_rows.hpp"

namespace penstock::cli {
namespace {

using Reasons = std::vector<std::pair<std::string, std::uint64_t>>;

template <typename Rows, typename Name>
auto& row_of(Rows& rows, const std::string& name, Name name_of) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return name_of(row) == name; });
  if (found != rows.end()) return *found;
  rows.emplace_back();
  rows.back().in_pipeline = false;
  return rows.back();
}

DestinationRow& destination_of(std::vector<DestinationRow>& rows, const std::string& name) {
  DestinationRow& row = row_of(rows, name, [](const auto& entry) { return entry.state.name; });
  row.state.name = name;
  return row;
}

MappingRow& mapping_of(DestinationRow& destination, const std::string& name) {
  MappingRow& row =
      row_of(destination.mappings, name, [](const auto& entry) { return entry.name; });
  row.name = name;
  return row;
}

void add(Reasons& reasons, const std::string& reason, std::uint64_t count) {
  for (auto& [name, sum] : reasons) {
    if (name != reason) continue;
    sum += count;
    return;
  }
  reasons.emplace_back(reason, count);
}

}  // namespace

std::vector<DestinationRow> destination_rows(const PipelineOutline& outline,
                                             const store::State& state) {
  std::vector<DestinationRow> rows;
  for (const PipelineOutline::Destination& destination : outline.destinations) {
    DestinationRow row;
    row.state.name = destination.name;
    row.state.state = "ok";
    for (const PipelineOutline::Mapping& mapping : destination.mappings) {
      row.mappings.emplace_back();
      row.mappings.back().name = mapping.name;
    }
    rows.push_back(std::move(row));
  }
  for (const store::DestinationState& stored : state.destinations) {
    destination_of(rows, stored.name).state = stored;
  }
  // The pipeline may have been changed since the last run.
  for (const PipelineOutline::Destination& destination : outline.destinations) {
    if (!destination.enabled) destination_of(rows, destination.name).state.state = "disabled";
  }
  for (const store::MappingState& stored : state.mappings) {
    MappingRow& row = mapping_of(destination_of(rows, stored.destination), stored.name);
    row.counts = stored.counts;
    row.last_delivered_ms = stored.last_delivered_ms;
  }
  for (const store::StoredReason& reason : state.reasons) {
    if (reason.kind == ReasonCount::Kind::warning || reason.kind == ReasonCount::Kind::delivered ||
        reason.destination.empty())
      continue;
    add(mapping_of(destination_of(rows, reason.destination), reason.mapping).reasons, reason.reason,
        reason.count);
  }
  return rows;
}

Reasons dead_letter_reasons(const store::State& state) {
  Reasons reasons;
  for (const store::StoredReason& reason : state.reasons) {
    if (reason.kind == ReasonCount::Kind::dead_letter) {
      add(reasons, reason.reason, reason.count);
    }
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return reasons;
}

std::string message_of(const store::StoredReason& reason) {
  if (!reason.message.empty() || reason.field.empty()) return reason.message;
  return "The field " + reason.field + " was left out, because the destination would refuse it";
}

}  // namespace penstock::cli
