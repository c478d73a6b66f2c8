// Guards the mapping stage against any mapping over any event: it compiles or says why not, and
// then maps or says why not. Input: the fields as one line of JSON, and the event as the next.
#include <cstdint>
#include <string>
#include <string_view>

#include "../unit/json_node.hpp"
#include "mapping/record_mapper.hpp"

namespace {

using namespace penstock;

// One field of each type, each with something to check.
ActionSpec every_kind_of_field() {
  ActionSpec action;
  action.name = "fuzz";
  constexpr ValueType kTypes[] = {ValueType::string,   ValueType::integer, ValueType::number,
                                  ValueType::boolean,  ValueType::json,    ValueType::url,
                                  ValueType::duration, ValueType::size};
  for (const ValueType type : kTypes) {
    InputSpec spec;
    spec.name = std::string("f") + std::to_string(action.fields.size());
    spec.type = type;
    action.fields.push_back(spec);
  }
  action.fields[0].max_length = 20;
  action.fields[0].format = TextFormat::email;
  action.fields[1].choices = {{"1", "one"}, {"2", "two"}};
  action.fields[2].multiple = true;
  action.fields[3].required_if = {{"f1", {"1"}}};
  action.fields[4].allow_null = true;
  InputSpec date = action.fields[5];
  date.name = "f8";
  date.type = ValueType::string;
  date.format = TextFormat::date_time;
  date.personal_data = true;
  action.fields.push_back(date);
  return action;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ActionSpec action = every_kind_of_field();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;

  simdjson::dom::parser fields_parser;
  simdjson::dom::element fields;
  const std::string fields_text(input.substr(0, end));
  if (fields_parser.parse(fields_text).get(fields) != simdjson::SUCCESS) return 0;
  const Node written = node_from_json(fields);

  PathTable paths;
  Diagnostics diagnostics;
  const auto mapper =
      mapping::RecordMapper::compile(action, written.members, {}, paths, diagnostics);
  if ((mapper == nullptr) != diagnostics.has_errors()) __builtin_trap();
  if (mapper == nullptr) return 0;

  std::string event_text(input.substr(end + 1));
  event_text.append(kEventPadding, ' ');
  EventParser parser;
  const Result<Value> event =
      parser.parse(std::string_view(event_text).substr(0, event_text.size() - kEventPadding));
  if (!event.ok()) return 0;
  Slots slots;
  paths.extract(*event, slots);
  Arena arena;
  mapping::Faults faults;
  std::vector<penstock_value> values(action.fields.size());
  const bool valid = mapper->resolve({*event, &slots}, arena, values.data(), faults);
  if (valid != faults.empty()) __builtin_trap();
  std::string json;
  mapping::append_fields_json(json, action, values.data());
  simdjson::dom::parser check;
  if (check.parse(json).error() == simdjson::TAPE_ERROR) __builtin_trap();
  return 0;
}
