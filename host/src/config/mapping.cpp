#include "config/mapping.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "config/default_trigger.hpp"
#include "config/schema.hpp"

namespace penstock::config {
namespace {

// The text of an expression that is the same for every event, or nothing.
std::optional<std::string> literal_text(const Node& expression) {
  const Node* literal = value_of_literal(expression);
  const Node* node = literal != nullptr ? literal : &expression;
  if (!node->is_scalar() || node->is(Node::Kind::null)) return std::nullopt;
  if (literal == nullptr && node->is(Node::Kind::string) && node->text.starts_with("$."))
    return std::nullopt;
  if (node->is(Node::Kind::boolean)) return node->boolean ? "true" : "false";
  if (node->text.empty()) return std::nullopt;
  return node->text;
}

// ASCII's white space, and what comes along from web pages and tables: a no-break, a wide and a
// zero-width space, a byte order mark.
std::string_view trimmed(std::string_view text) {
  constexpr std::array<std::string_view, 10> kSpaces = {
      " ",  "\t",       "\n",           "\r",           "\v",
      "\f", "\xC2\xA0", "\xE3\x80\x80", "\xE2\x80\x8B", "\xEF\xBB\xBF"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      }
      if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

// The text that a literal was written as, or null.
Node* written_text(Node& written) {
  Node* node = &written;
  if (const Node* literal = value_of_literal(written)) {
    const auto member =
        std::find_if(written.members.begin(), written.members.end(),
                     [&](const Node::Member& each) { return &each.value == literal; });
    node = member != written.members.end() ? &member->value : nullptr;
  }
  return node != nullptr && node->is(Node::Kind::string) ? node : nullptr;
}

class MappingReader {
 public:
  MappingReader(const Node::Member& member, const std::string& path, const PluginManifest& plugin,
                Diagnostics& diagnostics)
      : path_(path + ".mappings." + member.key),
        plugin_(plugin),
        diagnostics_(diagnostics),
        map_(member.value, path_, diagnostics) {
    mapping_.name = member.key;
    mapping_.location = member.location;
  }

  MappingConfig read() {
    mapping_.enabled = map_.boolean("enabled").value_or(true);
    read_action();
    const Node* fields = map_.find("fields");
    const Node* trigger = map_.find("trigger");
    if (mapping_.action != nullptr) {
      read_fields(fields);
      read_trigger(trigger);
      check_required();
    }
    map_.finish();
    return std::move(mapping_);
  }

 private:
  void read_action() {
    const Node* node = map_.find("action");
    std::vector<std::string> names;
    for (const ActionSpec& action : plugin_.actions) names.push_back(action.name);
    mapping_.action_location = node != nullptr ? node->location : mapping_.location;
    if (node == nullptr) {
      if (plugin_.actions.size() == 1) {
        mapping_.action = &plugin_.actions.front();
        return;
      }
      diagnostics_.error(mapping_.location,
                         path_ + ".action is missing; " + plugin_.name + " has several actions",
                         suggestion("", names));
      return;
    }
    const std::optional<std::string> name = read_text(*node, map_.label("action"), diagnostics_);
    if (!name) return;
    mapping_.action = plugin_.find_action(*name);
    if (mapping_.action == nullptr) {
      diagnostics_.error(
          node->location,
          map_.label("action") + ": " + plugin_.name + " has no action " + in_quotes(*name),
          suggestion(*name, names));
    }
  }

  void read_fields(const Node* node) {
    if (node == nullptr || node->is(Node::Kind::null)) return;
    if (!node->is(Node::Kind::map)) {
      diagnostics_.error(
          node->location,
          map_.label("fields") + ": expected a map of fields, found " + describe(*node));
      return;
    }
    std::vector<std::string> names;
    for (const InputSpec& field : mapping_.action->fields) names.push_back(field.name);
    for (const Node::Member& field : node->members) {
      const InputSpec* spec = mapping_.action->find_field(field.key);
      if (spec != nullptr && spec->consent) {
        diagnostics_.error(
            field.location,
            "the field " + in_quotes(field.key) + " is filled by Penstock, not by a mapping",
            "write respect_consent at the destination instead");
      } else if (spec == nullptr) {
        const auto hint = mapping_.action->hints.find(field.key);
        diagnostics_.error(
            field.location,
            "the action " + mapping_.action->name + " has no field " + in_quotes(field.key),
            hint != mapping_.action->hints.end() ? hint->second : suggestion(field.key, names));
      } else if (const Node::Member* other = find_mapped(spec->name)) {
        diagnostics_.error(field.location, "the field " + spec->name +
                                               " is filled twice, here by its other name " +
                                               in_quotes(field.key) + " and in line " +
                                               std::to_string(other->location.line));
      } else {
        add_field(*spec, field);
      }
    }
  }

  void add_field(const InputSpec& spec, const Node::Member& written) {
    Node::Member field = written;
    field.key = spec.name;
    Node* text = spec.trim ? written_text(field.value) : nullptr;
    if (text == nullptr) {
      mapping_.fields.push_back(std::move(field));
      return;
    }
    const std::string kept(trimmed(text->text));
    if (!kept.empty()) {
      text->text = kept;
      mapping_.fields.push_back(std::move(field));
    } else if (spec.required || spec.min_length.value_or(0) > 0) {
      mapping_.faulty_fields.push_back(spec.name);
      diagnostics_.error(written.value.location,
                         path_ + ".fields." + spec.name + ": expected a text, found " +
                             (text->text.empty() ? "nothing" : "nothing but white space"),
                         spec.description);
    }
    // Else it is as if it had been left out.
  }

  const Node::Member* find_mapped(const std::string& name) const {
    const auto found = std::find_if(mapping_.fields.begin(), mapping_.fields.end(),
                                    [&](const Node::Member& field) { return field.key == name; });
    return found == mapping_.fields.end() ? nullptr : &*found;
  }

  void read_trigger(const Node* node) {
    if (node != nullptr) {
      mapping_.trigger = read_text(*node, map_.label("trigger"), diagnostics_);
      mapping_.trigger_location = node->location;
      return;
    }
    const ActionSpec& action = *mapping_.action;
    mapping_.trigger_location = mapping_.location;
    mapping_.default_trigger = true;
    for (const std::string& name : action.own_trigger_with) {
      if (find_mapped(name) == nullptr) continue;
      diagnostics_.error(mapping_.location,
                         path_ + ".trigger is missing; with the field " + name +
                             " the mapping needs one of its own, because the action's default "
                             "trigger lets none of its events through",
                         "say which events are this mapping's, as in: trigger: 'event in [\"new\", "
                         "\"updated\", \"deleted\"] and context.sources.job_id = \"...\"'");
      return;
    }
    if (action.default_trigger.empty()) {
      diagnostics_.error(
          mapping_.location,
          path_ + ".trigger is missing; the action " + action.name + " has no default",
          "write it as in: trigger: 'type = \"track\" and event = \"Order Completed\"'");
      return;
    }
    bool complete = true;
    const std::string filled =
        fill_default_trigger(action.default_trigger, [&](const std::string& name) {
          std::optional<std::string> literal = literal_of(name);
          complete = complete && literal.has_value();
          return literal.value_or("");
        });
    if (complete) mapping_.trigger = filled;
  }

  // The literal of a field that the default trigger names; reports that there is none, once.
  std::optional<std::string> literal_of(const std::string& name) {
    const Node::Member* mapped = find_mapped(name);
    const InputSpec* field = mapping_.action->find_field(name);
    std::optional<std::string> literal;
    if (mapped != nullptr) {
      literal = literal_text(mapped->value);
    } else if (field != nullptr && field->default_value) {
      literal = literal_text(*field->default_value);
    }
    if (literal || reported(name)) return literal;
    mapping_.faulty_fields.push_back(name);
    diagnostics_.error(mapped != nullptr ? mapped->value.location : mapping_.location,
                       path_ + ": the field " + name +
                           " must be set to a literal, because the default trigger needs it",
                       "write it as in: fields: {" + name +
                           ": my_value}, or give the mapping a "
                           "trigger of its own");
    return std::nullopt;
  }

  void check_required() {
    for (const InputSpec& field : mapping_.action->fields) {
      if (!field.required || field.default_value || reported(field.name) ||
          find_mapped(field.name) != nullptr) {
        continue;
      }
      mapping_.faulty_fields.push_back(field.name);
      diagnostics_.error(mapping_.location,
                         path_ + ": the field " + field.name + " (" + field.label +
                             ") is required and has "
                             "no default; map it under fields",
                         field.description);
    }
  }

  bool reported(const std::string& field) const {
    const std::vector<std::string>& faulty = mapping_.faulty_fields;
    return std::find(faulty.begin(), faulty.end(), field) != faulty.end();
  }

  std::string path_;
  const PluginManifest& plugin_;
  Diagnostics& diagnostics_;
  MapReader map_;
  MappingConfig mapping_;
};

}  // namespace

MappingConfig read_mapping(const Node::Member& member, const std::string& path,
                           const PluginManifest& plugin, Diagnostics& diagnostics) {
  return MappingReader(member, path, plugin, diagnostics).read();
}

}  // namespace penstock::config
