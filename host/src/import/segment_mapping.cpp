#include "import/segment_mapping.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "import/segment_defaults.hpp"
#include "mapping/compiler.hpp"
#include "mapping/fixed_action.hpp"
#include "mapping/record_mapper.hpp"
#include "trigger/trigger.hpp"

namespace penstock::import {
namespace {

using trigger::Expression;

constexpr std::string_view kPeople = "sync_to_dmp_segment";
constexpr std::string_view kCompanies = "sync_to_company_segment";
// What stands where the export does not say what has to stand there. No event has such a key.
constexpr const char* kPlaceholder = "CHANGE_ME";

// "" where it is none of LinkedIn Audiences.
std::string_view action_of(const std::string& slug, const Json& settings) {
  if (slug == "updateAudience") return kPeople;
  if (slug == "updateCompanyAudience") return kCompanies;
  if (!slug.empty()) return {};
  if (settings.contains("personas_audience_key") || settings.contains("dmp_user_action")) {
    return kPeople;
  }
  if (settings.contains("identifiers") || settings.contains("dmp_company_action"))
    return kCompanies;
  return {};
}

bool is_condition(const Expression& expression, const std::vector<std::string>& steps,
                  std::string& text) {
  if (expression.kind != Expression::Kind::equal || expression.operand.steps != steps ||
      expression.operand.transform != trigger::Operand::Transform::none ||
      expression.literals.size() != 1 || !expression.literals.front().text) {
    return false;
  }
  text = *expression.literals.front().text;
  return true;
}

// The key that a trigger asks for, in each of its cases: "" where it asks for none or for several.
std::string key_asked_for(const Expression& expression) {
  std::string key;
  if (is_condition(expression, {"properties", "audience_key"}, key) ||
      is_condition(expression, {"context", "personas", "computation_key"}, key)) {
    return key;
  }
  if (expression.kind != Expression::Kind::all_of) return {};
  for (const Expression& child : expression.children) {
    const std::string found = key_asked_for(child);
    if (found.empty()) continue;
    if (!key.empty() && key != found) return {};
    key = found;
  }
  return key;
}

// `event = "Audience Entered" or event = "Audience Exited"`, perhaps of tracks alone.
bool lets_all_audiences_through(const Expression& expression) {
  std::string text;
  if (expression.kind == Expression::Kind::all_of) {
    return expression.children.size() == 2 &&
           is_condition(expression.children[0], {"type"}, text) && text == "track" &&
           lets_all_audiences_through(expression.children[1]);
  }
  if (expression.kind != Expression::Kind::any_of || expression.children.size() != 2) return false;
  std::string other;
  return is_condition(expression.children[0], {"event"}, text) &&
         is_condition(expression.children[1], {"event"}, other) &&
         std::minmax(text, other) ==
             std::minmax<std::string>("Audience Entered", "Audience Exited");
}

// Nothing but white space, which counts as nothing in keys and names.
bool is_blank(std::string_view text) {
  constexpr std::array<std::string_view, 4> kWide = {"\xC2\xA0", "\xE3\x80\x80", "\xE2\x80\x8B",
                                                     "\xEF\xBB\xBF"};
  while (!text.empty()) {
    if (std::string_view(" \t\n\r\v\f").find(text[0]) != std::string_view::npos) {
      text.remove_prefix(1);
      continue;
    }
    const auto* const wide = std::find_if(kWide.begin(), kWide.end(), [&](std::string_view space) {
      return text.starts_with(space);
    });
    if (wide == kWide.end()) return false;
    text.remove_prefix(wide->size());
  }
  return true;
}

std::string words_of(const Diagnostics& diagnostics) {
  std::string words;
  for (const Diagnostic& entry : diagnostics.entries()) {
    words += (words.empty() ? "" : "; ") + entry.message;
    if (!entry.hint.empty()) words += " (" + entry.hint + ")";
  }
  return words;
}

// A text that would be a path here is the text itself at Segment.
Json as_literal(const Json& value) {
  if (value.is_string() && value.get_ref<const std::string&>().starts_with("$.")) {
    return {{"@literal", value}};
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(as_literal(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    // Of a directive that gives the path or the template, the texts are literals, too.
    const bool as_written =
        key == "@literal" || (member.is_string() && (key == "@path" || key == "@template"));
    out[key] = as_written ? member : as_literal(member);
  }
  return out;
}

bool holds_directive(const Json& value) {
  if (!value.is_structured()) return false;
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&](const auto& item) {
    return (value.is_object() && item.key().starts_with('@')) || holds_directive(item.value());
  });
}

// {"@literal": ...} around directives, which Segment follows and Penstock takes as they are.
bool holds_followed_literal(const Json& value) {
  if (!value.is_structured()) return false;
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&](const auto& item) {
    const bool literal = value.is_object() && item.key() == "@literal";
    return literal ? holds_directive(item.value()) : holds_followed_literal(item.value());
  });
}

