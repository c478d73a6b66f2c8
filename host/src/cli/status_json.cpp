#include <nlohmann/json.hpp>

#include "cli/moments.hpp"
#include "cli/status_report.hpp"
#include "cli/status_rows.hpp"
#include "services/token_store.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json time_or_null(std::int64_t ms) {
  return ms == 0 ? Json() : Json(iso_time(ms));
}

Json mapping_json(const MappingRow& row) {
  Json json = {{"matched", row.counts.matched},
               {"delivered", row.counts.delivered},
               {"superseded", row.counts.superseded},
               {"skipped", row.counts.skipped},
               {"dead_lettered", row.dead_lettered()},
               {"pending", row.pending()},
               {"reasons", Json::object()},
               {"replayed", row.counts.replayed},
               {"confirmed", row.counts.confirmed},
               {"last_delivered", time_or_null(row.last_delivered_ms)},
               {"in_pipeline", row.in_pipeline}};
  for (const auto& [reason, count] : row.reasons) json["reasons"][reason] = count;
  return json;
}

Json destination_json(const DestinationRow& row) {
  const store::DestinationState& state = row.state;
  Json json = {{"state", state.state},
               {"code", text_or_null(state.code)},
               {"message", text_or_null(state.message)},
               {"paused_until", time_or_null(state.paused_until_ms)},
               {"requests", state.requests},
               {"throttled_requests", state.throttled_requests},
               {"pending_oldest_s", Json()},
               {"in_pipeline", row.in_pipeline},
               {"mappings", Json::object()}};
  if (state.pending_oldest_ms != 0)
    json["pending_oldest_s"] = static_cast<double>(state.pending_oldest_age_ms) / 1000.0;
  for (const MappingRow& mapping : row.mappings) {
    json["mappings"][mapping.name] = mapping_json(mapping);
  }
  return json;
}

Json issues_json(const store::State& state) {
  Json issues = Json::array();
  for (const store::StoredIssue& issue : state.issues) {
    issues.push_back({{"destination", text_or_null(issue.destination)},
                      {"mapping", text_or_null(issue.mapping)},
                      {"code", issue.code},
                      {"message", issue.message},
                      {"count", issue.count},
                      {"severity", issue.severity == Issue::Severity::error ? "error" : "warning"},
                      {"first", time_or_null(issue.first_ms)},
                      {"last", time_or_null(issue.last_ms)}});
  }
  for (const store::StoredReason& reason : state.reasons) {
    if (reason.kind == ReasonCount::Kind::skipped || reason.kind == ReasonCount::Kind::delivered)
      continue;
    Json entry = {{"destination", text_or_null(reason.destination)},
                  {"mapping", text_or_null(reason.mapping)},
                  {"code", reason.reason}};
    if (!reason.field.empty()) entry["field"] = reason.field;
    entry["message"] = message_of(reason);
    entry["count"] = reason.count;
    entry["severity"] = reason.kind == ReasonCount::Kind::dead_letter ? "error" : "warning";
    entry["first"] = nullptr;
    entry["last"] = nullptr;
    issues.push_back(std::move(entry));
  }
  return issues;
}

// When a token ends is known of those that Penstock obtained itself only.
Json connection_json(const PipelineOutline::Connection& connection,
                     const services::TokenStore& store) {
  const auto stored = store.load();
  const bool known = stored.ok() && stored.value().has_value();
  const services::TokenSet tokens = known ? *stored.value() : services::TokenSet();
  return {{"configured", connection.has_tokens},
          {"stored", known ? Json(name_of(tokens.origin)) : Json()},
          {"access_token_expires", time_or_null(tokens.access_expires_ms)},
          {"refresh_token_expires", time_or_null(tokens.refresh_expires_ms)},
          {"fault", stored.ok() ? Json() : Json(stored.status().message())}};
}

Json history_json(const std::vector<store::HistoryHour>& history) {
  Json rows = Json::array();
  for (const store::HistoryHour& hour : history) {
    rows.push_back({{"hour", iso_time(hour.hour_ms)},
                    {"destination", hour.destination},
                    {"mapping", hour.mapping},
                    {"matched", hour.counts.matched},
                    {"delivered", hour.counts.delivered},
                    {"superseded", hour.counts.superseded},
                    {"skipped", hour.counts.skipped},
                    {"dead_lettered", hour.counts.dead_lettered},
                    {"replayed", hour.counts.replayed}});
  }
  return rows;
}

Json last_run_json(const services::LastRun& run) {
  const char* how = run.fault ? "fault" : run.by_itself ? "ended" : "killed";
  return {{"how", how},
          {"began", time_or_null(run.started_ms)},
          {"ended", time_or_null(run.ended_ms)},
          {"exit_code", run.by_itself ? Json(run.exit_code) : Json()},
          {"message", text_or_null(run.message)}};
}

}  // namespace

std::string status_json(const StatusView& view) {
  const store::State& state = view.state;
  Json json;
  json["pipeline"] = view.outline.name;
  json["at"] = iso_time(view.now_ms);
  json["since"] = iso_time(state.created_ms);
  json["running"] = nullptr;
  if (view.runner) {
    json["running"] = {{"pid", view.runner->pid == 0 ? Json() : Json(view.runner->pid)},
                       {"host", text_or_null(view.runner->host)},
                       {"since", text_or_null(view.runner->started_at)}};
  }
  json["last_run"] = view.last_run ? last_run_json(*view.last_run) : Json();
  json["events"] = {{"received", state.events.received},
                    {"matched", state.matched_events},
                    {"unmatched", state.events.unmatched},
                    {"invalid", state.events.invalid}};
  json["destinations"] = Json::object();
  for (const DestinationRow& row : destination_rows(view.outline, state)) {
    json["destinations"][row.state.name] = destination_json(row);
  }
  json["issues"] = issues_json(state);
  json["connections"] = Json::object();
  for (const PipelineOutline::Connection& connection : view.outline.connections) {
    json["connections"][connection.name] =
        connection_json(connection, services::TokenStore(view.outline.state_dir, connection.name));
  }
  const store::DeadLetterTotals& letters = state.dead_letters;
  json["dead_letters"] = {{"kept", letters.kept},
                          {"kept_bytes", letters.kept_bytes},
                          {"awaiting_replay", letters.awaiting_replay},
                          {"dropped", letters.dropped},
                          {"discarded", letters.discarded},
                          {"by_reason", Json::object()}};
  for (const auto& [reason, count] : dead_letter_reasons(state)) {
    json["dead_letters"]["by_reason"][reason] = count;
  }
  json["volume"] = nullptr;
  if (view.volume) {
    json["volume"] = {{"free_bytes", view.volume->free_bytes},
                      {"total_bytes", view.volume->total_bytes},
                      {"message", text_or_null(lack_of_room(view))}};
  }
  json["queue"] = {{"blocks", state.queued_blocks}, {"bytes", state.queued_bytes}};
  if (view.history) json["history"] = history_json(*view.history);
  // Texts of plugins and destinations may be cut inside a character or be no UTF-8 at all.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
