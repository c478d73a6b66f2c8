// How the directives that give text read their arguments.
#include <algorithm>
#include <utility>

#include "mapping/arguments.hpp"
#include "mapping/compiler.hpp"
#include "mapping/liquid_advice.hpp"
#include "mapping/template_text.hpp"

namespace penstock::mapping {
namespace {

bool is_directive(const Node& node) {
  return node.is(Node::Kind::map) &&
         std::any_of(node.members.begin(), node.members.end(),
                     [](const Node::Member& member) { return member.key.starts_with('@'); });
}

}  // namespace

ExpressionPtr Compiler::path(const Node::Member& directive) {
  const Node& argument = directive.value;
  if (argument.is(Node::Kind::string)) return compile_path(argument, argument.text, 0);
  if (!is_directive(argument)) {
    diagnostics_.error(argument.location,
                       "@path takes a path such as '$.traits.email', found " + describe(argument));
    return constant({});
  }
  ExpressionPtr text = compile(argument);
  const Value* known = text->constant();
  if (known == nullptr) return make_path(std::move(text), path_of_steps({}));
  if (known->is(Value::Kind::string)) {
    const Node written = Node::of_string(std::string(known->string()), argument.location);
    return compile_path(written, written.text, 0);
  }
  if (!known->missing()) {
    diagnostics_.error(argument.location, "@path takes a path, and this directive gives no text");
  }
  return constant({});
}

ExpressionPtr Compiler::template_text(const Node::Member& directive) {
  const Node& argument = directive.value;
  if (argument.is(Node::Kind::string)) return compile_template(argument, argument.text);
  if (!is_directive(argument)) {
    diagnostics_.error(
        argument.location,
        "@template takes text such as 'Hi {{ traits.name }}', found " + describe(argument));
    return constant({});
  }
  ExpressionPtr text = compile(argument);
  const Value* known = text->constant();
  if (known == nullptr) return make_filled_template(std::move(text), path_of_steps({}));
  if (known->is(Value::Kind::string)) {
    const Node written = Node::of_string(std::string(known->string()), argument.location);
    return compile_template(written, written.text);
  }
  if (!known->missing()) {
    diagnostics_.error(argument.location, "@template takes text, and this directive gives none");
  }
  return constant({});
}

ExpressionPtr Compiler::compile_template(const Node& written, std::string_view text) {
  std::vector<TemplatePiece> pieces;
  bool constants_only = true;
  for (const TemplatePart& part : split_template(text)) {
    if (!part.is_path) {
      pieces.push_back({std::string(part.text), nullptr});
      continue;
    }
    pieces.push_back({{}, compile_path(written, part.text, part.offset)});
    constants_only = false;
  }
  return folded(constants_only, make_template(std::move(pieces)));
}

ExpressionPtr Compiler::case_directive(const Node::Member& directive) {
  const Arguments arguments(directive, {"operator", "value"}, diagnostics_);
  const auto chosen = arguments.word("operator", {"lower", "upper"});
  ExpressionPtr value = compile_argument(arguments.require("value"));
  const bool constants_only = is_constant(value);
  return folded(constants_only, make_case(chosen == "upper" ? LetterCase::upper : LetterCase::lower,
                                          std::move(value)));
}

// Segment's engine hands the replacement to JavaScript, for which these mean something.
void Compiler::warn_of_pattern(const Node* replacement) {
  if (replacement == nullptr || !replacement->is(Node::Kind::string)) return;
  const std::string& text = replacement->text;
  for (const std::string_view sign : {"$$", "$&", "$`", "$'"}) {
    const std::size_t at = text.find(sign);
    if (at == std::string::npos) continue;
    diagnostics_.warning(
        replacement->location,
        "@replace: \"" + std::string(sign) +
            "\" in a replacement is text here; in Segment's engine it stands for " +
            (sign == "$$" ? "one \"$\"" : "a part of the text that was searched"),
        sign == "$$" ? "write one \"$\" if both are to read it alike" : "");
    return;
  }
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
    warn_of_pattern(arguments.find(replacement));
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

ExpressionPtr Compiler::liquid(const Node::Member& directive) {
  std::string message = "@liquid is not supported";
  LiquidAdvice advice{"", "write it with @template, @if, @case and @replace"};
  if (directive.value.is(Node::Kind::string) && !directive.value.interpolated) {
    advice = advise_on_liquid(directive.value.text);
  }
  if (!advice.found.empty()) message += "; found " + advice.found;
  diagnostics_.error(directive.location, std::move(message), std::move(advice.hint));
  return constant({});
}

}  // namespace penstock::mapping
