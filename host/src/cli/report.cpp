#include "cli/report.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// Something that a reader may have to act on, from delivery issues and from reasons alike.
struct Entry {
  std::string destination;  // "" when it concerns no destination
  std::string mapping;      // "" when it concerns all
  std::string code;
  std::string field;
  std::string message;
  std::uint64_t count = 0;
  bool error = false;
};

std::vector<Entry> entries(const PipelineConfig& config, const RunReport& report) {
  const std::vector<ledger::MappingName>& mappings = report.mappings;
  std::vector<Entry> all;
  for (const Issue& issue : report.counts.issues) {
    Entry entry;
    if (issue.mapping != Issue::kAllMappings) {
      entry.destination = mappings[issue.mapping].destination_name;
      entry.mapping = mappings[issue.mapping].name;
    } else {
      entry.destination = config.destinations[issue.destination].name;
    }
    entry.code = issue.code;
    entry.message = issue.message;
    entry.count = issue.count;
    entry.error = issue.severity == Issue::Severity::error;
    all.push_back(std::move(entry));
  }
  for (const ReasonCount& reason : report.counts.reasons) {
    if (reason.kind == ReasonCount::Kind::skipped || reason.kind == ReasonCount::Kind::delivered)
      continue;
    Entry entry;
    if (reason.mapping != ReasonCount::kNoMapping) {
      entry.destination = mappings[reason.mapping].destination_name;
      entry.mapping = mappings[reason.mapping].name;
    }
    entry.code = reason.reason;
    entry.field = reason.field;
    entry.message = reason.message;
    if (entry.message.empty() && !reason.field.empty()) {
      entry.message =
          "The field " + reason.field + " was left out, because the destination would refuse it";
    }
    entry.count = reason.count;
    entry.error = reason.kind == ReasonCount::Kind::dead_letter;
    all.push_back(std::move(entry));
  }
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) {
    if (a.error != b.error) return a.error;
    return a.code != b.code ? a.code < b.code : a.count > b.count;
  });
  return all;
}

// Why records needed no delivery, the most frequent reason first.
std::string skipped_table(const RunReport& report) {
  std::vector<const ReasonCount*> rows;
  for (const ReasonCount& reason : report.counts.reasons) {
    if (reason.kind == ReasonCount::Kind::skipped) rows.push_back(&reason);
  }
  if (rows.empty()) return {};
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto* a, const auto* b) { return a->count > b->count; });
  Table table({"count", "where", "reason", "message"},
              {Table::Align::right, Table::Align::left, Table::Align::left, Table::Align::left});
  for (const ReasonCount* row : rows) {
    std::string where = "source";
    if (row->mapping != ReasonCount::kNoMapping) {
      const ledger::MappingName& mapping = report.mappings[row->mapping];
      where = mapping.destination_name + "." + mapping.name;
    }
    table.row({with_separators(row->count), where, row->reason, row->message});
  }
  return "\n  Skipped\n" + table.text("  ");
}

std::string place_of(const Entry& entry) {
  if (entry.destination.empty()) return "source";
  return entry.mapping.empty() ? entry.destination : entry.destination + "." + entry.mapping;
}

}  // namespace

std::uint64_t dead_letters(const RunReport& report) {
  std::uint64_t count = report.counts.events.invalid;
  for (const MappingCounts& mapping : report.counts.mappings) count += mapping.dead_lettered;
  return count;
}

