#include "cli/status_report.hpp"

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/moments.hpp"
#include "cli/status_rows.hpp"
#include "cli/table.hpp"
#include "services/state_reserve.hpp"
#include "services/token_store.hpp"

namespace penstock::cli {
namespace {

constexpr auto kLeft = Table::Align::left;
constexpr auto kRight = Table::Align::right;

std::string ago(std::int64_t ms, std::int64_t now_ms) {
  return words_for(now_ms - ms) + " ago";
}

std::string place_of(const std::string& destination, const std::string& mapping) {
  if (destination.empty()) return "source";
  return mapping.empty() ? destination : destination + "." + mapping;
}

std::vector<std::string> cells(const std::string& destination, const MappingRow& row,
                               bool with_replayed, bool with_confirmed) {
  std::vector<std::string> cells{destination, row.name};
  for (const std::uint64_t count : {row.counts.matched, row.counts.delivered, row.counts.superseded,
                                    row.counts.skipped, row.dead_lettered(), row.pending()}) {
    cells.push_back(with_separators(count));
  }
  if (with_replayed) cells.push_back(with_separators(row.counts.replayed));
  if (with_confirmed) cells.push_back(with_separators(row.counts.confirmed));
  return cells;
}

std::string counts_table(const std::vector<DestinationRow>& rows) {
  MappingRow total;
  std::size_t mappings = 0;
  for (const DestinationRow& row : rows) {
    for (const MappingRow& mapping : row.mappings) total.counts.add(mapping.counts);
    mappings += row.mappings.size();
  }
  const bool with_replayed = total.counts.replayed > 0;
  const bool with_confirmed = total.counts.confirmed > 0;
  std::vector<std::string> header{"destination", "mapping", "matched",      "delivered",
                                  "superseded",  "skipped", "dead letters", "pending"};
  if (with_replayed) header.emplace_back("replayed");
  if (with_confirmed) header.emplace_back("confirmed");
  std::vector<Table::Align> alignment(header.size(), kRight);
  alignment[0] = alignment[1] = kLeft;
  Table table(header, alignment);
  for (const DestinationRow& row : rows) {
    for (const MappingRow& mapping : row.mappings) {
      table.row(cells(row.state.name, mapping, with_replayed, with_confirmed));
    }
  }
  if (mappings > 1) table.row(cells("all", total, with_replayed, with_confirmed));
  return table.text("  ");
}

std::string destination_text(const DestinationRow& row, std::int64_t now_ms) {
  const store::DestinationState& state = row.state;
  std::string out =
      "  " + state.name + ": " + state.state + ", " + counted(state.requests, "request");
  if (state.throttled_requests > 0) {
    out += " (" + with_separators(state.throttled_requests) + " answered 429)";
  }
  std::int64_t last_ms = 0;
  for (const MappingRow& mapping : row.mappings) {
    last_ms = std::max(last_ms, mapping.last_delivered_ms);
  }
  out += last_ms == 0 ? ", nothing delivered yet" : ", last delivered " + ago(last_ms, now_ms);
  if (state.pending_oldest_ms != 0) {
    out += ", oldest pending record has waited " + words_for(state.pending_oldest_age_ms);
  }
  out += "\n";
  if (state.state != "ok" && !state.message.empty()) out += "    " + state.message + "\n";
  if (state.paused_until_ms > now_ms) {
    out += "    paused, tried again in " + words_for(state.paused_until_ms - now_ms) + "\n";
  }
  for (const MappingRow& mapping : row.mappings) {
    if (mapping.in_pipeline || mapping.pending() == 0) continue;
    out += "    " + counted(mapping.pending(), "pending record") + " of " + mapping.name +
           ", which the pipeline no longer has, " + (mapping.pending() == 1 ? "waits" : "wait") +
           " until it has it again\n";
  }
  return out;
}

// Ages are short here, so that the message has room.
std::string issues_table(const StatusView& view) {
  if (view.state.issues.empty()) return {};
  Table table({"severity", "count", "last ago", "first ago", "where", "code", "message"},
              {kLeft, kRight, kRight, kRight, kLeft, kLeft, kLeft});
  for (const store::StoredIssue& issue : view.state.issues) {
    table.row({issue.severity == Issue::Severity::error ? "error" : "warning",
               with_separators(issue.count), short_words_for(view.now_ms - issue.last_ms),
               short_words_for(view.now_ms - issue.first_ms),
               place_of(issue.destination, issue.mapping), issue.code, issue.message});
  }
  return "\n  Delivery issues\n" + table.text("  ");
}

std::string reasons_table(const store::State& state, ReasonCount::Kind kind,
                          const std::string& title) {
  std::vector<const store::StoredReason*> rows;
  for (const store::StoredReason& reason : state.reasons) {
    if (reason.kind == kind) rows.push_back(&reason);
  }
  if (rows.empty()) return {};
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto* a, const auto* b) { return a->count > b->count; });
  Table table({"count", "where", "reason", "message"}, {kRight, kLeft, kLeft, kLeft});
  for (const store::StoredReason* row : rows) {
    table.row({with_separators(row->count), place_of(row->destination, row->mapping), row->reason,
               message_of(*row)});
  }
  return "\n  " + title + "\n" + table.text("  ");
}

