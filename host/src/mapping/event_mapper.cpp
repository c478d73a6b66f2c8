#include "mapping/event_mapper.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "gate/escape.hpp"

namespace penstock::mapping {
namespace {

constexpr std::string_view kPluginFault = "plugin_fault";
constexpr std::string_view kInvalidRecord = "invalid_record";
// Of one record; an action has no more fields that could be left out. Further ones are counted as
// one, under a code of the host's.
constexpr std::size_t kMaxWarnings = 64;
constexpr std::string_view kFurtherWarnings = "further_warnings";

std::string_view text_of(const penstock_str& text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

bool is_null(const penstock_str& text) {
  return text.data == nullptr && text.size > 0;
}

// "ERR_TIMEOUT (-4)", or what else a plugin returned.
std::string status_text(std::int32_t status) {
  constexpr std::array<const char*, 10> kNames = {
      "ERR_UNSUPPORTED", "ERR_INVALID",   "ERR_INTERNAL", "ERR_TIMEOUT",   "ERR_CANCELLED",
      "ERR_CONNECT",     "ERR_TRANSPORT", "ERR_AUTH",     "ERR_NOT_FOUND", "ERR_CONFLICT"};
  const std::string number = std::to_string(status);
  if (status > PENSTOCK_ERR_UNSUPPORTED || status < PENSTOCK_ERR_CONFLICT)
    return number + ", which is no status of a mapping hook";
  return std::string(kNames[static_cast<std::size_t>(-status - 1)]) + " (" + number + ")";
}

// A fixed buffer of penstock_error, which a careless plugin may have left without its terminator.
template <std::size_t N>
std::string_view text_of(const char (&buffer)[N]) {
  return {buffer, static_cast<std::size_t>(std::find(buffer, buffer + N, '\0') - buffer)};
}

void clear(penstock_error& error) {
  error.struct_size = sizeof error;
  error.reason[0] = '\0';
  error.field[0] = '\0';
  error.message[0] = '\0';
}

}  // namespace

EventMapper::EventMapper(const Program& program) : program_(program), masker_(program.personal) {
  emitter_.struct_size = sizeof emitter_;
  emission_.words = &words_;
  emitter_.ctx = &emission_;
  emitter_.element = on_element;
  emitter_.warn = on_warning;
  emitter_.identifier = on_identifier;
}

void EventMapper::on_element(void* ctx, const penstock_element* element) noexcept {
  auto& emission = *static_cast<Emission*>(ctx);
  if (++emission.count > 1) return;  // map() reports it
  const std::string_view payload = text_of(element->payload);
  const std::string_view key = text_of(element->coalesce_key);
  const std::string_view batch_key = text_of(element->batch_key);
  emission.null_text =
      is_null(element->payload) || is_null(element->coalesce_key) || is_null(element->batch_key);
  emission.payload_size = payload.size();
  emission.key_size = key.size();
  emission.bytes->append(payload).append(key);
  emission.batch_key.assign(batch_key);
}

void EventMapper::on_warning(void* ctx, penstock_str code, std::uint32_t field) noexcept {
  auto& emission = *static_cast<Emission*>(ctx);
  if (emission.warnings.size() < kMaxWarnings) {
    emission.warnings.push_back({std::string(emission.words->code(text_of(code))), field});
  } else if (emission.warnings.size() == kMaxWarnings) {
    emission.warnings.push_back({std::string(kFurtherWarnings), UINT32_MAX});
  }
}

void EventMapper::on_identifier(void* ctx, penstock_str value, std::uint32_t field) noexcept {
  auto& emission = *static_cast<Emission*>(ctx);
  const std::string_view text = text_of(value);
  if (!emission.of_person || text.empty() || emission.identifier_count == kMaxIdentifiers) return;
  emission.identifiers[emission.identifier_count++] = {coalesce_hash(text), field};
}

Status EventMapper::read(std::string_view line) {
  matches_.clear();
  ASSIGN_OR_RETURN(view_.root, parser_.parse(line));
  program_.paths.extract(view_.root, slots_);
  view_.slots = &slots_;
  program_.triggers.match(view_, scratch_);
  matches_ = scratch_.ids();
  return {};
}

RecordResult EventMapper::plugin_fault(std::string message) {
  message_ = std::move(message);
  emission_.bytes->resize(emission_.start);
  emission_.warnings.clear();
  return {RecordResult::Kind::plugin_fault, kPluginFault, message_, 0, 0, {}};
}

RecordResult EventMapper::map(std::uint32_t mapping, std::string& bytes) {
  const Program::Mapping& target = program_.mappings[mapping];
  arena_.reset();  // the event lives in the parser; only the record before lived here
  emission_.bytes = &bytes;
  emission_.start = bytes.size();
  emission_.count = 0;
  emission_.null_text = false;
  emission_.warnings.clear();
  emission_.of_person = target.spec->key_is_person;
  emission_.identifier_count = 0;
  values_.resize(target.spec->fields.size());
  faults_.clear();
  const Consent::Refusal* refusal =
      target.consent != nullptr ? target.consent->refusal_of(view_) : nullptr;
  const auto withheld = [&] {
    return RecordResult{RecordResult::Kind::skipped, refusal->reason, refusal->message, 0, 0, {}};
  };
  if (refusal != nullptr && target.consent_field == Program::kNoField) {
    // The plugin does not tell what adds from what removes, so nothing is sent.
    std::fill(values_.begin(), values_.end(), absent_value());
    return withheld();
  }
  if (!target.mapper->resolve(view_, arena_, values_.data(), faults_)) {
    message_ = faults_.text();
    return {RecordResult::Kind::dead_letter, kInvalidRecord, message_, 0, 0, {}};
  }
  if (refusal != nullptr) values_[target.consent_field] = text_value(refusal->reason);
  penstock_record record{sizeof(penstock_record), target.action, values_.size(), values_.data()};
  clear(error_);
  const std::int32_t code = target.instance->map(record, emitter_, error_);
  const std::string_view reason = text_of(error_.reason);
  const std::string_view message = text_of(error_.message);
  switch (code) {
    case PENSTOCK_OK:
      break;
    case PENSTOCK_SKIP:
    case PENSTOCK_REJECT: {
      if (emission_.count > 0)
        return plugin_fault("its mapping hook emitted an element and then refused the record");
      const bool skipped = code == PENSTOCK_SKIP;
      if (skipped && refusal != nullptr && reason == refusal->reason) return withheld();
      RecordResult result;
      result.kind = skipped ? RecordResult::Kind::skipped : RecordResult::Kind::dead_letter;
      result.reason = !reason.empty() ? words_.code(reason) : (skipped ? "skipped" : "rejected");
      result.message = words_.message(message);
      return result;
    }
    default:
      return plugin_fault(
          "its mapping hook returned " + status_text(code) + ": " +
          (message.empty() ? "it gave no reason" : std::string(words_.message(message))));
  }
  if (emission_.count != 1) {
    return plugin_fault("its mapping hook returned OK after emitting " +
                        std::to_string(emission_.count) + " elements instead of one");
  }
  if (emission_.null_text)
    return plugin_fault("its mapping hook emitted an element with a text of NULL that has a size");
  if (emission_.batch_key.size() > kMaxKeyBytes || emission_.key_size > kMaxKeyBytes) {
    return plugin_fault(
        "its mapping hook emitted a key of " +
        std::to_string(std::max<std::uint64_t>(emission_.batch_key.size(), emission_.key_size)) +
        " bytes; at most " + std::to_string(kMaxKeyBytes) + " are allowed");
  }
  if (emission_.payload_size > kMaxBlockBytes) {
    return plugin_fault("its mapping hook emitted an element of " +
                        std::to_string(emission_.payload_size) + " bytes; at most " +
                        std::to_string(kMaxBlockBytes) + " are allowed");
  }
  const std::string_view key =
      std::string_view(*emission_.bytes).substr(bytes.size() - emission_.key_size);
  if (!gate::is_utf8(emission_.batch_key) || !gate::is_utf8(key))
    return plugin_fault("its mapping hook emitted a key that is not UTF-8");
  RecordResult result;
  result.payload_size = static_cast<std::uint32_t>(emission_.payload_size);
  result.key_size = static_cast<std::uint32_t>(emission_.key_size);
  result.batch_key = emission_.batch_key;
  return result;
}

std::uint64_t EventMapper::user_hash() {
  const Value& user = slots_[program_.user_id];
  if (user.is(Value::Kind::string)) return coalesce_hash(user.string());
  if (!user.is_number()) return 0;
  message_.clear();
  append_javascript_text(message_, user);
  return coalesce_hash(message_);
}

const std::vector<std::uint32_t>& EventMapper::shared_fields(std::uint64_t key_hash) {
  shared_fields_.clear();
  if (!emission_.of_person) return shared_fields_;
  const std::uint64_t user = user_hash();
  if (user == 0) return shared_fields_;
  if (emission_.identifier_count == 0) {
    if (key_hash != 0 && shared_.note(key_hash, user)) shared_fields_.push_back(kNoField);
    return shared_fields_;
  }
  for (std::size_t i = 0; i < emission_.identifier_count; ++i) {
    const auto& [hash, field] = emission_.identifiers[i];
    if (!shared_.note(hash, user)) continue;
    // Two shared addresses of one event are one event.
    if (shared_fields_.empty() || shared_fields_.back() != field) shared_fields_.push_back(field);
  }
  return shared_fields_;
}

void EventMapper::keep_masked(DeadLetter& letter, std::string_view line, std::uint32_t mapping) {
  letter.form = DeadLetter::Form::event;
  letter.content.clear();
  masker_.begin();
  // Of this mapping alone: of other mappings' letters nothing would be left to find an event by.
  if (program_.mappings[mapping].whole_event_is_personal) masker_.mask_everything();
  const std::vector<InputSpec>& fields = program_.mappings[mapping].spec->fields;
  for (std::size_t i = 0; i < fields.size() && i < values_.size(); ++i) {
    if (fields[i].personal_data) masker_.mask_value(values_[i]);
  }
  if (line.size() <= kMaxDeadLetterBytes &&
      masker_.append(letter.content, view_.root, kMaxDeadLetterBytes)) {
    letter.content.shrink_to_fit();
    return;
  }
  letter.form = DeadLetter::Form::masked_text;
  letter.content = shape_of(line);
  letter.message += " (the event has " + std::to_string(line.size()) +
                    " bytes, more than is kept; here is the shape of its beginning)";
}

void EventMapper::append_fields_json(std::string& out, std::uint32_t mapping) const {
  mapping::append_fields_json(out, *program_.mappings[mapping].spec, values_.data());
}

}  // namespace penstock::mapping
