#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/audiences.hpp"
#include "cli/commands.hpp"
#include "cli/state_commands.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// Adds what the state says was delivered. A pipeline that has never run has delivered nothing.
Status add_deliveries(const PipelineConfig& config, const services::Clock& clock,
                      AudiencesView& view) {
  auto reader = store::Reader::open(config.state_dir, clock);
  if (!reader.ok()) {
    return reader.status().code() == StatusCode::bad_input ? Status() : reader.status();
  }
  ASSIGN_OR_RETURN(const store::State state, (*reader)->state());
  view.since_ms = state.created_ms;
  for (DestinationAudiences& destination : view.destinations) {
    for (Audience& audience : destination.audiences) {
      for (const store::StoredReason& reason : state.reasons) {
        if (reason.kind != ReasonCount::Kind::delivered || reason.destination != destination.name ||
            !audience.is_filled_by(reason.mapping)) {
          continue;
        }
        if (reason.reason == "added") audience.delivered.added += reason.count;
        if (reason.reason == "removed") audience.delivered.removed += reason.count;
      }
      for (const store::MappingState& mapping : state.mappings) {
        if (mapping.destination == destination.name && audience.is_filled_by(mapping.name))
          audience.delivered.last_ms =
              std::max(audience.delivered.last_ms, mapping.last_delivered_ms);
      }
    }
  }
  return {};
}

Status none_can_be_asked(const Arguments& arguments) {
  return {StatusCode::failed, "no enabled destination of " + arguments.pipelines.front() +
                                  " has a plugin that can be asked for audiences"};
}

// The mapping that MAPPING or DESTINATION.MAPPING names.
Result<const mapping::Program::Mapping*> find_mapping(const Pipeline& pipeline,
                                                      const std::string& words) {
  std::vector<std::string> all;
  std::string several;
  const mapping::Program::Mapping* found = nullptr;
  for (const mapping::Program::Mapping& mapping : pipeline.program().mappings) {
    const std::string& name = mapping.config->name;
    const std::string full = pipeline.config().destinations[mapping.destination].name + "." + name;
    all.push_back(full);
    if (words != name && words != full) continue;
    if (found != nullptr) several += " or " + full;
    if (found == nullptr) several = full;
    if (found == nullptr || words == full) found = &mapping;
  }
  const bool ambiguous = several.find(" or ") != std::string::npos;
  if (found != nullptr && !ambiguous) return found;
  if (ambiguous) return Status(StatusCode::usage, "\"" + words + "\" is several: say " + several);
  const std::string hint = suggestion(words, all);
  return Status(StatusCode::usage, "the pipeline has no enabled mapping \"" + words + "\"" +
                                       (hint.empty() ? "" : "; " + hint));
}

}  // namespace

bool can_be_asked(Pipeline& pipeline, std::uint32_t destination) {
  const plugin::Instance* instance = pipeline.instance(destination);
  return instance != nullptr && instance->has_query();
}

Result<std::unique_ptr<Pipeline>> load_to_ask(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const config::LoadOptions options, load_options(arguments));
  Diagnostics diagnostics;
  auto pipeline =
      Pipeline::load(arguments.pipelines.front(), options, Pipeline::State::beside, diagnostics);
  if (!pipeline.ok()) show(diagnostics);
  return pipeline;
}

Result<MappingToAsk> load_mapping_to_ask(const Arguments& arguments, const char* purpose) {
  MappingToAsk to_ask;
  ASSIGN_OR_RETURN(to_ask.pipeline, load_to_ask(arguments));
  ASSIGN_OR_RETURN(to_ask.mapping, find_mapping(*to_ask.pipeline, arguments.mapping));
  const std::uint32_t d = to_ask.mapping->destination;
  to_ask.destination = to_ask.pipeline->config().destinations[d].name;
  if (!can_be_asked(*to_ask.pipeline, d)) {
    return Status(StatusCode::failed, "destination " + to_ask.destination +
                                          " has a plugin that knows no audiences to " + purpose);
  }
  return to_ask;
}

namespace {

int list_all(const Arguments& arguments, Pipeline& pipeline) {
  std::vector<AccountAudiences> all;
  Status status;
  for (std::uint32_t d = 0; d < pipeline.config().destinations.size(); ++d) {
    if (!can_be_asked(pipeline, d)) continue;
    all.push_back(ask_account_audiences(pipeline, d));
    const Status& asked = all.back().status;
    // A login that is needed is what has to be done first.
    if (!asked.ok() && (status.ok() || asked.code() == StatusCode::authorization))
      status = asked.with_context(all.back().name);
  }
  if (all.empty()) return fail(none_can_be_asked(arguments));
  const std::string& name = pipeline.config().name;
  const Status printed =
      print(arguments.format == Format::json ? account_audiences_json(name, all)
                                             : account_audiences_text(name, all));
  return printed.ok() ? fail(status) : fail(printed);
}

}  // namespace

int audiences_command(const Arguments& arguments) {
  auto pipeline = load_to_ask(arguments);
  if (!pipeline.ok()) return fail(pipeline.status());
  if (arguments.all_audiences) return list_all(arguments, **pipeline);
  AudiencesView view;
  view.pipeline = (*pipeline)->config().name;
  Status status;
  for (std::uint32_t d = 0; d < (*pipeline)->config().destinations.size(); ++d) {
    if (!can_be_asked(**pipeline, d)) continue;
    view.destinations.push_back(ask_audiences(**pipeline, d));
    const Status& asked = view.destinations.back().status;
    // A login that is needed is what has to be done first.
    if (status.ok() || asked.code() == StatusCode::authorization) {
      if (!asked.ok()) status = asked.with_context(view.destinations.back().name);
    }
  }
  if (view.destinations.empty()) return fail(none_can_be_asked(arguments));
  const services::Clock& clock = (*pipeline)->clock();
  view.now_ms = now_ms(clock);
  if (const Status read = add_deliveries((*pipeline)->config(), clock, view); !read.ok())
    return fail(read);
  const Status printed =
      print(arguments.format == Format::json ? audiences_json(view) : audiences_text(view));
  return printed.ok() ? fail(status) : fail(printed);
}

int audiences_rename_command(const Arguments& arguments) {
  const Result<MappingToAsk> to_ask = load_mapping_to_ask(arguments, "rename");
  if (!to_ask.ok()) return fail(to_ask.status());
  const std::string& destination = to_ask->destination;
  const Result<Renamed> renamed =
      rename_audience(*to_ask->pipeline, *to_ask->mapping, arguments.new_name);
  if (!renamed.ok()) return fail(renamed.status().with_context(destination));
  const std::string text = arguments.format == Format::json
                               ? Json{{"destination", destination},
                                      {"mapping", to_ask->mapping->config->name},
                                      {"id", renamed->id},
                                      {"key", renamed->key},
                                      {"old_name", renamed->old_name},
                                      {"name", renamed->name}}
                                     .dump(-1, ' ', false, Json::error_handler_t::replace)
                               : printable("The audience " + renamed->id + " (key " + renamed->key +
                                           ") is now called \"" + renamed->name +
                                           "\", before it was \"" + renamed->old_name + "\".");
  return fail(print(text + "\n"));
}

}  // namespace penstock::cli