class MappingImporter {
 public:
  MappingImporter(const SegmentSubscription& subscription, const ActionSpec& action)
      : subscription_(subscription), action_(action), companies_(action.name == kCompanies) {
    mapping_.name = subscription.name;
    mapping_.action = action.name;
    if (!subscription.enabled) {
      mapping_.enabled = false;
      note("it is disabled at Segment");
    }
  }

  ImportedMapping import() {
    const Json settings = without_editor_notes(subscription_.settings);
    for (const auto& [name, value] : settings.items()) {
      add(name, value);
    }
    read_trigger();
    settle_key();
    settle_trigger();
    check_action();
    check_whole();
    return std::move(mapping_);
  }

 private:
  void note(const std::string& text) { mapping_.notes.push_back(one_line(text)); }
  void disable(const std::string& text) {
    mapping_.enabled = false;
    note("disabled until you have looked at it: " + text);
  }

  [[nodiscard]] const Json* field(const std::string& name) const {
    for (const auto& [known, value] : mapping_.fields) {
      if (known == name) return &value;
    }
    return nullptr;
  }
  // "" where it is not there or depends on the event.
  [[nodiscard]] std::string literal(const std::string& name) const {
    const Json* value = field(name);
    if (value != nullptr && value->is_object() && value->size() == 1 &&
        value->contains("@literal")) {
      value = &value->at("@literal");
    }
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  }

