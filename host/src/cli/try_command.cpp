#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "mapping/event_mapper.hpp"
#include "pipeline.hpp"
#include "source/source.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A payload that is JSON is shown as such, any other as a string.
Json payload_json(std::string_view payload) {
  Json parsed = Json::parse(payload, nullptr, false);
  return parsed.is_discarded() ? Json(std::string(payload)) : parsed;
}

class Trial {
 public:
  Trial(const Pipeline& pipeline, Format format)
      : pipeline_(pipeline), mapper_(pipeline.program()), format_(format) {}

  // The line must be followed by kEventPadding readable bytes. Blank lines are no events.
  void event(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    const std::uint64_t number = events_++;
    if (const Status status = mapper_.read(line); !status.ok()) {
      invalid(number, status.message());
      return;
    }
    if (format_ == Format::text) out_ += "event " + std::to_string(number) + "\n";
    const std::vector<std::uint32_t> matches = mapper_.matches();
    const auto& mappings = pipeline_.program().mappings;
    for (std::uint32_t id = 0; id < mappings.size(); ++id) {
      const bool matched = std::find(matches.begin(), matches.end(), id) != matches.end();
      const std::string& destination =
          pipeline_.config().destinations[mappings[id].destination].name;
      const std::string& name = mappings[id].config->name;
      Json json = {
          {"event", number}, {"destination", destination}, {"mapping", name}, {"matched", matched}};
      if (matched) record(json, id);
      if (format_ == Format::json) {
        out_ += dump(json) + "\n";
      } else {
        out_ += text_of(json);
      }
    }
  }

  void invalid(std::uint64_t number, const std::string& message) {
    if (format_ == Format::json) {
      out_ += dump({{"event", number},
                    {"outcome", "dead_letter"},
                    {"reason", "invalid_event"},
                    {"message", message}}) +
              "\n";
    } else {
      out_ +=
          "event " + std::to_string(number) + "\n  dead letter  invalid_event: " + message + "\n";
    }
  }
  void oversized() {
    invalid(events_++, "A line is longer than " + std::to_string(kMaxEventBytes) +
                           " bytes, the most that an event may have");
  }

  // What is to be printed, and forgets it.
  std::string take() { return std::exchange(out_, {}); }

 private:
  void record(Json& json, std::uint32_t id) {
    bytes_.clear();
    const mapping::RecordResult result = mapper_.map(id, bytes_);
    std::string fields;
    mapper_.append_fields_json(fields, id);
    json["fields"] = payload_json(fields);
    switch (result.kind) {
      case mapping::RecordResult::Kind::element: {
        json["outcome"] = "element";
        json["element"] = payload_json(std::string_view(bytes_).substr(0, result.payload_size));
        json["batch_key"] = std::string(result.batch_key);
        json["coalesce_key"] = bytes_.substr(result.payload_size);
        const auto& spec = *pipeline_.program().mappings[id].spec;
        for (const mapping::Warning& warning : mapper_.warnings()) {
          const std::string field =
              warning.field < spec.fields.size() ? spec.fields[warning.field].name : "";
          json["warnings"].push_back({{"code", warning.code}, {"field", field}});
        }
        break;
      }
      case mapping::RecordResult::Kind::skipped:
        json["outcome"] = "skipped";
        json["reason"] = std::string(result.reason);
        json["message"] = std::string(result.message);
        break;
      case mapping::RecordResult::Kind::dead_letter:
      case mapping::RecordResult::Kind::plugin_fault:
        json["outcome"] = result.kind == mapping::RecordResult::Kind::dead_letter ? "dead_letter"
                                                                                  : "plugin_fault";
        json["reason"] = std::string(result.reason);
        json["message"] = std::string(result.message);
        break;
    }
  }

  static std::string text_of(const Json& json) {
    std::string text = "  " + json["destination"].get<std::string>() + "." +
                       json["mapping"].get<std::string>() + "  ";
    if (!json["matched"].get<bool>()) return text + "no match\n";
    const std::string outcome = json["outcome"];
    if (outcome == "element") {
      text += "element\n    fields        " + dump(json["fields"]) + "\n    element       " +
              dump(json["element"]) + "\n    batch key     " + dump(json["batch_key"]) +
              "\n    coalesce key  " + dump(json["coalesce_key"]) + "\n";
      if (json.contains("warnings")) {
        for (const Json& warning : json["warnings"]) {
          text += "    warning       " + warning["code"].get<std::string>() + ": " +
                  warning["field"].get<std::string>() + "\n";
        }
      }
      return text;
    }
    text += outcome == "skipped"        ? "skipped"
            : outcome == "plugin_fault" ? "plugin fault"
                                        : "dead letter";
    return text + "  " + json["reason"].get<std::string>() + ": " +
           json["message"].get<std::string>() + "\n    fields        " + dump(json["fields"]) +
           "\n";
  }

  const Pipeline& pipeline_;
  mapping::EventMapper mapper_;
  const Format format_;
  std::uint64_t events_ = 0;
  std::string bytes_;
  std::string out_;
};

SourceConfig input_of(const std::string& input) {
  SourceConfig source;
  if (input == "-") {
    source.type = SourceConfig::Type::standard_input;
    return source;
  }
  std::error_code error;
  source.path = std::filesystem::absolute(input, error).string();
  if (error) source.path = input;
  source.location = {"--input", 0, 0};
  return source;
}

Status try_all(Trial& trial, source::Source& source) {
  source::Chunk chunk;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, source.next(chunk));
    if (!more) return {};
    if (chunk.oversized_line) trial.oversized();
    std::string_view rest(chunk.bytes.get(), chunk.size);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      trial.event(event_text(rest.substr(0, end)));
      rest = rest.substr(std::min(end + 1, rest.size()));
    }
    RETURN_IF_ERROR(print(trial.take()));
  }
}

}  // namespace

int try_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  Diagnostics diagnostics;
  auto pipeline =
      Pipeline::load(arguments.pipelines.front(), *options, Pipeline::State::nowhere, diagnostics);
  if (!pipeline.ok()) return fail(pipeline.status(), diagnostics);
  if (!arguments.quiet) show(diagnostics);
  const auto notify = [](const source::Notice& notice) { tell("penstock: " + notice.text); };
  auto source = source::open(input_of(arguments.input), std::nullopt, false, notify);
  if (!source.ok()) return fail(source.status());
  Trial trial(**pipeline, arguments.format);
  return fail(try_all(trial, **source));
}

}  // namespace penstock::cli
