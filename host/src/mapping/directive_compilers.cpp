// How each directive reads its arguments.
#include <utility>

#include "mapping/arguments.hpp"
#include "mapping/compiler.hpp"
#include "mapping/template_text.hpp"

namespace penstock::mapping {
ExpressionPtr Compiler::literal(const Node::Member& directive) {
  return constant(constant_value(directive.value, depth_));
}

ExpressionPtr Compiler::path(const Node::Member& directive) {
  const Node& argument = directive.value;
  if (!argument.is(Node::Kind::string)) {
    diagnostics_.error(argument.location,
                       "@path takes a path such as '$.traits.email', found " + describe(argument));
    return constant({});
  }
  return compile_path(argument, argument.text, 0);
}

ExpressionPtr Compiler::template_text(const Node::Member& directive) {
  const Node& argument = directive.value;
  if (!argument.is(Node::Kind::string)) {
    diagnostics_.error(
        argument.location,
        "@template takes text such as 'Hi {{ traits.name }}', found " + describe(argument));
    return constant({});
  }
  std::vector<TemplatePiece> pieces;
  bool constants_only = true;
  for (const TemplatePart& part : split_template(argument.text)) {
    if (!part.is_path) {
      pieces.push_back({std::string(part.text), nullptr});
      continue;
    }
    pieces.push_back({{}, compile_path(argument, part.text, part.offset)});
    constants_only = false;
  }
  return folded(constants_only, make_template(std::move(pieces)));
}

ExpressionPtr Compiler::if_directive(const Node::Member& directive) {
  const Arguments arguments(directive, {"exists", "blank", "then", "else"}, diagnostics_);
  const Node* exists = arguments.find("exists");
  const Node* blank = arguments.find("blank");
  if ((exists != nullptr) == (blank != nullptr) && directive.value.is(Node::Kind::map)) {
    diagnostics_.error(directive.location, exists != nullptr
                                               ? "@if takes \"exists\" or \"blank\", found both"
                                               : "@if lacks its argument \"exists\" or \"blank\"");
  }
  ExpressionPtr tested = compile_argument(exists != nullptr ? exists : blank);
  ExpressionPtr then = compile_argument(arguments.require("then"));
  ExpressionPtr otherwise = compile_argument(arguments.find("else"));
  const bool constants_only = is_constant(tested) && is_constant(then) && is_constant(otherwise);
  return folded(constants_only,
                make_if(exists != nullptr ? Condition::exists : Condition::not_blank,
                        std::move(tested), std::move(then), std::move(otherwise)));
}

ExpressionPtr Compiler::case_directive(const Node::Member& directive) {
  const Arguments arguments(directive, {"operator", "value"}, diagnostics_);
  const auto chosen = arguments.word("operator", {"lower", "upper"});
  ExpressionPtr value = compile_argument(arguments.require("value"));
  const bool constants_only = is_constant(value);
  return folded(constants_only, make_case(chosen == "upper" ? LetterCase::upper : LetterCase::lower,
                                          std::move(value)));
}

ExpressionPtr Compiler::replace(const Node::Member& directive) {
  const Arguments arguments(
      directive,
      {"pattern", "replacement", "value", "ignorecase", "global", "pattern2", "replacement2"},
      diagnostics_);
  std::vector<Replacement> replacements;
  const auto add = [&](const char* pattern, const char* replacement) {
    replacements.push_back({arguments.text(pattern, ""), arguments.text(replacement, "")});
    const Node* node = arguments.find(pattern);
    if (node == nullptr || !node->is(Node::Kind::string)) return;
    if (node->text.empty()) {
      diagnostics_.error(node->location, std::string("@replace: \"") + pattern +
                                             "\" is empty; write the text to look for");
    } else if (node->text.size() > kMaxPatternBytes) {
      diagnostics_.error(node->location, std::string("@replace: \"") + pattern + "\" has " +
                                             std::to_string(node->text.size()) +
                                             " bytes; at most " + std::to_string(kMaxPatternBytes) +
                                             " are allowed");
    }
  };
  if (arguments.require("pattern") != nullptr) add("pattern", "replacement");
  if (arguments.has("replacement2") && arguments.require("pattern2") == nullptr)
    return constant({});
  if (arguments.has("pattern2")) add("pattern2", "replacement2");
  const bool ignore_case = arguments.boolean("ignorecase", false);
  const bool global = arguments.boolean("global", true);
  ExpressionPtr value = compile_argument(arguments.require("value"));
  for (const Replacement& replacement : replacements) {
    if (replacement.pattern.empty()) return constant({});  // reported above
  }
  const bool constants_only = is_constant(value);
  return folded(constants_only,
                make_replace(std::move(replacements), ignore_case, global, std::move(value)));
}

ExpressionPtr Compiler::array_path(const Node::Member& directive) {
  const Node& argument = directive.value;
  if (!argument.is(Node::Kind::list) || argument.items.empty() || argument.items.size() > 2) {
    diagnostics_.error(
        argument.location,
        "@arrayPath takes a list of a path and the shape of an item, such as "
        "['$.products', {sku: '$.id'}], found " +
            (argument.is(Node::Kind::list) ? "a list of " + std::to_string(argument.items.size())
                                           : describe(argument)));
    return constant({});
  }
  const Node& source = argument.items.front();
  ExpressionPtr list =
      source.is(Node::Kind::string) ? compile_path(source, source.text, 0) : compile(source);
  ExpressionPtr shape;
  if (argument.items.size() == 2) {
    const Node& wanted = argument.items[1];
    const bool is_empty = wanted.is(Node::Kind::map) && wanted.members.empty();
    if (!is_empty) shape = compile_in_scope(&wanted);
  }
  const bool constants_only = is_constant(list);
  return folded(constants_only, make_array_path(std::move(list), std::move(shape)));
}

ExpressionPtr Compiler::json(const Node::Member& directive) {
  const Arguments arguments(directive, {"mode", "value"}, diagnostics_);
  const auto mode = arguments.word("mode", {"encode", "decode"});
  ExpressionPtr value = compile_argument(arguments.require("value"));
  const bool constants_only = is_constant(value);
  return folded(constants_only, mode == "decode" ? make_json_decode(std::move(value))
                                                 : make_json_encode(std::move(value)));
}

ExpressionPtr Compiler::flatten(const Node::Member& directive) {
  const Arguments arguments(directive, {"value", "separator", "omitArrays"}, diagnostics_);
  ExpressionPtr value = compile_argument(arguments.require("value"));
  const bool constants_only = is_constant(value);
  return folded(constants_only, make_flatten(std::move(value), arguments.text("separator", "."),
                                             arguments.boolean("omitArrays", false)));
}

ExpressionPtr Compiler::merge(const Node::Member& directive) {
  const Arguments arguments(directive, {"direction", "objects"}, diagnostics_);
  const auto direction = arguments.word("direction", {"right", "left"});
  std::vector<ExpressionPtr> objects;
  bool constants_only = true;
  if (const Node* list = arguments.require("objects")) {
    if (!list->is(Node::Kind::list)) {
      diagnostics_.error(list->location,
                         "@merge: \"objects\" must be a list, found " + describe(*list));
    }
    for (const Node& object : list->items) {
      objects.push_back(compile(object));
      constants_only = constants_only && is_constant(objects.back());
    }
  }
  return folded(constants_only,
                make_merge(std::move(objects), direction == "left" ? Winner::first : Winner::last));
}

ExpressionPtr Compiler::transform(const Node::Member& directive) {
  const Arguments arguments(directive, {"apply", "mapping"}, diagnostics_);
  ExpressionPtr apply = compile_argument(arguments.require("apply"));
  ExpressionPtr mapping = compile_in_scope(arguments.require("mapping"));
  if (is_constant(mapping)) return mapping;
  const bool constants_only = is_constant(apply);
  return folded(constants_only, make_transform(std::move(apply), std::move(mapping)));
}

ExpressionPtr Compiler::exclude_when_null(const Node::Member& directive) {
  ExpressionPtr value = compile(directive.value);
  const bool constants_only = is_constant(value);
  return folded(constants_only, make_exclude_when_null(std::move(value)));
}

ExpressionPtr Compiler::membership(const Node::Member& directive) {
  const Arguments arguments(directive, {"unclear"}, diagnostics_);
  MembershipPaths paths;
  if (const Node* unclear = arguments.find("unclear")) paths.unclear = compile(*unclear);
  paths.type = path_of_steps({"type"});
  paths.computation_class = path_of_steps({"context", "personas", "computation_class"});
  paths.computation_key = path_of_steps({"context", "personas", "computation_key"});
  paths.properties = path_of_steps({"properties"});
  paths.traits = path_of_steps({"traits"});
  return make_membership(std::move(paths));
}

ExpressionPtr Compiler::liquid(const Node::Member& directive) {
  diagnostics_.error(directive.location, "@liquid is not supported",
                     "write it with @template, @if, @case and @replace");
  return constant({});
}

}  // namespace penstock::mapping
