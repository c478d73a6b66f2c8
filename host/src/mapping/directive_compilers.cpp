// How the directives that decide and reshape read their arguments; those of text are in
// text_compilers.cpp.
#include <utility>

#include "mapping/arguments.hpp"
#include "mapping/compiler.hpp"

namespace penstock::mapping {
ExpressionPtr Compiler::literal(const Node::Member& directive) {
  return constant(constant_value(directive.value, depth_));
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
  // One of the two is enough.
  ExpressionPtr then =
      compile_argument(arguments.has("else") ? arguments.find("then") : arguments.require("then"));
  ExpressionPtr otherwise = compile_argument(arguments.find("else"));
  const bool constants_only = is_constant(tested) && is_constant(then) && is_constant(otherwise);
  return folded(constants_only,
                make_if(exists != nullptr ? Condition::exists : Condition::not_blank,
                        std::move(tested), std::move(then), std::move(otherwise)));
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

}  // namespace penstock::mapping