std::string dead_letters_text(const StatusView& view) {
  const store::DeadLetterTotals& letters = view.state.dead_letters;
  if (letters.kept + letters.dropped + letters.discarded == 0) return {};
  std::string out = "\n  " + counted(letters.kept, "dead letter") + " kept (" +
                    words_for_bytes(letters.kept_bytes) + ")";
  if (letters.awaiting_replay > 0) {
    out += ", " + with_separators(letters.awaiting_replay) + " of them marked for replay";
  }
  if (letters.discarded > 0) out += ", " + with_separators(letters.discarded) + " discarded";
  if (letters.dropped > 0) {
    out += ", " + with_separators(letters.dropped) + " dropped (too old or too many)";
  }
  out += "\n";
  if (letters.kept == 0) return out;
  Table table({"    penstock dead-letters list " + view.outline.path, "to look at them"},
              {kLeft, kLeft});
  table.row({"    penstock dead-letters replay " + view.outline.path + " --reason REASON",
             "to have those sent again that became elements"});
  return out + table.text("");
}

std::string connections_text(const StatusView& view) {
  std::string out;
  for (const PipelineOutline::Connection& connection : view.outline.connections) {
    const auto stored = services::TokenStore(view.outline.state_dir, connection.name).load();
    if (!stored.ok()) {
      out += "  connection " + connection.name + ": " + stored.status().message() + "\n";
    } else if (stored.value()) {
      const services::TokenSet& tokens = *stored.value();
      const auto part = [&](const char* name, std::int64_t expires_ms) {
        if (expires_ms == 0) return std::string();
        return std::string(", ") + name +
               (expires_ms <= view.now_ms
                    ? " expired " + ago(expires_ms, view.now_ms)
                    : " for " + words_for(expires_ms - view.now_ms) + " more");
      };
      out += "  connection " + connection.name + ": tokens from " + name_of(tokens.origin) +
             part("access token", tokens.access_expires_ms) +
             part("refresh token", tokens.refresh_expires_ms) + "\n";
    }
  }
  return out;
}

std::string history_table(const std::vector<store::HistoryHour>& history) {
  Table table({"hour", "matched", "delivered", "superseded", "skipped", "dead letters", "replayed"},
              {kLeft, kRight, kRight, kRight, kRight, kRight, kRight});
  for (auto hour = history.begin(); hour != history.end();) {
    MappingCounts counts;
    const std::int64_t hour_ms = hour->hour_ms;
    for (; hour != history.end() && hour->hour_ms == hour_ms; ++hour) counts.add(hour->counts);
    std::vector<std::string> row{iso_time(hour_ms)};
    for (const std::uint64_t count : {counts.matched, counts.delivered, counts.superseded,
                                      counts.skipped, counts.dead_lettered, counts.replayed}) {
      row.push_back(with_separators(count));
    }
    table.row(std::move(row));
  }
  return "\n  By hour\n" + table.text("  ");
}

std::string runner_text(const std::optional<services::LockHolder>& runner) {
  if (!runner) return "not running";
  std::string out = "running";
  if (runner->pid != 0) out += ", process " + std::to_string(runner->pid);
  if (!runner->host.empty())
    out += ", in another container or on another host (" + runner->host + ")";
  if (!runner->started_at.empty()) out += ", since " + runner->started_at;
  return out;
}