  void add(const std::string& name, const Json& value) {
    if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()))
      return;
    if (name == "batch_size" || name == "batch_bytes") {
      note("batches are set at the destination here, as in batch: {max_records: 5000}: " + name +
           " is left out");
      return;
    }
    if (is_segment_machinery(name) || is_segment_default(name, value)) return;
    if (companies_ && name == "identifiers") return add_identifiers(value);
    if (companies_ && (name == "action" || name == "dmp_company_action")) {
      return take("company_action", value);
    }
    if (companies_ && name == "segment_creation_name") return take("segment_name", value);
    if (name == "audience_source" && value == "ENGAGE_RETL") return take(name, "ENGAGE");
    take(name, value);
  }

  void add_identifiers(const Json& identifiers) {
    if (!identifiers.is_object() || holds_directive_itself(identifiers)) {
      return disable(
          "\"identifiers\" is not a map of identifiers: map company_domain and "
          "linkedin_company_id");
    }
    for (const auto& [member, value] : identifiers.items()) {
      const std::string name = company_identifier(member);
      if (name.empty()) {
        disable("Penstock has no identifier of companies called \"" + member + "\"");
      } else if (!value.is_null() && !is_segment_default(name, value)) {
        take(name, value);
      }
    }
  }

  static bool holds_directive_itself(const Json& value) {
    const auto items = value.items();
    return std::any_of(items.begin(), items.end(),
                       [](const auto& item) { return item.key().starts_with('@'); });
  }

  void take(const std::string& name, const Json& written) {
    const InputSpec* spec = action_.find_field(name);
    // No export can have the last one: the plugin checks it when it starts, beyond its field's
    // rules.
    if (spec == nullptr || spec->consent || spec->name == "existing_segment_id") {
      const auto hint = action_.hints.find(name);
      return disable("the action " + action_.name + " has no field \"" + name + "\" here" +
                     (hint != action_.hints.end() ? "; " + hint->second : ""));
    }
    if (field(spec->name) != nullptr) {
      return disable("the field " + spec->name + " is filled twice; the second value is left out");
    }
    if (const std::string fault = fault_of_value(written); !fault.empty()) {
      return disable("the field " + spec->name + " is left out: " + fault);
    }
    if (holds_followed_literal(written)) {
      disable("the field " + spec->name +
              " has directives inside @literal, which Segment follows "
              "and Penstock takes as they are");
    }
    const Json value = as_literal(written);
    const bool in_literal =
        written.is_object() && written.size() == 1 && written.contains("@literal");
    const Json& text = in_literal ? written.at("@literal") : written;
    if (spec->literal && text.is_string() && is_blank(text.get_ref<const std::string&>())) return;
    if (spec->literal && !mapping::is_literal(node_of(value))) {
      if (spec->name == "dmp_segment_name") {
        return note("the name of a new audience is a literal here; " + spec->name +
                    " is left out, so that it is named after its key");
      }
      return note("the field " + spec->name +
                  " is taken from the event at Segment; here it is a "
                  "literal, one mapping an audience");
    }
    const std::string fault = fault_of_field(*spec, value);
    if (!fault.empty()) {
      return disable("the field " + spec->name + " is left out: " + fault);
    }
    mapping_.fields.emplace_back(spec->name, value);
  }

  // What the action's own rules say of the field alone.
  [[nodiscard]] std::string fault_of_field(const InputSpec& spec, const Json& value) const {
    std::vector<std::string> others;
    others.reserve(action_.fields.size());
    for (const InputSpec& other : action_.fields) {
      if (other.name != spec.name) others.push_back(other.name);
    }
    PathTable paths;
    Diagnostics diagnostics;
    const auto mapper = mapping::RecordMapper::compile(action_, {{spec.name, {}, node_of(value)}},
                                                       {}, paths, diagnostics, others);
    return mapper != nullptr ? std::string() : words_of(diagnostics);
  }

  void read_trigger() {
    if (subscription_.trigger.empty()) return disable("it has no trigger");
    const std::string& text = subscription_.trigger;
    const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
    });
    if (!clean || text.size() > kMaxTrigger) {
      return disable("its trigger is left out: it holds control characters or is too long");
    }
    mapping_.trigger = text;
    Diagnostics diagnostics;
    trigger_ = trigger::parse(text, {}, diagnostics);
    if (!trigger_) return disable("its trigger cannot be read here: " + words_of(diagnostics));
    if (!diagnostics.entries().empty()) {
      disable("its trigger may mean something else here: " + words_of(diagnostics));
    }
  }

  // The field that the audience is found by, and its value.
  void settle_key() {
    const bool connections = companies_ && literal("audience_source") == "CONNECTIONS";
    const std::string name = !companies_   ? "personas_audience_key"
                             : connections ? "segment_name"
                                           : "computation_key";
    mapping_.audience = literal(name);
    if (mapping_.audience.size() > kMaxAudienceKey) {
      disable("the key of its audience is longer than " + std::to_string(kMaxAudienceKey) +
              " bytes");
    }
    if (!mapping_.audience.empty()) return;
    std::erase_if(mapping_.fields, [&](const auto& known) { return known.first == name; });
    mapping_.audience = trigger_ ? key_asked_for(*trigger_) : std::string();
    if (is_blank(mapping_.audience) || mapping_.audience.size() > kMaxAudienceKey) {
      mapping_.audience = kPlaceholder;
      disable("it does not say which audience it is for: write its key in " + name +
              ", one mapping an audience");
    } else {
      note(name + " is the key that the trigger asks for");
    }
    mapping_.fields.emplace(mapping_.fields.begin(), name, mapping_.audience);
  }

  [[nodiscard]] bool fixed_action() const {
    const std::string action = literal(companies_ ? "company_action" : "dmp_user_action");
    return action == "ADD" || action == "REMOVE";
  }

  void settle_trigger() {
    const bool rows = field("sync_mode") != nullptr;
    if (!mapping_.trigger) {
      // Anything but the default, which must not fill an audience that nobody asked for.
      mapping_.trigger = std::string("event = \"") + kPlaceholder + "\"";
      return;
    }
    if (!subscription_.model_id.empty()) {
      disable(
          "it reads the rows of one model of reverse ETL; let its trigger say which rows these "
          "are, or it takes the rows of all models" +
          std::string(rows ? "" : ", and set sync_mode"));
    }
    if (!trigger_ || rows) return;
    if (const auto found = mapping::contradiction_of(action_, members(), *trigger_)) {
      return disable(found->message + "; " + found->hint);
    }
    if (!lets_all_audiences_through(*trigger_)) return;
    // The default is the same for one audience, and lets no other's events become dead letters.
    if (!companies_ || literal("audience_source") != "CONNECTIONS") mapping_.trigger.reset();
  }

  void check_action() {
    if (field("sync_mode") != nullptr && fixed_action()) {
      return disable("sync_mode and a fixed action exclude each other here");
    }
    if (!companies_ || fixed_action() || field("sync_mode") != nullptr) return;
    if (literal("audience_source") == "CONNECTIONS") {
      disable("set company_action to ADD or REMOVE, or sync_mode for rows of a warehouse");
    }
  }

  void check_whole() {
    if (!mapping_.enabled) return;
    PathTable paths;
    Diagnostics diagnostics;
    if (mapping::RecordMapper::compile(action_, members(), {}, paths, diagnostics) == nullptr) {
      disable(words_of(diagnostics));
    }
  }

  // The fields as a pipeline has them.
  [[nodiscard]] std::vector<Node::Member> members() const {
    std::vector<Node::Member> members;
    members.reserve(mapping_.fields.size());
    for (const auto& [name, value] : mapping_.fields) members.push_back({name, {}, node_of(value)});
    return members;
  }

  // The plugin takes about 240 bytes.
  static constexpr std::size_t kMaxAudienceKey = 200;
  static constexpr std::size_t kMaxTrigger = 16 * 1024;  // far beyond what anybody can read

  const SegmentSubscription& subscription_;
  const ActionSpec& action_;
  bool companies_;
  std::optional<Expression> trigger_;
  ImportedMapping mapping_;
};

}  // namespace

std::optional<ImportedMapping> import_mapping(const SegmentSubscription& subscription,
                                              const std::string& slug,
                                              const PluginManifest& plugin) {
  const std::string_view name = action_of(slug, subscription.settings);
  const ActionSpec* action = name.empty() ? nullptr : plugin.find_action(std::string(name));
  if (action == nullptr) return std::nullopt;
  return MappingImporter(subscription, *action).import();
}

}  // namespace penstock::import
