#include "cli/audiences.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "gate/foreign_text.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

// A destination with many audiences is asked for each of them, at its own pace.
constexpr std::chrono::minutes kQueryTimeout{2};

// Asks, and reads the answer as an object.
Result<Json> ask(Pipeline& pipeline, std::uint32_t destination, const char* name,
                 const Json& arguments) {
  const std::int64_t deadline_ns =
      pipeline.clock().monotonic_ns() + std::chrono::nanoseconds(kQueryTimeout).count();
  ASSIGN_OR_RETURN(const std::string answer,
                   pipeline.instance(destination)
                       ->query(name, arguments.dump(-1, ' ', false, Json::error_handler_t::replace),
                               deadline_ns));
  Json json = Json::parse(answer, nullptr, false);
  if (json.is_object()) return json;
  return Status(StatusCode::internal, "its plugin is at fault: what it answered to \"" +
                                          std::string(name) +
                                          "\" is no JSON object. Report this to its author.");
}

std::string text_in(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

// A sentence of the plugin's, for people.
std::string words_in(const Json& object, const char* key) {
  constexpr std::size_t kMaxBytes = 4096;
  return gate::foreign_text(text_in(object, key), kMaxBytes);
}

std::optional<std::uint64_t> count_in(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_unsigned()) return std::nullopt;
  return member->get<std::uint64_t>();
}

Audience audience_of(const Json& entry) {
  Audience audience;
  audience.mapping = text_in(entry, "mapping");
  audience.key = text_in(entry, "key");
  audience.name = text_in(entry, "name");
  audience.id = text_in(entry, "id");
  audience.type = text_in(entry, "type");
  audience.status = text_in(entry, "status");
  audience.note = words_in(entry, "note");
  audience.size = count_in(entry, "size");
  audience.matched = count_in(entry, "matched");
  audience.input = count_in(entry, "input");
  const auto twins = entry.find("twins");
  if (twins == entry.end() || !twins->is_array()) return audience;
  for (const Json& twin : *twins) {
    if (twin.is_string()) audience.twins.push_back(twin.get<std::string>());
  }
  return audience;
}

// One audience that several mappings fill, such as one that adds and one that removes, is one
// entry.
void add_entry(std::vector<Audience>& audiences, Audience audience) {
  const auto same = std::find_if(audiences.begin(), audiences.end(), [&](const Audience& known) {
    return !audience.key.empty() && known.key == audience.key && known.type == audience.type;
  });
  if (same == audiences.end()) {
    audiences.push_back(std::move(audience));
  } else if (audience.mapping != same->mapping) {
    same->also.push_back(std::move(audience.mapping));
  }
}

// What people have to know about the destination is a failure of the command, but no fault of the
// pipeline's form.
Status refused(const Status& status) {
  if (status.code() != StatusCode::configuration) return status;
  return {StatusCode::failed, status.message()};
}

}  // namespace

DestinationAudiences ask_audiences(Pipeline& pipeline, std::uint32_t destination) {
  const DestinationConfig& config = pipeline.config().destinations[destination];
  DestinationAudiences found;
  found.name = config.name;
  found.title = config.plugin->title;
  const Json arguments = {
      {"mappings", Json::parse(mapping::told_json(pipeline.program(), destination))}};
  Result<Json> answer = ask(pipeline, destination, "audiences", arguments);
  found.status = refused(answer.status());
  if (answer.ok()) {
    found.explanation = words_in(*answer, "explanation");
    const auto entries = answer->find("audiences");
    if (entries != answer->end() && entries->is_array()) {
      for (const Json& entry : *entries) {
        if (entry.is_object()) add_entry(found.audiences, audience_of(entry));
      }
    }
  }
  // One row a mapping at least, whatever the plugin said.
  for (const Json& asked : arguments["mappings"]) {
    const auto name = asked["mapping"].get<std::string>();
    const bool told =
        std::any_of(found.audiences.begin(), found.audiences.end(),
                    [&](const Audience& audience) { return audience.is_filled_by(name); });
    if (told) continue;
    Audience untold;
    untold.mapping = name;
    if (found.status.ok()) untold.note = "The destination's plugin said nothing of it.";
    found.audiences.push_back(std::move(untold));
  }
  return found;
}

AccountAudiences ask_account_audiences(Pipeline& pipeline, std::uint32_t destination) {
  const DestinationConfig& config = pipeline.config().destinations[destination];
  AccountAudiences found;
  found.name = config.name;
  found.title = config.plugin->title;
  const Json arguments = {
      {"mappings", Json::parse(mapping::told_json(pipeline.program(), destination))}};
  const Result<Json> answer = ask(pipeline, destination, "account_audiences", arguments);
  found.status = refused(answer.status());
  if (!answer.ok()) return found;
  found.account = text_in(*answer, "account");
  const auto entries = answer->find("audiences");
  if (entries == answer->end() || !entries->is_array()) return found;
  for (const Json& entry : *entries) {
    if (!entry.is_object()) continue;
    AccountAudience& audience = found.audiences.emplace_back();
    audience.mapping = text_in(entry, "mapping");
    audience.key = text_in(entry, "key");
    audience.name = text_in(entry, "name");
    audience.id = text_in(entry, "id");
    audience.type = text_in(entry, "type");
    audience.platform = text_in(entry, "platform");
    audience.status = text_in(entry, "status");
    audience.size = count_in(entry, "size");
    audience.note = text_in(entry, "note");
  }
  return found;
}

Result<MemberChange> change_member(Pipeline& pipeline, const mapping::Program::Mapping& mapping,
                                   const std::string& email, MemberAction action) {
  Json arguments = Json::parse(mapping::told_json(mapping));
  arguments["email"] = email;
  arguments["change"] = action == MemberAction::add ? "ADD" : "REMOVE";
  // What other mappings of the audience say about it.
  arguments["mappings"] = Json::parse(mapping::told_json(pipeline.program(), mapping.destination));
  const Result<Json> answer = ask(pipeline, mapping.destination, "test_member", arguments);
  if (!answer.ok()) return refused(answer.status());
  const auto flag = [&](const char* name) {
    const auto member = answer->find(name);
    return member != answer->end() && member->is_boolean() && member->get<bool>();
  };
  const auto shown = [](const Json& object, const char* name) {
    const auto member = object.find(name);
    if (member == object.end() || member->is_null()) return std::string();
    return member->is_string() ? member->get<std::string>()
                               : member->dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  MemberChange change;
  change.segment_id = text_in(*answer, "segment_id");
  change.key = text_in(*answer, "key");
  const Json request = answer->value("request", Json::object());
  change.method = text_in(request, "method");
  change.url = text_in(request, "url");
  change.body = shown(request, "body");
  change.status = static_cast<std::int64_t>(count_in(*answer, "status").value_or(0));
  change.answer = shown(*answer, "answer");
  change.accepted = flag("accepted");
  change.certain = flag("certain");
  change.problem = text_in(*answer, "problem");
  return change;
}

Result<Renamed> rename_audience(Pipeline& pipeline, const mapping::Program::Mapping& mapping,
                                const std::string& name) {
  Json arguments = Json::parse(mapping::told_json(mapping));
  arguments["name"] = name;
  // What other mappings of the audience say about it.
  arguments["mappings"] = Json::parse(mapping::told_json(pipeline.program(), mapping.destination));
  const Result<Json> answer = ask(pipeline, mapping.destination, "rename", arguments);
  if (!answer.ok()) return refused(answer.status());
  return Renamed{text_in(*answer, "id"), text_in(*answer, "key"), text_in(*answer, "old_name"),
                 text_in(*answer, "name")};
}

}  // namespace penstock::cli