std::string last_run_text(const StatusView& view) {
  if (!view.last_run) return {};
  const services::LastRun& run = *view.last_run;
  const std::string began = "began " + ago(run.started_ms, view.now_ms);
  if (run.fault)
    return "  the last run " + began + " and was ended by a fault: " + run.message + "\n\n";
  if (!run.by_itself) {
    return "  the last run " + began +
           " and did not come to its end: it was killed, the memory was full or the power failed. "
           "Nothing is lost\n\n";
  }
  return "  the last run ended " + ago(run.ended_ms, view.now_ms) + " with exit code " +
         std::to_string(run.exit_code) + (run.message.empty() ? "" : ": " + run.message) + "\n\n";
}

}  // namespace

std::string lack_of_room(const StatusView& view) {
  // A run writes nothing where nothing can be written, which it says itself.
  if (!view.volume || view.volume->read_only) return {};
  const bool full =
      view.volume->free_bytes < services::StateReserve::kBytes || !view.volume->has_inodes;
  if (!full) return {};
  return "the volume of " + view.outline.state_dir +
         " is full, or nearly: " + view.volume->words() +
         ". Records that wait are delivered as far as that can be noted; reading waits until there "
         "is room. Make room: at least " +
         words_for_bytes(services::StateReserve::kBytesToMake) + " should be free";
}

std::string status_text(const StatusView& view) {
  const store::State& state = view.state;
  const std::vector<DestinationRow> rows = destination_rows(view.outline, state);
  std::string out = view.outline.name + ": " + runner_text(view.runner) + ". Counted since " +
                    iso_time(state.created_ms) + " (" + ago(state.created_ms, view.now_ms) +
                    ")\n\n";
  out += last_run_text(view);
  if (const std::string lack = lack_of_room(view); !lack.empty()) out += "  " + lack + "\n\n";
  out += "  " + counted(state.events.received, "event") + ": " +
         with_separators(state.matched_events) + " matched, " +
         with_separators(state.events.unmatched) + " wanted by no mapping, " +
         with_separators(state.events.invalid) + " invalid\n\n";
  out += counts_table(rows) + "\n";
  for (const DestinationRow& row : rows) out += destination_text(row, view.now_ms);
  if (state.queued_blocks > 0) {
    out += "  queue: " + counted(state.queued_blocks, "block") + ", " +
           words_for_bytes(state.queued_bytes) + " on disk\n";
  }
  out += connections_text(view);
  out += issues_table(view);
  out += reasons_table(state, ReasonCount::Kind::dead_letter, "Not delivered");
  out += reasons_table(state, ReasonCount::Kind::warning, "Warnings");
  out += reasons_table(state, ReasonCount::Kind::skipped, "Skipped");
  out += dead_letters_text(view);
  if (view.history) out += history_table(*view.history);
  return out;
}

Status check_accounting(const store::State& state) {
  const std::uint64_t events = state.matched_events + state.events.unmatched + state.events.invalid;
  std::string found;
  if (state.events.received != events) {
    found += " " + std::to_string(state.events.received) + " events were received, but " +
             std::to_string(events) + " are matched, unmatched or invalid.";
  }
  for (const store::MappingState& mapping : state.mappings) {
    if (mapping.counts.pending() >= 0 && mapping.counts.replayed <= mapping.counts.dead_lettered) {
      continue;
    }
    found += " " + mapping.destination + "." + mapping.name + ": " +
             std::to_string(mapping.counts.matched) + " matched and " +
             std::to_string(mapping.counts.replayed) + " replayed records have " +
             std::to_string(mapping.counts.matched + mapping.counts.replayed -
                            static_cast<std::uint64_t>(mapping.counts.pending())) +
             " outcomes, " + std::to_string(mapping.counts.dead_lettered) +
             " of them dead letters.";
  }
  if (found.empty()) return {};
  return {
      StatusCode::internal,
      "the counts do not add up:" + found +
          " This is a fault of Penstock: please report it, with what `penstock queue check` says."};
}

}  // namespace penstock::cli
