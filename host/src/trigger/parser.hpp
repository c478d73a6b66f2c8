// Parser: the grammar of a trigger, by recursive descent.
//
//   expr     = and-expr { "or" and-expr }
//   and-expr = unary { "and" unary }
//   unary    = [ "!" | "not" ] primary
//   primary  = "(" expr ")" | call | comparison
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trigger/scanner.hpp"
#include "trigger/segment_differences.hpp"
#include "trigger/trigger.hpp"

namespace penstock::trigger {

// The conditions that stand between the same parentheses, as Segment's engine sees them.
struct Level {
  std::optional<std::size_t> first_and;
  std::optional<std::size_t> first_or;
  std::optional<std::size_t> first_call;
  bool goes_on_behind_call = false;  // there the rest of the group belongs to the level round it
  // What groups of this level leave to it.
  std::optional<std::size_t> left_call;
  bool left_and = false;
  bool left_or = false;
};

class Parser {
 public:
  Parser(std::string_view text, const Location& location, Origin origin, Diagnostics& diagnostics)
      : scanner_(text, location, origin, diagnostics) {}

  std::optional<Expression> run();

 private:
  std::optional<Expression> read_expression(Level& level);
  std::optional<Expression> read_conjunction(Level& level);
  bool skip_connective(std::string_view word, std::optional<std::size_t>& first, Level& level);
  std::optional<Expression> read_unary();
  std::optional<Expression> read_primary();
  std::optional<Expression> read_group();
  std::optional<Expression> read_call(Expression::Kind kind);
  std::optional<Expression> read_comparison();
  std::optional<Expression> read_list(Operand operand);
  std::optional<Operand> read_operand();
  bool read_path(std::vector<std::string>& steps);
  std::optional<Literal> read_literal();
  std::optional<std::string> read_string(Escapes escapes);
  bool expect(char c, const char* where);
  void warn_if_never_true(const Expression& condition, std::size_t offset);

  Scanner scanner_;
  SegmentDifferences differences_;
  std::size_t nesting_ = 0;
  Level* level_ = nullptr;  // the innermost one that is being read
};

// What another language writes for the operator or connective, and what is written here; or "".
[[nodiscard]] std::string operator_hint(std::string_view written);
[[nodiscard]] bool is_one_of(std::string_view word, const std::vector<std::string>& words);
// Whether Segment's engine takes it for a space, too.
[[nodiscard]] inline bool is_plain_space(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}
inline const std::vector<std::string> kCalls = {"contains", "match"};
inline const std::vector<std::string> kConnectives = {"and", "or"};

}  // namespace penstock::trigger
