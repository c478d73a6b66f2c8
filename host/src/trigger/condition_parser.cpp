// One condition of a trigger: a call or a comparison, its path and its literals.
#include <algorithm>
#include <array>
#include <utility>

#include "trigger/parser.hpp"

namespace penstock::trigger {
namespace {

using Kind = Expression::Kind;
using Transform = Operand::Transform;

const std::vector<std::string> kRoots = {"type", "event", "name", "userId", "anonymousId",
                                         "messageId", "properties", "traits", "context",
                                         "integrations",
                                         // of RudderStack's "record" events
                                         "action", "fields", "identifiers", "recordId", "channel"};
const std::vector<std::string> kTransforms = {"lowercase", "length"};
const std::vector<std::string> kConstants = {"true", "false", "null"};

constexpr const char* kOperators = "=, !=, <, <=, >, >= or in";

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace

std::optional<Expression> Parser::read_call(Kind kind) {
  const std::size_t begin = scanner_.offset();
  const std::string name(scanner_.peek_word());
  if (!level_->first_call) level_->first_call = begin;
  scanner_.skip_word(name);
  scanner_.skip_spaces();
  if (!expect('(', ("after \"" + name + "\"").c_str())) return std::nullopt;
  Expression call;
  call.kind = kind;
  scanner_.skip_spaces();
  std::optional<Operand> operand = read_operand();
  if (!operand) return std::nullopt;
  call.operand = std::move(*operand);
  scanner_.skip_spaces();
  if (!expect(',', ("between the two arguments of \"" + name + "\"").c_str())) return std::nullopt;
  scanner_.skip_spaces();
  const std::size_t text_offset = scanner_.offset();
  if (scanner_.peek() != '"' && scanner_.peek() != '\'') {
    scanner_.error(
        text_offset,
        "the second argument of \"" + name + "\" must be a string, found " + scanner_.found(),
        "text needs quotes");
    return std::nullopt;
  }
  std::optional<std::string> text =
      read_string(kind == Kind::match ? Escapes::glob : Escapes::text);
  if (!text) return std::nullopt;
  if (kind == Kind::match) {
    if (const auto slashes = text->size() - (text->find_last_not_of('\\') + 1); slashes % 2 == 1) {
      scanner_.error(text_offset, "the pattern ends in a \"\\\" that escapes nothing",
                     "write \\\\\\\\ for the character \\ itself");
      return std::nullopt;
    }
  }
  call.literals.push_back({std::move(*text), {}});
  differences_.note_call(call, begin);
  scanner_.skip_spaces();
  if (!expect(')', ("after the arguments of \"" + name + "\"").c_str())) return std::nullopt;
  warn_if_never_true(call, begin);
  return call;
}

std::optional<Expression> Parser::read_comparison() {
  const std::size_t begin = scanner_.offset();
  std::optional<Operand> operand = read_operand();
  if (!operand) return std::nullopt;
  const bool space_before = is_plain_space(scanner_.peek());
  scanner_.skip_spaces();
  const std::size_t offset = scanner_.offset();
  if (scanner_.skip_word("in")) {
    differences_.note(Difference::in_list, offset);
    return read_list(std::move(*operand));
  }

  struct Operator {
    std::string_view text;
    Kind kind;
    bool negated;
  };
  constexpr std::array<Operator, 6> kComparisons = {{{"=", Kind::equal, false},
                                                     {"!=", Kind::equal, true},
                                                     {"<", Kind::less, false},
                                                     {"<=", Kind::less_equal, false},
                                                     {">", Kind::greater, false},
                                                     {">=", Kind::greater_equal, false}}};
  const std::string_view written = scanner_.found_word();
  const auto* const found =
      std::find_if(kComparisons.begin(), kComparisons.end(),
                   [&](const Operator& candidate) { return candidate.text == written; });
  if (found == kComparisons.end()) {
    std::string hint = operator_hint(written);
    if (written == "not") hint = "write not (x in [...]), or x != ...";
    if (hint.empty() && nearest(written, {"in"}) != "") hint = suggestion(written, {"in"});
    if (scanner_.peek() == '[') {
      const char next = scanner_.byte_at(scanner_.offset() + 1);
      hint = next == '"' || next == '\'' ? "write a key behind a dot, such as properties.x"
                                         : "write .0 for the first item of a list";
    }
    scanner_.error(
        offset, std::string("expected an operator (") + kOperators + "), found " + scanner_.found(),
        hint);
    return std::nullopt;
  }
  scanner_.go_to(offset + written.size());
  const bool order = written.front() == '<' || written.front() == '>';
  const bool two_characters = written.size() > 1;
  if ((order && !space_before) || (two_characters && !is_plain_space(scanner_.peek()))) {
    differences_.note(Difference::spacing, offset);
  }
  scanner_.skip_spaces();
  std::optional<Literal> literal = read_literal();
  if (!literal) return std::nullopt;

  Expression condition;
  condition.kind = found->kind;
  condition.operand = std::move(*operand);
  condition.literals.push_back(std::move(*literal));
  differences_.note_comparison(
      {found->kind, found->negated, condition.operand, condition.literals.front()}, offset);
  warn_if_never_true(condition, begin);
  if (!found->negated) return condition;
  Expression negation;
  negation.kind = Kind::negation;
  negation.children.push_back(std::move(condition));
  return negation;
}

std::optional<Expression> Parser::read_list(Operand operand) {
  Expression condition;
  condition.kind = Kind::in;
  condition.operand = std::move(operand);
  scanner_.skip_spaces();
  const std::size_t begin = scanner_.offset();
  if (!expect('[', "after \"in\"")) return std::nullopt;
  do {
    scanner_.skip_spaces();
    if (scanner_.peek() == ']' && condition.literals.empty()) {
      scanner_.error(begin, "the list is empty, so that nothing is in it",
                     "write the values that it should hold");
      return std::nullopt;
    }
    std::optional<Literal> literal = read_literal();
    if (!literal) return std::nullopt;
    condition.literals.push_back(std::move(*literal));
    scanner_.skip_spaces();
  } while (scanner_.skip(','));
  if (scanner_.at_end()) {
    scanner_.error(begin, "the \"[\" here is never closed");
    return std::nullopt;
  }
  if (!expect(']', "or \",\" after a value of the list")) return std::nullopt;
  return condition;
}

std::optional<Operand> Parser::read_operand() {
  Operand operand;
  const std::string name(scanner_.peek_word());
  if (!is_one_of(name, kTransforms)) {
    if (!read_path(operand.steps)) return std::nullopt;
    return operand;
  }
  differences_.note(Difference::function, scanner_.offset());
  operand.transform = name == "length" ? Transform::length : Transform::lowercase;
  scanner_.skip_word(name);
  scanner_.skip_spaces();
  if (!expect('(', ("after \"" + name + "\"").c_str())) return std::nullopt;
  scanner_.skip_spaces();
  if (!read_path(operand.steps)) return std::nullopt;
  scanner_.skip_spaces();
  if (!expect(')', ("after the path in \"" + name + "\"").c_str())) return std::nullopt;
  return operand;
}

bool Parser::read_path(std::vector<std::string>& steps) {
  const std::size_t begin = scanner_.offset();
  const std::string root(scanner_.peek_word());
  if (!is_one_of(root, kRoots)) {
    if (root.empty() || is_one_of(root, kConnectives) || is_one_of(root, kConstants)) {
      scanner_.error(begin, "expected a condition, found " + scanner_.found(),
                     scanner_.peek() == '$'
                         ? "leave out \"$.\": a field of a trigger begins with its name, such as "
                           "properties.x"
                         : "a condition begins with a field, such as type, event or properties.x");
      return false;
    }
    scanner_.skip_word(root);
    scanner_.skip_spaces();
    const bool is_call = scanner_.peek() == '(';
    scanner_.go_to(begin);
    const std::vector<std::string> functions = joined({kCalls, kTransforms});
    if (is_call && nearest(root, {"not"}).empty()) {
      scanner_.error(begin, "unknown function " + scanner_.found(), suggestion(root, functions));
    } else {
      const std::vector<std::string> words = joined({kRoots, functions, {"not"}});
      scanner_.error(begin, "unknown field " + scanner_.found(),
                     suggestion(root, nearest(root, words).empty() ? kRoots : words));
    }
    return false;
  }
  scanner_.skip_word(root);
  steps.push_back(root);
  std::vector<std::string_view> written;
  if (!scanner_.read_segments(steps, written)) return false;
  differences_.note_path(steps, written, begin);
  return true;
}

std::optional<Literal> Parser::read_literal() {
  const char first = scanner_.peek();
  if (first == '"' || first == '\'') {
    std::optional<std::string> text = read_string(Escapes::text);
    if (!text) return std::nullopt;
    return Literal{std::move(*text), {}};
  }
  if (first == '-' || (first >= '0' && first <= '9')) {
    const std::size_t offset = scanner_.offset();
    const std::optional<Value> number = scanner_.read_number();
    if (!number) return std::nullopt;
    for (std::size_t i = offset; i < scanner_.offset(); ++i) {
      if (scanner_.byte_at(i) == 'e' || scanner_.byte_at(i) == 'E')
        differences_.note(Difference::exponent, i);
    }
    return Literal{std::nullopt, *number};
  }
  const std::size_t begin = scanner_.offset();
  const std::string word(scanner_.peek_word());
  if (is_one_of(word, kConstants)) {
    scanner_.skip_word(word);
    return Literal{std::nullopt, word == "null" ? Value::null() : Value::of(word == "true")};
  }
  const bool misspelt = !nearest(word, kConstants).empty();
  scanner_.error(
      begin,
      "expected a value (a string, a number, true, false or null), found " + scanner_.found(),
      misspelt                       ? suggestion(word, kConstants)
      : word.empty()                 ? ""
      : word.starts_with("\xe2\x80") ? "text needs straight quotes: \""
                                     : "text needs quotes");
  return std::nullopt;
}

std::optional<std::string> Parser::read_string(Escapes escapes) {
  const std::size_t begin = scanner_.offset();
  if (scanner_.peek() == '\'') differences_.note(Difference::single_quotes, begin);
  std::optional<std::string> text = scanner_.read_string(escapes);
  if (!text) return text;
  for (std::size_t i = begin; i < scanner_.offset(); ++i) {
    if (scanner_.byte_at(i) == '\\') {
      differences_.note(Difference::escapes, i);
      break;
    }
  }
  constexpr std::string_view kEndsString = " \t\r\n),]";
  if (!scanner_.at_end() && kEndsString.find(scanner_.peek()) == std::string_view::npos) {
    differences_.note(Difference::text_after_quote, scanner_.offset());
  }
  return text;
}

bool Parser::expect(char c, const char* where) {
  if (scanner_.skip(c)) return true;
  scanner_.error(scanner_.offset(),
                 std::string("expected \"") + c + "\" " + where + ", found " + scanner_.found());
  return false;
}

void Parser::warn_if_never_true(const Expression& condition, std::size_t offset) {
  const Literal& literal = condition.literals.front();
  const bool by_order = condition.kind == Kind::less || condition.kind == Kind::less_equal ||
                        condition.kind == Kind::greater || condition.kind == Kind::greater_equal;
  const Transform transform = condition.operand.transform;
  const std::optional<std::string>& text = literal.text;
  const bool has_capital =
      text && std::any_of(text->begin(), text->end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (by_order && !literal.scalar.is_number()) {
    scanner_.warning(
        offset,
        "this never holds: <, <=, > and >= compare numbers only; Segment's engine also "
        "reads the number in a text",
        text ? "write the number without quotes" : "");
  } else if (transform == Transform::length && text) {
    scanner_.warning(offset, "this never holds: a length is a number");
  } else if (transform == Transform::lowercase && has_capital) {
    scanner_.warning(offset,
                     "this never holds: text in lower case is compared with capital letters",
                     "write the text in lower case");
  }
}

}  // namespace penstock::trigger