std::string text_report(const PipelineConfig& config, const RunReport& report) {
  const std::vector<ledger::MappingName>& mappings = report.mappings;
  const EventCounts& events = report.counts.events;
  char rate[64];
  std::snprintf(rate, sizeof rate, "%.1f s", report.duration_s);
  std::string out = "Delivery report of " + config.name + "\n\n";
  out += "  " + with_separators(events.received) + " events in " + rate + ": " +
         with_separators(report.counts.matched_events) + " matched, " +
         with_separators(events.unmatched) + " wanted by no mapping, " +
         with_separators(events.invalid) + " invalid\n\n";

  Table table({"destination", "mapping", "matched", "delivered", "superseded", "skipped",
               "dead letters", "pending"},
              {Table::Align::left, Table::Align::left, Table::Align::right, Table::Align::right,
               Table::Align::right, Table::Align::right, Table::Align::right, Table::Align::right});
  MappingCounts total;
  std::uint64_t carried = 0;
  std::uint64_t pending = 0;
  for (std::size_t m = 0; m < mappings.size(); ++m) {
    const MappingCounts& counts = report.counts.mappings[m];
    total.add(counts);
    carried += report.pending_before[m];
    pending += report.pending[m];
    table.row({mappings[m].destination_name, mappings[m].name, with_separators(counts.matched),
               with_separators(counts.delivered), with_separators(counts.superseded),
               with_separators(counts.skipped), with_separators(counts.dead_lettered),
               with_separators(report.pending[m])});
  }
  if (mappings.size() > 1) {
    table.row({"all", "", with_separators(total.matched), with_separators(total.delivered),
               with_separators(total.superseded), with_separators(total.skipped),
               with_separators(total.dead_lettered), with_separators(pending)});
  }
  out += table.text("  ");
  if (carried > 0) {
    out += "\n  " + with_separators(carried) +
           " records that were pending from earlier runs are among the delivered, superseded, dead "
           "letters and pending.\n";
  }
  if (total.replayed > 0)
    out += "\n  " + with_separators(total.replayed) + " dead letters were sent again.\n";
  if (total.confirmed > 0) {
    out += "\n  " + with_separators(total.confirmed) +
           " records were sent once more: an older request without an answer could have undone "
           "them.\n";
  }

  out += "\n";
  for (std::size_t d = 0; d < report.destinations.size(); ++d) {
    const DestinationReport& destination = report.destinations[d];
    out += "  " + config.destinations[d].name + ": " + name_of(destination.health);
    if (destination.health != send::Health::disabled) {
      out += ", " + with_separators(destination.requests) + " requests";
      if (destination.throttled_requests > 0) {
        out += " (" + with_separators(destination.throttled_requests) + " answered 429)";
      }
    }
    out += "\n";
    if (!destination.message.empty()) out += "    " + destination.message + "\n";
  }

  const std::vector<Entry> found = entries(config, report);
  for (const bool errors : {true, false}) {
    Table issues({"count", "where", errors ? "reason" : "code", "message"},
                 {Table::Align::right, Table::Align::left, Table::Align::left, Table::Align::left});
    bool any = false;
    for (const Entry& entry : found) {
      if (entry.error != errors) continue;
      any = true;
      issues.row({with_separators(entry.count), place_of(entry), entry.code, entry.message});
    }
    if (any)
      out +=
          std::string("\n  ") + (errors ? "Not delivered" : "Warnings") + "\n" + issues.text("  ");
  }
  return out + skipped_table(report);
}

std::string json_report(const PipelineConfig& config, const RunReport& report) {
  const std::vector<ledger::MappingName>& mappings = report.mappings;
  const EventCounts& events = report.counts.events;
  Json json;
  json["events"] = {
      {"received", events.received}, {"unmatched", events.unmatched}, {"invalid", events.invalid}};
  json["destinations"] = Json::object();
  for (std::size_t d = 0; d < report.destinations.size(); ++d) {
    const DestinationReport& destination = report.destinations[d];
    Json& entry = json["destinations"][config.destinations[d].name];
    entry["state"] = name_of(destination.health);
    entry["requests"] = destination.requests;
    entry["throttled_requests"] = destination.throttled_requests;
    entry["mappings"] = Json::object();
  }
  for (std::size_t m = 0; m < mappings.size(); ++m) {
    const MappingCounts& counts = report.counts.mappings[m];
    Json& entry = json["destinations"][mappings[m].destination_name]["mappings"][mappings[m].name];
    entry = {{"matched", counts.matched},
             {"delivered", counts.delivered},
             {"superseded", counts.superseded},
             {"skipped", counts.skipped},
             {"dead_lettered", counts.dead_lettered},
             {"pending", report.pending[m]},
             {"pending_before", report.pending_before[m]},
             {"replayed", counts.replayed},
             {"confirmed", counts.confirmed},
             {"reasons", Json::object()},
             {"skipped_reasons", Json::object()}};
  }
  for (const ReasonCount& reason : report.counts.reasons) {
    if (reason.kind == ReasonCount::Kind::warning || reason.kind == ReasonCount::Kind::delivered ||
        reason.mapping == ReasonCount::kNoMapping)
      continue;
    const ledger::MappingName& mapping = mappings[reason.mapping];
    Json& entry = json["destinations"][mapping.destination_name]["mappings"][mapping.name];
    const auto add = [&](Json& reasons) {
      reasons[reason.reason] = reasons.value(reason.reason, std::uint64_t{0}) + reason.count;
    };
    add(entry["reasons"]);
    if (reason.kind == ReasonCount::Kind::skipped) add(entry["skipped_reasons"]);
  }
  json["issues"] = Json::array();
  for (const Entry& entry : entries(config, report)) {
    Json issue;
    issue["destination"] = entry.destination.empty() ? Json() : Json(entry.destination);
    issue["mapping"] = entry.mapping.empty() ? Json() : Json(entry.mapping);
    issue["code"] = entry.code;
    if (!entry.field.empty()) issue["field"] = entry.field;
    issue["message"] = entry.message;
    issue["count"] = entry.count;
    issue["severity"] = entry.error ? "error" : "warning";
    json["issues"].push_back(std::move(issue));
  }
  if (report.unread_bytes > 0) json["unread_bytes"] = report.unread_bytes;
  json["duration_s"] = report.duration_s;
  // Texts of plugins and destinations may be cut inside a character or be no UTF-8 at all.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
