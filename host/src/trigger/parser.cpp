// The conditions of a trigger, one by one: see condition_parser.cpp; here is what joins them.
#include "trigger/parser.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::trigger {

using Kind = Expression::Kind;

bool is_one_of(std::string_view word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string operator_hint(std::string_view written) {
  struct Pair {
    std::string_view theirs;
    std::string_view ours;
  };
  constexpr std::array<Pair, 10> kPairs = {{{"==", "="},
                                            {"===", "="},
                                            {"is", "="},
                                            {"<>", "!="},
                                            {"!==", "!="},
                                            {"=>", ">="},
                                            {"=<", "<="},
                                            {"IN", "in"},
                                            {"&&", "and"},
                                            {"||", "or"}}};
  for (const Pair& pair : kPairs) {
    if (written == pair.theirs) return "did you mean \"" + std::string(pair.ours) + "\"?";
  }
  return {};
}

std::optional<Expression> Parser::run() {
  scanner_.skip_spaces();
  if (scanner_.at_end()) {
    scanner_.error(0, "the trigger is empty", "write a condition such as type = \"track\"");
    return std::nullopt;
  }
  Level level;
  std::optional<Expression> expression = read_expression(level);
  if (!expression) return std::nullopt;
  if (!scanner_.at_end()) {
    const std::string_view word = scanner_.found_word();
    std::string hint = operator_hint(word);
    if (hint.empty() && nearest(word, kConnectives) != "") hint = suggestion(word, kConnectives);
    if (hint.empty() && word == ")") hint = "no \"(\" is open here";
    scanner_.error(scanner_.offset(),
                   "expected \"and\", \"or\" or the end of the trigger, found " + scanner_.found(),
                   hint);
    return std::nullopt;
  }
  if (!scanner_.may_be_brought_over()) return expression;
  for (std::size_t i = 0; i < scanner_.offset(); ++i) {
    // Of all spaces Segment's engine refuses this one.
    if (scanner_.byte_at(i) == '\r')
      differences_.note(Difference::spacing, i, "take out the carriage return");
  }
  differences_.report(scanner_);
  return expression;
}

std::optional<Expression> Parser::read_expression(Level& level) {
  Level* const outer = std::exchange(level_, &level);
  Expression any;
  any.kind = Kind::any_of;
  do {
    std::optional<Expression> part = read_conjunction(level);
    if (!part) return std::nullopt;
    any.children.push_back(std::move(*part));
  } while (skip_connective("or", level.first_or, level));
  level_ = outer;
  if (level.first_or && level.first_and) {
    differences_.note(Difference::mixed_and_or, std::max(*level.first_or, *level.first_and));
  } else if (level.left_call && (level.first_and || level.left_and) &&
             (level.first_or || level.left_or)) {
    differences_.note(Difference::call_in_group, *level.left_call);
  }
  if (any.children.size() == 1) return std::move(any.children.front());
  return any;
}

// Leaves the scanner behind the spaces that follow.
std::optional<Expression> Parser::read_conjunction(Level& level) {
  Expression all;
  all.kind = Kind::all_of;
  do {
    std::optional<Expression> part = read_unary();
    if (!part) return std::nullopt;
    all.children.push_back(std::move(*part));
    scanner_.skip_spaces();
  } while (skip_connective("and", level.first_and, level));
  if (all.children.size() == 1) return std::move(all.children.front());
  return all;
}

bool Parser::skip_connective(std::string_view word, std::optional<std::size_t>& first,
                             Level& level) {
  const std::size_t offset = scanner_.offset();
  if (!scanner_.skip_word(word)) return false;
  if (!first) first = offset;
  if (level.first_call) level.goes_on_behind_call = true;
  if (!is_plain_space(scanner_.peek())) differences_.note(Difference::spacing, offset);
  return true;
}

std::optional<Expression> Parser::read_unary() {
  scanner_.skip_spaces();
  const std::size_t offset = scanner_.offset();
  const bool by_sign = scanner_.skip('!');
  const bool negated = by_sign || scanner_.skip_word("not");
  const bool before_call = by_sign && is_one_of(scanner_.peek_word(), kCalls);
  if (by_sign && !before_call && is_plain_space(scanner_.peek())) {
    differences_.note(Difference::spacing, offset, "put no space behind the !");
  } else if (negated && !before_call) {
    differences_.note(Difference::negation, offset);
  } else if (before_call) {
    differences_.note(Difference::negated_call, offset);
  }
  std::optional<Expression> inner = read_primary();
  if (!inner || !negated) return inner;
  Expression negation;
  negation.kind = Kind::negation;
  negation.children.push_back(std::move(*inner));
  return negation;
}

std::optional<Expression> Parser::read_primary() {
  scanner_.skip_spaces();
  if (scanner_.peek() == '(') return read_group();
  const std::string_view word = scanner_.peek_word();
  if (is_one_of(word, kCalls)) {
    return read_call(word == "contains" ? Kind::contains : Kind::match);
  }
  return read_comparison();
}

std::optional<Expression> Parser::read_group() {
  const std::size_t open = scanner_.offset();
  scanner_.skip('(');
  if (++nesting_ > kMaxNesting) {
    scanner_.error(open,
                   "parentheses are nested deeper than " + std::to_string(kMaxNesting) + " levels");
    return std::nullopt;
  }
  if (nesting_ > 1) differences_.note(Difference::nested_group, open);
  Level level;
  std::optional<Expression> inner = read_expression(level);
  if (!inner) return std::nullopt;
  --nesting_;
  if (level.goes_on_behind_call && !level_->left_call) level_->left_call = level.first_call;
  if (level.goes_on_behind_call) {
    level_->left_and = level_->left_and || level.first_and;
    level_->left_or = level_->left_or || level.first_or;
  }
  if (scanner_.skip(')')) return inner;
  if (scanner_.at_end()) {
    scanner_.error(open, "the \"(\" here is never closed");
  } else {
    const std::string_view word = scanner_.found_word();
    std::string hint = operator_hint(word);
    if (hint.empty() && nearest(word, kConnectives) != "") hint = suggestion(word, kConnectives);
    scanner_.error(scanner_.offset(),
                   "expected \"and\", \"or\" or \")\", found " + scanner_.found(), hint);
  }
  return std::nullopt;
}

std::optional<Expression> parse(std::string_view text, const Location& location,
                                Diagnostics& diagnostics, Origin origin) {
  return Parser(text, location, origin, diagnostics).run();
}

}  // namespace penstock::trigger
