// The compiler of the mapping language: from what a user wrote to an expression.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/directives.hpp"
#include "mapping/expression.hpp"
#include "model/diagnostics.hpp"
#include "model/node.hpp"

namespace penstock::mapping {

// How deep maps, lists and directives may stand in each other: far beyond what people write, and it
// bounds the recursion of compiling and evaluating.
inline constexpr std::size_t kMaxNesting = 64;
// Longest pattern of @replace. Looking for one takes up to its length times the text's.
inline constexpr std::size_t kMaxPatternBytes = 256;

// Whether the value is written as a literal: a plain value, {'@literal': ...}, or a list or map of
// nothing else.
[[nodiscard]] bool is_literal(const Node& node);

// One load, one thread. Constants of what it compiles live in `constants`, and their paths are
// slots of `paths`.
class Compiler {
 public:
  Compiler(PathTable& paths, Arena& constants, Diagnostics& diagnostics)
      : paths_(paths), constants_(constants), diagnostics_(diagnostics) {}

  // Never null. What is wrong goes to the diagnostics, all of it; the expression is then of no use.
  [[nodiscard]] ExpressionPtr compile(const Node& node);
  // From now on the slots of all paths into the event that are compiled are appended there; null
  // ends that. What is looked up inside such a value is not told apart from the value.
  void record_slots(std::vector<PathSlot>* slots) { recorded_ = slots; }

 private:
  using Handler = ExpressionPtr (Compiler::*)(const Node::Member& directive);
  struct Directive {
    std::string_view name;
    Handler compile;
  };
  static const std::vector<Directive>& directives();

  ExpressionPtr compile_map(const Node& node);
  ExpressionPtr compile_list(const Node& node);
  ExpressionPtr compile_directive(const Node::Member& member);
  // A path that stands `offset` bytes into a string that a user wrote.
  ExpressionPtr compile_path(const Node& written, std::string_view path, std::size_t offset);
  ExpressionPtr path_of_steps(PathSteps steps);
  ExpressionPtr compile_template(const Node& written, std::string_view text);
  // An argument that may be missing (reported by then): absent in its place.
  ExpressionPtr compile_argument(const Node* node);
  ExpressionPtr compile_in_scope(const Node* node);

  ExpressionPtr literal(const Node::Member& directive);
  ExpressionPtr path(const Node::Member& directive);
  ExpressionPtr template_text(const Node::Member& directive);
  ExpressionPtr if_directive(const Node::Member& directive);
  ExpressionPtr case_directive(const Node::Member& directive);
  ExpressionPtr replace(const Node::Member& directive);
  ExpressionPtr array_path(const Node::Member& directive);
  ExpressionPtr json(const Node::Member& directive);
  ExpressionPtr flatten(const Node::Member& directive);
  ExpressionPtr merge(const Node::Member& directive);
  ExpressionPtr transform(const Node::Member& directive);
  ExpressionPtr exclude_when_null(const Node::Member& directive);
  ExpressionPtr membership(const Node::Member& directive);
  ExpressionPtr liquid(const Node::Member& directive);

  [[nodiscard]] Value constant_value(const Node& node, std::size_t depth);
  ExpressionPtr constant(const Value& value);
  // The expression, evaluated now if all that it depends on is constant.
  ExpressionPtr folded(bool operands_constant, ExpressionPtr expression);
  void warn_of_pattern(const Node* replacement);
  void report_nesting(const Location& location);

  PathTable& paths_;
  Arena& constants_;
  Diagnostics& diagnostics_;
  std::vector<PathSlot>* recorded_ = nullptr;
  std::size_t depth_ = 0;
  std::size_t scopes_ = 0;  // of @arrayPath and @transform that enclose what is being compiled
};

}  // namespace penstock::mapping
